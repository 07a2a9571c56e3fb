"""The application: a request's way from the connection through checks, answer, fault and record to the bytes."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope

from sandbox.etsy import oauth
from sandbox.etsy.checks import run_checks
from sandbox.etsy.control import Control
from sandbox.etsy.corruption import ETSY, respond_with_fault
from sandbox.etsy.operations import Operation, find_operation
from sandbox.etsy.responses import EtsyError
from sandbox.etsy.world import Call, World
from sandbox.parts.app import BaseSandbox, sent_status
from sandbox.parts.corruption import corrupted
from sandbox.parts.faults import Faults, Rule
from sandbox.parts.responses import HttpResponse
from sandbox.parts.schedule import Schedule
from sandbox.parts.transport import Asgi, Sleep, read_body


class Sandbox(BaseSandbox):
    """Etsy's API: OAuth's two pages, and the operations."""

    def __init__(self, world: World, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(Control(world, Faults(world.chance), Schedule()), sleep)
        self.world = world

    async def serve(self, asgi: Asgi) -> None:
        if asgi[0]["path"] in (oauth.CONNECT_PATH, oauth.TOKEN_PATH):
            await self._oauth(asgi)
        else:
            await self._vendor(asgi)

    async def _vendor(self, asgi: Asgi) -> None:
        scope = asgi[0]
        call = Call(
            method=scope["method"], path=scope["path"], query=scope["query_string"], headers=dict(scope["headers"])
        )
        if call.method == "POST":
            call.form = await _form(asgi[1])
        found = find_operation(call.method, call.path)
        response, rule = self._respond(found, call)
        operation = found[0].name if found else "unknown"
        self._record(scope, call, response, rule, operation)
        self.control.tick(call.path)
        await self._send(response, rule, asgi)

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

    async def _oauth(self, asgi: Asgi) -> None:
        scope = asgi[0]
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        call = Call(method=scope["method"], path=path, query=b"", headers=dict(scope["headers"]), rate="free")
        is_token = path == oauth.TOKEN_PATH
        form = await _form(asgi[1]) if is_token else {}
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
        await self._send(response, rule, asgi)

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
                "status": sent_status(response, rule),
                "shop_id": call.ids.get("shop_id"),
                "operation": operation,
                "token": call.bearer,
                "fault": rule.fault_id if rule else None,
                "rate": call.rate,
                "grant": grant,
            }
        )

    async def _send(self, response: HttpResponse, rule: Rule | None, asgi: Asgi) -> None:
        response.headers.append((b"x-etsy-request-uuid", uuid.uuid4().hex.encode()))
        await self.send(response, rule, asgi, gzip=self.world.settings.gzip)


def fingerprint(secret: str) -> str:
    """Which refresh token was presented, so that a second time is seen; never the token."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


async def _form(receive: Receive) -> dict[str, str]:
    """The body's form fields; a JSON object is read too, as Etsy is said to do (#549)."""
    body = await read_body(receive)
    if not body.startswith(b"{"):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        return {str(name): str(value) for name, value in orjson.loads(body).items()}
    except orjson.JSONDecodeError:
        return {}
