"""Square's notices: proven by the address that they are sent to and their body, read for ids alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from execution.http.signatures import Delivery, NotSigned, base64_hmac
from execution.platforms.square.webhooks import SQUARE_WEBHOOKS
from execution.platforms.webhooks import Event, NotAnEvent
from tests.standins.square import Square
from tests.worlds.world import World

WorldOf = Callable[..., World]

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


def test_what_a_notice_names_is_read_again_by_its_id(square: Square, world_of: WorldOf) -> None:
    """Each kind once; a customer who is said to be deleted, and is not there, is gone."""
    world = world_of(square.shop(12, kind="salon", locations=1, payout_days=31, bookings=6))
    world.run("locations", "orders", "payments", "refunds", "customers", "bookings")
    order = square.mutate(world.shop, "new_order")["result"]["order_id"]
    booking = square.mutate(world.shop, "cancel_booking")["result"]["booking_id"]
    edited = square.mutate(world.shop, "edit_customer", fields={"given_name": "Zora"})["result"]["customer_id"]
    gone = min(key for key in world.stored("customers") if key != edited)
    square.mutate(world.shop, "delete_customer", customer_id=gone)

    for kind, effect, key in (
        ("orders", "read", order),
        ("bookings", "read", booking),
        ("customers", "read", edited),
        ("customers", "gone", gone),
    ):
        told = {"p_platform": "square", "p_shop_id": world.shop.id, "p_topic": f"{kind}.updated", "p_effect": effect}
        world.app.store.rpc("accept_platform_event", **told, p_delivery_id=key, p_kind=kind, p_object_ids=[key])
    world.drain()

    assert order in world.stored("orders")
    assert world.stored("bookings")[booking]["status"] == "cancelled_by_seller"
    assert world.stored("customers")[edited]["name"].startswith("Zora")
    assert gone not in world.stored("customers")
