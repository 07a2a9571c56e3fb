"""Etsy's webhooks (sheet 11): signed as Standard Webhooks say; an order's names its receipt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from execution.http.signatures import Delivery, standard_id
from execution.platforms.webhooks import Event, Webhooks, body_of, shop_in, topic_in

_RECEIPT = re.compile(r"/shops/(\d{1,20})/receipts/(\d{1,20})$", re.ASCII)


def _prove(delivery: Delivery, secrets: Sequence[str], now: float) -> None:
    standard_id(delivery, secrets, now=now)


def _read(delivery: Delivery) -> Event | None:
    event = body_of(delivery)
    found = _RECEIPT.search(str(event.get("resource_url", "")))
    topic, shop_id = topic_in(event.get("event_type")), shop_in(event.get("shop_id"))
    if found is None or found[1] != shop_id or not topic.startswith("order."):
        return None
    return Event(
        delivery=delivery.only("webhook-id"),
        shop_id=shop_id,
        topic=topic,
        effect="read",
        kind="receipts",
        object_ids=(found[2],),
    )


ETSY_WEBHOOKS = Webhooks(
    prove=_prove,
    read=_read,
    about="Orders are read again (`order.*`). Signed as Standard Webhooks say, with ETSY_WEBHOOK_SECRET.",
    sent_as="As Etsy sends it (docs/webhooks).",
    by_hand="Etsy has no API for webhooks: they are made once for the whole app, in its developer portal.",
)
