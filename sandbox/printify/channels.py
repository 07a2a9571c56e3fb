"""The sales channel whose orders Printify fulfils: which orders it has, and what their references look like.

A channel is made from the same seed and size as the channel's own stand-in, so that references meet real orders;
or it is given order ids outright. Either way Etsy's shop machine draws lines, buyers and dates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from sandbox.etsy.buyers import Buyer
from sandbox.etsy.money import divisor
from sandbox.etsy.orders import Line, make_order
from sandbox.etsy.shop import Plan as EtsyPlan
from sandbox.etsy.shop import Shop as EtsyShop
from sandbox.parts.answer import Doc
from sandbox.shopify.ids import Ids as ShopifyIds


class SaleLine(NamedTuple):
    """A line to be printed: which product and variant; `price` is retail, in cents of the shop's currency."""

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
    machine: EtsyShop

    def sales(self) -> Iterator[Sale]: ...

    def sale(self, ref: int) -> Sale | None: ...

    def find(self, order_id: str, label: str) -> int | None: ...

    def listing_id(self, number: int) -> int: ...

    def product_url(self, number: int) -> str: ...


class EtsyChannel:
    """Receipts of `sandbox.etsy`'s shop of the same plan."""

    name = "etsy"

    def __init__(self, plan: EtsyPlan) -> None:
        self.machine = EtsyShop(plan)

    def sales(self) -> Iterator[Sale]:
        for pos in range(self.machine.plan.orders):
            if sale := self.sale(pos):
                yield sale

    def sale(self, ref: int) -> Sale | None:
        """None for receipts that were never paid or hold nothing to print."""
        order = make_order(self.machine, ref)
        lines = _printed(self.machine, order.lines)
        if not order.paid_at or not lines:
            return None
        receipt = self.machine.ids.receipt(ref)
        return Sale(ref, receipt, str(receipt), order.paid_at, order.canceled_at, order.buyer, lines)

    def find(self, order_id: str, label: str) -> int | None:
        """The receipt that a reference means: its id first, then its label."""
        return _first(self._receipt, order_id, label)

    def listing_id(self, number: int) -> int:
        return self.machine.ids.listing(number)

    def product_url(self, number: int) -> str:
        return f"https://www.etsy.com/listing/{self.listing_id(number)}"

    def _receipt(self, text: str) -> int | None:
        number = _number(text)
        pos = None if number is None else self.machine.ids.receipt_position(number)
        return number if pos is not None and pos < self.machine.plan.orders else None


class ShopifyChannel:
    """Orders with the ids and names of `sandbox.shopify`'s shop of the same seed and size."""

    name = "shopify"

    def __init__(self, plan: EtsyPlan) -> None:
        self.machine = EtsyShop(plan)
        self._ids = ShopifyIds(plan.seed)

    def sales(self) -> Iterator[Sale]:
        for pos in range(self.machine.plan.orders):
            yield self.sale(pos)

    def sale(self, ref: int) -> Sale:
        created = self.machine.rhythm.created(ref)
        order = make_order(self.machine, ref, at=created)
        lines = _printed(self.machine, order.lines) or _instead(self.machine, order.lines)
        return Sale(ref, self._ids.order(ref), self._ids.order_name(ref), created, 0, order.buyer, lines)

    def find(self, order_id: str, label: str) -> int | None:
        return _first(self._by_id, order_id, "") or _first(self._by_name, "", label)

    def listing_id(self, number: int) -> int:
        return self._ids.product(number)

    def product_url(self, number: int) -> str:
        return f"https://shop-{self.machine.seed}.example.com/products/{self.listing_id(number)}"

    def _by_id(self, text: str) -> int | None:
        number = _number(text)
        pos = None if number is None else self._ids.order_position(number)
        return number if pos is not None and pos < self.machine.plan.orders else None

    def _by_name(self, text: str) -> int | None:
        number = _number(text)
        pos = None if number is None else number - int(self._ids.order_name(0)[1:])
        return self._ids.order(pos) if pos is not None and 0 <= pos < self.machine.plan.orders else None


class GivenOrders:
    """Orders that the request names: each id with its label, its date, and lines drawn from the seed."""

    def __init__(self, name: str, plan: EtsyPlan, orders: list[Doc]) -> None:
        self.name = name
        self.machine = EtsyShop(plan)
        self._orders = orders
        self._by_text = {str(order["id"]): order["id"] for order in reversed(orders)}
        for order in reversed(orders):
            self._by_text.setdefault(_label(name, order).removeprefix("#"), order["id"])

    def sales(self) -> Iterator[Sale]:
        for ref in range(len(self._orders)):
            yield self.sale(ref)

    def sale(self, ref: int) -> Sale:
        given = self._orders[ref]
        at = int(given.get("at", self.machine.rhythm.created(ref)))
        order = make_order(self.machine, ref, at=at)
        lines = _printed(self.machine, order.lines) or _instead(self.machine, order.lines)
        canceled = int(given.get("canceled_at", 0))
        return Sale(ref, int(given["id"]), _label(self.name, given), at, canceled, order.buyer, lines)

    def find(self, order_id: str, label: str) -> int | None:
        return _first(self._by_text.get, order_id, label)

    def listing_id(self, number: int) -> int:
        return 8_000_000_000_000 + self.machine.seed * 10_000 + number

    def product_url(self, number: int) -> str:
        return f"https://{self.name}.example.com/products/{self.listing_id(number)}"


def _label(channel: str, order: Doc) -> str:
    """What the seller sees: Shopify's name, Etsy's receipt number."""
    if "label" in order:
        return str(order["label"])
    return f"#{order['id']}" if channel == "shopify" else str(order["id"])


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


class _Lookup(Protocol):
    def __call__(self, text: str, /) -> int | None: ...


def _first(known: _Lookup, order_id: str, label: str) -> int | None:
    found = known(order_id) if order_id else None
    return found if found is not None or not label else known(label.removeprefix("#"))


def _printed(machine: EtsyShop, lines: tuple[Line, ...]) -> tuple[SaleLine, ...]:
    """Downloads need no printer; listings that are gone were made by hand."""
    return tuple(
        _sale_line(machine, line) for line in lines if not line.listing.product.digital and not line.listing.gone
    )


def _instead(machine: EtsyShop, lines: tuple[Line, ...]) -> tuple[SaleLine, ...]:
    """The same lines of the shop's first listing, which is printed and there."""
    return tuple(_sale_line(machine, line._replace(listing=machine.listings[0], variation=0)) for line in lines)


def _sale_line(machine: EtsyShop, line: Line) -> SaleLine:
    cents = line.price * (100 // divisor(machine.currency))
    return SaleLine(line.listing.number, line.variation, line.quantity, cents)
