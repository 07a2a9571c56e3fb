"""The application: a request's way from the connection through checks, answer, fault and record to the bytes."""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from starlette.types import Receive, Scope, Send

from sandbox.parts.answer import Answer, Doc
from sandbox.parts.control import CONTROL
from sandbox.parts.faults import Faults, Rule
from sandbox.parts.schedule import Schedule
from sandbox.parts.wire import Sleep, compress, read_body, send_under, send_whole
from sandbox.shopify import oauth
from sandbox.shopify.answers import Refusal, unauthorized
from sandbox.shopify.bulk_files import PREFIX, find_file, head_of, pieces
from sandbox.shopify.context import Context
from sandbox.shopify.control import Control
from sandbox.shopify.faulty import KINDS, under
from sandbox.shopify.front import Front
from sandbox.shopify.graphql_api import GraphqlApi
from sandbox.shopify.rest_api import RestApi
from sandbox.shopify.tokens import Access
from sandbox.shopify.versions import serving
from sandbox.shopify.world import World

_SILENT = ("reset", "hang")
_OAUTH = (oauth.AUTHORIZE, oauth.TOKEN, oauth.ACCESS_SCOPES)
_API = re.compile(r"/admin/api/([^/]+)/(.+)")
_SHOP = re.compile(r"/shops/([^/]+)(/admin/.*)")


