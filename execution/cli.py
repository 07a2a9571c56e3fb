"""The command line: every command parses, calls one function, prints. Facts come as JSON with --json.

Exit status: 0 done; 1 something is not as it should be (a failed entity, a proof that does not hold); 2 bad input or
settings, or a database that does not answer, told in one line; 130 interrupted. Commands of the sandbox and the web
join through entry points.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from execution import __version__, operations, runs, shipped, traces
from execution.backfill_manager import OUTCOME_WORDS
from execution.catalog import PLATFORMS, platform_named
from execution.command_line import EXIT_NOT_AS_IT_SHOULD_BE, run_as
from execution.command_parts import Json, Platform, Shop, User, app, unchecked_app
from execution.connections.choice import origins
from execution.doctor import examination
from execution.errors import UserError
from execution.event_commands import events
from execution.goods_commands import goods
from execution.money_commands import money
from execution.operator_commands import jobs, platforms, tenants
from execution.process import logs
from execution.refresh_commands import refresh
from execution.reports import budget as budget_report
from execution.reports import costs as cost_of_goods
from execution.reports import deletions, estimates, obligations, progress
from execution.reports import runs as run_report
from execution.reports import webhooks as webhooks_report
from execution.schema import migration_files
from execution.settings import database_url
from execution.sync_orchestrator import OUTCOME_WORDS as ROUND_WORDS
from execution.terminal import console, moment_text, plain_facts, progress_of, say, show
from execution.tokens import key_rotation
from execution.user_commands import user

cli = typer.Typer(
    name="keeper",
    help="Loads a seller's whole history into Supabase, proves it complete and keeps it fresh.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
backfill = typer.Typer(help="Start a backfill and see how it stands.", no_args_is_help=True)
rejected = typer.Typer(help="Records that could not be mapped.", no_args_is_help=True)
migrations = typer.Typer(help="The database's migrations.", no_args_is_help=True)
keys = typer.Typer(help="The key ring that encrypts stored tokens.", no_args_is_help=True)
cli.add_typer(user, name="user")
cli.add_typer(migrations, name="migrations")
cli.add_typer(keys, name="keys")
cli.add_typer(backfill, name="backfill")
cli.add_typer(rejected, name="rejected")
runs_of = typer.Typer(help="What was read, what it changed, and until when it can be undone.", no_args_is_help=True)
cli.add_typer(runs_of, name="runs")
hooks = typer.Typer(help="The webhooks by which shops tell what changed.", no_args_is_help=True)
cli.add_typer(hooks, name="webhooks")
brake = typer.Typer(help="Very many records that seem to be gone: nothing goes until you say so.", no_args_is_help=True)
cli.add_typer(brake, name="deletions")
owed = typer.Typer(help="What platforms' privacy laws ask of us.", no_args_is_help=True)
cli.add_typer(owed, name="obligations")
cli.add_typer(events, name="events")
cli.add_typer(refresh, name="refresh")
cli.add_typer(money, name="money")
cli.add_typer(goods, name="goods")
cli.add_typer(jobs, name="jobs")
cli.add_typer(platforms, name="platforms")
cli.command("tenants", short_help="Users, the newest first, with how they stand.")(tenants)

_names = sorted(PLATFORMS)
_NAMES = f"{', '.join(_names[:-1])} or {_names[-1]}"

Entities = Annotated[list[str] | None, typer.Option("--entity", help="One; may be given again. All by default.")]
Again = Annotated[bool, typer.Option("--again", help="Read what is complete already once more.")]
Wait = Annotated[float, typer.Option(help="Seconds that a parked job may still be away and be waited for.", min=0)]


def _print_version(wanted: bool) -> None:  # noqa: FBT001  typer hands over the option's value
    if wanted:
        say(f"keeper {__version__}")
        raise typer.Exit


@cli.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@cli.command(short_help="Apply the migrations that the database lacks.")
def migrate(
    *,
    include_all: Annotated[
        bool, typer.Option("--include-all", help="Also those that are older than what is applied.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Apply the migrations that the database at DATABASE_URL does not have yet."""
    from execution.schema.migrations import migrate as apply  # noqa: PLC0415  only this command needs a driver

    applied = apply(database_url(), include_all=include_all)
    text = "\n".join(f"applied {name}" for name in applied) or "Nothing to do: the database is up to date."
    show({"applied": applied}, as_json=as_json, text=lambda _: text)


