"""However it is paged and cut into windows, a shop reads back as its truth; and its sums are right."""

from __future__ import annotations

import html
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.etsy.ids import MAX_LINES, MAX_POSITION, MAX_SEED, Ids
from sandbox.etsy.shop_store import CANCELED, PAID
from tests.in_thread import ENDS_AT
from tests.sandbox.etsy.conftest import running

QUIET = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def cut(low, high, cuts):
    """Closed windows that cover low..high and do not overlap."""
    edges = sorted({low, *(c for c in cuts if low < c <= high), high + 1})
    return [(a, b - 1) for a, b in pairwise(edges)]


@QUIET
@given(data=st.data())
def test_any_cut_of_receipts_is_the_truth(shop, data):
    """Windows and page sizes of any kind, by creation or by update, give every receipt once and in order."""
    field = data.draw(st.sampled_from(["created", "last_modified"]))
    low, high = shop.made["created_timestamp"], shop.made["ends_at"]
    windows = cut(low, high, data.draw(st.lists(st.integers(low, high), max_size=4)))
    limit = data.draw(st.integers(60, 100))
    stamp = "created_timestamp" if field == "created" else "updated_timestamp"
    sort_on = "created" if field == "created" else "updated"

    found = []
    for start, end in windows:
        bounds = {f"min_{field}": start, f"max_{field}": end}
        found += shop.all_receipts(limit=limit, sort_on=sort_on, was_paid="true", **bounds)

    truth = [r for r in shop.truth("receipts") if r["is_paid"]]
    assert found == sorted(truth, key=lambda r: (r[stamp], r["receipt_id"]))


@QUIET
@given(data=st.data())
def test_any_cut_of_the_ledger_is_the_truth(shop, data):
    """Windows of up to 31 days and pages of any size give every entry once, newest first in each window."""
    path, high = "payment-account/ledger-entries", shop.made["ends_at"]
    low = high - data.draw(st.integers(1, 2_678_400))
    limit = data.draw(st.integers(20, 100))
    windows = cut(low, high, data.draw(st.lists(st.integers(low, high), max_size=3)))

    found = []
    for start, end in windows:
        window = []
        while True:
            page = shop.get(path, min_created=start, max_created=end, limit=limit, offset=len(window)).json()
            window += page["results"]
            if len(window) >= page["count"]:
                break
        found += reversed(window)

    assert found == [entry for entry in shop.truth("ledger") if low <= entry["created_timestamp"]]


def test_filters_are_flags_of_the_truth(shop):
    """`was_*` split the receipts without rest; `count` ignores paging."""
    truth = shop.truth("receipts")

    paid = shop.get("receipts", was_paid="true", limit=1).json()
    canceled = shop.all_receipts(was_canceled="true")
    rest = shop.all_receipts(was_canceled="false")

    assert paid["count"] == sum(r["is_paid"] for r in truth)
    assert len(paid["results"]) == 1
    assert {r["status"] for r in canceled} == {"Canceled"}
    assert len(canceled) + len(rest) == len(truth) == 1000


def test_the_balance_runs(shop):
    """Each balance is the one before plus the amount; sequence numbers have no holes; time never goes back."""
    entries = shop.truth("ledger")

    assert entries[0]["balance"] == entries[0]["amount"]
    for before, after in pairwise(entries):
        assert after["balance"] == before["balance"] + after["amount"]
        assert after["sequence_number"] == before["sequence_number"] + 1
        assert after["created_timestamp"] >= before["created_timestamp"]
    assert entries[0]["created_timestamp"] > shop.made["created_timestamp"]
    assert all(isinstance(entry["reference_id"], int) for entry in entries)
    assert {"PAYMENT_GROSS", "REFUND_GROSS", "DISBURSE2", "transaction", "sales_tax"} <= {
        entry["ledger_type"] for entry in entries
    }


