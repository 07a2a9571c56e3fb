"""The demo's result in words and tables, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from execution.reports import costs, progress
from sandbox.demo.figures import FEES, Figures, Sum
from sandbox.demo.money import amount_text
from sandbox.demo.plan import Plan
from sandbox.demo.result import DemoResult, SellerResult
from sandbox.demo.stand_ins import Shops
from sandbox.shell import lines_for

# Of 80: names and bars share what amounts and counts leave.
_NAMES_AND_BARS = 44
_LONGEST_NAME = 34


def opening(plan: Plan, shops: Shops) -> RenderableType:
    fault = "no faults" if plan.calm else "a token that expires, lists that move, platforms that misbehave"
    return Group(
        Text.from_markup(
            f"Ada sells as [bold]{escape(shops.etsy.shop_name)}[/bold] at Etsy ({plan.orders:,} orders, a few of them "
            f"never paid) and [bold]{escape(shops.shopify.shop_name)}[/bold] at Shopify ({plan.shopify_orders:,}); "
            f"Printify prints for both. Ben sells as [bold]{escape(shops.second.shop_name)}[/bold] at Etsy "
            f"({plan.second_orders:,}). Cleo has the counter [bold]{escape(shops.counter.shop_name)}[/bold] and the "
            f"salon [bold]{escape(shops.salon.shop_name)}[/bold] at Square ({plan.square_orders:,} orders each).\n"
            f"All have just finished onboarding. Workers and a clock load their history: {fault}."
        ),
        "",
    )


def show_result(result: DemoResult, console: Console) -> None:
    """The whole ending, top to bottom."""
    for seller in result.sellers:
        _certificates(seller, console)
    _counted(result, console)
    _shop(result.figures, result.shops.etsy.shop_name, console)
    _costs(result, console)
    _survived(result, console)
    _rejected(result, console)
    _second_act(result, console)
    _effort(result, console)


def how_to_use(data: Path, user_id: str) -> RenderableType:
    lines = [
        *map(escape, lines_for(data)),
        f"keeper backfill status --user {user_id}",
        f"keeper costs --user {user_id}",
        f"keeper rejected list --user {user_id}",
        "psql $DATABASE_URL        # or any client of Supabase at $SUPABASE_URL",
    ]
    return Group("\n[bold]Everything stays up until Ctrl-C. In another shell:[/bold]", *(f"  {line}" for line in lines))


def _heading(text: str, console: Console) -> None:
    console.print(f"\n[bold]{escape(text)}[/bold]")


def _certificates(seller: SellerResult, console: Console) -> None:
    _heading(f"Certificates of {seller.name}", console)
    console.print(progress.verification_table(seller.verified))


def _counted(result: DemoResult, console: Console) -> None:
    """What a counter and a salon have that the others have not."""
    _heading("Cleo's counter and salon", console)
    _list((f"{count:,} {what}" for what, count in result.counted.items()), console)


def _costs(result: DemoResult, console: Console) -> None:
    """What printing cost, and what is left of each order."""
    _heading("What it cost, and what is left", console)
    console.print(Padding(costs.tables(result.costs), (0, 0, 0, 2), expand=False))


def _shop(figures: Figures, name: str, console: Console) -> None:
    _heading(f"{name} in figures", console)
    refunds = f"{figures.refunds.count:,} refunds of {amount_text(figures.refunds.amount, figures.currency)}"
    console.print(
        f"[bold]{figures.orders:,}[/bold] paid orders over [bold]{amount_text(figures.sales, figures.currency)}[/bold]"
        f" with shipping and tax\n{refunds}"
    )
    if figures.customers:
        console.print(
            f"[bold]{figures.customers:,}[/bold] customers, {figures.repeat_customers:,} of them came back "
            f"({figures.repeat_orders * 100 // max(figures.orders, 1)} % of all orders are theirs)"
        )
    _bars("Sales by year", figures.years, figures.currency, console)
    _bars("Best months", figures.months, figures.currency, console)
    _bars("Where it goes", figures.countries, figures.currency, console)
    _bars("Best sellers, before discounts", figures.listings, figures.currency, console, unit="sold")
    _ledger(figures, console)


def _bars(title: str, sums: tuple[Sum, ...], currency: str, console: Console, *, unit: str = "orders") -> None:
    if not sums:
        return
    longest = max(s.amount for s in sums) or 1
    names = min(_LONGEST_NAME, max(len(_one_line(s.name)) for s in sums))
    cells = min(24, _NAMES_AND_BARS - names)
    table = _columns("left", "left", "right", "right")
    for s in sums:
        bar = "█" * max(1, s.amount * cells // longest)
        table.add_row(_short(s.name), Text(bar, style="cyan"), amount_text(s.amount, currency), f"{s.count:,} {unit}")
    console.print(f"\n{title}", style="bold")
    console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _ledger(figures: Figures, console: Console) -> None:
    """The payment account: what came in, what went out, and what is left, to the cent."""
    table = _columns("left", "right", "right")
    for book in figures.ledger:
        amount = amount_text(book.amount, figures.ledger_currency)
        table.add_row(book.name, Text(amount, style="red" if book.amount < 0 else "green"), f"{book.count:,} entries")
    table.add_row("[bold]Balance[/bold]", f"[bold]{amount_text(figures.balance, figures.ledger_currency)}[/bold]", "")
    console.print("\nThe payment account", style="bold")
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    received = sum(book.amount for book in figures.ledger if book.name == "Payments received")
    fees = -sum(book.amount for book in figures.ledger if book.name in FEES)
    if received > 0:
        console.print(f"  Of every 100 received, Etsy kept {_tenths(fees, received)} in fees and advertising.")


def _survived(result: DemoResult, console: Console) -> None:
    struck = [s for s in result.struck if s.times]
    if not struck and not result.refreshes:
        return
    _heading("What went wrong on the way, and was survived", console)
    lines = [f"{s.times} × {s.what}" for s in struck]
    if result.refreshes:
        lines.append(f"{result.refreshes} × access token expiring: refreshed by one process for all")
    _list(lines, console)


def _rejected(result: DemoResult, console: Console) -> None:
    if not result.rejected:
        return
    _heading(f"Rejected records: {len(result.rejected)}", console)
    _list(
        (f"{r['entity']} {r['platform_id'] or '(no readable key)'}: {_one_line(r['reason'])}" for r in result.rejected),
        console,
    )
    console.print(
        "  Kept with their bytes and counted; what could be read landed. `keeper demo --keep` lets you\n"
        "  look:       [bold]keeper rejected list --user ID[/bold]\n"
        "  try again:  [bold]keeper rejected replay --user ID[/bold]",
        soft_wrap=True,
    )


def _second_act(result: DemoResult, console: Console) -> None:
    act = result.second_act
    if act is None:
        return
    _heading("Afterwards: what changed at the platforms, and how it was followed", console)
    _list((f"{name.capitalize()}: {', '.join(what)}" for name, what in act.changes.items()), console)
    table = _columns("left", "left", "right", "left", "right")
    for seen in act.rounds:
        counts = ((seen.created, "new"), (seen.changed, "changed"), (seen.deleted, "gone"))
        told = ", ".join(f"{count} {word}" for count, word in counts if count)
        calls = f"{seen.calls} call{'' if seen.calls == 1 else 's'}"
        late = f"{seen.seconds_late:.1f} s later"
        table.add_row(seen.platform.capitalize(), seen.entity, calls, f"rows: {told}", late)
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    quiet, at_rest = act.at_rest
    lines = [f"{quiet} more rounds found nothing new, in {at_rest} calls, and wrote nothing."]
    if undone := act.undone:
        lines.append(
            f"One round of {undone.platform.capitalize()} was taken back ({undone.removed} rows removed, "
            f"{undone.restored} as they were), and done again: {undone.again} rows."
        )
    _list(lines, console)


def _effort(result: DemoResult, console: Console) -> None:
    _heading("Effort", console)
    extra = (
        f" (at Etsy {result.least_calls:,} would do without faults, overlap and proofs)" if result.least_calls else ""
    )
    spread = ", ".join(f"{name.capitalize()} {count:,}" for name, count in result.calls.items())
    lines = [f"Calls: {spread}{extra}"]
    lines.append(f"{result.backfill_seconds:.1f} s for the backfill, {result.total_seconds:.1f} s in all")
    _list(lines, console)
    console.print(_verdict(result))


def _verdict(result: DemoResult) -> RenderableType:
    if result.ok:
        return Text("\n✓ Complete, and proven.", style="bold green")
    ends = ", ".join(f"{seller.name} {seller.status['backfill_status']}" for seller in result.sellers)
    return Text(f"\n✗ {ends}: not everything is complete and proven.", style="bold red")


def _list(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(f"  {escape(line)}", soft_wrap=True)


def _columns(*justify: str) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for how in justify:
        table.add_column(justify="right" if how == "right" else "left", no_wrap=True)
    return table


def _short(text: str) -> str:
    plain = _one_line(text)
    return escape(plain if len(plain) <= _LONGEST_NAME else plain[: _LONGEST_NAME - 1] + "…")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tenths(part: int, whole: int) -> str:
    """A percentage with one decimal, in integers."""
    tenths = (part * 1000 + whole // 2) // whole
    return f"{tenths // 10}.{tenths % 10}"
