"""PostgREST, Valkey and the gateway: their settings, and how to tell that they are ready."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from sandbox.stack import programs
from sandbox.stack.keys import Keys, write_private
from sandbox.stack.ports import HOST, free_port
from sandbox.stack.processes import Child, Program

# As hosted Supabase: no answer has more rows, whatever the client asks for.
MAX_ROWS = 1000
# Requests are short and two cores are busy with fewer; more connections would only wait inside PostgreSQL.
POOL = 8
# Children that are Python find this checkout as we do, wherever they start.
PYTHONPATH = str(Path(__file__).resolve().parents[2])


@dataclass(frozen=True, kw_only=True)
class PostgrestPorts:
    api: int
    admin: int


def start_postgrest(data: Path, keys: Keys, database_url: str, ports: PostgrestPorts) -> Child:
    settings: dict[str, str | int] = {
        "db-uri": database_url,
        "db-schemas": "public",
        "db-extra-search-path": "public, extensions",
        "db-anon-role": "anon",
        "db-max-rows": MAX_ROWS,
        "db-pool": POOL,
        "jwt-secret": keys.jwt_secret,
        # Checking a signature takes a fifth of the time that PostgREST needs for a page.
        "jwt-cache-max-lifetime": 600,
        "server-host": HOST,
        "server-port": ports.api,
        "admin-server-port": ports.admin,
        "log-level": "error",
    }
    path = data / "run" / "postgrest.conf"
    write_private(path, "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    return Child(
        Program(name="postgrest", argv=[str(programs.postgrest()), str(path)], log=data / "logs" / "postgrest.log"),
        data,
    )


def new_postgrest_ports(api: int) -> PostgrestPorts:
    return PostgrestPorts(api=api, admin=free_port())


def postgrest_is_ready(ports: PostgrestPorts) -> bool:
    """Whether it has read the schema and answers."""
    return _answers(f"http://{HOST}:{ports.admin}/ready")


def start_valkey(data: Path, keys: Keys, port: int, *, durable: bool) -> Child:
    path = data / "run" / "valkey.conf"
    settings = {
        "bind": HOST,
        "port": port,
        "requirepass": keys.valkey_password,
        "dir": json.dumps(str(data / "valkey")),
        "daemonize": "no",
        "set-proc-title": "no",  # it would write over its environment, and so over our mark
        "save": '""',
        "appendonly": "yes" if durable else "no",
        "maxmemory-policy": "noeviction",
    }
    (data / "valkey").mkdir(exist_ok=True)
    write_private(path, "".join(f"{name} {value}\n" for name, value in settings.items()))
    argv = [str(programs.valkey_server()), str(path)]
    return Child(Program(name="valkey", argv=argv, log=data / "logs" / "valkey.log"), data)


def valkey_is_ready(keys: Keys, port: int) -> bool:
    """Whether it answers PONG: it says LOADING while it reads its file."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1) as connection:
        connection.sendall(f"AUTH {keys.valkey_password}\r\nPING\r\n".encode())
        answer = b""
        while answer.count(b"\r\n") < 2 and (data := connection.recv(256)):
            answer += data
        return answer.startswith(b"+OK\r\n+PONG")
    return False


def start_gateway(data: Path, keys: Keys, listening: socket.socket, postgrest_port: int, auth_url: str) -> Child:
    """The gateway gets a socket that listens already, so its port cannot be lost."""
    path = data / "run" / "gateway.json"
    facts = {
        "listen_fd": listening.fileno(),
        "rest_port": postgrest_port,
        "database_url": auth_url,
        "jwt_secret": keys.jwt_secret,
        "keys": keys.by_name,
    }
    write_private(path, json.dumps(facts))
    return Child(
        Program(
            name="gateway",
            argv=[sys.executable, "-P", "-m", "sandbox.stack.gateway", str(path)],
            log=data / "logs" / "gateway.log",
            env={"PYTHONPATH": PYTHONPATH},
            pass_fds=(listening.fileno(),),
        ),
        data,
    )


def gateway_is_ready(port: int) -> bool:
    return _answers(f"http://{HOST}:{port}/auth/v1/health")


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError, urllib.error.URLError), opener.open(url, timeout=2) as answer:
        return bool(answer.status == 200)
    return False