@migrations.command("export", short_help="Write the migrations into another project.")
def migrations_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Its folder, supabase/migrations.")],
    *,
    as_json: Json = False,
) -> None:
    """Write the migrations into the folder of a Supabase project of your own, for `supabase db push`."""
    written = migration_files.export(folder)
    text = "\n".join(f"wrote {name}" for name in written) or "Nothing to do: the folder has them all."
    show({"written": written}, as_json=as_json, text=lambda _: text)


@user.command("create")
def user_create(
    *,
    email: Annotated[str, typer.Option(help="The address that the user signs in with.")],
    plan: Annotated[
        str | None, typer.Option(help="free, starter, pro or enterprise. A new user is free, another keeps its plan.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a user, or tell the id of the one with this address; `user find` only looks."""
    facts = operations.create_user(app(), email=email, plan=plan)
    show(facts, as_json=as_json, text=lambda told: str(told["user_id"]))


@user.command("find")
def user_find(
    *, email: Annotated[str, typer.Option(help="The address that the user signs in with.")], as_json: Json = False
) -> None:
    """Tell the id of the user with this address; an error where there is none. Nobody is created."""
    facts = operations.find_user(app(), email=email)
    show(facts, as_json=as_json, text=lambda told: str(told["user_id"]))


@user.command("erase-buyer", short_help="Erase a buyer from a user's shops, for good.")
def user_erase_buyer(
    *,
    user_id: User,
    buyer: Annotated[str | None, typer.Option(help="The platform's own number of the buyer.")] = None,
    email: Annotated[str | None, typer.Option(help="The buyer's address, where that is all that is known.")] = None,
    platform: Platform = None,
    shop: Shop = None,
    as_json: Json = False,
) -> None:
    """Erase all that names a buyer, for good: orders stay as figures. Exit status 1 where no shop knew the buyer."""
    here = app()
    shops = operations.status(here, user_id=user_id, platform=platform, shop_id=shop)["connections"]
    facts = obligations.erase_buyer(here.store, shops, user_id=user_id, buyer=buyer, email=email)
    show(facts, as_json=as_json, text=_erased)
    raise typer.Exit(0 if any(one["known"] for one in facts) else EXIT_NOT_AS_IT_SHOULD_BE)


@owed.command("list", short_help="What is open, the oldest first.")
def obligations_list(
    *,
    with_settled: Annotated[bool, typer.Option("--all", help="Those that were settled as well.")] = False,
    as_json: Json = False,
) -> None:
    """What platforms asked for, of whom, since when, and who has to act. Laws give a month."""
    facts = obligations.read(app().store, with_settled=with_settled)
    show(facts, as_json=as_json, text=lambda told: obligations.table(told) if told else "Nothing is open.")


@owed.command("settle", short_help="Say that one is done, and how.")
def obligations_settle(
    number: Annotated[int, typer.Argument(help="Its number in the list.")],
    *,
    outcome: Annotated[str, typer.Option(help="How it was settled, in some words; no names of buyers.")],
    as_json: Json = False,
) -> None:
    """Say that an obligation is done. What it named is erased from it."""
    facts = obligations.settle(app().store, number=number, outcome=outcome)
    show(facts, as_json=as_json, text=lambda _: f"Obligation {number} is settled.")


@cli.command(short_help="Connect a user's shop.")
def connect(
    platform: Annotated[str, typer.Argument(help=_NAMES)],
    *,
    user_id: User,
    shop_id: Annotated[str, typer.Option(help="The shop's id on the platform.")],
    access_token: Annotated[str, typer.Option(help="As the platform issued it; '-' reads it from standard input.")],
    refresh_token: Annotated[str | None, typer.Option(help="The refresh token that came with it.")] = None,
    expires_at: Annotated[
        str | None, typer.Option(help="When the access token expires: ISO 8601, or Unix seconds.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="What amounts are in, where the platform never says it. Assumed by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Connect a user's shop. The token is tried on the platform before anything is stored, and stored encrypted."""
    facts = operations.connect(
        app(),
        platform=platform,
        user_id=user_id,
        shop_id=shop_id,
        access_token=sys.stdin.readline().strip() if access_token == "-" else access_token,  # noqa: S105
        refresh_token=refresh_token,
        expires_at=operations.moment(expires_at),
        currency=currency,
    )
    show(
        facts,
        as_json=as_json,
        text=_connected,
    )


@cli.command(short_help="Look for what is new in a user's shops, now.")
def sync(
    *, user_id: User, platform: Platform = None, shop: Shop = None, entity: Entities = None, as_json: Json = False
) -> None:
    """Queue a round of a user's shops now, although none is due: what is new since the last one is read.

    What was never loaded needs its backfill first (`keeper backfill start`).
    """
    facts = operations.sync(app(), user_id=user_id, platform=platform, shop_id=shop, entities=entity or [])
    show(facts, as_json=as_json, text=lambda told: _queued(told, ROUND_WORDS))


@brake.command("list", short_help="What is held back, the oldest first.")
def deletions_list(*, user_id: User, as_json: Json = False) -> None:
    """What seems to be gone of a user's shops in such numbers that nothing of it went. Exits 1 where there is any."""
    facts = deletions.held(app().store, user_id)
    show(facts, as_json=as_json, text=deletions.as_text)
    raise typer.Exit(EXIT_NOT_AS_IT_SHOULD_BE if facts else 0)


@brake.command("confirm", short_help="They are gone: mark them so.")
def deletions_confirm(
    number: Annotated[int, typer.Argument(help="Its number in the list.")], *, user_id: User, as_json: Json = False
) -> None:
    """Say that what is held back is gone. It is marked so, softly; `keeper restore` brings it back for ninety days."""
    facts = deletions.decide(app().store, user_id=user_id, number=number, decision="confirmed")
    show(facts, as_json=as_json, text=lambda told: f"{told['gone']} records are marked gone.")


@brake.command("dismiss", short_help="They are not gone: leave them.")
def deletions_dismiss(
    number: Annotated[int, typer.Argument(help="Its number in the list.")], *, user_id: User, as_json: Json = False
) -> None:
    """Say that what is held back is not gone. Two more readings have to miss it before you are asked again."""
    facts = deletions.decide(app().store, user_id=user_id, number=number, decision="dismissed")
    show(facts, as_json=as_json, text=lambda _: "Nothing was marked gone.")


@cli.command(short_help="Bring back what a run marked gone.")
def restore(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")], *, user_id: User, as_json: Json = False
) -> None:
    """Bring back every record that a run marked gone, with what went along. Asks no platform.

    What the platform still does not show has to be missed twice again before it goes.
    """
    facts = deletions.restore(app().store, user_id=user_id, run_id=run_id)
    show(facts, as_json=as_json, text=lambda told: f"{told['restored']} records are back.")


@hooks.command("list", short_help="How the webhooks of a user's shops stand.")
def webhooks_list(*, user_id: User, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """How the webhooks of a user's shops stand: whether they work, what they lack, and when they were looked at.

    Exits 1 where those of a connected shop do not all work.
    """
    facts = operations.webhooks(app(), user_id=user_id, platform=platform, shop_id=shop)
    show(facts, as_json=as_json, text=webhooks_report.as_text)
    raise typer.Exit(0 if webhooks_report.all_work(facts) else EXIT_NOT_AS_IT_SHOULD_BE)


@hooks.command("check", short_help="Look at them now, and mend what is gone.")
def webhooks_check(*, user_id: User, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """Queue that the webhooks of a user's shops are looked at now; the clock does it once a day.

    What is gone, or leads elsewhere, is made again. No other app's webhook is touched.
    """
    facts = operations.check_webhooks(app(), user_id=user_id, platform=platform, shop_id=shop)
    show(facts, as_json=as_json, text=lambda told: f"Queued for {told['shops']} shops.")


def _connected(told: Mapping[str, Any]) -> str:
    done = f"Connected {told['shop_name'] or told['shop_id']} ({told['platform']} shop {told['shop_id']})."
    missing = ", ".join(told["missing_rights"])
    if not missing:
        return done
    return f"{done}\nNot granted: {missing}. What needs it is not read until you connect again with it."


@backfill.command("start", short_help="Queue a user's backfill, or say what it would cost.")
def backfill_start(
    *,
    user_id: User,
    platform: Platform = None,
    shop: Shop = None,
    entity: Entities = None,
    again: Again = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would cost; asks for counts.")] = False,
    as_json: Json = False,
) -> None:
    """Queue the backfill of a user. What runs is left alone, what failed is queued again."""
    if dry_run:
        estimate = estimates.of_user(
            app(), user_id=user_id, platform=platform, shop_id=shop, entities=entity or [], again=again
        )
        show(estimate, as_json=as_json, text=estimates.as_text)
        return
    facts = operations.start_backfill(
        app(), user_id=user_id, platform=platform, shop_id=shop, entities=entity or [], again=again
    )
    show(facts, as_json=as_json, text=_started)


@backfill.command("status", short_help="How a user's backfill stands.")
def backfill_status(*, user_id: User, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """How a user's backfill stands: entities, counts, when it goes on, certificates, failures."""
    facts = operations.status(app(), user_id=user_id, platform=platform, shop_id=shop)
    show(facts, as_json=as_json, text=lambda told: progress.status_table(told, datetime.now(UTC)))


@backfill.command("watch", short_help="Watch a backfill until it has ended.")
def backfill_watch(*, user_id: User, platform: Platform = None, shop: Shop = None) -> None:
    """Watch a backfill until it has ended; it goes on without you."""
    here = app()

    def look() -> Mapping[str, Any]:
        facts = operations.status(here, user_id=user_id, platform=platform, shop_id=shop)
        return plain_facts(facts if platform is None and shop is None else progress.of_its_jobs(facts))

    final = progress.watch(look, console=console, clock=here.clock)
    raise typer.Exit(0 if final["backfill_status"] == "completed" else EXIT_NOT_AS_IT_SHOULD_BE)


@cli.command(short_help="Work jobs in this process until nothing is due.")
def run(
    *,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Stop when nothing is claimable.")] = False,
    wait: Wait = 60.0,
    as_json: Json = False,
) -> None:
    """Work jobs in this process, without Valkey's bells; --until-idle stops when there is nothing left to do now."""
    if not until_idle:
        raise UserError("`keeper run` needs --until-idle.", hint="For a process that stays, use `keeper worker`.")
    traces.configure("run")
    facts = operations.run_until_idle(app(), wait_seconds=wait)
    due = facts["next_due"]
    parked = f" Next job: {moment_text(datetime.fromisoformat(due))}." if due else ""
    show(facts, as_json=as_json, text=lambda told: f"{told['slices']} slices worked, nothing claimable.{parked}")


@cli.command(short_help="Hold what is complete against its proofs once more.")
def verify(
    *,
    user_id: User,
    platform: Platform = None,
    shop: Shop = None,
    sample: Annotated[
        int, typer.Option(min=0, max=100, help="So many random old pages of each entity are read again and compared.")
    ] = 0,
    no_repair: Annotated[bool, typer.Option("--no-repair", help="Queue nothing to be read again.")] = False,
    as_json: Json = False,
) -> None:
    """Hold every completed entity against its audit and proofs once more; exit status 1 if not ok.

    What is missing is queued to be read again, unless --no-repair. No platform is asked, but for --sample.
    """
    here = app()
    facts = operations.verify(here, user_id=user_id, platform=platform, shop_id=shop, repair=not no_repair)
    if sample:
        facts["sample"] = operations.sample(here, user_id=user_id, platform=platform, shop_id=shop, times=sample)
        facts["ok"] = facts["ok"] and not any(one["differences"] for one in facts["sample"])
    show(facts, as_json=as_json, text=progress.verification_table)
    raise typer.Exit(0 if facts["ok"] else EXIT_NOT_AS_IT_SHOULD_BE)


@runs_of.command("list", short_help="A user's runs, the newest first.")
def runs_list(
    *,
    user_id: User,
    platform: Platform = None,
    shop: Shop = None,
    before: Annotated[str | None, typer.Option(help="Only older ones: the last line's time, to read on.")] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=500)] = 20,
    as_json: Json = False,
) -> None:
    """Backfills, rounds, readings that webhooks asked for, rollbacks: what each changed and cost."""
    here = app()
    shops = operations.status(here, user_id=user_id, platform=platform, shop_id=shop)["connections"]
    until = moment.isoformat() if (moment := operations.moment(before)) else None
    facts = runs.of_user(here.store, user_id, shops, before=until, limit=limit)
    show(facts, as_json=as_json, text=run_report.listed)


@runs_of.command("show", short_help="One run: what it changed, table by table.")
def runs_show(run: Annotated[str, typer.Argument(metavar="RUN", help="Its id.")], *, as_json: Json = False) -> None:
    """One run: what it read, what it created, changed and deleted in each table, and whether it can be undone."""
    show(runs.one(app().store, run), as_json=as_json, text=run_report.as_text)


@cli.command(short_help="Take a run back: rows as they were before it.")
def rollback(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, of `keeper runs list`.")],
    *,
    with_later: Annotated[
        bool, typer.Option("--with-later", help="Also the later runs that changed the same rows.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Take a run back, in one transaction: every row as it was before it, and watermarks too, so that the next round
    reads what it read again. A rollback is a run itself, and is taken back in the same way.
    """
    here = app()
    if not yes and not dry_run:
        planned = operations.roll_back(here, run_id=run, with_later=with_later, dry_run=True)
        show(planned, as_json=False, text=run_report.rolled_back)
        typer.confirm("Do that?", abort=True)
    facts = operations.roll_back(here, run_id=run, with_later=with_later, dry_run=dry_run)
    show(facts, as_json=as_json, text=run_report.rolled_back)


@cli.command(short_help="Who used what of the platforms' budgets.")
def budget(
    *,
    platform: Annotated[str | None, typer.Option(help="One platform; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """The budgets: who used what in 24 hours, what is reserved, when it frees, when backfills will be done."""
    here = app()
    if platform is not None:
        platform_named(platform)
    facts = budget_report.read(here.store, here.budgets, platform)
    show(facts, as_json=as_json, text=budget_report.table)


@cli.command(short_help="Cost of goods and profit, and what is not linked.")
def costs(
    *,
    user_id: User,
    platform: Platform = None,
    shop: Shop = None,
    limit: Annotated[int, typer.Option(help="How many orders and open costs to list.", min=0, max=10_000)] = 10,
    as_json: Json = False,
) -> None:
    """Cost of goods and profit by platform and currency; the printers' orders that could not be linked, and why."""
    here = app()
    # Refuses a user who is not there.
    shops = operations.status(here, user_id=user_id, platform=platform, shop_id=shop)["connections"]
    narrows = platform is not None or shop is not None
    facts = cost_of_goods.report(here.store, user_id, limit=limit, shops=shops if narrows else None)
    show(facts, as_json=as_json, text=cost_of_goods.tables)


@cli.command(short_help="Say what a printer's cost covers; count again.")
def recost(
    *,
    covers: Annotated[str, typer.Option(help="What a line's cost covers: piece or line.")],
    source: Annotated[str | None, typer.Option(help="Whose cost; the printer's, where there is one.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether a printer's cost is that of one piece or of a whole line, and count every order of it again."""
    facts = cost_of_goods.set_rule(app().store, source=source, covers=covers)
    show(
        facts,
        as_json=as_json,
        text=lambda told: f"A cost at {told['source']} covers a {covers}; counted again for {told['users']} users.",
    )


@cli.command(short_help="Derive the typed columns again from what is stored.")
def remap(
    *,
    user_id: User,
    platform: Annotated[str, typer.Option(help=_NAMES)],
    shop: Shop = None,
    entity: Annotated[str | None, typer.Option(help="One entity; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """Derive the typed columns again from what was stored, after a mapping was mended. Calls no platform."""
    facts = operations.remap(app(), user_id=user_id, platform=platform, shop_id=shop, entity=entity)
    show(facts, as_json=as_json, text=_remapped)


@cli.command(short_help="Derive again what is derived from rows.")
def rebuild(*, user_id: User, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """Derive costs, their links and what orders cost again from the records that are here. Calls no platform."""
    facts = operations.rebuild(app(), user_id=user_id, platform=platform, shop_id=shop)
    show(facts, as_json=as_json, text=_rebuilt)


@rejected.command("list", short_help="The records, with the reason of each.")
def rejected_list(*, user_id: User, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """Records that could not be mapped, or only in part, with the reason. --json shows their bytes, in base64."""
    facts = operations.rejected(app(), user_id=user_id, platform=platform, shop_id=shop)
    show(facts, as_json=as_json, text=_listed)


@rejected.command("replay", short_help="Try them again, after the mapping was mended.")
def rejected_replay(*, user_id: User, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """Try what was kept of rejected records again, after the mapping was mended. Calls no platform.

    Exits 1 where any stays rejected; `keeper rejected fetch` reads them from the platform once more.
    """
    facts = operations.replay_rejected(app(), user_id=user_id, platform=platform, shop_id=shop)
    show(
        facts,
        as_json=as_json,
        text=lambda told: f"{told['landed']} records landed, {told['refused']} were refused again.",
    )
    raise typer.Exit(EXIT_NOT_AS_IT_SHOULD_BE if facts["refused"] else 0)


@rejected.command("fetch", short_help="Read them from their platform once more.")
def rejected_fetch(
    *, user_id: User, platform: Platform = None, shop: Shop = None, entity: Entities = None, as_json: Json = False
) -> None:
    """Queue that rejected records are read from their platform by id once more, after they were mended there.

    Exits 1 where there are some and none can be asked for; it says what reads them instead.
    """
    facts = operations.fetch_rejected(app(), user_id=user_id, platform=platform, shop_id=shop, entities=entity or [])
    show(facts, as_json=as_json, text=lambda told: _fetched(told, user_id))
    is_any_queued = any(one["outcome"] == "queued" for one in facts)
    raise typer.Exit(0 if is_any_queued or not facts else EXIT_NOT_AS_IT_SHOULD_BE)


@keys.command("status", short_help="How many stored tokens each key holds.")
def keys_status(*, as_json: Json = False) -> None:
    """How many stored tokens each key of the ring holds: the proof, before one is taken out."""
    here = unchecked_app()
    facts = key_rotation.keys_status(here.store, here.keyring)
    show(facts, as_json=as_json, text=key_rotation.as_text)
    raise typer.Exit(0 if facts["ok"] else EXIT_NOT_AS_IT_SHOULD_BE)


@keys.command("rotate", short_help="Encrypt every stored token with the first key.")
def keys_rotate(*, as_json: Json = False) -> None:
    """Encrypt every stored token with the ring's first key, while workers run. Asks no platform."""
    here = app()
    facts = key_rotation.rotate_keys(here.store, here.keyring)
    show(facts, as_json=as_json, text=key_rotation.as_text)
    raise typer.Exit(0 if facts["ok"] else EXIT_NOT_AS_IT_SHOULD_BE)


@cli.command(short_help="Look whether all is set up as it should be.")
def doctor(*, as_json: Json = False) -> None:
    """Ask each part whether it is as it should be: settings, keys, schema, Valkey, platforms, clocks, addresses.

    A call to each platform that can prove its key, booked as every other. Exits 1 where anything failed.
    """
    lines = []
    with progress_of("Looking …") as told:
        for line in examination.examine():
            told(f"Looked at {line.name} …")
            lines.append(line)
            if not as_json:
                show(asdict(line), as_json=False, text=examination.as_text)
    if as_json:
        show(examination.as_facts(lines), as_json=True, text=str)
    raise typer.Exit(0 if examination.is_well(lines) else EXIT_NOT_AS_IT_SHOULD_BE)


@cli.command(short_help="Work the queue until SIGTERM.")
def worker(
    *,
    processes: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 2,
    threads: Annotated[int, typer.Option(help="Threads in each.", min=1)] = 2,
    nice: Annotated[int, typer.Option(help="How far to yield to other processes of the machine.", min=0, max=19)] = 10,
) -> None:
    """Work the queue until SIGTERM. A stop finishes the page in hand and gives the job back."""
    # A person who waits for the web process goes first where both share a machine; a page can wait.
    os.nice(nice)
    unchecked_app().wait_for_boot()
    operations.work_forever(processes=processes, threads=threads)


@cli.command(short_help="Ring for due jobs, until SIGTERM.")
def clock(*, every: Annotated[float, typer.Option(help="Seconds between two beats.", min=0.05)] = 2.0) -> None:
    """Ring for due jobs and take back those of dead workers, until SIGTERM. Two at once do no harm."""
    logs.configure()
    here = unchecked_app()
    here.wait_for_boot()
    operations.keep_time(here, every_seconds=every)


def _started(facts: Mapping[str, Any]) -> str:
    return _queued(facts, OUTCOME_WORDS)


def _queued(facts: Mapping[str, Any], words: Mapping[Any, str]) -> str:
    origin = origins(facts["jobs"])
    return "\n".join(f"{origin(j)} {j['entity']}: {words[j['outcome']]}" for j in facts["jobs"])


def _remapped(facts: Mapping[str, Any]) -> str:
    origin = origins(facts["tables"])
    several = len({t["shop_id"] for t in facts["tables"]}) > 1
    return "\n".join(
        f"{f'{origin(t)} ' if several else ''}{t['table']}: {t['rows']} rows read, {t['changed']} changed"
        for t in facts["tables"]
    )


def _erased(facts: Sequence[Mapping[str, Any]]) -> str:
    lines = (
        f"{one['platform']} shop {one['shop_id']}: "
        + (f"erased, with {one['orders']} orders" if one["known"] else "nobody of that name is known")
        for one in facts
    )
    return "\n".join(lines) or "No shop is connected."


def _rebuilt(facts: Sequence[Mapping[str, Any]]) -> str:
    lines = (f"{one['platform']} shop {one['shop_id']}: {one['rows']} orders derived" for one in facts)
    return "\n".join(lines) or "No shop is connected."


_LANDED = {"open": "", "partial": " (landed in part)"}


def _listed(facts: Sequence[Mapping[str, Any]]) -> str:
    origin = origins(facts)
    lines = (
        f"{r['id']}  {origin(r)} {r['stream']} {r['platform_id'] or '(no key)'}{_LANDED[r['status']]}: {r['reason']}"
        for r in facts
    )
    return "\n".join(lines) or "No rejected records."


def _fetched(facts: Sequence[Mapping[str, Any]], user_id: str) -> str:
    origin = origins(facts)
    lines = []
    for one in facts:
        words = operations.FETCH_OUTCOME_WORDS[one["outcome"]]
        if one["outcome"] in ("no_lookup", "no_key"):
            whose = f"--user {user_id} --platform {one['platform']} --shop {one['shop_id']}"
            entity = f" --entity {one['entity']}" if one["entity"] else ""
            words += f"; `keeper backfill start {whose}{entity} --again` reads all anew"
        lines.append(f"{origin(one)} {one['stream']}: {one['records']} {words}")
    return "\n".join(lines) or "No rejected records."


def join_commands() -> None:
    """Add the commands from outside, once."""
    known = {command.name for command in cli.registered_commands}
    for point in shipped.commands():
        if point.name not in known:
            command = _command(point)
            # The first sentence: the list of commands has a line or two for each.
            short = (command.__doc__ or "").partition("\n")[0].partition(". ")[0]
            cli.command(point.name, short_help=short)(command)


def main() -> NoReturn:
    """Run the command line with the commands from outside."""
    join_commands()
    run_as(cli, "keeper")


def _command(point: EntryPoint) -> Callable[..., Any]:
    """A command from outside. Where its packages are not installed (a dyno), it says so; the others work."""
    try:
        command: Callable[..., Any] = point.load()
    except ModuleNotFoundError as error:
        missing = error.name

        def command(_: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
            raise UserError(
                f"`keeper {point.name}` needs the package {missing}.", hint="Run `pip install 'keeper[sandbox]'`."
            )

        command.__doc__ = f"Not installed here: needs the package {missing}."
    return command
