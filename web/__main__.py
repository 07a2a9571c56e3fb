"""`python -m web`: the web process from a checkout that nothing has installed, as a dyno runs it."""

import typer

from execution.command_line import run_as
from web.cli import web

if __name__ == "__main__":
    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    command.command()(web)
    run_as(command, "python -m web")
