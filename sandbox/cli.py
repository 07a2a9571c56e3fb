"""Commands that need the sandbox; they reach `keeper` through entry points, so that execution never imports this."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from execution.errors import UserError
from execution.schema.migrations import migrate
from sandbox.demo_seller import DemoSeller, prepare_demo_seller
from sandbox.keeper_processes import KeeperProcesses
from sandbox.shell import lines_for
from sandbox.stack import (
    AlreadyRunning,
    Extra,
    NotInstalled,
    Stack,
    StackError,
    Stopped,
    UnusableFolder,
    running_env,
    stop_flag,
)
from sandbox.stack.keys import env_text
from sandbox.standalone import STAND_INS, run_sandbox

_MOST_NAMED = 5

EXTRAS = [
    Extra(
        name=name,
        argv=(sys.executable, "-P", "-m", f"sandbox.{name}", "--port", "0", "--ready-file", "{ready_file}"),
    )
    for name in STAND_INS
]


def up(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the data and the keys; made if absent.")] = Path(".keeper"),
    print_env: Annotated[
        bool, typer.Option("--print-env", help="Print KEY=value lines for other processes, nothing else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as one line of JSON.")] = False,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="Also run the stand-ins for the platforms and, for people, Keeper itself."),
    ] = False,
    port: Annotated[int, typer.Option(help="Of the pages; another one if it is taken.", min=0, max=65535)] = 8000,
) -> None:
    """Start the embedded stack (PostgreSQL, PostgREST, Valkey) and keep it running until Ctrl-C.

    With --sandbox the stand-ins run as well, and unless a program asks for the environment (--print-env, --json)
    workers, clock and web too, with a seller to sign in as.  A second start on the same folder reuses its data and
    keys.  With --print-env, a stack that already runs there is told of instead of started.
    """
    how = "env" if print_env else "json" if as_json else "people"
    try:
        _run(data, sandbox=sandbox, how=how, port=port)
    except AlreadyRunning as error:
        if not print_env:
            raise UserError(str(error)) from error
        env = running_env(data)
        if env is None:  # it ended while we looked
            raise UserError(f"The stack on {data} has just stopped.", hint="Start it again.") from error
        _print(env_text(env))
    except (NotInstalled, UnusableFolder) as error:
        raise UserError(str(error)) from error
    except Stopped as stopped:
        _log(f"Stopped while starting ({stopped.signal.name}).")
        raise typer.Exit(128 + stopped.signal) from stopped
    except StackError as error:
        _log(str(error))
        raise typer.Exit(1) from error


def sandbox(
    platform: Annotated[str, typer.Argument(help="Which platform to stand in for.")] = "etsy",
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 0,
    seed: Annotated[int, typer.Option(help="Of chance: faults by probability, token hiccups.")] = 0,
    state_dir: Annotated[Path | None, typer.Option(help="Where its files lie; a temporary folder by default.")] = None,
    print_env: Annotated[
        bool, typer.Option("--print-env", help="Print KEY=value lines for other processes, nothing else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as one line of JSON.")] = False,
) -> None:
    """Run the stand-in for a platform in the foreground until Ctrl-C. See docs/sandbox-etsy.md and its neighbours."""
    if platform not in STAND_INS:
        raise UserError(f"There is no sandbox for {platform!r}.", hint=f"Choose one of: {', '.join(STAND_INS)}.")
    options = ["--host", host, "--port", str(port), "--seed", str(seed)]
    options += ["--state-dir", str(state_dir.resolve())] if state_dir else []
    how = "env" if print_env else "json" if as_json else ""
    status = run_sandbox(platform, options, lambda facts: _tell_sandbox(facts, how))
    raise typer.Exit(status)


def demo(
    *,
    orders: Annotated[
        int, typer.Option(help="Of Ada's Etsy shop, paid or not; other shops have a fourth.", min=1, max=100_000)
    ] = 1200,
    seed: Annotated[
        int, typer.Option(help="Which shops: a seed makes the same ones all day long.", min=0, max=999_999)
    ] = 7,
    calm: Annotated[bool, typer.Option("--calm", help="No faults.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running at the end, until Ctrl-C, and say how to use it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON, and nothing else.")] = False,
) -> None:
    """Load two sellers' shops at three platforms, faults and all, through real parts, and show what came of it."""
    from sandbox.demo import Plan, run_demo  # noqa: PLC0415  `keeper --help` need not wait for it

    raise typer.Exit(run_demo(Plan(orders=orders, seed=seed, calm=calm, keep=keep), as_json=as_json))


