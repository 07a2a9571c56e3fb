"""A seller's account that changes while it is read: each change shows where it would, and in its time."""

from __future__ import annotations

import pytest

from sandbox.square.data.timestamps import parsed, precise
from sandbox.square.mutations.kinds import MUTATIONS
from tests.in_thread import ENDS_AT
from tests.sandbox.square.conftest import LONG_AGO

LATER = precise((ENDS_AT + 3600) * 1000)


@pytest.fixture
def seller(square, own):
    """An hour after the end of what the seed makes."""
    made = own(orders=80, kind="salon", bookings=40, locations=2, years=1, variations=60)
    square.control("POST", "/clock", advance_seconds=3600)
    return made


def changed(seller, kind, **fields):
    answer = seller.mutate(kind, **fields)
    assert answer["applied"] is True
    return answer["result"]


def one(seller, path, member):
    return seller.get(path).json()[member]


def of(doc):
    return doc["amount"] if doc else 0


def test_a_sale_is_paid_and_its_fee_comes_later(seller):
    order_id = changed(seller, "new_order", tip=300)["order_id"]
    order = one(seller, f"orders/{order_id}", "order")
    payment = one(seller, f"payments/{order['tenders'][0]['payment_id']}", "payment")

    assert (order["state"], order["updated_at"], order["closed_at"]) == ("COMPLETED", LATER, LATER)
    assert of(payment["total_money"]) == of(order["total_money"]) == of(payment["amount_money"]) + 300
    assert "processing_fee" not in payment
    assert seller.get(f"customers/{order['customer_id']}").status_code == 200
    seller.square.control("POST", "/clock", advance_seconds=7200)
    amount = changed(seller, "processing_fee", payment_id=payment["id"])["amount"]
    told = one(seller, f"payments/{payment['id']}", "payment")
    again = one(seller, f"orders/{order_id}", "order")
    assert [of(fee["amount_money"]) for fee in told["processing_fee"]] == [amount]
    assert told["updated_at"] == again["updated_at"] > LATER
    assert of(again["tenders"][0]["processing_fee_money"]) == amount
    changed(seller, "processing_fee", payment_id=payment["id"], amount=-5)
    fees = one(seller, f"payments/{payment['id']}", "payment")["processing_fee"]
    assert [(fee["type"], of(fee["amount_money"])) for fee in fees] == [("INITIAL", amount), ("ADJUSTMENT", -5)]


def test_a_sale_without_a_connection_is_told_late(seller):
    """By when it was made it lies two days back; by when it changed it is new."""
    order_id = changed(seller, "new_order", offline_seconds=2 * 86_400)["order_id"]
    order = one(seller, f"orders/{order_id}", "order")
    begin = precise((ENDS_AT - 3 * 86_400) * 1000)
    found = seller.get("payments", offline_begin_time=begin).json()["payments"]

    assert order["created_at"] == order["closed_at"] == precise((ENDS_AT + 3600 - 2 * 86_400) * 1000)
    assert order["updated_at"] == LATER
    assert [row["order_id"] for row in found] == [order_id]
    assert found[0]["created_at"] == LATER
    assert seller.get("payments", offline_begin_time=LATER).json() == {}


def test_a_sale_by_other_means_has_no_fee(seller):
    order_id = changed(seller, "new_order", tender="CASH", tip=0)["order_id"]
    payment = one(seller, f"orders/{order_id}", "order")["tenders"][0]["payment_id"]
    answer = seller.square.http.post(
        f"/_sandbox/shops/{seller.id}/mutations", json={"kind": "processing_fee", "payment_id": payment}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "no fee is asked for this payment")


def test_a_sale_that_waits_is_paid_by_an_edit(seller):
    order_id = changed(seller, "new_order", paid=False, source="Square Online")["order_id"]
    order = one(seller, f"orders/{order_id}", "order")
    assert (order["state"], order["version"], order["net_amount_due_money"]) == ("OPEN", 1, order["total_money"])
    changed(seller, "update_order", order_id=order_id, fields={"state": "CANCELED"})
    order = one(seller, f"orders/{order_id}", "order")
    assert (order["state"], order["version"], order["closed_at"]) == ("CANCELED", 2, LATER)


@pytest.mark.parametrize(("wish", "whole"), [({}, True), ({"amount": 250}, False), ({"lines": "one"}, False)])
def test_a_refund_has_a_return_order_of_its_own(seller, wish, whole):
    """The sale stays as it is; the payment knows what went back."""
    order_id = changed(seller, "new_order")["order_id"]
    before = one(seller, f"orders/{order_id}", "order")
    result = changed(seller, "refund_order", order_id=order_id, **wish)
    back = one(seller, f"orders/{result['return_order_id']}", "order")
    refund = one(seller, f"refunds/{result['refund_ids'][0]}", "refund")
    payment = one(seller, f"payments/{refund['payment_id']}", "payment")

    assert one(seller, f"orders/{order_id}", "order") == before
    assert back["returns"][0]["source_order_id"] == order_id
    assert of(back["return_amounts"]["total_money"]) == of(refund["amount_money"]) == of(payment["refunded_money"])
    assert (of(refund["amount_money"]) == of(before["total_money"])) is whole
    assert refund["order_id"] == back["id"]


