"""A seller's figures: rows of the SQL function `figures` in, tiles, charts and tables out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execution.catalog import PLATFORMS
from execution.jobs import FAILED, OPEN
from execution.money_lists import NOWHERE
from web import messages
from web.pages import charts
from web.pages.dashboard_charts import ChartPanel, chart_panels
from web.pages.formats import Formats
from web.pages.money import AmountFormat, Money, Range, Row, total_of
from web.pages.money_words import link, standing, unclassified_words

_ORDERS, _BEHIND = "/reports/orders", "/reports/behind"
_MOST_COUNTRIES = 12


@dataclass(frozen=True, kw_only=True)
class Tile:
    name: str
    value: str
    note: str
    is_main: bool = False
    # What is behind it, and what it was in the time before.
    href: str = ""
    before: str = ""


@dataclass(frozen=True, kw_only=True)
class PlatformLine:
    """One platform's money, as a row and as a bar."""

    title: str
    css: str
    orders: str
    revenue: str
    refunds: str
    fees: str
    cost: str
    profit: str
    margin: str
    bar: tuple[charts.Rect, ...]
    bar_text: str
    # By column: what is behind its number.
    behind: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Seller:
    title: str
    sold: str
    amount: str
    href: str


@dataclass(frozen=True, kw_only=True)
class CountryLine:
    name: str
    href: str
    orders: str
    revenue: str
    refunds: str
    cost: str


@dataclass(frozen=True, kw_only=True)
class DashboardView:
    range: Range
    currency: str
    currencies: tuple[str, ...]
    tiles: tuple[Tile, ...]
    charts: tuple[ChartPanel, ...]
    platforms: tuple[PlatformLine, ...]
    total: PlatformLine
    best_sellers: tuple[Seller, ...]
    countries: tuple[CountryLine, ...]
    cautions: tuple[str, ...]
    # Up to where it is proved, and what is still open.
    standing: str


def dashboard_view(
    facts: Mapping[str, Any],
    formats: Formats,
    chosen: Range,
    currency: str | None,
    *,
    jobs: Sequence[Mapping[str, Any]] = (),
) -> DashboardView | None:
    """None where there is nothing to show. Currencies are never added up: one is shown, the others are a click away."""
    currencies = _currencies(facts["sums"])
    if not currencies:
        return None
    shown = currency if currency in currencies else currencies[0]
    rows = [row for row in facts["sums"] if row["currency"] == shown]
    total = total_of(rows)
    by_platform = {p: total_of(r for r in rows if r["platform"] == p) for p in sorted({r["platform"] for r in rows})}
    amounts = AmountFormat(formats, shown)
    return DashboardView(
        range=chosen,
        currency=shown,
        currencies=currencies,
        tiles=_tiles(
            total,
            amounts,
            chosen,
            before=total_of(row for row in facts.get("before", ()) if row["currency"] == shown),
            is_arriving=any(what == "fees" for what, _ in _missing(jobs, OPEN)),
        ),
        charts=tuple(chart_panels(rows, chosen, amounts)),
        platforms=tuple(
            _line(messages.platform_title(p), p, money, amounts, chosen) for p, money in by_platform.items()
        ),
        total=_line("All platforms", "", total, amounts, chosen),
        best_sellers=tuple(
            Seller(
                title=row["title"] or "Untitled",
                sold=_sold(row, formats, is_only=len(by_platform) == 1),
                amount=formats.money(int(row["amount"]), row["currency"]),
                href=link(_ORDERS, listing=row["listing_platform_id"], **chosen.query)
                if row["listing_platform_id"]
                else "",
            )
            for row in facts["best_sellers"]
            if row["currency"] == shown
        ),
        countries=tuple(_countries(facts.get("countries", ()), amounts, chosen)),
        cautions=(
            *_arriving(jobs),
            *_unread(jobs),
            *_silent_platforms(by_platform, jobs),
            *_cautions(total, facts["sums"], shown, formats),
            *_unclassified(facts["sums"], formats),
        ),
        standing=standing(facts, formats),
    )


def _unclassified(sums: Sequence[Row], formats: Formats) -> Iterator[str]:
    for currency in sorted({row["currency"] for row in sums if row.get("unclassified")}):
        of = [row for row in sums if row["currency"] == currency]
        number, amount = (sum(int(row[name]) for row in of) for name in ("unclassified", "unclassified_amount"))
        yield unclassified_words([(number, amount, currency)], formats)


def _lowering() -> Iterator[tuple[tuple[str, str], str]]:
    """What lowers a profit: platform and entity, and whether they bring fees or costs."""
    for name, platform in PLATFORMS.items():
        if platform.profit.fees:
            yield (name, platform.profit.fees), "fees"
        if platform.profit.costs:
            yield (name, platform.profit.costs), "costs"


