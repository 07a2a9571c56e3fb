"""`keeper goods`: what a seller's own goods cost. Joins the command line as a group of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from execution import goods_costs, goods_files
from execution.backfill_manager import status
from execution.command_line import EXIT_NOT_AS_IT_SHOULD_BE
from execution.command_parts import Json, User, app
from execution.errors import UserError
from execution.reports.money import amount
from execution.terminal import show

Facts = Mapping[str, Any]

goods = typer.Typer(help="What a seller's own goods cost, by SKU or listing, from a day on.", no_args_is_help=True)
_BY = "keeper goods"
_MOST_TOLD = 20


@goods.command("load", short_help="Read costs from a CSV file; a dry run without --apply.")
def load(
    file: Annotated[Path, typer.Argument(help="A CSV file, or - for the standard input.", allow_dash=True)],
    *,
    user_id: User,
    apply: Annotated[bool, typer.Option("--apply", help="Save them; without it nothing is written.")] = False,
    currency: Annotated[str | None, typer.Option(help="Of rows that name none, such as USD.")] = None,
    as_json: Json = False,
) -> None:
    """Read what goods cost from a CSV file, and say what saving it would change; with --apply, save it.

    Columns: sku or listing, cost ("unknown" ends the one before; empty cells are skipped), and where wanted currency,
    valid_from (2026-03-04; else always) and shop. A file with a row that cannot be read is not saved, and ends with
    exit status 1.
    """
    here = app()
    shops = status(here.store, user_id)["connections"]
    found = goods_files.read(_bytes(file), shops=shops, currency=currency and currency.upper())
    previews = goods_costs.compare(here.store, user_id, found.costs)
    facts: dict[str, Any] = {
        **goods_costs.counts(previews),
        "skipped": found.skipped,
        "bad": [one.as_json() for one in found.bad],
        "costs": [one.as_json() for one in previews],
        "save_id": None,
    }
    if apply and found.costs and not found.bad:
        facts.update(goods_costs.save(here.store, user_id, found.costs, by=_BY))
    show(facts, as_json=as_json, text=_loaded)
    raise typer.Exit(EXIT_NOT_AS_IT_SHOULD_BE if found.bad else 0)


@goods.command("list", short_help="What a seller has said, by SKU and listing.")
def list_(
    *,
    user_id: User,
    search: Annotated[str, typer.Option(help="Part of a SKU, or of a listing's id.")] = "",
    after: Annotated[int, typer.Option(help="After this id: where the page before ended.")] = 0,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 100,
    as_json: Json = False,
) -> None:
    """What a seller has said that goods cost, each from its day on until the next one begins."""
    here = app()
    status(here.store, user_id)
    facts = {"costs": goods_costs.listed(here.store, user_id, search=search, after=after, limit=limit)}
    show(facts, as_json=as_json, text=_listed)


@goods.command("remove", short_help="Remove some, by the ids that `list` shows.")
def remove(
    ids: Annotated[list[int], typer.Argument(metavar="ID", help="As `keeper goods list` shows them.")],
    *,
    user_id: User,
    as_json: Json = False,
) -> None:
    """Remove costs as if they had never been said. `keeper goods undo` brings them back."""
    here = app()
    status(here.store, user_id)
    facts = goods_costs.remove(here.store, user_id, ids, by=_BY)
    if not facts["removed"]:
        raise UserError("None of these is there.", hint="See `keeper goods list`.")
    show(facts, as_json=as_json, text=lambda told: f"Removed: {told['removed']}. Undo: {told['save_id']}")


@goods.command("undo", short_help="Take back a save or a removal.")
def undo(
    save_id: Annotated[str, typer.Argument(metavar="SAVE", help="As `load`, `remove` and `list` show it.")],
    *,
    user_id: User,
    as_json: Json = False,
) -> None:
    """Take back what a save or a removal changed, unless a later one changed the same: that is taken back first."""
    here = app()
    status(here.store, user_id)
    facts = goods_costs.undo(here.store, user_id, save_id)
    show(facts, as_json=as_json, text=lambda told: f"Taken back: {told['undone']}. Undo: {told['save_id']}")


def _bytes(file: Path) -> bytes:
    try:
        if str(file) == "-":
            return typer.get_binary_stream("stdin").read(goods_files.MOST_BYTES + 1)
        with file.open("rb") as source:
            return source.read(goods_files.MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None


def _loaded(facts: Facts) -> RenderableType:
    what = f"{facts['created']:,} new, {facts['changed']:,} changed, {facts['unchanged']:,} as they were"
    done = "Saved" if facts["save_id"] else "It would save"
    lines: list[RenderableType] = [Text(f"{done}: {what}. Without a cost: {facts['skipped']:,}.")]
    lines += [Text(f"  row {one['row']}, {one['column']}: {one['reason']}") for one in facts["bad"][:_MOST_TOLD]]
    moved = [one for one in facts["costs"] if one["outcome"] != "unchanged"]
    if moved and not facts["bad"] and not facts["save_id"]:
        lines.append(_previewed(moved[:_MOST_TOLD]))
        lines += [Text(f"  and {len(moved) - _MOST_TOLD:,} more: --json shows all")] if len(moved) > _MOST_TOLD else []
    if facts["bad"]:
        lines.append(Text(f"{len(facts['bad']):,} rows cannot be read, so nothing is saved. Mend them and try again."))
    elif facts["save_id"]:
        lines.append(Text(f"The days are counted again within minutes. Undo: {facts['save_id']}"))
    else:
        lines.append(Text("Nothing was written: add --apply to save it.", style="dim"))
    return Group(*lines)


def _previewed(costs: Sequence[Facts]) -> RenderableType:
    table = Table("row", "what", "from", "until now", "then", box=None, pad_edge=False)
    for one in costs:
        before = "" if one["before"] is None else _price(one["before"])
        table.add_row(str(one["row"]), f"{one['kind']} {one['key']}", _since(one), before, _price(one))
    return table


def _since(one: Facts) -> str:
    return "always" if one["valid_from"] == goods_costs.ALWAYS.isoformat() else str(one["valid_from"])


def _price(one: Facts) -> str:
    return "unknown" if one["cost_amount"] is None else amount(one["cost_amount"], one["currency"])


def _listed(facts: Facts) -> RenderableType:
    if not facts["costs"]:
        return Text("None. `keeper goods load FILE` reads them from a CSV file.")
    table = Table("id", "what", "from", "until", "cost", "save", box=None, pad_edge=False)
    for one in facts["costs"]:
        table.add_row(
            str(one["id"]), f"{one['kind']} {one['key']}", _since(one), one["valid_until"] or "", _price(one),
            one["save_id"],
        )  # fmt: skip
    return table