def _tell_sandbox(facts: Mapping[str, Any], how: str) -> None:
    if how == "json":
        _print(json.dumps(facts) + "\n")
        return
    _print(env_text(facts["env"]))
    if not how:
        _log(f"Ready at {facts['url']}. Ctrl-C stops.")


def _run(data: Path, *, sandbox: bool, how: str, port: int) -> None:
    stack = Stack(data, migrate=migrate, extras=EXTRAS if sandbox else [], say=_log)
    keeper = KeeperProcesses(stack, port=port)

    def kill() -> None:
        keeper.kill()
        stack.kill()

    with stop_flag(kill) as flag:
        stack.pause = flag.pause
        with stack.running():
            _log(f"Ready.{_counted(stack.migrated)} Ctrl-C stops.")
            _tell(stack, how)
            try:
                if sandbox and how == "people":
                    _run_keeper(stack, keeper)
                stack.watch()
            except Stopped as stopped:
                _log(f"Stopping ({stopped.signal.name}).")


def _run_keeper(stack: Stack, keeper: KeeperProcesses) -> None:
    """Run Keeper itself, say where its pages are and how to begin, and stay until a signal comes."""
    with keeper.open(stack.pause):
        seller = prepare_demo_seller(stack.env)
        _invite(keeper.url, seller)
        while True:
            stack.pause(0.2)
            stack.check()
            keeper.check()


def _invite(url: str, seller: DemoSeller) -> None:
    console = Console(highlight=False)
    shops = ", ".join(f"{name}: {shop}" for name, shop in seller.shops.items())
    console.print("\nOpen in a browser:", style="bold")
    console.print(f"  [bold]{escape(url)}[/bold]   and sign in as {escape(seller.email)}", soft_wrap=True)
    console.print(f"  Shops that wait to be connected: {escape(shops)}", soft_wrap=True)


def _counted(migrated: object) -> str:
    """What was applied now: the names of a few, the number of many."""
    names = migrated if isinstance(migrated, list) else []
    if len(names) > _MOST_NAMED:
        return f" {len(names)} migrations applied."
    return f" Migrations applied: {', '.join(map(str, names))}." if names else ""


def _tell(stack: Stack, how: str) -> None:
    if how == "env":
        _print(env_text(stack.env))
    elif how == "json":
        _print(json.dumps({"data": str(stack.data), "pids": stack.pids, "env": stack.env}) + "\n")
    else:
        _show(stack)


def _log(line: str) -> None:
    """Everything that is not a fact asked for."""
    print(line, file=sys.stderr, flush=True)


def _print(text: str) -> None:
    """Flushed at once: whoever waits for the lines reads a pipe."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _show(stack: Stack) -> None:
    console = Console()
    table = Table(title="Keeper's embedded stack", title_justify="left", show_header=False, box=None)
    for name, where in _places(stack.env).items():
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(where))
    console.print(table)
    console.print("\nIn another shell:", style="bold")
    for line in (*lines_for(stack.data), "keeper --help"):
        console.print(f"  {escape(line)}", soft_wrap=True)
    forgotten = " The stand-ins forget their shops." if "ETSY_API_BASE_URL" in stack.env else ""
    console.print(f"\nCtrl-C stops everything; the database stays.{forgotten}")


def _places(env: Mapping[str, str]) -> dict[str, str]:
    """Where things are, without their keys: a screen is often shared."""
    places = {
        "Supabase": env["SUPABASE_URL"],
        "PostgreSQL": _without_password(env["DATABASE_URL"]),
        "Valkey": _without_password(env["REDIS_URL"]),
    }
    others = {name: value for name, value in env.items() if name.endswith("_API_BASE_URL")}
    return places | {name.removesuffix("_API_BASE_URL").capitalize(): url for name, url in others.items()}


def _without_password(url: str) -> str:
    scheme, rest = url.split("://", 1)
    user, place = rest.split("@", 1)
    return f"{scheme}://{user.split(':')[0]}{'@' if not user.startswith(':') else ''}{place}"
