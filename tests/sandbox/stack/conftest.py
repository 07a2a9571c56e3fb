"""A stack as hosted Supabase hands it over, without the project's migrations; and `keeper up` as a process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sandbox.stack import Stack
from sandbox.stack.keys import read_env
from sandbox.stack.processes import leftovers

RUNNER = """
import sys, typer
from execution.errors import KeeperError
from sandbox.cli import up
app = typer.Typer()
app.command()(up)
try:
    app()
except KeeperError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""
PATIENCE_S = 30.0


def until(what: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """Wait for something outside this process to become true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


class Up:
    """A `keeper up` process on a data folder."""

    def __init__(self, data: Path, *options: str, migrations: Path) -> None:
        self.data = data.resolve()
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, "--data", str(data), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KEEPER_MIGRATIONS_DIR": str(migrations), "COLUMNS": "200"},
        )

    def ready(self) -> dict[str, str]:
        """The environment, once the stack is up."""
        until(lambda: (self.data / "env").exists() or self.process.poll() is not None)
        return read_env(self.data / "env")

    def end(self) -> tuple[int, str, str]:
        """Exit status, stdout and stderr."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        return self.end()


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_notes.sql").write_text("create table public.notes (id int primary key);")
    return folder


@pytest.fixture
def up(migrations: Path) -> Iterator[Callable[..., Up]]:
    """Starts `keeper up` as often as wanted; whatever is left at the end is killed, by its id."""
    started: list[Up] = []

    def start(data: Path, *options: str) -> Up:
        started.append(Up(data, *options, migrations=migrations))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()
        for pid in leftovers(one.data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What a new project on hosted Supabase has, with three small things in schema public."""
    with Stack(tmp_path_factory.mktemp("bare"), durable=False, migrate=_small_schema).running() as stack:
        yield stack


def _small_schema(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("create table public.numbers as select n from generate_series(1, 2500) n")
        connection.execute("create table public.mine (owner uuid, note text)")
        connection.execute("alter table public.mine enable row level security")
        connection.execute("create policy own on public.mine using (owner = auth.uid())")
        connection.execute("create table public.kept (body text)")
        connection.execute(
            """create function public.keep(text) returns text language sql
               as 'insert into public.kept values ($1) returning md5(body)'"""
        )
