"""`keeper money`: a seller's days, why one changed, what proves them. Joins the command line as a group of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from execution import daily_financial_roll as roll
from execution.backfill_manager import status
from execution.command_line import EXIT_NOT_AS_IT_SHOULD_BE
from execution.command_parts import Json, Platform, Shop, User, app
from execution.connections.choice import matching
from execution.errors import UserError
from execution.reports.money import amount
from execution.terminal import progress_of, show

Facts = Mapping[str, Any]

money = typer.Typer(help="A seller's money by days, why a day changed, and what proves it.", no_args_is_help=True)

First = Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first day, such as 2026-03-01.")]
Last = Annotated[str | None, typer.Option("--to", metavar="DATE", help="The last day.")]
_SHOWN = (
    "gross_sales",
    "discounts",
    "reversals",
    "shipping",
    "other_income",
    "fees",
    "ads",
    "labels",
    "disputes",
    "cost_of_goods",
)
_OPEN = {
    "day_not_over": "the day is not over",
    "not_proven": "not read and proven up to its end",
    "unclassified": "unclassified",
    "uncosted": "orders without a cost",
    "fees_unknown": "orders whose fees are not told",
    "disputes_unknown": "disputes of which nobody says what they took",
}


@money.command("days", short_help="Days of a seller, the newest first.")
def money_days(
    *,
    user_id: User,
    platform: Platform = None,
    shop: Shop = None,
    first: First = None,
    last: Last = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=500)] = 31,
    as_json: Json = False,
) -> None:
    """Days of a seller's shops, the newest first: what was sold, given back, taken and left, and what is still open.

    A day is the shop's own, in its zone. Amounts of two currencies are never added.
    """
    here = app()
    shops = matching(status(here.store, user_id)["connections"], platform=platform, shop_id=shop)
    facts = roll.days(
        here.store,
        user_id,
        first=_day(first),
        last=_day(last),
        connections=[one["connection_id"] for one in shops],
        limit=limit,
    )
    show(facts, as_json=as_json, text=_days)


@money.command("why", short_help="Why a closed day changed, and as it stood.")
def money_why(
    *,
    user_id: User,
    day: Annotated[str, typer.Option(metavar="DATE", help="The day, such as 2026-03-04.")],
    as_of: Annotated[
        str | None, typer.Option(help="As the figures stood at this moment: ISO 8601, such as 2026-04-01T00:00Z.")
    ] = None,
    as_json: Json = False,
) -> None:
    """How a day stands, and every change of its figures since it was closed: what changed, by what run, which rows.

    With --as-of: as it stood at that moment. A run's rows before it are on record for thirty days.
    """
    here = app()
    status(here.store, user_id)
    facts = roll.why(here.store, user_id, _needed(day), as_of=as_of)
    show(facts, as_json=as_json, text=_why)


@money.command("verify", short_help="Hold every closed day against what proves it.")
def money_verify(*, user_id: User, first: First = None, last: Last = None, as_json: Json = False) -> None:
    """Hold every closed day against the rows and against what its platform says of it; name the rows that differ.

    Asks no platform. Exit status 1 where a day differs.
    """
    here = app()
    status(here.store, user_id)
    with progress_of("Proving …"):
        facts = roll.certificates(here.store, user_id, first=_day(first), last=_day(last))
    show(facts, as_json=as_json, text=_verified)
    raise typer.Exit(EXIT_NOT_AS_IT_SHOULD_BE if facts["differing"] else 0)


@money.command("rebuild", short_help="Roll everything up anew from its rows.")
def money_rebuild(*, user_id: User, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """Roll a seller's days up anew, from the rows alone: the same figures, unless a definition has changed.

    Asks no platform. Where this ends in the middle, the clock goes on.
    """
    here = app()
    shops = status(here.store, user_id)["connections"]
    ids = [one["connection_id"] for one in matching(shops, platform=platform, shop_id=shop)]
    with progress_of("Rolling up …"):
        facts = {"shops": roll.rebuild(here.store, user_id, connections=ids)}
    show(facts, as_json=as_json, text=lambda told: f"Rolled up anew: {told['shops']} shops.")


@money.command("reclaim-tax", short_help="Whether the tax on printing is a cost.")
def money_reclaim_tax(
    *,
    user_id: User,
    reclaims: Annotated[bool, typer.Option("--yes/--no", help="Whether the seller gets that tax back.")],
    as_json: Json = False,
) -> None:
    """Say whether a seller gets back the tax that printers charge. Then it is no cost; every day is rolled up anew."""
    here = app()
    status(here.store, user_id)
    here.store.rpc("set_tax_reclaim", p_user_id=user_id, p_reclaims=reclaims)
    while here.store.rpc("finish_work", p_name="rebuild"):
        pass
    roll.roll_up(here.store, user_id)
    words = "is reclaimed, and no cost" if reclaims else "is a cost"
    show({"reclaims_tax": reclaims}, as_json=as_json, text=lambda _: f"The tax on printing {words}.")


def _day(text: str | None) -> date | None:
    return None if text is None else _needed(text)


def _needed(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is no day.", hint="Write it as 2026-03-04.") from None


def _days(facts: Facts) -> RenderableType:
    if not facts["days"]:
        return Text("No days yet: they are rolled up when a backfill has read something.")
    parts: list[RenderableType] = []
    for one in facts["days"]:
        parts.append(Text(f"{one['day']}  {one['platform']} {one['shop_id']}  {_standing(one)}", style="bold"))
        parts.append(_figures(one["currencies"]))
    if facts["next"]:
        parts.append(Text(f"There are more: --to {facts['next']['day']}", style="dim"))
    return Group(*parts)


def _figures(currencies: Facts) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), show_header=False)
    for currency, told in sorted(currencies.items()):
        figures = told["figures"]
        cells = [f"{name.replace('_', ' ')} {amount(figures[name], currency)}" for name in _SHOWN if figures.get(name)]
        cells += [f"{name} not known" for name in told["missing"]]
        orders = f"{figures.get('orders', 0)} orders"
        profit = "not known" if told["profit"] is None else amount(told["profit"], currency)
        table.add_row(currency, orders, ", ".join(cells) or "nothing", f"profit {profit}")
        if "unclassified" in figures:
            table.add_row("", "", f"unclassified {amount(figures['unclassified'], currency)}: in no figure", "")
    return table


def _standing(one: Facts) -> str:
    waits, absent = _listed(one["waits"]), _listed(one["absent"])
    return f"{one['state']}" + (f": {waits}" if waits else "") + (f" (not to be had: {absent})" if absent else "")


def _listed(counts: Facts) -> str:
    """By name and number; of a day's end and its proof there is none."""
    return ", ".join(
        _OPEN.get(name, name) + ("" if name in ("day_not_over", "not_proven") else f": {number}")
        for name, number in sorted(counts.items())
    )