def test_a_refund_that_fails_leaves_the_money(seller):
    result = changed(seller, "refund_order", status="PENDING")
    refund_id = result["refund_ids"][0]
    changed(seller, "settle_refund", refund_id=refund_id, status="FAILED")
    refund = one(seller, f"refunds/{refund_id}", "refund")
    order = one(seller, f"orders/{result['return_order_id']}", "order")

    assert (refund["status"], order["refunds"][0]["status"]) == ("FAILED", "FAILED")
    assert "refunded_money" not in one(seller, f"payments/{refund['payment_id']}", "payment")


def test_a_payout_pays_what_is_not_paid_out_yet(seller):
    """Entries add up; the next one does not pay it again; a fee that is missing keeps its payment back."""
    old = {row["type_charge_details"]["payment_id"] for row in seller.truth("entries") if row["type"] == "CHARGE"}
    waiting = changed(seller, "new_order")["order_id"]
    changed(seller, "new_order", fee=True)
    payout_id = changed(seller, "new_payout")["payout_id"]
    payout = one(seller, f"payouts/{payout_id}", "payout")
    entries = seller.walk("GET", f"payouts/{payout_id}/payout-entries", "payout_entries")
    paid = {row["type_charge_details"]["payment_id"] for row in entries if row["type"] == "CHARGE"}

    assert sum(of(row["net_amount_money"]) for row in entries) == of(payout["amount_money"])
    assert paid
    assert not paid & old
    assert one(seller, f"orders/{waiting}", "order")["tenders"][0]["payment_id"] not in paid
    assert changed(seller, "new_payout")["entries"] == 0


def test_a_dispute_opens_and_is_won(seller):
    order_id = changed(seller, "new_order")["order_id"]
    payment = one(seller, f"orders/{order_id}", "order")["tenders"][0]["payment_id"]
    dispute_id = changed(seller, "open_dispute", payment_id=payment)["dispute_id"]
    assert one(seller, f"disputes/{dispute_id}", "dispute")["state"] == "EVIDENCE_REQUIRED"
    seller.square.control("POST", "/clock", advance_seconds=60)
    changed(seller, "close_dispute", dispute_id=dispute_id)
    dispute = one(seller, f"disputes/{dispute_id}", "dispute")
    assert (dispute["state"], dispute["version"]) == ("WON", 2)
    assert dispute["updated_at"] > dispute["created_at"]


def test_a_booking_that_is_edited_has_a_higher_version(seller):
    key = changed(seller, "new_booking")["booking_id"]
    assert one(seller, f"bookings/{key}", "booking")["version"] == 0
    changed(seller, "edit_booking", booking_id=key, fields={"seller_note": "n"})
    changed(seller, "cancel_booking", booking_id=key, by="CUSTOMER")
    booking = one(seller, f"bookings/{key}", "booking")
    assert (booking["version"], booking["status"], booking["seller_note"]) == (2, "CANCELLED_BY_CUSTOMER", "n")


@pytest.mark.parametrize("touch", [True, False])
def test_a_variation_that_changes_stands_in_its_item_too(seller, touch):
    """Whether the item's own time moves is not known: the change says."""
    result = changed(seller, "edit_catalog", type="ITEM_VARIATION", fields={"name": "Anew"}, touch_item=touch)
    body = {"begin_time": precise((ENDS_AT + 1) * 1000), "object_types": ["ITEM", "ITEM_VARIATION"]}
    found = seller.post("catalog/search", **body).json()["objects"]
    variation = seller.get(f"catalog/object/{result['object_id']}").json()["object"]
    item = seller.get(f"catalog/object/{variation['item_variation_data']['item_id']}").json()["object"]

    assert {row["type"] for row in found} == {"ITEM", "ITEM_VARIATION"} if touch else {"ITEM_VARIATION"}
    assert parsed(variation["updated_at"]) == parsed(LATER)
    assert variation in item["item_data"]["variations"]
    assert (parsed(item["updated_at"]) == parsed(LATER)) is touch