@dataclass(kw_only=True)
class Call:
    """One request of the vendor's API on its way through the checks."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    base_url: str
    domain: str | None
    body: bytes = b""
    front: Front | None = None
    token: Access | None = None
    note: Doc = field(default_factory=lambda: {"operation": "unknown", "token": "none", "rate": "uncounted"})


class Sandbox:
    """An ASGI application; `sleep` is what slow answers wait with, so that tests need not."""

    def __init__(self, world: World, sleep: Sleep = asyncio.sleep) -> None:
        self.world = world
        self.faults = Faults(world.chance, KINDS)
        self.schedule = Schedule()
        self._sleep = sleep
        self._changes = Control(world, self.faults, self.schedule)
        self._control = self._changes.app()
        self._graphql = GraphqlApi(world)
        self._rest = RestApi(world)
        world.webhooks.sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
            return
        call = _read(scope)
        call.body = await read_body(receive)
        self.world.bulk.tick()
        if call.path.startswith(PREFIX):
            await self._file(call, (scope, receive, send))
            return
        answer, rule = await self._answer(call)
        self._record(call, answer, rule)
        self._changes.tick(call.path)
        await self._send(answer, rule, call, (scope, receive, send))

    async def _answer(self, call: Call) -> tuple[Answer, Rule | None]:
        if call.path in _OAUTH:
            return await self._oauth(call)
        api = _API.fullmatch(call.path)
        if api is None:
            return Refusal(404, "Not Found").answer, None
        try:
            version = self._check(call, api[1])
        except Refusal as refusal:
            return refusal.answer, None
        rule = self.faults.strike(call.path, self._matched(call), call.note.get("shop_id"))
        answer = self._api(call, api[2])
        answer.headers.append((b"x-shopify-api-version", version.encode()))
        return (under(answer, rule) if rule else answer), rule

    async def _file(self, call: Call, wires: tuple[Scope, Receive, Send]) -> None:
        """A result of a bulk operation: no token, no version, no bucket; streamed, so of any size."""
        call.note["operation"], call.note["rate"] = "bulk:download", "free"
        operation, refusal = find_file(self.world, call.path, call.query)
        if operation is None:
            answer = refusal or Refusal(404, "Not Found").answer
            self._record(call, answer, None)
            await send_whole(answer, wires[2])
            return
        call.note["shop_id"] = operation.shop_id
        rule = self.faults.strike(call.path, call.query, operation.shop_id)
        status, first, end, headers = head_of(operation, call.headers)
        if rule:
            whole = b"".join([piece async for piece in pieces(operation, first, end)])
            kept = [(name, value) for name, value in headers if name not in (b"content-type", b"content-length")]
            answer = under(Answer(status=status, body=whole, headers=kept, content_type=b"application/jsonl"), rule)
            self._record(call, answer, rule)
            await send_under(rule, answer, wires, self._sleep)
            return
        self._record(call, Answer(status=status), None, size=end - first)
        await wires[2]({"type": "http.response.start", "status": status, "headers": headers})
        async for piece in pieces(operation, first, end):
            await wires[2]({"type": "http.response.body", "body": piece, "more_body": True})
        await wires[2]({"type": "http.response.body", "body": b""})

    async def _oauth(self, call: Call) -> tuple[Answer, Rule | None]:
        """Pages that have no version and no bucket."""
        world, content_type = self.world, call.headers.get(b"content-type", b"")
        call.note["rate"] = "free"
        if call.path == oauth.AUTHORIZE:
            call.note["operation"] = "authorize"
            answer = oauth.authorize(world, call.domain, parse_qsl(call.query, keep_blank_values=True))
        elif call.path == oauth.TOKEN:
            answer, grant = oauth.token(world, call.domain, call.body, content_type)
            call.note["operation"] = f"token:{grant}"
            if world.settings.token_delay_seconds:
                await self._sleep(world.settings.token_delay_seconds)
        else:
            call.note["operation"] = "access_scopes"
            try:
                token = self._authenticate(call)
            except Refusal as refusal:
                return refusal.answer, None
            answer = oauth.access_scopes(token.scopes)
        rule = self.faults.strike(call.path, call.query, call.note.get("shop_id"))
        return (under(answer, rule) if rule else answer), rule

    def _check(self, call: Call, wanted: str) -> str:
        """Token, shop and version; gives the version that serves the call."""
        self._authenticate(call)
        version = serving(wanted, self.world.clock.seconds())
        if version is None:
            raise Refusal(404, "Not Found")
        return version

    def _authenticate(self, call: Call) -> Access:
        value = call.headers.get(b"x-shopify-access-token", b"").decode("latin-1")
        call.note["token"], call.token = self.world.tokens.classify(value) if value else ("none", None)
        if call.token:
            call.note["shop_id"] = call.token.owner
        if call.note["token"] != "valid" or call.token is None:  # noqa: S105 - a word
            raise unauthorized()
        call.front = self.world.fronts[call.token.owner]
        if call.domain is not None and call.domain != call.front.shop.domain:
            raise unauthorized()
        return call.token

    def _matched(self, call: Call) -> str:
        """What a fault's `query` is searched in: the words of a GraphQL query, else the query string."""
        return call.body.decode("utf-8", "replace") if call.path.endswith("/graphql.json") else unquote(call.query)

    def _api(self, call: Call, what: str) -> Answer:
        if call.front is None or call.token is None:
            raise LookupError(call.path)
        ctx = Context(
            world=self.world,
            front=call.front,
            scopes=frozenset(call.token.scopes),
            now=self.world.clock.seconds(),
            base_url=call.base_url,
            token=call.token,
        )
        if what != "graphql.json":
            target = f"{call.base_url}{call.path}?{call.query}"
            return self._rest.answer(ctx, call.method, what, target, call.note)
        if call.method != "POST":
            return Refusal(404, "Not Found").answer
        return self._graphql.answer(ctx, call.body, call.headers.get(b"content-type", b""), call.note)

    def _record(self, call: Call, answer: Answer, rule: Rule | None, size: int | None = None) -> None:
        self.world.journal.write(
            {
                "at": self.world.clock.now(),
                "method": call.method,
                "path": call.path,
                "query": "" if call.path in _OAUTH or call.path.startswith(PREFIX) else call.query,
                "status": 0 if rule and rule.kind in _SILENT else answer.status,
                "shop_id": None,
                "bytes": len(answer.body) if size is None else size,
                "fault": rule.fault_id if rule else None,
                **call.note,
            }
        )

    async def _send(self, answer: Answer, rule: Rule | None, call: Call, wires: tuple[Scope, Receive, Send]) -> None:
        answer.headers.append((b"x-request-id", uuid.uuid4().hex.encode()))
        if self.world.settings.gzip:
            compress(answer, call.headers.get(b"accept-encoding", b""))
        await send_under(rule, answer, wires, self._sleep)


def _read(scope: Scope) -> Call:
    """The shop is named by the token; a host under myshopify.com or a path prefix must agree with it."""
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1")
    domain = host.split(":")[0].lower()
    prefixed = _SHOP.fullmatch(scope["path"])
    return Call(
        method=scope["method"],
        path=prefixed[2] if prefixed else scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        base_url=f"{scope['scheme']}://{host}",
        domain=prefixed[1].lower() if prefixed else domain if domain.endswith(".myshopify.com") else None,
    )
