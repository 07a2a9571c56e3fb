"""Lists of what money is made of: orders, products, months, and the days behind a figure.

SQL: money_orders.sql, money_sums.sql. What is not known is None and named, never nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from execution.store import Rpc

Row = Mapping[str, Any]
# The figures of an order, in the order in which they are told; fees with advertising, as pages do.
FIGURES = (
    "gross_sales",
    "discounts",
    "reversals",
    "shipping",
    "other_income",
    "fees",
    "labels",
    "disputes",
    "cost_of_goods",
    "profit",
    "taxes",
    "tips",
)
_SUMMED = {"fees": ("fees", "ads"), "taxes": ("taxes_platform", "taxes_seller", "taxes_unknown")}
# What is not known of an order, and which of its figures that leaves unknown.
_UNKNOWN = {
    "not_counted": frozenset(FIGURES),
    "cost": frozenset({"cost_of_goods", "profit"}),
    "fees": frozenset({"fees", "profit"}),
    "disputes": frozenset({"disputes", "profit"}),
    "unclassified": frozenset({"profit"}),
    "other_currency": frozenset({"profit"}),
}
# ISO 3166's code for a country that is not known.
NOWHERE = "ZZ"
# The largest page.
MOST = 500


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which orders or products are asked for; what is not said filters nothing. Days are each shop's own."""

    platforms: Sequence[str] = ()
    connections: Sequence[str] = ()
    first: date | None = None
    last: date | None = None
    countries: Sequence[str] = ()
    statuses: Sequence[str] = ()
    search: str = ""
    listing: str = ""
    by: str = ""

    def as_json(self) -> dict[str, Any]:
        said = {
            "platforms": list(self.platforms),
            "connections": list(self.connections),
            "first": self.first and self.first.isoformat(),
            "last": self.last and self.last.isoformat(),
            "countries": ["" if code == NOWHERE else code for code in self.countries],
            "statuses": list(self.statuses),
            "search": self.search.strip(),
            "listing": self.listing,
            "by": self.by,
        }
        return {name: value for name, value in said.items() if value}


def orders(store: Rpc, user_id: str, chosen: Filter, *, after: Row | None = None, limit: int = 100) -> dict[str, Any]:
    """A page of orders, the newest first: {orders, next, looked_until}. It may be short while there are more."""
    found: dict[str, Any] = store.rpc(
        "orders_of", p_user_id=user_id, p_filter=chosen.as_json(), p_after=after, p_limit=limit
    )
    return found | {"orders": [_with_figures(one) for one in found["orders"]]}


def order(store: Rpc, user_id: str, connection_id: str, order_id: str) -> dict[str, Any] | None:
    """One order, with every event that belongs to it. None where the shop has no such order."""
    found: dict[str, Any] | None = store.rpc(
        "order_of", p_user_id=user_id, p_connection_id=connection_id, p_order=order_id
    )
    return found and _with_figures(found)


def products(store: Rpc, user_id: str, chosen: Filter, *, after: Row | None = None, limit: int = 100) -> dict[str, Any]:
    """A page of products, the most revenue first: {products, next}."""
    found: dict[str, Any] = store.rpc(
        "products_of", p_user_id=user_id, p_filter=chosen.as_json(), p_after=after, p_limit=limit
    )
    return found


def months(store: Rpc, user_id: str, *, first: date, last: date, chosen: Filter | None = None) -> dict[str, Any]:
    """What each month came to, by currency and class: {sums, months, standing, open, now}."""
    found: dict[str, Any] = store.rpc(
        "money_months",
        p_user_id=user_id,
        p_first=first.isoformat(),
        p_last=last.isoformat(),
        p_filter=(chosen or Filter()).as_json(),
    )
    return found


def behind(
    store: Rpc, user_id: str, *, first: date, last: date, chosen: Row, after: Row | None = None, limit: int = 100
) -> dict[str, Any]:
    """The days behind a figure, the newest first: {days, next}. `chosen`: {figures, classes, currency, platforms}."""
    found: dict[str, Any] = store.rpc(
        "money_behind",
        p_user_id=user_id,
        p_first=first.isoformat(),
        p_last=last.isoformat(),
        p_filter=chosen,
        p_after=after,
        p_limit=limit,
    )
    return found


def record(store: Rpc, user_id: str, connection_id: str, table: str, row_id: str) -> dict[str, Any] | None:
    """The row that an event names, with what the platform sent; None where there is none."""
    found: dict[str, Any] | None = store.rpc(
        "money_record", p_user_id=user_id, p_connection_id=connection_id, p_table=table, p_id=row_id
    )
    return found


def _with_figures(one: Row) -> dict[str, Any]:
    """The order with its `figures` in its own currency; those in another stand in `currencies` alone."""
    own: Row = one["currencies"].get(one["currency"], {"profit": 0, "figures": {}})
    unknown = frozenset().union(*(_UNKNOWN.get(name, frozenset()) for name in one["missing"]))
    figures = {
        name: None
        if name in unknown
        else int(own["profit"])
        if name == "profit"
        else sum(int(own["figures"].get(part, 0)) for part in _SUMMED.get(name, (name,)))
        for name in FIGURES
    }
    return {**one, "figures": figures}
