"""A command line as a process: what a user can mend is one line on standard error; the exit status says the rest."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from execution.errors import KeeperError, StoreUnavailable, UserError
from execution.process import logs
from execution.terminal import refuse, say

EXIT_NOT_AS_IT_SHOULD_BE, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


def run_as(command: typer.Typer, name: str) -> NoReturn:
    """Run a command line by this name; what a user can mend is one line on standard error."""
    # A person reads one line of what went wrong, not the events behind it; processes that stay set their own level.
    status = 0
    try:
        logs.configure(os.environ.get("LOG_LEVEL") or "critical")
        # Typer's own mistakes take four lines; they are told in ours.
        status = command(prog_name=name, standalone_mode=False) or 0
    except typer.TyperException as error:
        refuse(_usage(error, name), EXIT_BAD_INPUT)
    except typer.Abort:
        refuse("Interrupted.", EXIT_INTERRUPTED)
    except (UserError, StoreUnavailable) as error:
        refuse(str(error), EXIT_BAD_INPUT)
    except KeeperError as error:
        refuse(str(error), EXIT_NOT_AS_IT_SHOULD_BE)
    except KeyboardInterrupt:
        refuse("Interrupted.", EXIT_INTERRUPTED)
    sys.exit(status)


def _usage(error: Exception, name: str) -> str:
    """What was typed wrong, and where its help is. A group called alone shows its help."""
    context = getattr(error, "ctx", None)
    if context is not None and type(error).__name__ == "NoArgsIsHelpError":
        say(context.get_help())
        sys.exit(EXIT_BAD_INPUT)
    where = context.command_path if context is not None else name
    message = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    end = "" if message.endswith((".", "?", "!")) else "."
    return f"{message}{end} See `{where} --help`."
