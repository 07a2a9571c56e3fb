"""The application: a request's way from the connection through checks, answer, fault and record to the bytes."""

from __future__ import annotations

import asyncio
import hashlib
from urllib.parse import parse_qsl, unquote

from sandbox.parts.app import BaseSandbox, sent_status
from sandbox.parts.corruption import corrupted
from sandbox.parts.faults import Faults, Rule
from sandbox.parts.responses import ApiError, HttpResponse
from sandbox.parts.schedule import Schedule
from sandbox.parts.transport import Asgi, Sleep, read_body
from sandbox.square import checks, oauth, subscription_api
from sandbox.square.announcements import revoked
from sandbox.square.api.context import Context
from sandbox.square.api.lists import LIST_FAULTS
from sandbox.square.api.operations import Operation, find
from sandbox.square.checks import Call
from sandbox.square.control import Control
from sandbox.square.corruption import KINDS, of_list
from sandbox.square.responses import not_found
from sandbox.square.world import World

_LOGGED_BYTES = 4000


class Sandbox(BaseSandbox):
    """Square's API: OAuth, the operations, and webhook subscriptions."""

    def __init__(self, world: World, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(Control(world, Faults(world.chance, KINDS), Schedule()), sleep)
        self.world = world
        world.webhooks.sleep = sleep

    async def serve(self, asgi: Asgi) -> None:
        scope = asgi[0]
        call = Call(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=dict(scope["headers"]),
            version=self.world.settings.default_version,
        )
        call.body = await read_body(asgi[1])
        response, rule = await self._respond(call)
        self._record(call, response, rule)
        self.control.tick(call.path)
        response.headers.append((b"square-version", call.version.encode()))
        await self.send(response, rule, asgi, gzip=self.world.settings.gzip)

    async def _respond(self, call: Call) -> tuple[HttpResponse, Rule | None]:
        if call.path in oauth.PATHS:
            return await self._oauth(call)
        try:
            call.version = checks.version_of(self.world, call)
            if call.path.startswith(subscription_api.PREFIXES):
                return await self._webhooks(call)
            found = find(call.method, call.path)
            if found is None:
                raise not_found()
            call.note["operation"] = found[0].name
            checks.admit(self.world, call, found[0].scope)
        except ApiError as refusal:
            return refusal.response, None
        rule = self.faults.strike(call.path, _matched(call), call.note.get("shop_id"))
        return self._operation(call, *found, rule), rule

    def _operation(self, call: Call, operation: Operation, ids: dict[str, str], rule: Rule | None) -> HttpResponse:
        try:
            response = operation.handler(self._context(call, operation, ids, rule))
        except ApiError as refusal:
            response = refusal.response
        lies = rule is None or rule.kind in LIST_FAULTS
        return response if lies or rule is None else corrupted(response, rule, of_list(operation.rows))

    def _context(self, call: Call, operation: Operation, ids: dict[str, str], rule: Rule | None) -> Context:
        if call.live_shop is None or call.token is None:
            raise LookupError(call.path)
        return Context(
            settings=self.world.settings,
            live_shop=call.live_shop,
            scopes=frozenset(call.token.scopes),
            now=int(self.world.clock.now() * 1000),
            version=call.version,
            name=operation.name,
            given=checks.given_of(self.world, operation, call),
            key=self.world.cursor_key,
            ids={name: unquote(value) for name, value in ids.items()},
            fault=rule,
        )

    async def _webhooks(self, call: Call) -> tuple[HttpResponse, Rule | None]:
        """Subscriptions are the application's: its own token asks for them."""
        call.note["rate"] = "free"
        name, response = await subscription_api.respond(self.world, call)
        call.note["operation"] = name
        rule = self.faults.strike(call.path, _matched(call), None)
        return (corrupted(response, rule, of_list("subscriptions")) if rule else response), rule

    async def _oauth(self, call: Call) -> tuple[HttpResponse, Rule | None]:
        call.note["rate"] = "free"
        try:
            response = self._oauth_answer(call)
        except ApiError as refusal:
            response = refusal.response
        if call.path == oauth.TOKEN and self.world.settings.token_delay_seconds:
            await self._sleep(self.world.settings.token_delay_seconds)
        rule = self.faults.strike(call.path, call.query, None)
        return (corrupted(response, rule, of_list("")) if rule else response), rule

    def _oauth_answer(self, call: Call) -> HttpResponse:
        if call.path == oauth.AUTHORIZE:
            call.note["operation"] = "authorize"
            return oauth.authorize(self.world, dict(parse_qsl(call.query)))
        if call.method != "POST":
            raise not_found()
        if call.path == oauth.STATUS:
            call.note["operation"] = "RetrieveTokenStatus"
            return oauth.status(self.world, checks.authenticate(self.world, call))
        body = checks.json_of(call.body)
        if call.path == oauth.REVOKE:
            call.note["operation"] = "RevokeToken"
            response, owner = oauth.revoke(self.world, call.headers.get(b"authorization", b"").decode("latin-1"), body)
            if owner is not None:
                revoked(self.world, self.world.live_shops[owner], "APPLICATION")
            return response
        call.note["operation"] = f"token:{body.get('grant_type', '')}"
        if isinstance(grant := body.get("refresh_token"), str):
            call.note["grant"] = hashlib.sha256(grant.encode()).hexdigest()[:16]
        return oauth.token(self.world, body)

    def _record(self, call: Call, response: HttpResponse, rule: Rule | None) -> None:
        secret = call.path in oauth.PATHS
        self.world.request_log.write(
            {
                "at": self.world.clock.now(),
                "method": call.method,
                "path": call.path,
                "query": "" if secret else call.query,
                "body": "" if secret else call.body[:_LOGGED_BYTES].decode("utf-8", "replace"),
                "status": sent_status(response, rule),
                "shop_id": None,
                "bytes": len(response.body),
                "fault": rule.fault_id if rule else None,
                "grant": None,
                **call.note,
            }
        )


def _matched(call: Call) -> str:
    """What a fault's `query` is searched in: the body of a POST, else the query string."""
    return call.body.decode("utf-8", "replace") if call.method != "GET" else unquote(call.query)
