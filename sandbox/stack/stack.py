"""The embedded stack on one data folder: started in order, watched, stopped in order."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandbox.stack import services
from sandbox.stack.errors import AddressTaken, AlreadyRunning, StackError, StillShuttingDown, UnusableFolder
from sandbox.stack.keys import Keys, env_text, load_or_make, read_env, write_private
from sandbox.stack.ports import HOST, PortBook
from sandbox.stack.postgres import Postgres
from sandbox.stack.processes import POLL_S, Child, Pause, Program, clear_leftovers

START_LIMIT_S = 60.0
STOP_PATIENCE_S = 15.0
PORT_TRIES = 5
LOCK_TRIES = 5
# What the programs say when somebody else has the port, and PostgreSQL when its predecessor still has the data.
_ADDRESS_TAKEN = ("Address already in use", "resource busy")
_STILL_SHUTTING_DOWN = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')


@dataclass(frozen=True, kw_only=True)
class Extra:
    """One more program to run beside the stack, which tells where it is in a ready file.

    The file holds JSON: `{"url": ..., "env": {NAME: value}}`; its `env` joins the stack's. The program gets the
    stack's environment, and `{ready_file}` in its arguments is replaced by the file's path.
    """

    name: str
    argv: Sequence[str]


def _no_migrations(_: str) -> None:
    """The stack as hosted Supabase hands it over."""


def _say_nothing(_: str) -> None:
    """Tests and demos have their own words."""


class Stack:
    """A stack that can be run: `with Stack(folder, durable=False).running() as stack: stack.env`.

    `durable=False` is for tests: a crash of the machine may lose data, a crash of a process does not.
    `migrate` is called with the owner's database URL before PostgREST reads the schema.
    Run it from a thread that lives as long as the stack: see `Child`.
    """

    def __init__(
        self,
        data: Path | str,
        *,
        durable: bool = True,
        migrate: Callable[[str], object] = _no_migrations,
        extras: Sequence[Extra] = (),
        pause: Pause = time.sleep,
        say: Callable[[str], None] = _say_nothing,
    ) -> None:
        self.data = Path(data).resolve()
        self.env: dict[str, str] = {}
        self.migrated: object = None
        self.pause = pause
        self._durable, self._migrate, self._extras, self._say = durable, migrate, extras, say
        self._children: list[Child] = []

    @contextmanager
    def running(self) -> Iterator[Stack]:
        """Start everything, and stop everything on the way out, whatever happened inside."""
        with self._folder_claimed(), self._stopping():
            self._start()
            yield self

    @property
    def pids(self) -> dict[str, int]:
        return {child.name: child.pid for child in self._children}

    def watch(self) -> None:
        """Wait for ever; raises StackError when a child dies, or whatever `pause` raises."""
        while True:
            self.pause(0.1)
            self.check()

    def check(self) -> None:
        """Raise StackError if a child has died, with the end of its log."""
        for child in self._children:
            if child.exit_status is not None:
                raise StackError(
                    f"{child.name} ended by itself with exit status {child.exit_status}; the stack stops.\n"
                    f"The end of {child.log}:\n{child.tail()}"
                )

    def kill(self) -> None:
        """Kill every child at once, without waiting. Safe in a signal handler."""
        for child in self._children:
            child.kill()

    # The folder.

    @contextmanager
    def _folder_claimed(self) -> Iterator[None]:
        self._make_folders()
        with (self.data / "lock").open("a+") as lock:
            self._take(lock)
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            (self.data / "env").unlink(missing_ok=True)
            yield

    def _take(self, lock: IO[str]) -> None:
        """Take the lock; whoever only looks (`running_env`) holds it for a moment, so a few tries."""
        for attempt in range(LOCK_TRIES):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if attempt == LOCK_TRIES - 1:
                    raise AlreadyRunning(_already(self.data)) from None
                self.pause(POLL_S)
            else:
                return

    def _make_folders(self) -> None:
        try:
            for folder in (self.data, self.data / "run", self.data / "logs"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnusableFolder(f"{self.data} cannot be used as the data folder: {error.strerror}.") from error

    # Start and stop.

    def _start(self) -> None:
        self._say(f"Starting the stack on {self.data}, logs in {self.data / 'logs'}")
        clear_leftovers(self.data, self.pause)
        keys, ports = load_or_make(self.data / "keys.json"), PortBook(self.data / "ports.json")
        postgres = Postgres(self.data, keys, durable=self._durable)
        postgres.make(self.pause)
        valkey_port = self._on_a_free_port(ports, "valkey", lambda port: self._start_valkey(keys, port))
        self._on_a_free_port(ports, "postgres", lambda port: self._start_postgres(postgres, port))
        postgres.install_hosted_parts()
        self.migrated = self._migrate(postgres.url())
        rest_port = self._on_a_free_port(ports, "postgrest", lambda port: self._start_postgrest(postgres, keys, port))
        gateway_port = self._start_gateway(postgres, keys, ports.pick("gateway"), rest_port)
        ports.save()
        self.env = _environment(keys, gateway_port, valkey_port, postgres)
        self._start_extras()
        write_private(self.data / "env", env_text(self.env))

    def _on_a_free_port(self, ports: PortBook, name: str, start: Callable[[int], None]) -> int:
        for _ in range(PORT_TRIES):
            port = ports.pick(name)
            try:
                start(port)
            except AddressTaken:
                self._children.pop()
                ports.forget(name)
            else:
                return port
        raise StackError(f"{name} lost its port to others {PORT_TRIES} times; start again.")

    def _start_postgres(self, postgres: Postgres, port: int) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            child = self._adopt(postgres.start(port))
            try:
                self._until(child, lambda child=child: postgres.is_ready(child))  # type: ignore[misc]
            except StillShuttingDown:
                if time.monotonic() > deadline:
                    raise
                self._children.remove(child)
                self.pause(0.2)
            else:
                return

    def _start_valkey(self, keys: Keys, port: int) -> None:
        child = self._adopt(services.start_valkey(self.data, keys, port, durable=self._durable))
        self._until(child, lambda: services.valkey_is_ready(keys, port))

    def _start_postgrest(self, postgres: Postgres, keys: Keys, port: int) -> None:
        ports = services.new_postgrest_ports(port)
        child = self._adopt(services.start_postgrest(self.data, keys, postgres.url("authenticator"), ports))
        self._until(child, lambda: services.postgrest_is_ready(ports))

    def _start_gateway(self, postgres: Postgres, keys: Keys, port: int, rest_port: int) -> int:
        with _listening(port) as listening:
            port = int(listening.getsockname()[1])
            auth_url = postgres.url("supabase_auth_admin")
            child = self._adopt(services.start_gateway(self.data, keys, listening, rest_port, auth_url))
        self._until(child, lambda: services.gateway_is_ready(port))
        return port

    def _start_extras(self) -> None:
        for extra in self._extras:
            ready_file = self.data / "run" / f"{extra.name}.json"
            ready_file.unlink(missing_ok=True)
            argv = [part.replace("{ready_file}", str(ready_file)) for part in extra.argv]
            env = {**self.env, "PYTHONPATH": services.PYTHONPATH}
            program = Program(name=extra.name, argv=argv, log=self.data / "logs" / f"{extra.name}.log", env=env)
            child = self._adopt(Child(program, self.data))
            self._until(child, lambda file=ready_file: _facts(file) is not None)  # type: ignore[misc]
            self.env.update(_facts(ready_file) or {})

    def _adopt(self, child: Child) -> Child:
        self._children.append(child)
        return child

    def _until(self, child: Child, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not is_ready():
            if child.exit_status is not None:
                raise _failure(child)
            if time.monotonic() > deadline:
                raise StackError(f"{child.name} is not ready after a minute. The end of {child.log}:\n{child.tail()}")
            self.pause(POLL_S)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        try:
            yield
        finally:
            (self.data / "env").unlink(missing_ok=True)
            # The database last, so that the others can end what they are at; those leave together.
            others = [child for child in self._children if child.name != "postgres"]
            for child in others:
                child.ask_to_stop()
            for child in [*others, *(child for child in self._children if child.name == "postgres")]:
                child.stop(STOP_PATIENCE_S)
            self._children.clear()


def _failure(child: Child) -> StackError:
    """Why a child ended while it was starting, from its log."""
    tail = child.tail()
    if any(words in tail for words in _ADDRESS_TAKEN):
        return AddressTaken(tail)
    if child.name == "postgres" and any(words in tail for words in _STILL_SHUTTING_DOWN):
        return StillShuttingDown(tail)
    return StackError(f"{child.name} ended ({child.exit_status}) while starting. The end of {child.log}:\n{tail}")


def running_env(data: Path | str, pause: Pause = time.sleep) -> dict[str, str] | None:
    """The environment of the stack that runs on this folder now, waiting while it starts; None if there is none."""
    data = Path(data).resolve()
    deadline = time.monotonic() + START_LIMIT_S
    while _is_locked(data / "lock"):
        with contextlib.suppress(FileNotFoundError):
            return read_env(data / "env")
        if time.monotonic() > deadline:
            raise StackError(_already(data) + " It has been starting for a minute.")
        pause(POLL_S * 5)
    return None


def _is_locked(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _already(data: Path) -> str:
    with contextlib.suppress(OSError):
        pid = (data / "lock").read_text().strip()
        return f"A stack already runs on {data} (process {pid}): use it, or stop it with Ctrl-C or `kill {pid}`."
    return f"A stack already runs on {data}: use it, or stop it first."


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A listening socket on `port`, or on any port if that one has been lost meanwhile."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError:
            listening.bind((HOST, 0))
        listening.listen(1024)
        yield listening


def _facts(ready_file: Path) -> dict[str, str] | None:
    """The environment in a ready file, once it is whole."""
    try:
        env: Mapping[str, object] = json.loads(ready_file.read_text())["env"]
        return {name: str(value) for name, value in env.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def _environment(keys: Keys, gateway_port: int, valkey_port: int, postgres: Postgres) -> dict[str, str]:
    return {
        "SUPABASE_URL": f"http://{HOST}:{gateway_port}",
        "SUPABASE_SERVICE_ROLE_KEY": keys.service_role_key,
        "SUPABASE_ANON_KEY": keys.anon_key,
        "SUPABASE_SECRET_KEY": keys.secret_key,
        "SUPABASE_PUBLISHABLE_KEY": keys.publishable_key,
        "SUPABASE_JWT_SECRET": keys.jwt_secret,
        "REDIS_URL": f"redis://:{keys.valkey_password}@{HOST}:{valkey_port}/0",
        "DATABASE_URL": postgres.url(),
        "TOKEN_KEYS": keys.token_keys,
        "WEBHOOK_SECRET": keys.webhook_secret,
        "KEEPER_ENVIRONMENT": "embedded",
    }
