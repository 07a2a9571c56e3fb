"""Shops change while they are read, as live ones do (sheet section 15: live mutation)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.in_thread import ENDS_AT

NOW = ENDS_AT + 1000


@pytest.fixture
def live(etsy, own):
    """A shop of its own, and a clock that stands a little after the shop's end."""
    shop = own()
    etsy.control("POST", "/clock", now=NOW)
    return shop


def receipt(shop, receipt_id):
    return shop.get(f"receipts/{receipt_id}").json()


def find(shop, **wanted):
    return next(r for r in shop.truth("receipts") if all(r[name] == value for name, value in wanted.items()))


def assert_balanced(shop):
    entries = shop.truth("ledger")
    assert all(b["balance"] == a["balance"] + b["amount"] for a, b in pairwise(entries))
    return entries


def test_new_orders_come_with_their_money(live):
    """They are the youngest, paid, unshipped, and credited in the ledger at the same time."""
    made = live.mutate("new_order", count=2)["result"]["receipt_ids"]

    newest = live.get("receipts", limit=2).json()
    entries = assert_balanced(live)

    assert newest["count"] == 122
    assert {r["receipt_id"] for r in newest["results"]} == set(made)
    assert {r["status"] for r in newest["results"]} == {"Paid"}
    assert sum(e["ledger_type"] == "PAYMENT_GROSS" and e["created_timestamp"] == NOW for e in entries) == 2


def test_an_update_moves_the_order_between_windows(live):
    """The row leaves its old window of last changes and is in the new one, changed."""
    old = find(live, status="Completed")
    window = {"min_last_modified": old["updated_timestamp"], "max_last_modified": old["updated_timestamp"]}

    live.mutate("update_order", receipt_id=old["receipt_id"], fields={"message_from_seller": "Hi"})

    left = live.all_receipts(**window)
    came = live.all_receipts(min_last_modified=NOW)
    assert old["receipt_id"] not in [r["receipt_id"] for r in left]
    assert came == [{**old, "message_from_seller": "Hi", "update_timestamp": NOW, "updated_timestamp": NOW}]


def test_a_refund_leaves_the_update_time_alone(live):
    """The refund is in the receipt, in the payment and in the ledger, and nowhere in `min_last_modified`."""
    old = find(live, status="Completed", country_iso="US")

    live.mutate("refund_order", receipt_id=old["receipt_id"], amount=100, reason="damaged")

    new = receipt(live, old["receipt_id"])
    entries = assert_balanced(live)
    payment = live.get(f"receipts/{old['receipt_id']}/payments").json()["results"][0]
    assert new["updated_timestamp"] == old["updated_timestamp"]
    assert (new["status"], new["refunds"][0]["amount"]["amount"]) == ("Partially refunded", 100)
    assert payment["adjusted_gross"]["amount"] == old["grandtotal"]["amount"] - 100
    refund = next(e for e in entries if e["ledger_type"] == "REFUND_GROSS" and e["created_timestamp"] == NOW)
    assert (refund["amount"], refund["reference_id"]) == (-100, payment["payment_id"])
    assert refund["payment_adjustments"] == payment["payment_adjustments"]
    assert live.all_receipts(min_last_modified=NOW) == []


def test_an_order_is_paid_shipped_and_canceled(live):
    """Each step moves the status, the filters and the time of update."""
    made = live.mutate("new_order", paid=False)["result"]["receipt_id"]
    unpaid = receipt(live, made)

    live.mutate("unpaid_to_paid", receipt_id=made)
    paid = receipt(live, made)
    live.mutate("mark_shipped", receipt_id="last", at=NOW + 5)
    shipped = receipt(live, made)
    live.mutate("cancel", receipt_id=made, at=NOW + 9)
    canceled = receipt(live, made)

    assert (unpaid["is_paid"], paid["is_paid"], paid["status"]) == (False, True, "Paid")
    assert (shipped["status"], len(shipped["shipments"]), shipped["updated_timestamp"]) == ("Completed", 1, NOW + 5)
    assert (canceled["status"], canceled["updated_timestamp"]) == ("Canceled", NOW + 9)
    assert canceled["refunds"][0]["amount"] == canceled["grandtotal"]
    assert [r["receipt_id"] for r in live.all_receipts(was_canceled="true", min_created=NOW)] == [made]
    assert_balanced(live)


def test_a_removed_order_is_gone_and_its_id_is_not_used_again(live):
    last = live.get("receipts", limit=1).json()["results"][0]["receipt_id"]

    live.mutate("remove_order", receipt_id=last)
    new = live.mutate("new_order")["result"]["receipt_id"]

    assert live.get(f"receipts/{last}").status_code == 404
    assert new != last
    assert len(live.all_receipts()) == 120


def test_transactions_can_be_left_out_of_lists(live):
    """The list has no such key; the receipt's own transactions are still there."""
    made = live.mutate("strip_transactions", receipt_id="first")["result"]["receipt_id"]

    first = live.all_receipts(limit=1)[0]

    assert first["receipt_id"] == made
    assert "transactions" not in first
    assert live.get(f"receipts/{made}/transactions").json()["count"] > 0


def test_a_backdated_entry_is_newest_by_number_and_old_by_date(live):
    before = live.truth("ledger")[-1]

    live.mutate("backdated_ledger_entry", at=ENDS_AT - 86_400, amount=-33, ledger_type="mystery_fee")

    last = assert_balanced(live)[-1]
    found = live.get(
        "payment-account/ledger-entries", min_created=ENDS_AT - 86_400, max_created=ENDS_AT - 86_400
    ).json()["results"]
    assert last["sequence_number"] == before["sequence_number"] + 1
    assert (last["amount"], last["ledger_type"], last["created_timestamp"]) == (-33, "mystery_fee", ENDS_AT - 86_400)
    assert last in found


def test_listings_change_state_and_vanish(live):
    first = live.get("listings", state="active").json()["results"][0]["listing_id"]

    live.mutate("listing_state", listing_id=first, state="expired")
    expired = live.get("listings", state="expired", limit=100).json()["results"]
    live.mutate("edit_listing", listing_id=first, fields={"title": "New &amp; better"}, at=NOW + 1)
    edited = live.get(f"/listings/{first}").json()
    live.mutate("remove_listing", listing_id=first)

    moved = next(x for x in expired if x["listing_id"] == first)
    assert (moved["state_timestamp"], moved["updated_timestamp"]) == (NOW, NOW)
    assert (edited["title"], edited["updated_timestamp"]) == ("New &amp; better", NOW + 1)
    assert live.get(f"/listings/{first}").status_code == 404


def test_a_mutation_waits_for_its_requests(live):
    """After two pages of receipts the shop changes: the second page is old, the third is new."""
    live.mutate("new_order", after={"requests": 2, "path": "receipts$"})

    live.get("listings")
    counts = [live.get("receipts", limit=1).json()["count"] for _ in range(3)]

    assert counts == [120, 120, 121]
    assert live.etsy.control("GET", "/mutations")["count"] == 0


@pytest.mark.parametrize("wanted", [{"kind": "burn"}, {"kind": "cancel", "receipt_id": 5}, {"kind": "edit_listing"}])
def test_a_mutation_that_makes_no_sense_is_refused(live, wanted):
    answer = live.etsy.http.post(f"/_sandbox/shops/{live.id}/mutations", json=wanted)

    assert answer.status_code == 400
    assert answer.json()["error"]
