"""Square's notices: proven by the address that they are sent to and their body, read for ids alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from execution.http.signatures import Delivery, NotSigned, base64_hmac
from execution.platforms.square.webhooks import SQUARE_WEBHOOKS
from execution.platforms.webhooks import Event, NotAnEvent

URL, SECRET = "https://keeper.example/webhooks/square", "the-subscriptions-key"


def notice(kind: str, data: Any = None, *, url: str = URL, secret: str = SECRET) -> Delivery:
    event = {"merchant_id": "ML1", "type": kind, "event_id": "e-1", "created_at": "2026-11-30T10:00:00.123456789Z"}
    body = json.dumps(event | ({"data": data} if data is not None else {})).encode()
    headers = {"x-square-hmacsha256-signature": [base64_hmac(secret.encode(), url.encode() + body)]}
    return Delivery(headers=headers, body=body, url=URL)


def read(kind: str, data: Any = None) -> Event | None:
    delivery = notice(kind, data)
    SQUARE_WEBHOOKS.prove(delivery, ["another-key", SECRET], 0)
    return SQUARE_WEBHOOKS.read(delivery)


@pytest.mark.parametrize(
    "forged", [{"url": f"{URL}/"}, {"url": "https://other.example/webhooks/square"}, {"secret": "x"}]
)
def test_a_notice_to_another_address_or_of_another_key_is_refused(forged: dict[str, str]) -> None:
    with pytest.raises(NotSigned):
        SQUARE_WEBHOOKS.prove(notice("order.updated", {"id": "O1"}, **forged), [SECRET], 0)


@pytest.mark.parametrize(
    ("kind", "data", "wanted"),
    [
        ("order.updated", {"id": "O1", "object": {"order_updated": {"order_id": "O1"}}}, ("read", "orders", ("O1",))),
        ("payment.created", {"id": "P1", "object": {"payment": {"id": "P1"}}}, ("read", "payments", ("P1",))),
        ("refund.updated", {"id": "R1", "object": {"refund": {"id": "R1"}}}, ("read", "refunds", ("R1",))),
        ("booking.updated", {"id": "B1:3", "object": {"booking": {"id": "B1"}}}, ("read", "bookings", ("B1",))),
        ("customer.deleted", {"id": "C1", "object": {"customer": {"id": "C1"}}}, ("gone", "customers", ("C1",))),
        ("oauth.authorization.revoked", None, ("disconnect", None, ())),
    ],
)
def test_a_notice_names_what_is_to_be_read_again(kind: str, data: Any, wanted: tuple[Any, ...]) -> None:
    event = read(kind, data)

    assert event is not None
    assert (event.shop_id, event.delivery, event.topic) == ("ML1", "e-1", kind)
    assert (event.effect, event.kind, event.object_ids) == wanted


@pytest.mark.parametrize("kind", ["catalog.version.updated", "inventory.count.updated", "vendor.updated"])
def test_what_rounds_tell_is_not_read_at_once(kind: str) -> None:
    assert read(kind, {"id": "x"}) is None


@pytest.mark.parametrize("data", [None, [], {"id": "a b"}, {"id": {"x": 1}}])
def test_a_body_that_names_nothing_is_none_of_squares(data: Any) -> None:
    with pytest.raises(NotAnEvent):
        read("order.updated", data)
