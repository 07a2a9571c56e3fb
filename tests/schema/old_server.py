"""A second PostgreSQL, of the distribution (15, as hosted Supabase may be), in a temporary cluster."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import psycopg

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
# The server refuses root; an ordinary user runs it as himself.
_USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
_SETTINGS = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c timezone=UTC"


@contextmanager
def running() -> Iterator[str]:
    """A cluster with what hosted Supabase brings, as the URL of its owner `postgres`. Stopped and gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg15-"))
    shutil.chown(folder, _USER)
    data, log = folder / "data", folder / "log"
    try:
        _run("initdb", "-D", str(data), "-U", "supabase_admin", "--auth=trust", "--encoding=UTF8", "--locale=C", "-N")
        options = f"{_SETTINGS} -c unix_socket_directories={folder}"
        _run("pg_ctl", "-D", str(data), "-l", str(log), "-o", options, "-w", "start")
        try:
            _bring_what_hosted_brings(f"postgresql://supabase_admin@/postgres?host={folder}")
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            _run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(program: str, *arguments: str) -> None:
    as_user = {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    # Not a pipe: the server would keep it open.
    subprocess.run([PROGRAMS / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", **as_user)


def _bring_what_hosted_brings(url: str) -> None:
    text = resources.files("sandbox.stack").joinpath("hosted.sql").read_text()
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("select from pg_available_extensions where name = 'vector'").fetchone():
            wanted = "create extension if not exists vector with schema extensions;"
            assert wanted in text
            text = text.replace(wanted, "")
        connection.execute("set client_min_messages = warning")
        connection.execute(text.encode())
