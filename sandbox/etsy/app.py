"""The application: a request's way from the connection through checks, answer, fault and record to the bytes."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from sandbox.etsy import oauth
from sandbox.etsy.checks import run_checks
from sandbox.etsy.control import Control
from sandbox.etsy.corruption import ETSY, respond_with_fault
from sandbox.etsy.operations import Operation, find_operation
from sandbox.etsy.responses import EtsyError
from sandbox.etsy.world import Call, World
from sandbox.parts.control import CONTROL
from sandbox.parts.corruption import corrupted
from sandbox.parts.faults import Faults, Rule
from sandbox.parts.responses import HttpResponse
from sandbox.parts.schedule import Schedule
from sandbox.parts.transport import Sleep, compress, read_body, send_with_fault

_SILENT = ("reset", "hang")


class Sandbox:
    """An ASGI application; `sleep` is what slow answers wait with, so that tests need not."""

    def __init__(self, world: World, sleep: Sleep = asyncio.sleep) -> None:
        self.world = world
        self.faults = Faults(world.chance)
        self.schedule = Schedule()
        self._sleep = sleep
        self._changes = Control(world, self.faults, self.schedule)
        self._control = self._changes.app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
        elif scope["path"] in (oauth.CONNECT_PATH, oauth.TOKEN_PATH):
            await self._oauth(scope, receive, send)
        else:
            await self._vendor(scope, receive, send)

    async def _vendor(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(
            method=scope["method"], path=scope["path"], query=scope["query_string"], headers=dict(scope["headers"])
        )
        if call.method == "POST":
            call.form = await _form(receive)
        found = find_operation(call.method, call.path)
        response, rule = self._respond(found, call)
        operation = found[0].name if found else "unknown"
        self._record(scope, call, response, rule, operation)
        self._changes.tick(call.path)
        await self._send(response, rule, scope, receive, send)

    def _respond(self, found: tuple[Operation, dict[str, int]] | None, call: Call) -> tuple[HttpResponse, Rule | None]:
        """Unknown paths are nobody's business; all else passes the checks, and only then meets a fault."""
        if found is None:
            return EtsyError(404, "Resource not found").response, None
        try:
            operation, call.ids = found
            rate = run_checks(self.world, operation, call)
        except EtsyError as refusal:
            return refusal.response, None
        rule = self.faults.strike(call.path, call.query.decode("latin-1"), call.ids.get("shop_id"))
        try:
            response = respond_with_fault(self.world, operation, call, rule)
        except EtsyError as refusal:
            response = corrupted(refusal.response, rule, ETSY) if rule else refusal.response
        if response.status < 300:
            response.headers += rate
        return response, rule

    async def _oauth(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        call = Call(method=scope["method"], path=path, query=b"", headers=dict(scope["headers"]), rate="free")
        is_token = path == oauth.TOKEN_PATH
        form = await _form(receive) if is_token else {}
        operation = f"token:{form.get('grant_type', '')}" if is_token else "connect"
        try:
            response = oauth.token(self.world, form) if is_token else oauth.connect(self.world, dict(parse_qsl(query)))
        except EtsyError as refusal:
            response = refusal.response
        rule = self.faults.strike(path, query, None)
        if rule:
            response = corrupted(response, rule, ETSY)
        grant = fingerprint(form["refresh_token"]) if form.get("refresh_token") else None
        self._record(scope, call, response, rule, operation, grant=grant)
        if is_token and self.world.settings.token_delay_seconds:
            await self._sleep(self.world.settings.token_delay_seconds)
        await self._send(response, rule, scope, receive, send)

    def _record(
        self,
        scope: Scope,
        call: Call,
        response: HttpResponse,
        rule: Rule | None,
        operation: str,
        *,
        grant: str | None = None,
    ) -> None:
        self.world.request_log.write(
            {
                "at": self.world.clock.now(),
                "method": call.method,
                "path": call.path,
                "query": scope["query_string"].decode("latin-1") if call.rate != "free" else "",
                "status": 0 if rule and rule.kind in _SILENT else response.status,
                "shop_id": call.ids.get("shop_id"),
                "operation": operation,
                "token": call.bearer,
                "fault": rule.fault_id if rule else None,
                "rate": call.rate,
                "grant": grant,
            }
        )

    async def _send(
        self, response: HttpResponse, rule: Rule | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        response.headers.append((b"x-etsy-request-uuid", uuid.uuid4().hex.encode()))
        if self.world.settings.gzip:
            compress(response, dict(scope["headers"]).get(b"accept-encoding", b""))
        await send_with_fault(rule, response, (scope, receive, send), self._sleep)


def fingerprint(secret: str) -> str:
    """Which refresh token was presented, so that a second time is seen; never the token."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


async def _form(receive: Receive) -> dict[str, str]:
    """The body's form fields; a JSON object is read too, as Etsy is said to do (#549)."""
    body = await read_body(receive)
    if body.startswith(b"{"):
        return _json_form(body)
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _json_form(body: bytes) -> dict[str, str]:
    import orjson  # noqa: PLC0415 - one rare reader

    try:
        return {str(name): str(value) for name, value in orjson.loads(body).items()}
    except orjson.JSONDecodeError:
        return {}
