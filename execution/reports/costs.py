"""Cost of goods: what each order's printing cost, what could not be linked, and what is left as profit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from execution.catalog import PLATFORMS
from execution.connections.choice import origins
from execution.errors import StoreError, UserError
from execution.store import Store

Facts = Mapping[str, Any]

COVERS = ("piece", "line")
_REASONS = {
    "two_channels": "its reference is an order of two channels",
    "two_orders": "its reference is the number of two orders",
    "order_not_there": "no such order is here, or it was removed",
    "order_of_an_api": "ordered through an API, under a number of its own",
    "original_not_linked": "prints an order again that is not linked itself",
    "no_sale": "a manual or sample order: nobody bought it",
    "no_reference": "the printer names no order",
}


def report(store: Store, user_id: str, *, limit: int, shops: Sequence[Facts] | None = None) -> dict[str, Any]:
    """Totals by platform and currency, what the printers charged, what is open, and the newest orders with a cost.

    Of all of the user's shops, or of these.
    """
    only = None if shops is None else [shop["connection_id"] for shop in shops]
    facts: dict[str, Any] = store.rpc("cost_report", p_user_id=user_id, p_limit=limit, p_connections=only)
    return facts


def set_rule(store: Store, *, source: str | None, covers: str) -> dict[str, Any]:
    """Decide what a printer's cost of a line covers, and count every order of it again."""
    if covers not in COVERS:
        raise UserError(f"A cost covers no {covers!r}.", hint=f"Choose one of: {', '.join(COVERS)}.")
    sources = [name for name, platform in PLATFORMS.items() if platform.profit.costs]
    source = source or sources[0]
    try:
        users = store.rpc("set_cost_rule", p_source=source, p_cost_covers=covers)
    except StoreError as error:
        if error.code == "no_such_source":
            raise UserError(
                f"{source!r} is no source of costs.", hint=f"Choose one of: {', '.join(sources)}."
            ) from None
        raise
    # In steps, each of its own statement; where this ends in the middle the clock goes on.
    while store.rpc("finish_work", p_name="rebuild"):
        pass
    return {"source": source, "covers": covers, "users": users}


def tables(facts: Facts) -> RenderableType:
    """The report for a terminal of 80 columns."""
    parts: list[RenderableType] = [_totals(facts)]
    parts += [Text(line) for line in _notes(facts)]
    parts += [part for part in (_open(facts, "ambiguous"), _open(facts, "unlinked"), _newest(facts)) if part]
    return Group(*parts)


def _totals(facts: Facts) -> RenderableType:
    if not facts["totals"]:
        return Text("No orders yet.")
    table = _table("", *(f"{t['platform']} {t['currency']}" for t in facts["totals"]))
    for title, name in (("orders", "orders"), ("cost linked", "linked"), ("no cost yet", "no_cost_yet")):
        table.add_row(title, *(f"{t[name]:,}" for t in facts["totals"]))
    table.add_row("ambiguous", *(f"{t['ambiguous']:,}" for t in facts["totals"]))
    for title, name, sign in (("revenue", "revenue", 1), ("refunds", "refunds", -1), ("fees", "fees", -1)):
        table.add_row(title, *(_amount(facts, sign * t[name], t["currency"]) for t in facts["totals"]))
    table.add_row("cost of goods", *(_amount(facts, -t["cost"], t["currency"]) for t in facts["totals"]))
    table.add_row(
        Text("profit", style="bold"),
        *(Text(_amount(facts, t["profit"], t["currency"]), style="bold") for t in facts["totals"]),
    )
    table.add_row("of the revenue", *(_share(t["profit"], t["revenue"]) for t in facts["totals"]))
    return table


def _notes(facts: Facts) -> Iterable[str]:
    yield "Money is that of orders whose cost is linked; listing fees and advertising belong to no order."
    for total in facts["totals"]:
        if total["two_currencies"]:
            yield (
                f"{_orders(total['two_currencies'], total['platform'])} ({total['currency']}) with parts in another "
                "currency: no profit is told there."
            )
        if total["at_a_loss"]:
            yield f"{_orders(total['at_a_loss'], total['platform'])} ({total['currency']}) made a loss."
    for source, covers in facts["rules"].items():
        yield f"A line's cost at {source} is counted for each {covers} (`keeper recost`)."


def _orders(count: int, where: str) -> str:
    return f"{count:,} {where} {'order' if count == 1 else 'orders'}"


def _open(facts: Facts, state: str) -> RenderableType | None:
    """Costs of one state by reason, with their newest."""
    groups = [spent for spent in facts["spent"] if spent["state"] == state]
    if not groups:
        return None
    lines = [Text(f"\n{state.capitalize()} costs", style="bold")]
    for group in groups:
        cost = _amount(facts, group["cost"], group["currency"])
        reason = _REASONS.get(group["reason"], group["reason"])
        lines.append(Text(f"  {_orders(group['count'], group['source'])}, {cost}: {reason}"))
        found = [c for c in facts["open"] if c["state"] == state and (c["reason"] or "") == group["reason"]]
        lines += [Text(f"    {_named(c)}", style="dim") for c in found if c["currency"] == group["currency"]]
    return Group(*lines)


def _named(cost: Facts) -> str:
    reference = cost["reference"] or (f"#{cost['label']}" if cost["label"] else "")
    about = f" for {reference}" if reference else f" reprint of {cost['reprint_of']}" if cost["reprint_of"] else ""
    origin = origins(cost["candidates"])
    named = (f"{origin(one)} {one['platform_id']}" for one in cost["candidates"])
    candidates = f" -> {', '.join(named)}" if cost["candidates"] else ""
    return f"{cost['source_id']} ({cost['order_type']}){about}{candidates}"


def _newest(facts: Facts) -> RenderableType | None:
    if not facts["orders"]:
        return None
    table = _table("order", "revenue", "refunds", "fees", "cost", "profit")
    origin = origins(facts["orders"])
    for order in facts["orders"]:
        currency = order["currency"]
        cost = "" if order["cost"] is None else _amount(facts, order["cost"], order["cost_currency"], code=False)
        profit = order["cost_state"] if order["profit"] is None else _amount(facts, order["profit"], currency)
        if order["cost_state"] == "linked" and order["profit"] is None:
            profit = "unknown" if None in (order["revenue"], order["refunds"]) else "in two currencies"
        table.add_row(
            f"{origin(order)} {order['order_number'] or order['platform_id']}",
            *(_amount(facts, order[name], currency, code=False) for name in ("revenue", "refunds", "fees")),
            cost,
            profit.replace("_", " "),
        )
    return Group(Text("\nNewest orders with a cost", style="bold"), table)


def _amount(facts: Facts, minor: int | None, currency: str, *, code: bool = True) -> str:
    """Whole minor units, never through a float; an amount that could not be read is unknown."""
    if minor is None:
        return "unknown"
    digits = facts["digits"].get(currency, 2)
    whole, rest = divmod(abs(minor), 10**digits)
    text = f"{'-' if minor < 0 else ''}{whole:,}" + (f".{rest:0{digits}}" if digits else "")
    return f"{text} {currency}" if code else text


def _share(part: int, whole: int) -> str:
    if whole <= 0:
        return ""
    tenths = (part * 1000 + whole // 2) // whole
    return f"{tenths // 10}.{tenths % 10} %" if tenths >= 0 else f"-{-tenths // 10}.{-tenths % 10} %"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table
