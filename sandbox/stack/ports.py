"""Free ports on 127.0.0.1, the same ones as last time where they are still free."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path

HOST = "127.0.0.1"


def free_port(wanted: int = 0) -> int:
    """A port that nobody listens on right now: `wanted` if it is free, else any.

    Between this look and the program's own bind another process may take it; whoever starts a program
    must be ready to try again with another port.
    """
    for candidate in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            # As servers do, so that a port whose last connections are in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, candidate))
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


class PortBook:
    """The ports of the last start, so that URLs copied into other shells stay good where they can."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._ports: dict[str, int] = {name: int(port) for name, port in json.loads(path.read_text()).items()}
        except (OSError, ValueError, AttributeError):
            self._ports = {}

    def pick(self, name: str) -> int:
        port = free_port(self._ports.get(name, 0))
        while port in (other for key, other in self._ports.items() if key != name):
            port = free_port()
        self._ports[name] = port
        return port

    def forget(self, name: str) -> None:
        """The port was lost to somebody else: the next pick is another one."""
        self._ports.pop(name, None)

    def save(self) -> None:
        self._path.write_text(json.dumps(self._ports))
