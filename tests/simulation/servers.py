"""PostgreSQL and Valkey on clocks that a test sets: libfaketime reads the time of each from a file."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import psycopg
import redis

from execution.schema.migrations import migrate
from sandbox.stack import programs
from sandbox.stack.ports import HOST, free_port

LIBRARIES = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/faketime/libfaketimeMT.so.1"),
)
_USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
START = datetime(2026, 11, 23, tzinfo=UTC)


def libfaketime() -> Path | None:
    return next((path for path in LIBRARIES if path.exists()), None)


class TimedServers:
    """Both servers, and their clocks. `set` moves time; Valkey's clock is off by `valkey_skew_s`."""

    def __init__(self, folder: Path, *, valkey_skew_s: float = 600.0) -> None:
        self._folder = folder
        self._skews = {"postgres": 0.0, "valkey": valkey_skew_s}
        self._clocks = {
            name: os.open(folder / f"{name}.clock", os.O_CREAT | os.O_WRONLY, 0o644) for name in self._skews
        }
        self._postgres_port, self._valkey_port = free_port(), free_port()
        self._postgres: subprocess.Popen[bytes] | None = None
        self._valkey: subprocess.Popen[bytes] | None = None
        self.postgres_url = f"postgresql://postgres@{HOST}:{self._postgres_port}/postgres"
        self.valkey_url = f"redis://{HOST}:{self._valkey_port}/0"

    def set(self, seconds: float) -> None:
        for name, skew in self._skews.items():
            moment = START + timedelta(seconds=seconds + skew)
            os.pwrite(self._clocks[name], f"{moment:%Y-%m-%d %H:%M:%S.%f}\n".encode(), 0)

    def start(self) -> None:
        self.set(0)
        self._start_postgres()
        self.start_valkey()

    def start_anew(self) -> None:
        """Day zero again, with nothing remembered."""
        self.set(0)
        self.start_valkey()
        self.flush_valkey()
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            connection.execute("truncate private.api_budgets cascade")

    def start_valkey(self) -> None:
        if self._valkey is not None:
            return
        argv = [str(programs.valkey_server()), "--port", str(self._valkey_port), "--bind", HOST, "--save", "",
                "--dir", str(self._folder), "--appendonly", "no"]  # fmt: skip
        self._valkey = subprocess.Popen(argv, env=self._env("valkey"), stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.valkey_url)
        _until(client.ping, redis.RedisError)
        client.close()

    def kill_valkey(self) -> None:
        if self._valkey is not None:
            self._valkey.kill()
            self._valkey.wait()
            self._valkey = None

    def flush_valkey(self) -> None:
        if self._valkey is None:
            return
        with redis.Redis.from_url(self.valkey_url) as client:
            client.flushall()

    def stop(self) -> None:
        self.kill_valkey()
        if self._postgres is not None:
            self._postgres.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._postgres.wait(5)
            self._postgres.kill()
            self._postgres.wait()
        for clock in self._clocks.values():
            os.close(clock)

    def _start_postgres(self) -> None:
        binaries, data = programs.postgres_programs(), self._folder / "data"
        as_user = {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        initdb = [binaries / "initdb", "-D", data, "-U", "supabase_admin", "--auth=trust", "--encoding=UTF8", "-N"]
        subprocess.run([*initdb, "--locale=C"], check=True, stdout=subprocess.DEVNULL, cwd="/", **as_user)
        argv = [str(binaries / "postgres"), "-D", str(data), "-p", str(self._postgres_port), "-k", ""]
        for setting in (f"listen_addresses={HOST}", "fsync=off", "synchronous_commit=off", "timezone=UTC",
                        "full_page_writes=off", "autovacuum=off", "jit=off"):  # fmt: skip
            argv += ["-c", setting]
        with (self._folder / "postgres.log").open("wb") as out:
            self._postgres = subprocess.Popen(
                argv, env=self._env("postgres"), stdout=out, stderr=out, cwd="/", **as_user
            )
        admin = f"postgresql://supabase_admin@{HOST}:{self._postgres_port}/postgres"
        _until(lambda: psycopg.connect(admin).close(), psycopg.Error)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("set client_min_messages = warning")
            connection.execute(resources.files("sandbox.stack").joinpath("hosted.sql").read_bytes())
        migrate(self.postgres_url)

    def _env(self, name: str) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._folder / f"{name}.clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }


@contextmanager
def timed_servers() -> Iterator[TimedServers]:
    folder = Path(tempfile.mkdtemp(prefix="days-"))
    folder.chmod(0o777)
    servers = TimedServers(folder)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _until(look, refused) -> None:
    """Wait for a server that is starting."""
    for _ in range(200):
        with suppress(refused):
            look()
            return
        time.sleep(0.05)
    look()
