"""What commands share: options that several have, and the parts of a process, which check in."""

from __future__ import annotations

from typing import Annotated

import typer

from execution.app import App
from execution.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")]
User = Annotated[str, typer.Option("--user", help="The user's id (a UUID).")]
Platform = Annotated[str | None, typer.Option("--platform", help="One platform; all of the user's by default.")]
Shop = Annotated[str | None, typer.Option("--shop", help="One shop, by its id; all by default.")]


def app() -> App:
    """The parts of a command, which checks in before it does anything: as workers, the clock and the web do."""
    here = unchecked_app()
    here.check_boot()
    return here


def unchecked_app() -> App:
    """For what checks in by itself, or tells what is wrong."""
    return App(settings=Settings.load())
