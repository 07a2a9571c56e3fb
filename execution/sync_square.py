"""Square: orders of all locations with their lines, payments, payouts, the catalog, stock, people, appointments.

    python -m execution.sync_square --user ID

loads all of it for one user, in this process; `keeper square-bookings` the appointments alone. Everything that is
particular to the platform stands in `execution/platforms/square/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from execution import operations, sync
from execution.app import App
from execution.command_line import EXIT_NOT_AS_IT_SHOULD_BE
from execution.command_parts import Json, Shop, User, app
from execution.entity_loads import CheckResult, EntityLoad, LoadProgress, LoadSummary
from execution.errors import UserError
from execution.platforms.square.platform import SQUARE
from execution.terminal import console, say, show

ENTITIES = SQUARE.entities()
_EVERY_PAGES = 10


def square_bookings(
    *,
    user_id: User,
    location: Annotated[str, typer.Option("--location", help="A location's id or name.")],
    shop: Shop = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what can have changed since it was last read.")
    ] = False,
    updated_after: Annotated[
        str | None,
        typer.Option(
            "--updated-after",
            metavar="TIME",
            help="Only appointments that begin from then on: Square cannot be asked for changes.",
        ),
    ] = None,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not hold it against its proofs.")] = False,
    as_json: Json = False,
) -> None:
    """Load a salon's appointments, all of their history unless less is said, and prove that none is missing.

    Square's list is read for all locations at once, and so is the proof; the last line counts those of the one that is
    named. Exit status 1 where it failed or a check does not hold.
    """
    since = operations.moment(updated_after)
    if incremental and since is not None:
        raise UserError("--incremental and --updated-after are two ways to read less.", hint="Choose one of them.")
    here = app()
    one = EntityLoad(
        app=here,
        user_id=user_id,
        platform=SQUARE.name,
        entity="bookings",
        shop_id=shop,
        incremental=incremental,
        since=since,
    )
    place = _location(here, one, location)
    with _Told(quiet=as_json) as told:
        summary = one.run(on_progress=told)
    checks = one.verify() if summary.is_complete and not no_verify else ()
    held = sum(
        1
        for _ in here.store.read(
            "bookings",
            "platform_id",
            "platform_id",
            connection_id=place["connection_id"],
            location_platform_id=place["platform_id"],
            is_deleted="false",
        )
    )
    facts: dict[str, Any] = {
        **asdict(summary),
        "location": {"id": place["platform_id"], "title": place["title"], "bookings": held},
        "checks": [asdict(check) for check in checks],
    }
    show(facts, as_json=as_json, text=lambda _: _text(summary, checks, place, held))
    raise typer.Exit(0 if summary.is_complete and all(check.ok for check in checks) else EXIT_NOT_AS_IT_SHOULD_BE)


def _location(here: App, one: EntityLoad, named: str) -> Mapping[str, Any]:
    """The location of this id or name. Raises UserError that lists those that there are."""
    connection_id = one.connection_id
    known = _locations(here, connection_id)
    if not any(named in (place["platform_id"], place["title"]) for place in known):
        # It may be newer than the last reading.
        replace(one, entity="locations", incremental=False, since=None).run()
        known = _locations(here, connection_id)
    found = [place for place in known if named in (place["platform_id"], place["title"])]
    if len(found) != 1:
        listed = ", ".join(f"{place['platform_id']} ({place['title']})" for place in known) or "none"
        what = f"several locations called {named!r}" if found else f"no location {named!r}"
        raise UserError(f"There {'are' if found else 'is'} {what}.", hint=f"Known: {listed}.", code="unknown_location")
    return {**found[0], "connection_id": connection_id}


def _locations(here: App, connection_id: str) -> list[dict[str, Any]]:
    return list(
        here.store.read(
            "locations", "platform_id,title", "platform_id", connection_id=connection_id, is_deleted="false"
        )
    )


class _Told:
    """A live bar on a terminal, and a line every ten pages where there is none."""

    def __init__(self, *, quiet: bool) -> None:
        self._bar: Progress | None = None
        self._quiet, self._pages = quiet, 0
        if not quiet and console.is_terminal:
            self._bar = Progress(
                TextColumn("Appointments"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), console=console
            )
            self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, now: LoadProgress) -> None:
        if self._bar:
            total = now.total or (round(now.fetched / now.fraction) if now.fraction else None)
            self._bar.update(self._task, completed=now.fetched, total=total)
        elif not self._quiet and now.pages // _EVERY_PAGES > self._pages // _EVERY_PAGES:
            say(_line(now))
        self._pages = now.pages


def _line(now: LoadProgress) -> str:
    counts = f"fetched {now.fetched:,}, upserted {now.upserted:,}, errors {now.errors:,}, retries {now.retries:,}"
    return f"page {now.pages:,}: {counts}"


def _text(summary: LoadSummary, checks: tuple[CheckResult, ...], place: Mapping[str, Any], held: int) -> str:
    stands = "complete" if summary.is_complete else summary.status.replace("_", " ")
    lines = [
        f"Appointments: {stands}, in {summary.seconds:.1f} s, run {summary.run_id}",
        f"  {_line(summary)}",
        *([f"  {summary.error_code}: {summary.error}"] if summary.error_code else []),
        *(f"  {'passed' if check.ok else 'FAILED'}: {check.name}" for check in checks),
        f"At {place['title']} ({place['platform_id']}): {held:,}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sync.main(SQUARE)
