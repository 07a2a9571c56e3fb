"""Profit and loss by month: what the directive puts under each figure, a column a month. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from web.pages.money_words import name_of

Row = Mapping[str, Any]
# The directive's figures by part, each with its classes.
Figures = Mapping[str, Mapping[str, Sequence[str]]]
Kind = Literal["line", "part", "sum"]
# Sums within the profit: behind the last of these figures.
# What is not known as long as nobody says what a dispute took.
_UNTOLD = frozenset({"disputes", "profit"})
_NET = ("gross_sales", "discounts", "reversals")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the table: an amount a month, or a number where it only counts; of these `figures` or `classes`. None:
    it is not known.
    """

    name: str
    kind: Kind
    values: tuple[int | None, ...]
    is_number: bool = False
    # Of a figure: whether any of its classes has something in it, if it comes to nothing.
    is_told: bool = True
    figures: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def total(self) -> int | None:
        known = [value for value in self.values if value is not None]
        return sum(known) if len(known) == len(self.values) else None


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One currency's months."""

    currency: str
    months: tuple[date, ...]
    # The profit and what makes it, what stands beside it, what is counted.
    profit: tuple[Line, ...]
    beside: tuple[Line, ...]
    counted: tuple[Line, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        return (*self.profit, *self.beside, *self.counted)


def statements(sums: Sequence[Row], figures: Figures, *, first: date | None, last: date) -> tuple[Statement, ...]:
    """A statement a currency, the one with most orders first; two currencies are never added up."""
    if not sums:
        return ()
    # Before the first month in which anything happened there is no gap.
    begins = date.fromisoformat(min(row["month"] for row in sums))
    months = tuple(_months(max(first or begins, begins), last))
    orders: dict[str, int] = {}
    for row in sums:
        orders[row["currency"]] = orders.get(row["currency"], 0) + (row["events"] if row["class"] == "order" else 0)
    return tuple(
        _statement(currency, months, [row for row in sums if row["currency"] == currency], figures)
        for currency in sorted(orders, key=lambda c: (-orders[c], c))
    )


def _statement(currency: str, months: tuple[date, ...], rows: Sequence[Row], figures: Figures) -> Statement:
    found = {(row["class"], date.fromisoformat(row["month"])): row for row in rows}

    def values(classes: Sequence[str], what: str = "amount") -> tuple[int, ...]:
        return tuple(sum(int(found[c, m][what]) for c in classes if (c, m) in found) for m in months)

    is_known = [not n for n in values(("disputes_unknown",), "events")]

    def known(name: str, classes: Sequence[str]) -> tuple[int | None, ...]:
        """Of a month with a dispute of which nobody says what it took, not what depends on that."""
        found = values(classes)
        return found if name not in _UNTOLD else tuple(v if k else None for v, k in zip(found, is_known, strict=True))

    def figure(name: str, classes: Sequence[str]) -> Iterator[Line]:
        is_told = any(any(values((one,))) for one in classes)
        is_told = is_told or (name in _UNTOLD and not all(is_known))
        yield Line(name=name_of(name), kind="line", values=known(name, classes), figures=(name,), is_told=is_told)
        # A class by itself is not told twice.
        if len(classes) > 1:
            for one in classes:
                yield Line(
                    name=name_of(one), kind="part", values=values((one,)), classes=(one,), is_told=any(values((one,)))
                )

    def part(part: str) -> Iterator[Line]:
        for name, classes in figures[part].items():
            yield from figure(name, classes)
            if name == _NET[-1]:
                net = [c for n in _NET for c in figures[part].get(n, ())]
                yield Line(name=name_of("net_sales"), kind="sum", values=values(net), figures=_NET)

    whole = [c for classes in figures["profit"].values() for c in classes]
    profit = Line(name=name_of("profit"), kind="sum", values=known("profit", whole), figures=("profit",))
    unclassified = values(("unclassified",))
    return Statement(
        currency=currency,
        months=months,
        profit=(*part("profit"), profit),
        beside=tuple(part("beside")),
        counted=(
            *(
                Line(name=name_of(name), kind="line", values=values(classes, "events"), figures=(name,), is_number=True)
                for name, classes in figures["counted"].items()
            ),
            Line(name=name_of("unclassified"), kind="line", values=unclassified, figures=("unclassified",)),
        ),
    )


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


def end_of(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
