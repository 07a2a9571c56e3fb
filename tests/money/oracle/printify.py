"""What a printer's orders cost: lines that are not canceled, their shipping, and the tax on them.

How the reference is read where it leaves something open:

- The printer's currency is US dollars, as its documents have it; no field says so.
- A line's cost is of one piece, so it is taken times the quantity.
- The cost of a sale is known when it has an order at the printer, none of whose costs is still being calculated or
  missing.
- What belongs to no order is a cost at the printer itself, on the day that it was ordered. What was printed for one
  that is no sale (a test, or not paid yet) was spent all the same, and stands with that order.
- The tax of an order of which every line is canceled is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tests.money.oracle.book import Doc, Event

CURRENCY = "USD"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one order at the printer; `order`: the sale's, where there is one."""

    order: str | None
    at: int
    goods: int
    shipping: int
    tax: int
    is_known: bool

    def events(self, at: int, *, reclaims_tax: bool = False) -> Iterator[Event]:
        tax = "cogs_tax_reclaimed" if reclaims_tax else "cogs_tax"
        for name, amount in (("cogs_goods", self.goods), ("cogs_shipping", self.shipping), (tax, self.tax)):
            yield Event(name=name, at=at, currency=CURRENCY, amount=-amount, order=self.order)


def cost_of(order: Doc, sale: str | None) -> Cost:
    live = [line for line in order["line_items"] if line["status"] != "canceled"]
    goods = sum((line["cost"] or 0) * line["quantity"] for line in live)
    is_reprint = bool(order["metadata"].get("is_reprint"))
    named = all(line["cost"] is not None for line in live) and (goods > 0 or not live or is_reprint)
    return Cost(
        order=sale,
        at=int(datetime.fromisoformat(order["created_at"]).timestamp()),
        goods=goods,
        shipping=sum(line["shipping_cost"] or 0 for line in live),
        tax=(order["total_tax"] or 0) if live else 0,
        is_known=order["status"] != "cost-calculation" and named,
    )


def events_of_orders(
    made: Mapping[str, int], sales: Iterable[Event], costs: Iterable[Cost], *, reclaims_tax: bool = False
) -> Iterator[Event]:
    """Costs on the days of their orders; and one `uncosted` for each sale whose cost is not known.

    `made`: when each order of the channel was, whether it is a sale or not.
    """
    of: dict[str, list[Cost]] = {}
    for cost in costs:
        if cost.order in made:
            of.setdefault(str(cost.order), []).append(cost)
            yield from cost.events(made[str(cost.order)], reclaims_tax=reclaims_tax)
    for sale in sales:
        found = of.get(str(sale.order), [])
        if not found or not all(cost.is_known for cost in found):
            yield Event(name="uncosted", at=sale.at, currency=sale.currency, order=sale.order)
