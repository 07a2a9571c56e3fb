"""The true records of a shop as they stand now, streamed: what a complete copy must equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandbox.parts.responses import Doc
from sandbox.printify.live_shop import LiveShop


def orders(live_shop: LiveShop, *, cost_is: str) -> Iterator[Doc]:  # noqa: ARG001 - one face for all
    """Every order as the API answers it, oldest first."""
    for row in live_shop.store.rows():
        doc = live_shop.store.order(row.pos)
        if doc:
            yield doc


def lines(live_shop: LiveShop, *, cost_is: str) -> Iterator[Doc]:
    for order in orders(live_shop, cost_is=cost_is):
        for position, line in enumerate(order["line_items"]):
            yield {"order_id": order["id"], "position": position, **line}


def shipments(live_shop: LiveShop, *, cost_is: str) -> Iterator[Doc]:
    for order in orders(live_shop, cost_is=cost_is):
        for position, parcel in enumerate(order.get("shipments", [])):
            yield {"order_id": order["id"], "position": position, **parcel}


def products(live_shop: LiveShop, *, cost_is: str) -> Iterator[Doc]:  # noqa: ARG001 - one face for all
    for number in reversed(live_shop.product_numbers()):
        doc = live_shop.product(number)
        if doc:
            yield doc


def costs(live_shop: LiveShop, *, cost_is: str) -> Iterator[Doc]:
    """What each order cost, and which of the channel's orders it belongs to (null: none that can be told)."""
    for order in orders(live_shop, cost_is=cost_is):
        about = order["metadata"]
        live = [line for line in order["line_items"] if line["status"] != "canceled"]
        times = [line["quantity"] if cost_is == "unit" else 1 for line in live]
        yield {
            "order_id": order["id"],
            "order_type": about["order_type"],
            "channel": live_shop.shop.channel.name,
            "channel_order_id": _channel_order(live_shop, order),
            "is_reprint": about.get("is_reprint", False),
            "production_cost": sum(line["cost"] * n for line, n in zip(live, times, strict=True)),
            "shipping_cost": sum(line["shipping_cost"] for line in live),
        }


def _channel_order(live_shop: LiveShop, order: Doc) -> int | None:
    """By its own reference; a reprint without one goes where its first order goes."""
    about = order["metadata"]
    order_id, label = str(about.get("shop_order_id", "")), str(about.get("shop_order_label", ""))
    if order_id or label:
        return live_shop.shop.channel.find(order_id, label)
    for first in about.get("reprinted_order_ids", []):
        pos = live_shop.shop.ids.order_position(first)
        doc = None if pos is None else live_shop.store.order(pos)
        if doc:
            return _channel_order(live_shop, doc)
    return None


Truth = Callable[..., Iterator[Doc]]
GROUND_TRUTHS: dict[str, Truth] = {truth.__name__: truth for truth in (orders, lines, shipments, products, costs)}
