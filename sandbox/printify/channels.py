"""The sales channel whose orders Printify fulfils: which orders it has, and what their references look like.

A channel is made from the same seed and size as the channel's own stand-in, so that references meet real orders; or it
is given order ids outright, and Etsy's shop machine draws lines, buyers and dates.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple, Protocol

from sandbox.etsy.buyers import Buyer, make_buyer
from sandbox.etsy.orders import Line, make_order
from sandbox.etsy.shop import Plan as EtsyPlan
from sandbox.etsy.shop import Shop as EtsyShop
from sandbox.parts.money import minor_units, rounded
from sandbox.parts.responses import Doc
from sandbox.printify.channel_products import ChannelProduct, from_etsy_listing, from_shopify_product
from sandbox.shopify.data.orders import make_order as make_shopify_order
from sandbox.shopify.data.shop import Plan as ShopifyPlan
from sandbox.shopify.data.shop import Shop as ShopifyShop

# Wares of each channel of a shop have numbers of their own.
_WARES = 4_000
# Every four hundredth order of Shopify's stand-in has hundreds of lines.
_MOST_LINES = 25


class SaleLine(NamedTuple):
    """A line to be printed: a channel's product and its variant; `price` is retail, in cents of the shop's currency."""

    product: int
    variation: int
    quantity: int
    price: int


class Sale(NamedTuple):
    """An order of the channel that has something to print. A date of 0 means that it has not happened."""

    ref: int
    order_id: int
    label: str
    at: int
    canceled_at: int
    buyer: Buyer
    lines: tuple[SaleLine, ...]


class Channel(Protocol):
    """Sales in order of time, one of them again by its number, and whose reference a text is."""

    name: str
    home: str
    start: int

    @property
    def channel_products(self) -> list[ChannelProduct]: ...

    def sales(self) -> Iterator[Sale]: ...

    def sale(self, ref: int) -> Sale | None: ...

    def find(self, order_id: str, label: str) -> int | None:
        """The order that a reference means: its id first, then its label."""


class EtsyChannel:
    """Receipts of `sandbox.etsy`'s shop of the same plan."""

    name = "etsy"

    def __init__(self, plan: EtsyPlan, first_ware: int = 0) -> None:
        self._shop = EtsyShop(plan)
        self._first = first_ware
        self.home, self.start = self._shop.home, self._shop.start

    @cached_property
    def channel_products(self) -> list[ChannelProduct]:
        url, ids = "https://www.etsy.com/listing/", self._shop.ids
        return [
            from_etsy_listing(
                each, self._first + each.number, ids.listing(each.number), f"{url}{ids.listing(each.number)}"
            )
            for each in self._shop.listings
            if not each.product.digital and not each.gone
        ]

    def sales(self) -> Iterator[Sale]:
        for pos in range(self._shop.plan.orders):
            if sale := self.sale(pos):
                yield sale

    def sale(self, ref: int) -> Sale | None:
        """None for receipts that were never paid or hold nothing to print."""
        order = make_order(self._shop, ref)
        lines = _printed(self._shop, order.lines, self._first)
        if not order.paid_at or not lines:
            return None
        receipt = self._shop.ids.receipt(ref)
        return Sale(ref, receipt, str(receipt), order.paid_at, order.canceled_at, order.buyer, lines)

    def find(self, order_id: str, label: str) -> int | None:
        return self._receipt(order_id) or self._receipt(label.removeprefix("#"))

    def _receipt(self, text: str) -> int | None:
        number = _number(text)
        pos = None if number is None else self._shop.ids.receipt_position(number)
        return number if pos is not None and pos < self._shop.plan.orders else None


class ShopifyChannel:
    """Orders of `sandbox.shopify`'s shop of the same plan."""

    name = "shopify"

    def __init__(self, plan: ShopifyPlan, first_ware: int = 0) -> None:
        self._shop = ShopifyShop(plan)
        self._first = first_ware
        self.home, self.start = self._shop.home, self._shop.start

    @cached_property
    def channel_products(self) -> list[ChannelProduct]:
        ids, url = self._shop.ids, f"https://{self._shop.domain}/products/"
        return [
            from_shopify_product(
                each, self._first + each.number, ids.product(each.number), f"{url}{each.handle}", self._shop.currency
            )
            for each in self._shop.products
            if not each.digital and not each.gift_card and not each.gone
        ]

    @cached_property
    def _by_number(self) -> dict[int, ChannelProduct]:
        return {channel_product.number - self._first: channel_product for channel_product in self.channel_products}

    def sales(self) -> Iterator[Sale]:
        for pos in range(self._shop.plan.orders):
            if sale := self.sale(pos):
                yield sale

    def sale(self, ref: int) -> Sale | None:
        """None for orders that hold nothing to print."""
        order = make_shopify_order(self._shop, ref)
        lines = tuple(self._line(line) for line in order["lines"] if line["product"] in self._by_number)[:_MOST_LINES]
        if not lines or not order["ships"]:
            return None
        ids, buyer = self._shop.ids, make_buyer(self._shop.seed, self.home, order["buyer"])
        return Sale(ref, ids.order(ref), ids.order_name(ref), order["created"], order["cancelled"] or 0, buyer, lines)

    def _line(self, line: Doc) -> SaleLine:
        channel_product = self._by_number[line["product"]]
        cents = rounded(line["price"][0] * 100, minor_units(self._shop.currency))
        return SaleLine(channel_product.number, line["variant"] % len(channel_product.labels), line["quantity"], cents)

    def find(self, order_id: str, label: str) -> int | None:
        number, named, ids = _number(order_id), _number(label.removeprefix("#")), self._shop.ids
        pos = None if number is None else ids.order_position(number)
        if pos is None and named is not None:
            pos = named - int(ids.order_name(0)[1:])
        return ids.order(pos) if pos is not None and 0 <= pos < self._shop.plan.orders else None


