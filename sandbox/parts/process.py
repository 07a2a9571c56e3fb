"""A stand-in as a process of its own: it listens, says where in a ready file, and goes at SIGTERM."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
import uvicorn

from sandbox.parts.transport import Protocol
from sandbox.parts.world import BaseWorld

Build = Callable[[argparse.Namespace, Path], tuple[BaseWorld[Any], Any]]
Env = Callable[[Any, str], dict[str, str]]


def run(options: argparse.Namespace, *, name: str, build: Build, env: Env) -> int:
    """Serve until SIGTERM; answers the exit status.

    `build` gives the world and the ASGI application for the options and the folder of its files;
    `env` the environment that points a client at a URL.
    """
    try:
        listener = socket.create_server((options.host, options.port), backlog=1024)
    except OSError as error:
        print(f"cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 2
    folder = Path(options.state_dir or tempfile.mkdtemp(prefix=f"sandbox-{name}-"))
    folder.mkdir(parents=True, exist_ok=True)
    world, app = build(options, folder)
    try:
        if options.ready_file:
            _announce(world, env, listener, options.ready_file)
        _Server(_config(app), world).run(sockets=[listener])
    finally:
        world.close()
        if not options.state_dir:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def main(
    arguments: list[str] | None, *, name: str, description: str, options: Mapping[str, str], build: Build, env: Env
) -> int:
    """`python -m sandbox.NAME`; `options` are the platform's own, with what they are by default."""
    made = parser(name, description)
    for flag, default in options.items():
        made.add_argument(flag, default=default)
    return run(made.parse_args(arguments), name=name, build=build, env=env)


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """The options that every stand-in takes."""
    made = argparse.ArgumentParser(prog=f"python -m sandbox.{name}", description=description)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=0, help="0 takes a free one")
    made.add_argument("--ready-file", type=Path, help="written when the sandbox listens")
    made.add_argument("--seed", type=int, default=0, help="of chance: faults by probability, token hiccups")
    made.add_argument("--state-dir", help="where files lie; default: a temporary folder, removed at the end")
    return made


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="critical",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        ws="none",
    )


class _Server(uvicorn.Server):
    """uvicorn raises the signal once more when it has stopped, which would leave our files behind."""

    def __init__(self, config: uvicorn.Config, world: BaseWorld[Any]) -> None:
        super().__init__(config)
        self._world = world

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._world.stop_building()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def _announce(world: BaseWorld[Any], env: Env, listener: socket.socket, ready_file: Path) -> None:
    """The socket listens already, so whoever reads the file can connect."""
    host, port = listener.getsockname()[:2]
    url = f"http://{host}:{port}"
    ready = {"url": url, "pid": os.getpid(), "env": env(world, url)}
    # Renamed into place: whoever sees the file sees all of it.
    draft = ready_file.with_suffix(".draft")
    draft.write_bytes(orjson.dumps(ready))
    draft.replace(ready_file)
