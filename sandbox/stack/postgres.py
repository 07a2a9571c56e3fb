"""PostgreSQL 18 on a data folder: made, started and given what hosted Supabase brings."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from importlib import resources
from pathlib import Path

import psycopg
from psycopg import sql

from sandbox.stack import programs
from sandbox.stack.keys import Keys, write_private
from sandbox.stack.ports import HOST
from sandbox.stack.processes import Child, Pause, Program, run_to_end, unprivileged_user

# On hosted Supabase the superuser has this name, and `postgres` is an ordinary owner.
SUPERUSER = "supabase_admin"

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path has 108 bytes at most, a data folder's may have more
    "max_connections": "100",
    "shared_buffers": "1GB",  # of address space: only what is used takes memory
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",  # as on hosted
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u ",
    "log_min_error_statement": "panic",  # statements and their values stay out of the log
    "log_parameter_max_length_on_error": "0",
    "scram_iterations": "1",  # the passwords are 192 random bits: stretching them only slows every connection
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """The cluster of one data folder."""

    def __init__(self, data: Path, keys: Keys, *, durable: bool) -> None:
        self._data, self._keys, self._durable = data, keys, durable
        self.folder = data / "postgres"
        self.port = 0

    def url(self, user: str = "postgres") -> str:
        password = {
            SUPERUSER: self._keys.superuser_password,
            "postgres": self._keys.owner_password,
            "authenticator": self._keys.authenticator_password,
            "supabase_auth_admin": self._keys.auth_admin_password,
        }[user]
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/postgres"

    def make(self, pause: Pause) -> None:
        """Run initdb, once. A start that died half-way through leaves nothing that a later one would trust."""
        if (self.folder / "PG_VERSION").exists():
            return
        draft, password = self.folder.with_name("postgres.new"), self._data / "run" / "superuser"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(0o700)
        write_private(password, self._keys.superuser_password)
        self._give_away(draft, password)
        try:
            run_to_end(self._initdb(draft, password), self._data, pause)
        finally:
            password.unlink()
        draft.replace(self.folder)

    def _initdb(self, folder: Path, password: Path) -> Program:
        argv = [str(programs.postgres_programs() / "initdb"), "-D", str(folder), "-U", SUPERUSER,
                "--pwfile", str(password), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-c", "scram_iterations=1"]  # fmt: skip
        if not self._durable:
            argv += ["--no-sync", "--no-data-checksums"]
        return Program(name="initdb", argv=argv, log=self._data / "logs" / "initdb.log", as_user=unprivileged_user())

    def _give_away(self, *paths: Path) -> None:
        if unprivileged_user() != "-":
            entry = pwd.getpwnam(unprivileged_user())
            for path in paths:
                os.chown(path, entry.pw_uid, entry.pw_gid)

    def start(self, port: int) -> Child:
        self.port = port
        settings = {**_SETTINGS, "port": str(port), **({} if self._durable else _NOT_DURABLE)}
        argv = [str(programs.postgres_programs() / "postgres"), "-D", str(self.folder)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return Child(
            Program(
                name="postgres",
                argv=argv,
                log=self._data / "logs" / "postgres.log",
                stop_signal=signal.SIGINT,  # "fast": clients are sent away, the data is left clean
                as_user=unprivileged_user(),
            ),
            self._data,
        )

    def is_ready(self, child: Child) -> bool:
        """Whether it takes connections."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(child.pid) and lines[7].strip() == "ready"

    def install_hosted_parts(self) -> None:
        """Roles, schema auth, default privileges: see hosted.sql."""
        statements = resources.files(__package__).joinpath("hosted.sql").read_bytes()
        with psycopg.connect(self.url(SUPERUSER)) as connection:
            connection.execute("set client_min_messages = warning")
            connection.execute(statements)
            for role, password in (
                ("postgres", self._keys.owner_password),
                ("authenticator", self._keys.authenticator_password),
                ("supabase_auth_admin", self._keys.auth_admin_password),
            ):
                connection.execute(
                    sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
                )
