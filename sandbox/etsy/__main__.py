"""`python -m sandbox.etsy`: one sandbox as a process of its own."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import orjson
import uvicorn

from sandbox.etsy.app import Sandbox
from sandbox.etsy.oauth import TOKEN_PATH
from sandbox.etsy.wire import Protocol
from sandbox.etsy.world import World


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        listener = socket.create_server((options.host, options.port), backlog=1024)
    except OSError as error:
        print(f"cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 2
    folder = Path(options.state_dir or tempfile.mkdtemp(prefix="sandbox-etsy-"))
    folder.mkdir(parents=True, exist_ok=True)
    world = World(folder=folder, keystring=options.keystring, shared_secret=options.shared_secret, seed=options.seed)
    try:
        serve(world, listener, options.ready_file)
    finally:
        world.close()
        if not options.state_dir:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def serve(world: World, listener: socket.socket, ready_file: Path | None) -> None:
    """Answer until SIGTERM. The socket listens already, so whoever reads the ready file can connect."""
    config = uvicorn.Config(
        Sandbox(world),
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
    if ready_file:
        _announce(world, listener, ready_file)
    _Server(config, world).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn raises the signal once more when it has stopped, which would leave our files behind."""

    def __init__(self, config: uvicorn.Config, world: World) -> None:
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


def _announce(world: World, listener: socket.socket, ready_file: Path) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://{host}:{port}"
    ready = {
        "url": url,
        "pid": os.getpid(),
        "env": {
            "ETSY_API_BASE_URL": url,
            "ETSY_TOKEN_URL": url + TOKEN_PATH,
            "ETSY_KEYSTRING": world.keystring,
            "ETSY_SHARED_SECRET": world.shared_secret,
        },
    }
    # Renamed into place: whoever sees the file sees all of it.
    draft = ready_file.with_suffix(".draft")
    draft.write_bytes(orjson.dumps(ready))
    draft.replace(ready_file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.etsy", description="An Etsy for tests and demos.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ready-file", type=Path, help="written when the sandbox listens")
    parser.add_argument("--seed", type=int, default=0, help="of chance: faults by probability, token hiccups")
    parser.add_argument("--keystring", default="sandboxkeystring0000000a")
    parser.add_argument("--shared-secret", default="sandboxsec")
    parser.add_argument("--state-dir", help="where files lie; default: a temporary folder, removed at the end")
    return parser


if __name__ == "__main__":
    sys.exit(main())
