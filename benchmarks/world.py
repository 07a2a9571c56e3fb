"""What the benchmarks stand on: a fresh stack, an Etsy whose limits do not bind, sellers, and real worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from execution import operations
from execution.app import App
from execution.schema.migrations import migrate
from execution.settings import Settings
from sandbox.cli import EXTRAS
from sandbox.stack import Extra, Stack


def stand_in(name: str) -> tuple[Extra, ...]:
    """One platform's process, to be started with the stack."""
    return tuple(extra for extra in EXTRAS if extra.name == name)


PROGRAMS = {
    "Etsy's stand-in": "sandbox.etsy",
    "gateway": "sandbox.stack.gateway",
    "PostgREST": "postgrest",
    "Postgres": "postgres",
    "Valkey": "valkey",
    "workers": "worker",
    "clock": "clock",
    "this loop": "benchmarks",
}


@dataclass(frozen=True, kw_only=True)
class Seller:
    user_id: str
    shop: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class World:
    env: dict[str, str]
    app: App
    etsy: httpx.Client
    # One connection for all looks: what watches must not cost what it measures.
    db: psycopg.Connection[Any]

    def shop(self, orders: int, seed: int) -> dict[str, Any]:
        """A shop whose records are rendered beforehand, so that the stand-in costs as little as it can."""
        asked = {"seed": seed, "orders": orders, "years": 4, "warm": True, "ends_at": int(time.time()) - 3600}
        answer = self.etsy.post("/_sandbox/shops", json=asked).raise_for_status()
        shop: dict[str, Any] = answer.json()
        return shop

    def seller(self, shop: dict[str, Any]) -> Seller:
        created = operations.create_user(self.app, email=f"{shop['shop_id']}@example.com", plan="pro")
        operations.connect(
            self.app,
            platform="etsy",
            user_id=created["user_id"],
            shop_id=str(shop["shop_id"]),
            access_token=shop["access_token"],
            refresh_token=shop["refresh_token"],
            expires_at=None,
        )
        return Seller(user_id=created["user_id"], shop=shop)

    def sql(self, query: str, *args: object) -> list[tuple[Any, ...]]:
        return self.db.execute(query, args).fetchall()


@contextmanager
def world() -> Iterator[World]:
    """Everything started, and stopped again."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), durable=False, migrate=migrate, extras=stand_in("etsy")).running() as stack,
    ):
        env = {**os.environ, **stack.env, "LOG_LEVEL": "error"}
        with (
            httpx.Client(base_url=stack.env["ETSY_API_BASE_URL"], timeout=900) as etsy,
            psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as db,
        ):
            without_autovacuum(db)
            etsy.post("/_sandbox/settings", json={"per_second": 100_000, "per_day": 100_000_000}).raise_for_status()
            yield World(env=env, app=App(settings=Settings.load(env)), etsy=etsy, db=db)


def without_autovacuum(db: psycopg.Connection[Any]) -> None:
    """For the tables that are there now: it comes once a minute, and would fall on whatever is measured just then."""
    tables = db.execute("select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace"
                        " and relkind = 'r'").fetchall()  # fmt: skip
    for (table,) in tables:
        db.execute(f"alter table {table} set (autovacuum_enabled = false)")


@contextmanager
def workers(env: dict[str, str], processes: int) -> Iterator[subprocess.Popen[bytes]]:
    """`keeper worker` and `keeper clock`, as a dyno runs them."""
    keeper = [sys.executable, "-m", "execution"]
    worker = subprocess.Popen([*keeper, "worker", "--processes", str(processes), "--threads", "2"], env=env)
    clock = subprocess.Popen([*keeper, "clock", "--every", "0.5"], env=env)
    try:
        yield worker
    finally:
        for child in (clock, worker):
            child.send_signal(signal.SIGTERM)
        for child in (clock, worker):
            child.wait(40)


def peak_megabytes(root: int) -> float:
    """The highest resident memory that any process below `root` has ever had."""
    return max(_peak(pid) for pid in _descendants(root))


def cpu_seconds() -> dict[str, float]:
    """Processor time that this process and everything below it has used, by program."""
    used: dict[str, float] = {}
    for pid in [os.getpid(), *_descendants(os.getpid())]:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name = _program([word.decode() for word in words])
        used[name] = used.get(name, 0.0) + (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
    return used


def _program(words: list[str]) -> str:
    line = " ".join(words)
    for name, mark in PROGRAMS.items():
        if mark in line:
            return name
    return "other"


def _descendants(root: int) -> list[int]:
    found = [root]
    for pid in found:
        # A process may end while it is being looked at.
        with suppress(FileNotFoundError, ProcessLookupError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
            found += map(int, children)
    return found[1:]


def _peak(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
