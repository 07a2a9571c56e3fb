"""The application: a request's way from the connection through checks, answer, fault and record to the bytes."""

from __future__ import annotations

import asyncio
import uuid
from urllib.parse import parse_qsl

import orjson
from starlette.types import Scope

from sandbox.parts.app import BaseSandbox, sent_status
from sandbox.parts.corruption import corrupted
from sandbox.parts.faults import TRANSPORT_KINDS, FaultKinds, Faults, Rule
from sandbox.parts.responses import ApiError, HttpResponse
from sandbox.parts.schedule import Schedule
from sandbox.parts.transport import Asgi, Sleep, read_body
from sandbox.printify import oauth
from sandbox.printify.checks import run_checks
from sandbox.printify.control import Control
from sandbox.printify.corruption import PRINTIFY, respond_with_fault
from sandbox.printify.operations import Operation, Routes
from sandbox.printify.responses import PrintifyError
from sandbox.printify.webhooks import Webhooks
from sandbox.printify.world import Call, World

LIMITS = ("minute", "catalog", "publish")


class Sandbox(BaseSandbox):
    """Printify's API: OAuth's pages, and the operations."""

    def __init__(self, world: World, sleep: Sleep = asyncio.sleep) -> None:
        self.webhooks = Webhooks(world, sleep)
        faults = Faults(world.chance, FaultKinds(limits=LIMITS))
        super().__init__(Control(world, faults, Schedule(), self.webhooks), sleep)
        self.world = world
        self._routes = Routes(self.webhooks)

    async def serve(self, asgi: Asgi) -> None:
        if asgi[0]["path"] in oauth.PATHS:
            await self._oauth(asgi)
        else:
            await self._vendor(asgi)

    async def _vendor(self, asgi: Asgi) -> None:
        scope = asgi[0]
        call = _call(scope)
        if call.method in ("POST", "PUT"):
            call.body = await read_body(asgi[1])
        found = self._routes.find(call.method, call.path)
        response, rule = self._respond(found, call, scope["query_string"].decode("latin-1"))
        status = sent_status(response, rule)
        if call.account_id is not None:
            self.world.limits.note(call.account_id, status)
        self._record(scope, call, status, rule, found[0].name if found else "unknown")
        self.control.tick(call.path)
        await self._send(response, rule, asgi)

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

    async def _oauth(self, asgi: Asgi) -> None:
        scope = asgi[0]
        call = _call(scope)
        call.rate = "free"
        is_token = call.path != oauth.CONNECT_PATH
        names = {oauth.TOKEN_PATH: "token:authorization_code", oauth.REFRESH_PATH: "token:refresh_token"}
        try:
            if is_token:
                response = oauth.token(self.world, call.path, await read_body(asgi[1]))
            else:
                response = oauth.connect(self.world, call.query)
        except ApiError as refusal:
            response = refusal.response
        rule = self.faults.strike(call.path, "", None)
        if rule:
            response = corrupted(response, rule, PRINTIFY)
        status = sent_status(response, rule)
        self._record(scope, call, status, rule, names.get(call.path, "connect"))
        if is_token and self.world.settings.token_delay_seconds:
            await self._sleep(self.world.settings.token_delay_seconds)
        await self._send(response, rule, asgi)

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

    async def _send(self, response: HttpResponse, rule: Rule | None, asgi: Asgi) -> None:
        correlation = str(uuid.uuid4())
        response.headers.append((b"x-pfy-correlation-id", correlation.encode()))
        if rule is None or rule.kind in TRANSPORT_KINDS:
            response.body = self._signed(response.body, correlation)
        await self.send(response, rule, asgi, gzip=self.world.settings.gzip)

    def _signed(self, body: bytes, correlation: str) -> bytes:
        """Forms B and C carry the correlation id once more, behind the second of the answer."""
        if not body.startswith(b'{"error":"') or b'"error_description"' in body:
            return body
        doc = orjson.loads(body)
        return orjson.dumps({**doc, "request_id": f"{self.world.clock.seconds()}@{correlation}"})


def _call(scope: Scope) -> Call:
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return Call(method=scope["method"], path=scope["path"], query=query, headers=dict(scope["headers"]))
