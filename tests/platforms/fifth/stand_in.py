"""Bazaar as it would answer, in a thread of this process: one shop, its orders, tokens that are rotated."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from execution.http.signatures import hex_hmac
from tests.platforms.fifth.bazaar.webhooks import SIGNATURE

CLIENT_ID, CLIENT_SECRET, WEBHOOK_SECRET = "keeper", "bazaar-client-secret", "bazaar-webhook-secret"
DAY = 86_400
Row = dict[str, Any]


class Bazaar:
    """What the stand-in holds, and what a test does to it. `asked`: the requests it got, in order."""

    def __init__(self, orders: int) -> None:
        self.opened = int(time.time()) - 400 * DAY
        self.shop: Row = {"id": "stall-7", "name": "Stall 7", "currency": "EUR", "opened": self.opened}
        self.orders = {f"b{number}": self._order(number) for number in range(1, orders + 1)}
        self.asked: list[str] = []
        self.url = ""
        self._numbers = itertools.count(1)
        self.codes: set[str] = set()
        self.access, self.refresh = "", ""
        self.issue()

    def _order(self, number: int) -> Row:
        placed = self.opened + number * 3600
        return {
            "id": f"b{number}",
            "number": f"#{number}",
            "state": "PAID",
            "placed": placed,
            "changed": placed,
            "currency": "EUR",
            "total": f"{number}.50",
            "buyer": {"name": "Pat"},
        }

    @property
    def env(self) -> dict[str, str]:
        """What leads the product here."""
        return {
            "BAZAAR_CLIENT_ID": CLIENT_ID,
            "BAZAAR_CLIENT_SECRET": CLIENT_SECRET,
            "BAZAAR_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "BAZAAR_API_BASE_URL": self.url,
        }

    def issue(self) -> Row:
        """A new pair; the one before is dead."""
        number = next(self._numbers)
        self.access, self.refresh = f"access-{number}", f"refresh-{number}"
        pair = {"access_token": self.access, "refresh_token": self.refresh}
        return {**pair, "expires_in": 3600, "token_type": "Bearer", "scope": "orders"}

    def change(self, order: str, **fields: Any) -> tuple[dict[str, str], bytes]:
        """The order changes; headers and body of the webhook that tells it."""
        self.orders[order] |= {"changed": int(time.time()), **fields}
        event = {"id": f"e{next(self._numbers)}", "topic": "order.changed", "shop": self.shop["id"], "order": order}
        body = json.dumps(event).encode()
        return {SIGNATURE: hex_hmac(WEBHOOK_SECRET.encode(), body), "content-type": "application/json"}, body

    def agree(self, query: dict[str, str]) -> str:
        """The seller allows it: where the consent page leads the browser back to."""
        code = f"code-{next(self._numbers)}"
        self.codes.add(code)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def answer(self, path: str, query: dict[str, str], token: str) -> tuple[int, Row]:
        """What is read with a token."""
        if token != self.access:
            return 401, {"error": "the token is not good"}
        if path == "/v1/shop":
            return 200, self.shop
        _, _, order = path.partition(f"/v1/shops/{self.shop['id']}/orders")
        if order:
            found = self.orders.get(order.removeprefix("/"))
            return (200, found) if found else (404, {"error": "there is no such order"})
        inside = [o for o in self.orders.values() if int(query["from"]) <= o["placed"] <= int(query["to"])]
        inside.sort(key=lambda o: o["placed"], reverse=query["order"] == "newest")
        start = int(query["offset"])
        return 200, {"count": len(inside), "results": inside[start : start + int(query["limit"])]}

    def token(self, form: dict[str, str]) -> tuple[int, Row]:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if form.get("code") in self.codes:
            self.codes.remove(form["code"])
            return 200, self.issue()
        return (200, self.issue()) if form.get("refresh_token") == self.refresh else (400, {"error": "invalid_grant"})


@contextmanager
def serving(bazaar: Bazaar) -> Iterator[Bazaar]:
    """Answered on a socket of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            bazaar.asked.append(parts.path)
            if parts.path == "/oauth/authorize":
                self._send(303, b"", location=bazaar.agree(query))
                return
            status, row = bazaar.answer(
                parts.path, query, self.headers.get("authorization", "").removeprefix("Bearer ")
            )
            self._send(status, json.dumps(row).encode())

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            bazaar.asked.append(self.path)
            status, row = bazaar.token({name: values[0] for name, values in form.items()})
            self._send(status, json.dumps(row).encode())

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {
                "content-type": "application/json",
                "content-length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    bazaar.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield bazaar
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