def test_what_is_deleted_leaves_a_tombstone(seller):
    """Only the search tells, where it is asked; what was under it goes with it."""
    result = changed(seller, "delete_catalog", object_id="first")
    body = {"begin_time": precise((ENDS_AT + 1) * 1000), "object_types": ["ITEM", "ITEM_VARIATION"]}
    stones = seller.post("catalog/search", include_deleted_objects=True, **body).json()["objects"]

    assert {row["id"] for row in stones} == set(result["object_ids"])
    assert all(row["is_deleted"] and parsed(row["updated_at"]) == parsed(LATER) for row in stones)
    assert "objects" not in seller.post("catalog/search", **body).json()
    assert seller.get(f"catalog/object/{result['object_id']}").status_code == 404
    listed = seller.walk("GET", "catalog/list", "objects", types="ITEM,ITEM_VARIATION")
    assert not {row["id"] for row in listed} & set(result["object_ids"])


def test_a_new_item_can_be_sold(seller):
    result = changed(seller, "new_item", name="Candle", price=900)
    item = seller.get(f"catalog/object/{result['object_id']}").json()["object"]
    assert item["item_data"]["variations"][0]["id"] == result["variation_id"]


def test_stock_moves_to_the_front(seller):
    """By a sale or by hand: a newer count, and the change that made it."""
    result = changed(seller, "adjust_inventory", by=-2)
    counts = seller.post("inventory/counts/batch-retrieve", limit=1).json()["counts"]
    changes = seller.post("inventory/changes/batch-retrieve", updated_after=precise(ENDS_AT * 1000)).json()["changes"]

    assert counts[0]["calculated_at"] == LATER
    assert counts[0]["quantity"] == result["quantity"]
    assert [row["adjustment"]["to_state"] for row in changes] == ["WASTE"]
    assert changed(seller, "adjust_inventory", quantity="7.25")["quantity"] == "7.25"


def test_customers_come_change_and_go(seller):
    key = changed(seller, "new_customer")["customer_id"]
    changed(seller, "edit_customer", customer_id=key, fields={"note": "n"})
    customer = one(seller, f"customers/{key}", "customer")
    assert (customer["note"], customer["updated_at"]) == ("n", LATER)
    changed(seller, "delete_customer", customer_id=key)
    assert seller.get(f"customers/{key}").status_code == 404
    assert key not in {row["id"] for row in seller.walk("GET", "customers", "customers")}


def test_a_location_that_closes_is_listed_on(seller):
    changed(seller, "location_status", location_id="last")
    found = {row["id"]: row["status"] for row in seller.get("locations").json()["locations"]}
    assert found == {seller.locations[0]: "ACTIVE", seller.locations[1]: "INACTIVE"}


def test_the_others_change_as_well(seller):
    changed(seller, "edit_team_member", team_member_id="first")
    changed(seller, "edit_vendor", vendor_id="first", fields={"status": "INACTIVE"})
    key = changed(seller, "earn_points", points=15)["account_id"]
    before = next(row for row in seller.truth("loyalty_accounts") if row["id"] == key)

    assert seller.truth("team_members")[0]["status"] == "INACTIVE"
    assert seller.truth("vendors")[0]["status"] == "INACTIVE"
    assert before["updated_at"] == LATER[:-5] + "Z"
    assert seller.post("loyalty/events/search").json()["events"][0]["adjust_points"]["points"] == 15


def test_a_change_in_the_middle_of_a_list(seller):
    """After the first page a sale of that page is touched: it comes once more at the end of a list by changes."""
    query = {
        "filter": {"date_time_filter": {"updated_at": {"start_at": LONG_AGO, "end_at": "2030-01-01T00:00:00Z"}}},
        "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
    }
    body = {"location_ids": seller.locations, "query": query, "limit": 20}
    first = seller.post("orders/search", **body).json()["orders"][0]["id"]
    answer = seller.mutate("update_order", order_id=first, after={"requests": 1, "path": "orders/search"})
    assert "scheduled" in answer
    found = [row["id"] for row in seller.walk("POST", "orders/search", "orders", **body)]
    assert (found[0], found[-1]) == (first, first)
    assert len(found) == len(set(found)) + 1


def test_bad_wishes_are_refused(square, seller):
    def refused(**wish):
        answer = square.http.post(f"/_sandbox/shops/{seller.id}/mutations", json=wish)
        return answer.status_code, answer.json()["error"]

    assert refused(kind="explode")[0] == 400
    assert refused(kind="edit_booking", booking_id="none") == (404, "no such booking: none")
    assert refused(kind="new_order", location_id="LX") == (404, "no location LX")
    assert refused(kind="refund_order", order_id="last", status="GONE")[0] == 400
    assert refused(kind="location_status", status="SLEEPING")[0] == 400


def test_every_mutation_is_tried_here():
    from pathlib import Path  # noqa: PLC0415 - to read this very file

    text = Path(__file__).read_text()
    assert {kind for kind in MUTATIONS if f'"{kind}"' not in text} == set()
