"""What `python -m execution.sync_<platform>` does: the backfill of a user's shops there, worked in this process."""

from __future__ import annotations

from typing import Any, NoReturn

import typer

from execution import cli, operations
from execution.backfill_manager import OUTCOME_WORDS
from execution.command_line import run_as
from execution.command_parts import Json, Shop, User, app
from execution.platforms.platform import Platform
from execution.terminal import show


def main(platform: Platform) -> NoReturn:
    """Parse the command line, start the backfill of this platform, work until nothing is due."""
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

    @command.command(help=f"Load a user's whole history from {platform.title}, in this process, until nothing is due.")
    def sync(
        *,
        user_id: User,
        shop: Shop = None,
        entity: cli.Entities = None,
        again: cli.Again = False,
        wait: cli.Wait = 60.0,
        as_json: Json = False,
    ) -> None:
        here = app()
        started = operations.start_backfill(
            here, user_id=user_id, platform=platform.name, shop_id=shop, entities=entity or [], again=again
        )
        worked = operations.run_until_idle(here, wait_seconds=wait)
        facts: dict[str, Any] = {**started, **worked}
        lines = [f"{job['entity']}: {OUTCOME_WORDS[job['outcome']]}" for job in started["jobs"]]
        text = "\n".join((*lines, f"{worked['slices']} slices worked, nothing claimable."))
        show(facts, as_json=as_json, text=lambda _: text)

    run_as(command, f"python -m execution.sync_{platform.name}")
