"""Runs the gateway: `python -m sandbox.stack.gateway FACTS.json`, on a listening socket that it inherits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from pathlib import Path

import uvloop

from sandbox.stack.gateway.relay import Client
from sandbox.stack.gateway.users import Users


async def serve(listening: socket.socket, rest_port: int, users: Users, keys: dict[bytes, bytes]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(lambda: Client(rest_port, users.answer, keys), sock=listening, backlog=1024)
    await stopped.wait()
    server.close()


def main() -> None:
    facts = json.loads(Path(sys.argv[1]).read_text())
    listening = socket.socket(fileno=facts["listen_fd"])
    users = Users(facts["database_url"], facts["jwt_secret"])
    keys = {name.encode(): token.encode() for name, token in facts["keys"].items()}
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(listening, facts["rest_port"], users, keys))


if __name__ == "__main__":
    main()