class GivenOrders:
    """Orders that the request names: each id with its label, its date, and lines drawn from the seed."""

    def __init__(self, name: str, plan: EtsyPlan, orders: list[Doc]) -> None:
        self.name = name
        self._shop = EtsyShop(plan)
        self.home, self.start = self._shop.home, self._shop.start
        self._orders = orders
        self._by_text = {str(order["id"]): order["id"] for order in reversed(orders)}
        for order in reversed(orders):
            self._by_text.setdefault(_label(name, order).removeprefix("#"), order["id"])

    @cached_property
    def channel_products(self) -> list[ChannelProduct]:
        first, url = 8_000_000_000_000 + self._shop.seed * 10_000, f"https://{self.name}.example.com/products/"
        return [
            from_etsy_listing(each, each.number, first + each.number, f"{url}{first + each.number}")
            for each in self._shop.listings
            if not each.product.digital and not each.gone
        ]

    def sales(self) -> Iterator[Sale]:
        for ref in range(len(self._orders)):
            yield self.sale(ref)

    def sale(self, ref: int) -> Sale:
        given = self._orders[ref]
        at = int(given.get("at", self._shop.order_times.created(ref)))
        order = make_order(self._shop, ref, at=at)
        lines = _printed(self._shop, order.lines, 0) or _instead(self._shop, order.lines)
        canceled = int(given.get("canceled_at", 0))
        return Sale(ref, int(given["id"]), _label(self.name, given), at, canceled, order.buyer, lines)

    def find(self, order_id: str, label: str) -> int | None:
        found = self._by_text.get(order_id) if order_id else None
        return found if found is not None or not label else self._by_text.get(label.removeprefix("#"))


class SeveralChannels:
    """Sales of several channels in one Printify shop, by time. In life each shop has one channel."""

    def __init__(self, parts: list[Channel]) -> None:
        self._parts = parts
        self.name = parts[0].name
        self.home, self.start = parts[0].home, min(part.start for part in parts)

    @cached_property
    def channel_products(self) -> list[ChannelProduct]:
        return [channel_product for part in self._parts for channel_product in part.channel_products]

    def sales(self) -> Iterator[Sale]:
        yield from heapq.merge(*map(self._of, range(len(self._parts))), key=lambda sale: sale.at)

    def sale(self, ref: int) -> Sale | None:
        place, number = ref % len(self._parts), ref // len(self._parts)
        sale = self._parts[place].sale(number)
        return sale._replace(ref=ref) if sale else None

    def find(self, order_id: str, label: str) -> int | None:
        """An id in any channel before a label in any."""
        found = (part.find(text, other) for text, other in ((order_id, ""), ("", label)) for part in self._parts)
        return next((order for order in found if order is not None), None)

    def _of(self, place: int) -> Iterator[Sale]:
        for sale in self._parts[place].sales():
            yield sale._replace(ref=sale.ref * len(self._parts) + place)


def join_channels(plans: list[EtsyPlan | ShopifyPlan]) -> Channel:
    """The channels of these plans, as one."""
    parts: list[Channel] = [
        EtsyChannel(plan, place * _WARES) if isinstance(plan, EtsyPlan) else ShopifyChannel(plan, place * _WARES)
        for place, plan in enumerate(plans)
    ]
    return parts[0] if len(parts) == 1 else SeveralChannels(parts)


def _label(channel: str, order: Doc) -> str:
    """What the seller sees: Shopify's name, Etsy's receipt number."""
    if "label" in order:
        return str(order["label"])
    return f"#{order['id']}" if channel == "shopify" else str(order["id"])


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _printed(shop: EtsyShop, lines: tuple[Line, ...], first: int) -> tuple[SaleLine, ...]:
    """Downloads need no printer; listings that are gone were made by hand."""
    return tuple(
        _sale_line(shop, line, first) for line in lines if not line.listing.product.digital and not line.listing.gone
    )


def _instead(shop: EtsyShop, lines: tuple[Line, ...]) -> tuple[SaleLine, ...]:
    """The same lines of the shop's first listing, which is printed and there."""
    return tuple(_sale_line(shop, line._replace(listing=shop.listings[0], variation=0), 0) for line in lines)


def _sale_line(shop: EtsyShop, line: Line, first: int) -> SaleLine:
    cents = line.price * (100 // minor_units(shop.currency))
    return SaleLine(first + line.listing.number, line.variation, line.quantity, cents)