def test_orders_add_up(shop):
    """Totals of a receipt follow from its lines, and its ledger credit from its total."""
    credited = {e["reference_id"]: e["amount"] for e in shop.truth("ledger") if e["ledger_type"] == "PAYMENT_GROSS"}
    payments = {p["receipt_id"]: p for p in shop.truth("payments")}

    for receipt in shop.truth("receipts"):
        amount = {name: value["amount"] for name, value in receipt.items() if isinstance(value, dict)}
        lines = receipt["transactions"]
        assert amount["total_price"] == sum(line["price"]["amount"] * line["quantity"] for line in lines)
        assert amount["discount_amt"] == sum(round(line["shop_coupon"] * 100) for line in lines)
        assert amount["subtotal"] == amount["total_price"] - amount["discount_amt"]
        assert amount["total_shipping_cost"] == sum(line["shipping_cost"]["amount"] for line in lines)
        parts = ("subtotal", "total_shipping_cost", "total_tax_cost", "total_vat_cost", "gift_wrap_price")
        # No part names a state's fee for the delivery.
        fee = 31 if receipt["state"] == "CO" and not all(line["is_digital"] for line in lines) else 0
        assert amount["grandtotal"] == sum(amount[part] for part in parts) + fee
        if receipt["is_paid"]:
            payment = payments[receipt["receipt_id"]]
            assert credited[payment["payment_id"]] == payment["amount_gross"]["amount"] == amount["grandtotal"]


def test_a_shop_looks_lived_in(shop):
    """Every kind of order and buyer that Etsy has is there."""
    receipts = shop.truth("receipts")
    lines = [line for receipt in receipts for line in receipt["transactions"]]
    names = "".join(receipt["name"] for receipt in receipts)

    assert {r["status"] for r in receipts} == {
        "Paid",
        "Completed",
        "Canceled",
        "Open",
        "Payment processing",
        "Fully refunded",
        "Partially refunded",
    }
    assert 1.7 < len(lines) / len(receipts) < 2.3
    assert any(line["listing_id"] is None for line in lines)
    assert any(line["is_digital"] for line in lines)
    assert any(html.unescape(line["title"]) != line["title"] for line in lines)
    assert any(r["gift_message"] for r in receipts)
    assert all(any(low <= c <= high for c in names) for low, high in ("Ѐӿ", "一鿿", "؀ۿ", ["à", "ÿ"], "🌀🫿"))
    assert any(a["created_timestamp"] == b["created_timestamp"] for a, b in pairwise(receipts))
    assert {x["state"] for x in shop.truth("listings")} == {"active", "inactive", "sold_out", "draft", "expired"}
    customers = shop.truth("customers")
    assert {c["buyer_user_id"] for c in customers} == {r["buyer_user_id"] for r in receipts if r["is_paid"]}
    assert max(c["orders"] for c in customers) > 2


def test_zero_decimal_currencies_have_divisor_one(own):
    """Yen in receipts are whole; in the ledger they are hundreds of hundredths."""
    shop = own(orders=60, currency="JPY")

    assert {r["grandtotal"]["divisor"] for r in shop.truth("receipts")} == {1}
    assert all(entry["amount"] % 100 == 0 and entry["currency"] == "JPY" for entry in shop.truth("ledger"))


def test_the_same_seed_is_the_same_shop(etsy, own, tmp_path):
    """Another sandbox makes the same bytes of every kind of record."""
    plan = {"seed": 4242, "orders": 150, "currency": "GBP", "payout_currency": "USD"}
    one = own(**plan)

    with running(tmp_path) as other:
        two = other.shop(**plan)
        for kind in ("receipts", "ledger", "listings", "payments", "customers"):
            assert one.truth(kind) == two.truth(kind)


@given(seed=st.integers(0, MAX_SEED), pos=st.integers(0, MAX_POSITION), line=st.integers(0, MAX_LINES - 1))
def test_ids_lead_back_and_never_meet(seed, pos, line):
    """An id finds its own record and none of the neighbour's shop."""
    ids, neighbour = Ids(seed), Ids(seed + 1)

    assert ids.receipt_position(ids.receipt(pos)) == pos
    assert ids.transaction_place(ids.transaction(pos, line)) == (pos, line)
    assert ids.payment_position(ids.payment(pos)) == pos
    assert neighbour.receipt_position(ids.receipt(pos)) is None
    assert neighbour.transaction_place(ids.transaction(pos, line)) is None
    assert neighbour.payment_position(ids.payment(pos)) is None


def test_flags_tell_paid_from_canceled(shop):
    """The index agrees with the record that it points to."""
    store = shop.etsy.world.live_shops[shop.id].store

    for pos in range(0, 1000, 7):
        flags, receipt = store.flags(pos), store.receipt(pos)
        assert bool(flags & PAID) == receipt["is_paid"]
        assert bool(flags & CANCELED) == (receipt["status"] == "Canceled")
    assert shop.made["ends_at"] == ENDS_AT
