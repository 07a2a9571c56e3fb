"""The example receives each event exactly once in effect, while it and the clock, real processes, are killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from execution.app import App
from tests.events.listener import SECRET
from tests.process.test_worker_processes import until
from tests.worlds.users import make_user

Db = psycopg.Connection[Any]
ROOT = Path(__file__).resolve().parents[2]
# Of each of the two in turn, when chance says so; more by the environment.
KILLS = int(os.environ.get("KEEPER_EVENT_KILLS", "2"))
KINDS = ("sync.completed", "entity.incomplete", "connection.reconnect_needed")
SHOP = {"connection_id": "c", "platform": "p", "shop_id": "1"}
COUNTS = dict.fromkeys(("created", "updated", "deleted", "rejected", "records"), 1)


class Killable:
    """A process that is started again after each kill."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self._argv, self._env = argv, {**os.environ, **env}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._argv, env=self._env, cwd=ROOT / "examples", start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    return tmp_path / "effects.db"


def read(effects: Path, query: str) -> list[Any]:
    if not effects.exists():
        return []
    with closing(sqlite3.connect(effects, timeout=30)) as db:
        try:
            return db.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []  # before its first event


@pytest.fixture
def processes(app: App, product_env: dict[str, str], effects: Path) -> Iterator[Callable[[], list[Killable]]]:
    """The receiver and the clock, once they are asked for."""
    started: list[Killable] = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = {"EVENTS_URL": f"http://127.0.0.1:{port}/keeper-events", "EVENTS_SECRET": SECRET}

    def start() -> list[Killable]:
        receiver = [
            sys.executable,
            "-m",
            "uvicorn",
            "event_receiver:app",
            "--port",
            str(port),
            "--log-level",
            "critical",
        ]
        clock = [sys.executable, "-m", "execution", "clock", "--every", "0.2"]
        started.append(Killable(receiver, {"EVENTS_SECRET": SECRET, "EFFECTS": str(effects)}))
        started.append(Killable(clock, {**product_env, **told, "LOG_LEVEL": "critical", "PYTHONPATH": str(ROOT)}))
        return started

    yield start
    for one in started:
        one.kill()


def test_each_event_has_its_effect_once_however_they_die(
    db: Db, effects: Path, processes: Callable[[], list[Killable]]
) -> None:
    """A kill after so many new effects, of one or the other; leases of the dead are over at once."""
    chance = random.Random(7)
    users = [make_user(db) for _ in range(3)]
    db.execute("truncate private.outbox")
    expected: Counter[tuple[str, str]] = Counter()

    def tell(count: int) -> None:
        for _ in range(count):
            user, kind = chance.choice(users), chance.choice(KINDS)
            data = {**SHOP, "entity": "orders", "run_id": "r", "status": "failed", "code": "x", **COUNTS}
            db.execute("select private.tell(%s, %s, %s)", [user, kind, psycopg.types.json.Jsonb(data)])
            expected[user, kind] += 1

    def done() -> int:
        return len(read(effects, "select 1 from received"))

    running = processes()
    for number in range(KILLS):
        tell(12)
        before = done()
        until(lambda before=before: done() >= before + chance.randint(1, 8), "more effects")
        victim = running[number % 2]
        victim.kill()
        # Whoever had one in hand has died: nobody waits for a lease to lapse, or for a wait that grew.
        db.execute("update private.outbox set leased_until = null, due_at = now() where ended_at is null")
        victim.start()

    def all_received() -> bool:
        db.execute("update private.outbox set due_at = now() where ended_at is null and failures > 0")
        row = db.execute("select count(*) from private.outbox where ended_at is null").fetchone()
        return row == (0,)

    until(all_received, "the last receipt")

    assert {(user, kind): times for user, kind, times in read(effects, "select * from happened")} == expected
    ids = {str(one) for (one,) in db.execute("select id from private.outbox").fetchall()}
    assert {one for (one,) in read(effects, "select webhook_id from received")} == ids
