"""What an order is before it is written down: lines, amounts and dates, drawn at random from the order's own seed."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.etsy.buyers import Buyer
from sandbox.etsy.listings import Listing, variation_price
from sandbox.etsy.shop import Shop
from sandbox.parts.money import from_dollar_cents, rounded
from sandbox.parts.order_times import DAY
from sandbox.parts.sample_text import REFUND_NOTES, REFUND_REASONS
from sandbox.parts.seeded_random import SeededRandom
from sandbox.parts.shop import buyer_number

HOUR = 3600
# One to five lines, two on average: share of orders with at most so many, in thousandths.
_LINES = (450, 730, 880, 960, 1000)
_QUANTITIES = (820, 940, 980, 1000)
_COUPONS = (100, 150, 200, 250, 333)


class Line(NamedTuple):
    """One line of an order; amounts in minor units of the shop's currency."""

    listing: Listing
    variation: int
    quantity: int
    price: int
    coupon: int
    shipping: int


class Refund(NamedTuple):
    """A refund in minor units of the shop's currency."""

    amount: int
    at: int
    reason: str | None
    note: str | None


class Order(NamedTuple):
    """One order. A date of 0 means that it has not happened. (A tuple: a million of them are made.)"""

    pos: int
    buyer: Buyer
    created: int
    paid_at: int
    shipped_at: int
    canceled_at: int
    lines: tuple[Line, ...]
    tax: int
    vat: int
    wrap: int
    refunds: tuple[Refund, ...]
    digital: bool
    # A state's fee for each delivery: in the total, and in no part that the receipt names (Colorado).
    delivery_fee: int = 0

    @property
    def total(self) -> int:
        return sum(line.price * line.quantity for line in self.lines)

    @property
    def discount(self) -> int:
        return sum(line.coupon for line in self.lines)

    @property
    def shipping(self) -> int:
        return sum(line.shipping for line in self.lines)

    @property
    def grand_total(self) -> int:
        """What the buyer pays: goods less coupons, shipping, tax, VAT, gift wrap and the state's fee."""
        return self.total - self.discount + self.shipping + self.tax + self.vat + self.wrap + self.delivery_fee


def make_order(shop: Shop, pos: int, *, at: int | None = None, paid: bool = True) -> Order:
    """The order at `pos`; with `at`, one that was placed just then and to which nothing has happened since."""
    rng = SeededRandom(f"{shop.seed}:order:{pos}")
    buyer = shop.buyer(buyer_number(rng, pos, shop.plan.orders))
    lines = _lines(shop, rng, buyer)
    goods = sum(line.price * line.quantity - line.coupon for line in lines)
    taxed = goods + sum(line.shipping for line in lines)
    digital = all(line.listing.product.digital for line in lines)
    wrap = from_dollar_cents(350, shop.currency) if rng.chance(20) else 0
    order = Order(
        pos=pos,
        buyer=buyer,
        created=shop.order_times.created(pos) if at is None else at,
        paid_at=0,
        shipped_at=0,
        canceled_at=0,
        lines=lines,
        tax=rounded(taxed * buyer.country.tax, 1000),
        vat=rounded(taxed * buyer.country.vat, 1000),
        wrap=wrap,
        refunds=(),
        digital=digital,
        delivery_fee=from_dollar_cents(31, shop.currency) if buyer.state == "CO" and not digital else 0,
    )
    if at is not None:
        return order._replace(paid_at=at) if paid else order
    return _history(order, rng, shop.end)


def _lines(shop: Shop, rng: SeededRandom, buyer: Buyer) -> tuple[Line, ...]:
    number = rng.step(_LINES)
    per_mille = rng.pick(_COUPONS) if rng.chance(220) else 0
    abroad = buyer.country_iso != shop.home
    listings = shop.listings
    return tuple(_line(shop, rng, listings, per_mille, abroad=abroad, first=n == 0) for n in range(number))


def _line(shop: Shop, rng: SeededRandom, listings: list[Listing], per_mille: int, *, abroad: bool, first: bool) -> Line:
    # The smaller of two draws: some listings sell far better than others.
    listing = listings[min(rng.below(len(listings)), rng.below(len(listings)))]
    variation = rng.below(len(listing.product.values))
    quantity = rng.step(_QUANTITIES)
    price = variation_price(listing, variation)
    cents = 0 if listing.product.digital else (1290 if abroad else 490) if first else 150
    return Line(
        listing=listing,
        variation=variation,
        quantity=quantity,
        price=price,
        coupon=price * quantity * per_mille // 1000,
        shipping=from_dollar_cents(cents, shop.currency),
    )


def _history(order: Order, rng: SeededRandom, end: int) -> Order:
    """What became of the order until `end`. One in fifty is not paid, one in thirty is canceled."""
    roll = rng.below(1000)
    if roll < 20:
        return order
    if roll < 35:
        canceled = order.created + rng.between(HOUR, 2 * DAY)
        return order._replace(canceled_at=canceled) if canceled <= end else order
    paid_at = min(order.created + rng.below(20), end)
    order = order._replace(paid_at=paid_at)
    if roll < 50:
        return _canceled_after_payment(order, rng, end)
    shipped = paid_at if order.digital else paid_at + rng.between(4 * HOUR, 5 * DAY)
    if shipped <= end:
        order = order._replace(shipped_at=shipped)
    return order._replace(refunds=_refunds(order, roll, rng, end))


def _canceled_after_payment(order: Order, rng: SeededRandom, end: int) -> Order:
    canceled = order.paid_at + rng.between(HOUR, 3 * DAY)
    if canceled > end:
        return order
    refund = Refund(order.grand_total, canceled, "buyer changed mind", None)
    return order._replace(canceled_at=canceled, refunds=(refund,))


def _refunds(order: Order, roll: int, rng: SeededRandom, end: int) -> tuple[Refund, ...]:
    """Two in a hundred get all back, four a part, a few of these twice."""
    if roll >= 110 or not order.shipped_at:
        return ()
    whole = roll < 70
    first = order.grand_total if whole else max(order.lines[0].price * rng.between(1, 6) // 10, 1)
    amounts = (first,) if whole or rng.chance(800) else (first, max(first // 3, 1))
    at = order.shipped_at
    refunds = []
    for amount in amounts:
        at += rng.between(DAY, 25 * DAY)
        refunds.append(Refund(amount, at, rng.pick(REFUND_REASONS), rng.pick(REFUND_NOTES)))
    return tuple(refund for refund in refunds if refund.at <= end)
