"""A service that is told: a real server on this machine, which keeps what came and answers as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from standardwebhooks import Webhook

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
OLD_SECRET = "whsec_" + "eHl6MDEyMzQ1Njc4OWFiY2RlZmdoaWpr"


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it came."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str = SECRET) -> dict[str, Any]:
        """Its payload; raises where the standard's own package does not take the signature."""
        told: dict[str, Any] = Webhook(secret).verify(self.body, dict(self.headers))
        return told


@dataclass(kw_only=True)
class Listener:
    """`answer` decides the status by what came; it may also wait."""

    url: str = ""
    came: list[Received] = field(default_factory=list)
    answer: Callable[[Received], int | tuple[int, Mapping[str, str]]] = lambda _: 204

    @property
    def types(self) -> list[str]:
        return [str(orjson.loads(one.body)["type"]) for one in self.came]


@contextmanager
def listening() -> Iterator[Listener]:
    listener, lock = Listener(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received = Received(headers={k.lower(): v for k, v in self.headers.items()}, body=body)
            with lock:
                listener.came.append(received)
            answered = listener.answer(received)
            status, headers = answered if isinstance(answered, tuple) else (answered, {})
            self.send_response(status)
            for name, value in {**headers, "content-length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    listener.url = f"http://127.0.0.1:{server.server_address[1]}/events"
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
