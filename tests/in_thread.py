"""A stand-in in a thread of this process, on real sockets: tests reach into it, and its sleeps take no time."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import uvicorn

from sandbox.parts.transport import Protocol
from tests.standins.stand_in import ControlPlane, Row

ENDS_AT = 1_790_000_000


class InThread(ControlPlane, ABC):
    """`slept` are the seconds that it would have slept."""

    # How tests ask it.
    client: ClassVar[Row] = {}

    def __init__(self, url: str, world: Any, sandbox: Any, slept: list[float]) -> None:
        super().__init__(url, **self.client)
        self.world, self.sandbox, self.slept = world, sandbox, slept
        self._kept: dict[str, Any] = {}

    @classmethod
    @contextmanager
    def running(cls, world: Any, build: Callable[..., Any], **config: Any) -> Iterator[Self]:
        """Served until the block ends. `config` is the server's: over TLS with a certificate."""
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        sandbox = build(world, sleep)
        scheme = "https" if "ssl_certfile" in config else "http"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            made = cls(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", world, sandbox, slept)
            with serving(sandbox, listener, http=Protocol, lifespan="off", timeout_graceful_shutdown=1, **config):
                try:
                    yield made
                finally:
                    made.http.close()
        world.close()

    @abstractmethod
    def shop(self, **wanted: Any) -> Any: ...

    def kept(self, **wanted: Any) -> Any:
        """One shop for all tests that wish for the same and do not change it."""
        key = repr(wanted)
        if key not in self._kept:
            self._kept[key] = self.shop(**{"seed": self.seeds.draw(key), **wanted})
        return self._kept[key]

    def reset(self) -> None:
        """No faults, no waiting mutations, an empty ledger; subclasses add limits, settings and time."""
        self.sandbox.faults.rules.clear()
        self.sandbox.schedule.waiting.clear()
        self.world.request_log.clear()
        self.slept.clear()


class InThreadShop:
    """A shop, as `made` at the control plane."""

    def __init__(self, plane: InThread, made: Row) -> None:
        self.plane, self.made, self.id = plane, made, made["shop_id"]

    def truth(self, kind: str) -> list[Row]:
        return self.plane.ndjson(f"/shops/{self.id}/truth/{kind}")

    def mutate(self, kind: str, **fields: Any) -> Any:
        return self.plane.control("POST", f"/shops/{self.id}/mutations", kind=kind, **fields)

    def fault(self, **rule: Any) -> Any:
        return self.plane.control("POST", "/faults", **rule)


@contextmanager
def serving(app: Any, listener: socket.socket, **config: Any) -> Iterator[uvicorn.Server]:
    """An application behind a socket, ended with the block."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", **config))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()
