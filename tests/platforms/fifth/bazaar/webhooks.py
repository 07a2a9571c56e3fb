"""Bazaar's one webhook: an order changed."""

from __future__ import annotations

from collections.abc import Sequence

from execution.http.signatures import Delivery, NotSigned, any_equal, hex_hmac
from execution.platforms.webhooks import Event, Webhooks, body_of, id_in, shop_in, topic_in

SIGNATURE = "x-bazaar-signature"


def _prove(delivery: Delivery, secrets: Sequence[str], now: float) -> None:
    del now
    if not any_equal([delivery.only(SIGNATURE)], [hex_hmac(s.encode(), delivery.body) for s in secrets]):
        raise NotSigned


def _read(delivery: Delivery) -> Event | None:
    event = body_of(delivery)
    topic = topic_in(event.get("topic"))
    if topic != "order.changed":
        return None
    return Event(
        delivery=id_in(event.get("id")),
        shop_id=shop_in(event.get("shop")),
        topic=topic,
        effect="read",
        kind="orders",
        object_ids=(id_in(event.get("order")),),
    )


BAZAAR_WEBHOOKS = Webhooks(
    prove=_prove, read=_read, about="`order.changed`: the order is read again.", sent_as="As Bazaar sends it."
)
