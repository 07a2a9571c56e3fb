"""Subscriptions of the application's, and notices: signed over address and body, sent again, told once more."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson
import pytest

from sandbox.square.announcements import EVENT_TYPES


@pytest.fixture
def subscribed(square, receiver):
    """To everything."""
    body = {"subscription": {"name": "all", "event_types": list(EVENT_TYPES), "notification_url": receiver.url}}
    answer = square.http.post("/v2/webhooks/subscriptions", json=body, headers=square.as_application())
    assert answer.status_code == 200, answer.text
    return answer.json()["subscription"]


@pytest.fixture
def seller(own):
    return own(orders=40, kind="salon", bookings=20, years=1, variations=60)


def mac(key, url, body):
    return base64.b64encode(hmac.new(key.encode(), url.encode() + body, hashlib.sha256).digest()).decode()


def told(square, kind):
    found = [orjson.loads(row["body"]) for row in square.deliveries() if row["type"] == kind]
    assert found, [row["type"] for row in square.deliveries()]
    return found[-1]


def test_a_notice_is_signed_over_address_and_body(square, receiver, subscribed, seller):
    """With the subscription's own key; a changed one signs from then on."""
    seller.mutate("edit_customer")
    square.deliveries()
    headers, body = receiver.got[-1]
    assert headers["x-square-hmacsha256-signature"] == mac(subscribed["signature_key"], receiver.url, body)
    path = f"/v2/webhooks/subscriptions/{subscribed['id']}/signature-key"
    key = square.http.post(path, json={}, headers=square.as_application()).json()["signature_key"]
    seller.mutate("edit_customer")
    square.deliveries()
    headers, body = receiver.got[-1]
    assert key != subscribed["signature_key"]
    assert headers["x-square-hmacsha256-signature"] == mac(key, receiver.url, body)


def test_an_order_is_a_stub_a_payment_is_whole(square, subscribed, seller):
    order_id = seller.mutate("new_order")["result"]["order_id"]
    order, payment = told(square, "order.created"), told(square, "payment.created")

    assert order["merchant_id"] == seller.made["merchant_id"]
    assert set(order["data"]["object"]["order_created"]) == {
        "order_id",
        "location_id",
        "state",
        "created_at",
        "updated_at",
    }
    assert order["data"]["object"]["order_created"]["order_id"] == order_id
    assert payment["data"]["object"]["payment"] == seller.get(f"payments/{payment['data']['id']}").json()["payment"]
    assert len(order["created_at"].split(".")[1]) == len("000000000Z")


def test_what_each_change_tells(square, subscribed, seller):
    """The catalog tells that it changed, stock its counts, a deleted customer that it is gone."""
    seller.mutate("edit_catalog")
    seller.mutate("adjust_inventory")
    seller.mutate("delete_customer")
    seller.mutate("edit_booking")
    seller.mutate("location_status")
    seller.mutate("new_payout")

    assert set(told(square, "catalog.version.updated")["data"]["object"]) == {"catalog_version"}
    assert told(square, "inventory.count.updated")["data"]["object"]["inventory_counts"][0]["state"] == "IN_STOCK"
    assert told(square, "customer.deleted")["data"]["deleted"] is True
    booking = told(square, "booking.updated")["data"]["object"]["booking"]
    assert booking["version"] > 0
    assert "object" not in told(square, "location.updated")["data"]
    assert told(square, "payout.sent")["location_id"] == seller.locations[0]


def test_only_what_was_granted_is_told(square, receiver, subscribed, own):
    seller = own(orders=10, scopes=["ITEMS_READ"])
    seller.mutate("edit_customer")
    seller.mutate("edit_catalog")
    assert {row["type"] for row in square.deliveries()} == {"catalog.version.updated"}


def test_the_end_of_an_authorization_is_told(square, subscribed, seller):
    square.control("POST", "/tokens/revoke", shop_id=seller.id)
    revocation = told(square, "oauth.authorization.revoked")["data"]["object"]["revocation"]
    assert revocation["revoker_type"] == "MERCHANT"


def test_a_notice_that_nobody_takes_comes_again(square, receiver, subscribed, seller):
    """With growing gaps for about a day, the same bytes; then no more."""
    receiver.status = 500
    seller.mutate("edit_customer")
    delivery = square.deliveries()[-1]

    assert delivery["attempts"] == [500] * 11
    assert delivery["done"] is False
    assert square.slept == [60.0 * 2**step for step in range(10)]
    assert len({body for _, body in receiver.got}) == 1
    assert [headers.get("square-retry-number") for headers, _ in receiver.got][:3] == [None, "1", "2"]
    receiver.status = 200
    square.control("POST", "/deliveries/again", event_id=delivery["event_id"])
    assert square.deliveries()[-1]["done"] is True


def test_subscriptions_are_the_applications(square, seller, receiver):
    """A seller's token is refused, unless a setting takes it; keys are shown when they are made."""
    paths = "/v2/webhooks/subscriptions"
    refused = square.http.get(paths, headers=seller.headers)
    square.control("POST", "/settings", webhook_token="any")
    assert refused.status_code == 403
    assert square.http.get(paths, headers=seller.headers).json() == {}
    assert square.http.get(paths).status_code == 401
    body = {"subscription": {"event_types": ["nothing.new"], "notification_url": receiver.url}}
    assert square.http.post(paths, json=body, headers=square.as_application()).status_code == 400
    body = {"subscription": {"event_types": ["order.created"], "notification_url": "http://elsewhere.invalid/"}}
    assert square.http.post(paths, json=body, headers=square.as_application()).status_code == 400


def test_missed_events_are_found(square, subscribed, seller):
    """Those of the last 28 days."""
    seller.mutate("edit_customer")
    square.control("POST", "/clock", advance_seconds=20 * 86_400)
    seller.mutate("edit_booking")
    headers = square.as_application()
    both = square.http.post("/v2/events", json={}, headers=headers).json()["events"]
    page = square.http.post("/v2/events", json={"limit": 1}, headers=headers).json()
    rest = square.http.post("/v2/events", json={"limit": 1, "cursor": page["cursor"]}, headers=headers).json()["events"]
    square.control("POST", "/clock", advance_seconds=10 * 86_400)

    assert (
        [event["type"] for event in both]
        == ["customer.updated", "booking.updated"]
        == [event["type"] for event in page["events"] + rest]
    )
    late = square.http.post("/v2/events", json={}, headers=headers).json()["events"]
    assert [event["type"] for event in late] == ["booking.updated"]
