"""`keeper refresh`: a shop is read anew beside what is there, and swapped in when it is proven."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from execution import operations
from execution.command_parts import Json, Platform, Shop, User, app
from execution.reports import estimates, full_refreshes
from execution.terminal import say, show

refresh = typer.Typer(
    help="Read a shop anew beside what is there, and swap it in when it is proven.", no_args_is_help=True
)


@refresh.command("start", short_help="Begin one, or say what it would do.")
def refresh_start(
    *,
    user_id: User,
    platform: Platform = None,
    shop: Shop = None,
    confirm: Annotated[str | None, typer.Option(metavar="SHOPNAME", help="The shop's name, as it is called.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would cost, and do.")] = False,
    as_json: Json = False,
) -> None:
    """Read all of one shop anew, beside what is here. When every part of it is proven, rows that differ are swapped in
    by one transaction, which `keeper rollback` takes back; until then, and where it fails, nothing changes.

    Its name has to be said (--confirm): who begins one has to know which shop it is.
    """
    here = app()
    facts = operations.start_full_refresh(
        here, user_id=user_id, platform=platform, shop_id=shop, confirm=confirm, dry_run=dry_run
    )
    if dry_run:
        shop_of = {"platform": facts["platform"], "shop_id": facts["shop_id"]}
        facts["estimate"] = estimates.of_user(here, user_id=user_id, **shop_of, entities=[], again=True)
    show(facts, as_json=as_json, text=full_refreshes.planned if dry_run else full_refreshes.started)


@refresh.command("status", short_help="How the newest of each shop stands.")
def refresh_status(*, user_id: User, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """How the newest full refresh of each of a user's shops stands: what is read, and what its swap did."""
    facts = operations.full_refresh_status(app(), user_id=user_id, platform=platform, shop_id=shop)
    show(facts, as_json=as_json, text=lambda told: full_refreshes.as_table(told, datetime.now(UTC)))


@refresh.command("cancel", short_help="End one that is open; nothing changes.")
def refresh_cancel(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its run, of `keeper refresh status`.")], *, user_id: User
) -> None:
    """End a full refresh that is open. What it has read goes; what is here stays as it is."""
    operations.cancel_full_refresh(app(), user_id=user_id, run_id=run)
    say("Cancelled: nothing has changed.")