def _why(facts: Sequence[Facts]) -> RenderableType:
    if not facts:
        return Text("Nothing is known of that day.")
    parts: list[RenderableType] = []
    for one in facts:
        parts.append(Text(f"{one['platform']} {one['shop_id']}  {_standing(one)}", style="bold"))
        parts.append(_figures(one["currencies"]))
        parts += [_change(change) for change in one["changes"]]
    return Group(*parts)


def _change(change: Facts) -> RenderableType:
    lines = [Text(f"  {change['at']}  {change['kind']}")]
    for currency, classes in change["classes"].items():
        for name, (before, after) in classes.items():
            then = "nothing" if before is None else amount(before, currency)
            now = "nothing" if after is None else amount(after, currency)
            lines.append(Text(f"    {name}: {then} -> {now}"))
    for cause in change["causes"]:
        if cause.get("run_id"):
            lines.append(
                Text(f"    by run {cause['run_id']} ({cause.get('trigger')}), table {cause['table']}", style="dim")
            )
        else:
            lines.append(Text(f"    because: {cause.get('because') or cause.get('table')}", style="dim"))
        lines += [
            Text(f"      {row['table']} {row['key']}: {row['before']} -> {row['after']}", style="dim")
            for row in cause.get("rows", ())
        ]
    return Group(*lines)


def _verified(facts: Facts) -> RenderableType:
    lines = [
        Text(f"{facts['days']:,} closed days, {len(facts['differing']):,} of them differ; {facts['open']:,} are open.")
    ]
    for one in facts["differing"]:
        lines.append(Text(f"{one['day']}  {one['platform']} {one['shop_id']}", style="bold"))
        lines += [Text(f"  {check['check']}: {check.get('rows') or check.get('differs')}") for check in one["checks"]]
    return Group(*lines)
