"""The application: a request's way from the connection through checks, answer, fault and record to the bytes."""

from __future__ import annotations

import asyncio
import uuid
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send

from sandbox.parts.control import CONTROL
from sandbox.parts.corruption import corrupted
from sandbox.parts.faults import TRANSPORT_KINDS, FaultKinds, Faults, Rule
from sandbox.parts.responses import ApiError, HttpResponse
from sandbox.parts.schedule import Schedule
from sandbox.parts.transport import Sleep, compress, read_body, send_with_fault
from sandbox.printify import oauth
from sandbox.printify.checks import run_checks
from sandbox.printify.control import Control
from sandbox.printify.corruption import PRINTIFY, respond_with_fault
from sandbox.printify.operations import Operation, Routes
from sandbox.printify.responses import PrintifyError
from sandbox.printify.webhooks import Webhooks
from sandbox.printify.world import Call, World

LIMITS = ("minute", "catalog", "publish")
_SILENT = ("reset", "hang")


class Sandbox:
    """An ASGI application; `sleep` is what slow answers and webhook retries wait with, so that tests need not."""

    def __init__(self, world: World, sleep: Sleep = asyncio.sleep) -> None:
        self.world = world
        self.faults = Faults(world.chance, FaultKinds(limits=LIMITS))
        self.schedule = Schedule()
        self.webhooks = Webhooks(world, sleep)
        self._sleep = sleep
        self._routes = Routes(self.webhooks)
        self._changes = Control(world, self.faults, self.schedule, self.webhooks)
        self._control = self._changes.app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
        elif scope["path"] in oauth.PATHS:
            await self._oauth(scope, receive, send)
        else:
            await self._vendor(scope, receive, send)

    async def _vendor(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _call(scope)
        if call.method in ("POST", "PUT"):
            call.body = await read_body(receive)
        found = self._routes.find(call.method, call.path)
        response, rule = self._respond(found, call, scope["query_string"].decode("latin-1"))
        status = 0 if rule and rule.kind in _SILENT else response.status
        if call.account_id is not None:
            self.world.limits.note(call.account_id, status)
        self._record(scope, call, status, rule, found[0].name if found else "unknown")
        self._changes.tick(call.path)
        await self._send(response, rule, scope, receive, send)

    def _respond(
        self, found: tuple[Operation, dict[str, str]] | None, call: Call, query: str
    ) -> tuple[HttpResponse, Rule | None]:
        """Unknown routes are nobody's business; all else passes the checks, and only then meets a fault."""
        if found is None:
            return PrintifyError(404, "Not found").response, None
        try:
            operation, call.ids = found
            run_checks(self.world, operation, call)
        except ApiError as refusal:
            return refusal.response, None
        rule = self.faults.strike(call.path, query, call.shop_id)
        try:
            return respond_with_fault(self.world, operation, call, rule), rule
        except ApiError as refusal:
            return (corrupted(refusal.response, rule, PRINTIFY) if rule else refusal.response), rule

    async def _oauth(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _call(scope)
        call.rate = "free"
        is_token = call.path != oauth.CONNECT_PATH
        names = {oauth.TOKEN_PATH: "token:authorization_code", oauth.REFRESH_PATH: "token:refresh_token"}
        try:
            if is_token:
                response = oauth.token(self.world, call.path, await read_body(receive))
            else:
                response = oauth.connect(self.world, call.query)
        except ApiError as refusal:
            response = refusal.response
        rule = self.faults.strike(call.path, "", None)
        if rule:
            response = corrupted(response, rule, PRINTIFY)
        status = 0 if rule and rule.kind in _SILENT else response.status
        self._record(scope, call, status, rule, names.get(call.path, "connect"))
        if is_token and self.world.settings.token_delay_seconds:
            await self._sleep(self.world.settings.token_delay_seconds)
        await self._send(response, rule, scope, receive, send)

    def _record(self, scope: Scope, call: Call, status: int, rule: Rule | None, operation: str) -> None:
        self.world.request_log.write(
            {
                "at": self.world.clock.now(),
                "method": call.method,
                "path": call.path,
                "query": scope["query_string"].decode("latin-1") if call.rate != "free" else "",
                "status": status,
                "shop_id": call.shop_id,
                "account_id": call.account_id,
                "operation": operation,
                "token": call.bearer,
                "fault": rule.fault_id if rule else None,
                "rate": call.rate,
            }
        )

    async def _send(
        self, response: HttpResponse, rule: Rule | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        correlation = str(uuid.uuid4())
        response.headers.append((b"x-pfy-correlation-id", correlation.encode()))
        if rule is None or rule.kind in TRANSPORT_KINDS:
            response.body = self._signed(response.body, correlation)
        if self.world.settings.gzip:
            compress(response, dict(scope["headers"]).get(b"accept-encoding", b""))
        await send_with_fault(rule, response, (scope, receive, send), self._sleep)

    def _signed(self, body: bytes, correlation: str) -> bytes:
        """Forms B and C carry the correlation id once more, behind the second of the answer."""
        if not body.startswith(b'{"error":"') or b'"error_description"' in body:
            return body
        doc = orjson.loads(body)
        return orjson.dumps({**doc, "request_id": f"{self.world.clock.seconds()}@{correlation}"})


def _call(scope: Scope) -> Call:
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return Call(method=scope["method"], path=scope["path"], query=query, headers=dict(scope["headers"]))