def _bring_costs(joined: str) -> str:
    """The platforms that tell what sold goods cost."""
    return joined.join(platform.title for platform in PLATFORMS.values() if platform.profit.costs)


def _sold(row: Row, formats: Formats, *, is_only: bool) -> str:
    """The same thing sold at two places is two lines: each says where."""
    return f"{formats.number(row['sold'])} sold" + ("" if is_only else f" · {messages.platform_title(row['platform'])}")


def _missing(jobs: Sequence[Mapping[str, Any]], statuses: Sequence[str]) -> list[tuple[str, str]]:
    """What lowers a profit and is not all here. What is read once more was here before, and still is."""
    lacking = [job for job in jobs if job["status"] in statuses and not job.get("last_complete")]
    named = {(job["platform"], job["entity"]) for job in lacking}
    return [(what, key[0]) for key, what in _lowering() if key in named]


def _arriving(jobs: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Without a word, a seller would take the figure for good."""
    missing = _missing(jobs, OPEN)
    return (f"{_named(missing)} are still arriving. Until then profit is shown too high.",) if missing else ()


def _unread(jobs: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The same of what could not be read, as for want of a right."""
    # Who disconnected a shop knows why nothing comes from it any more.
    missing = _missing([job for job in jobs if job["error_code"] != "disconnected"], FAILED)
    return (f"{_named(missing)} could not be read. Until they are here profit is shown too high.",) if missing else ()


def _named(missing: Sequence[tuple[str, str]]) -> str:
    first, *rest = (f"{what} from {messages.platform_title(platform)}" for what, platform in missing)
    return " and ".join((first[0].upper() + first[1:], *rest))


def _currencies(sums: Sequence[Row]) -> tuple[str, ...]:
    """The one with most orders first."""
    orders: dict[str, int] = {}
    for row in sums:
        orders[row["currency"]] = orders.get(row["currency"], 0) + int(row["orders"])
    return tuple(sorted(orders, key=lambda currency: (-orders[currency], currency)))


def _share(part: int, whole: int) -> str:
    """A percentage of revenue, in integers; nothing of nothing is nothing."""
    return f"{round(part * 1000 / whole) / 10:.1f}%" if whole > 0 else _UNKNOWN


def _tiles(total: Money, amounts: AmountFormat, chosen: Range, *, before: Money, is_arriving: bool) -> tuple[Tile, ...]:
    average = total.revenue // total.orders if total.orders else 0
    behind = _behind(chosen, amounts.currency)

    def was(name: str) -> str:
        return _was(getattr(total, name), getattr(before, name), chosen, amounts, is_number=name == "orders")

    return (
        Tile(
            name="Profit",
            value=_UNKNOWN if total.disputes_unknown else amounts.short(total.profit),
            note=_profit_note(total),
            is_main=True,
            href=behind["profit"],
            before="" if total.disputes_unknown or before.disputes_unknown else was("profit"),
        ),
        Tile(
            name="Revenue",
            value=amounts.short(total.revenue),
            note="taxes not counted",
            href=behind["revenue"],
            before=was("revenue"),
        ),
        Tile(
            name="Orders",
            value=amounts.formats.number(total.orders),
            note=f"{amounts.money(average)} on average",
            href=behind["orders"],
            before=was("orders"),
        ),
        Tile(
            name="Fees and ads",
            value=_UNKNOWN if total.disputes_unknown else amounts.short(total.fees),
            note=_fees_note(total, is_arriving=is_arriving),
            href=behind["fees"],
            before="" if total.disputes_unknown or before.disputes_unknown else was("fees"),
        ),
        Tile(
            name="Cost of goods",
            value=amounts.short(total.cost) if _is_cost_known(total) else _UNKNOWN,
            note=_cost_note(total, amounts),
            href=behind["cost"],
            before=was("cost") if _is_cost_known(total) else "",
        ),
        Tile(
            name="Refunds",
            value=amounts.short(total.refunds),
            note=f"{_share(total.refunds, total.revenue)} of revenue",
            href=behind["refunds"],
            before=was("refunds"),
        ),
    )


def _behind(chosen: Range, currency: str, platform: str = "") -> dict[str, str]:
    """By column: the address of the days behind its number."""
    days = {"from": chosen.begins.isoformat(), "to": chosen.last.isoformat()}
    figures = {
        "orders": ["orders"],
        "profit": ["profit"],
        "revenue": ["revenue"],
        "refunds": ["refunds"],
        "fees": ["fees", "ads", "labels", "disputes"],
        "cost": ["cost_of_goods"],
    }
    return {
        name: link(_BEHIND, figure=figure, currency=currency, platform=platform, **days)
        for name, figure in figures.items()
    }


def _was(now: int, before: int, chosen: Range, amounts: AmountFormat, *, is_number: bool) -> str:
    """What it was in as many days before; a change is told in percent of what there was."""
    if chosen.before is None:
        return ""
    value = amounts.formats.number(before) if is_number else amounts.short(before)
    change = f" ({round((now - before) * 100 / abs(before)):+d}%)" if before else ""
    return f"before: {value}{change}"


def _countries(rows: Sequence[Row], amounts: AmountFormat, chosen: Range) -> Iterator[CountryLine]:
    """Where buyers are. What belongs to no order has no country, and is not here."""
    for row in [row for row in rows if row["currency"] == amounts.currency and row["orders"]][:_MOST_COUNTRIES]:
        yield CountryLine(
            name=_country(row["country"], amounts.formats),
            href=link(_ORDERS, country=row["country"] or NOWHERE, **chosen.query),
            orders=amounts.formats.number(row["orders"]),
            revenue=amounts.money(row["revenue"]),
            refunds=amounts.money(-row["refunds"]),
            cost=amounts.money(-row["cost"]) if row["costed"] or row["cost"] else _UNKNOWN,
        )


def _country(code: str, formats: Formats) -> str:
    return str(formats.locale.territories.get(code, code)) if code else "Not told"


# Nothing known is not nothing paid.
_UNKNOWN = "–"
_DISPUTED = "a dispute’s amount is not told"


def _is_cost_known(money: Money) -> bool:
    return bool(money.costed or money.cost)


def _cost_note(total: Money, amounts: AmountFormat) -> str:
    if not total.costed:
        return f"Connect {_bring_costs(' or ')} to see it"
    return f"known for {amounts.formats.number(total.costed)} of {amounts.formats.number(total.orders)} orders"


def _profit_note(total: Money) -> str:
    if total.disputes_unknown:
        return _DISPUTED
    return f"{_share(total.profit, total.revenue)} of revenue{'' if total.costed else '; goods not counted'}"


def _fees_note(total: Money, *, is_arriving: bool) -> str:
    if total.disputes_unknown:
        return _DISPUTED
    return "still arriving" if is_arriving else f"{_share(total.fees, total.revenue)} of revenue"


def _line(title: str, platform: str, money: Money, amounts: AmountFormat, chosen: Range) -> PlatformLine:
    is_known = not money.disputes_unknown
    parts = [
        *([charts.Series(name="Profit", css="profit", values=[money.profit])] if is_known else []),
        charts.Series(name="Cost of goods", css="cost", values=[money.cost]),
        *([charts.Series(name="Fees and ads", css="fees", values=[money.fees])] if is_known else []),
        charts.Series(name="Refunds", css="refunds", values=[money.refunds]),
    ]
    return PlatformLine(
        title=title,
        css=platform,
        orders=amounts.formats.number(money.orders),
        revenue=amounts.money(money.revenue),
        refunds=amounts.money(-money.refunds),
        fees=amounts.money(-money.fees) if is_known else _UNKNOWN,
        cost=amounts.money(-money.cost) if _is_cost_known(money) else _UNKNOWN,
        profit=amounts.money(money.profit) if is_known else _UNKNOWN,
        margin=_share(money.profit, money.revenue) if is_known else _UNKNOWN,
        bar=charts.shares(parts, of=money.revenue, text=amounts.money),
        bar_text=", ".join(f"{p.name} {amounts.money(p.values[0])}" for p in parts),
        behind=_behind(chosen, amounts.currency, platform),
    )


def _silent_platforms(by_platform: Mapping[str, Money], jobs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    arriving = {platform for what, platform in _missing(jobs, (*OPEN, *FAILED)) if what == "fees"}
    silent = [
        messages.platform_title(name)
        for name, money in by_platform.items()
        if money.orders and not money.fees and name not in arriving
    ]
    if silent:
        yield f"{' and '.join(silent)} did not tell us of any fees, so profit there is shown before them."


def _cautions(total: Money, sums: Sequence[Row], shown: str, formats: Formats) -> Iterator[str]:
    """What a reader must know before believing a number."""
    if total.costed and total.uncosted:
        yield (
            f"Orders without a known cost: {formats.number(total.uncosted)}. Their profit is shown too high. "
            f"Costs come from {_bring_costs(' and ')}; goods that you make yourself are not counted."
        )
    if total.disputes_unknown:
        yield (
            f"Disputes of which nobody says what they took: {formats.number(total.disputes_unknown)}. Fees and profit "
            "of this time are not known; in the chart, profit is shown before them."
        )
    fees = {row["currency"] for row in sums if row["fees"] and row["currency"] != shown}
    if fees:
        yield f"Fees that a platform charges in {', '.join(sorted(fees))} are not part of the amounts in {shown}."
    costs = {row["currency"] for row in sums if row["cost"] and row["currency"] != shown}
    if costs:
        yield f"Costs in {', '.join(sorted(costs))} are not part of the amounts in {shown}."
