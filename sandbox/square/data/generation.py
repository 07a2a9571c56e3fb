"""Everything that a seller's account holds when it is made, record by record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sandbox.parts.responses import Doc
from sandbox.square.data import catalog, loyalty, people
from sandbox.square.data.bookings import make_booking
from sandbox.square.data.inventory import Ledger
from sandbox.square.data.payouts import Balances, activities
from sandbox.square.data.sales import Sale, make_sale
from sandbox.square.data.seeded import millisecond
from sandbox.square.data.shop import Shop


class Record(NamedTuple):
    """A record as the API answers it."""

    kind: str
    doc: Doc


class _Known:
    """What is gathered while sales go by: customers by their first and last sale, points, balances, stock."""

    def __init__(self, shop: Shop) -> None:
        self.seen: dict[int, tuple[int, int]] = {}
        self.points: dict[int, list[loyalty.Collected]] = {}
        self.balances = Balances(shop)
        self.stock = Ledger(shop=shop)

    def meet(self, buyer: int | None, at: int) -> None:
        if buyer is not None:
            first, last = self.seen.get(buyer, (at, at))
            self.seen[buyer] = min(first, at), max(last, at)

    def note(self, shop: Shop, sale: Sale) -> None:
        self.meet(sale.buyer, sale.at)
        self.balances.add(activities(sale))
        found = loyalty.collected(shop, sale)
        if found and sale.buyer is not None:
            self.points.setdefault(sale.buyer, []).append(found)


def everything(shop: Shop) -> Iterator[Record]:
    """In an order in which nothing names what does not come, apart from what is gone."""
    yield from _several("location", (people.location(shop, number) for number in range(shop.plan.locations)))
    yield from _several("team_member", (people.team_member(shop, number) for number in range(people.TEAM)))
    yield from _several("vendor", (people.vendor(shop, number) for number in range(catalog.VENDORS)))
    yield from _several("catalog", catalog.objects(shop))
    known = _Known(shop)
    yield from _several("change", known.stock.stocktake())
    for number in range(shop.plan.orders):
        sale = make_sale(shop, number, millisecond(shop, number))
        known.note(shop, sale)
        yield from records_of(sale)
        yield from _several("change", known.stock.sold(sale))
    yield from _several("count", known.stock.counts())
    for payout, entries in known.balances.paid_out():
        yield Record("payout", payout)
        yield from _several("entry", entries)
    for number in range(shop.plan.bookings):
        booking, buyer, created = make_booking(shop, number)
        known.meet(buyer, created)
        yield Record("booking", booking)
    for number, (first, last) in known.seen.items():
        yield Record("customer", people.customer(shop, number, first, last))
    for number, found in known.points.items():
        account, events = loyalty.account(shop, number, found)
        yield Record("loyalty_account", account)
        yield from _several("loyalty_event", events)


def records_of(sale: Sale) -> Iterator[Record]:
    yield Record("order", sale.order)
    yield from _several("payment", sale.payments)
    for back in sale.returns:
        yield Record("order", back.order)
        yield from _several("refund", back.refunds)
    yield from _several("dispute", sale.disputes)


def _several(kind: str, docs: Iterable[Doc]) -> Iterator[Record]:
    yield from (Record(kind, doc) for doc in docs)
