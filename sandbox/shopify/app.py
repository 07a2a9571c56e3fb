"""The application: a request's way from the connection through checks, answer, fault and record to the bytes."""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from starlette.types import Scope

from sandbox.parts.app import BaseSandbox, sent_status
from sandbox.parts.faults import Faults, Rule
from sandbox.parts.responses import Doc, HttpResponse
from sandbox.parts.schedule import Schedule
from sandbox.parts.transport import Asgi, Sleep, read_body, send_whole, send_with_fault
from sandbox.shopify import oauth
from sandbox.shopify.api_versions import serving
from sandbox.shopify.bulk.files import PREFIX, head_of, pieces
from sandbox.shopify.control import Control
from sandbox.shopify.corruption import KINDS, with_fault
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.endpoint import GraphqlApi
from sandbox.shopify.responses import ShopifyError, unauthorized
from sandbox.shopify.rest.api import RestApi
from sandbox.shopify.tokens import Access
from sandbox.shopify.world import World

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
    live_shop: LiveShop | None = None
    token: Access | None = None
    note: Doc = field(default_factory=lambda: {"operation": "unknown", "token": "none", "rate": "uncounted"})


class Sandbox(BaseSandbox):
    """Shopify's APIs: OAuth's pages, GraphQL, REST, and the storage of bulk results."""

    def __init__(self, world: World, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(Control(world, Faults(world.chance, KINDS), Schedule()), sleep)
        self.world = world
        self._graphql = GraphqlApi(world.engine, world.points, world.settings)
        self._rest = RestApi(world.calls, world.settings)
        world.webhooks.sleep = sleep

    async def serve(self, asgi: Asgi) -> None:
        call = _read(asgi[0])
        call.body = await read_body(asgi[1])
        self.world.bulk.tick()
        if call.path.startswith(PREFIX):
            await self._file(call, asgi)
            return
        response, rule = await self._respond(call)
        self._record(call, response, rule)
        self.control.tick(call.path)
        await self._send(response, rule, asgi)

    async def _respond(self, call: Call) -> tuple[HttpResponse, Rule | None]:
        if call.path in _OAUTH:
            return await self._oauth(call)
        api = _API.fullmatch(call.path)
        if api is None:
            return ShopifyError(404, "Not Found").response, None
        try:
            version = self._check(call, api[1])
        except ShopifyError as refusal:
            return refusal.response, None
        rule = self.faults.strike(call.path, self._matched(call), call.note.get("shop_id"))
        response = self._api(call, api[2])
        response.headers.append((b"x-shopify-api-version", version.encode()))
        return (with_fault(response, rule) if rule else response), rule

    async def _file(self, call: Call, asgi: Asgi) -> None:
        """A result of a bulk operation: no token, no version, no bucket; streamed, so of any size."""
        call.note["operation"], call.note["rate"] = "bulk:download", "free"
        operation, refusal = self.world.bulk_files.find(call.path, call.query)
        if operation is None:
            response = refusal or ShopifyError(404, "Not Found").response
            self._record(call, response, None)
            await send_whole(response, asgi[2])
            return
        call.note["shop_id"] = operation.shop_id
        rule = self.faults.strike(call.path, call.query, operation.shop_id)
        status, first, end, headers = head_of(operation, call.headers)
        if rule:
            whole = b"".join([piece async for piece in pieces(operation, first, end)])
            kept = [(name, value) for name, value in headers if name not in (b"content-type", b"content-length")]
            response = with_fault(
                HttpResponse(status=status, body=whole, headers=kept, content_type=b"application/jsonl"), rule
            )
            self._record(call, response, rule)
            await send_with_fault(rule, response, asgi, self._sleep)
            return
        self._record(call, HttpResponse(status=status), None, size=end - first)
        await asgi[2]({"type": "http.response.start", "status": status, "headers": headers})
        async for piece in pieces(operation, first, end):
            await asgi[2]({"type": "http.response.body", "body": piece, "more_body": True})
        await asgi[2]({"type": "http.response.body", "body": b""})

    async def _oauth(self, call: Call) -> tuple[HttpResponse, Rule | None]:
        """Pages that have no version and no bucket."""
        world, content_type = self.world, call.headers.get(b"content-type", b"")
        call.note["rate"] = "free"
        if call.path == oauth.AUTHORIZE:
            call.note["operation"] = "authorize"
            response = oauth.authorize(world, call.domain, parse_qsl(call.query, keep_blank_values=True))
        elif call.path == oauth.TOKEN:
            response, grant = oauth.token(world, call.domain, call.body, content_type)
            call.note["operation"] = f"token:{grant}"
            if world.settings.token_delay_seconds:
                await self._sleep(world.settings.token_delay_seconds)
        else:
            call.note["operation"] = "access_scopes"
            try:
                token = self._authenticate(call)
            except ShopifyError as refusal:
                return refusal.response, None
            response = oauth.access_scopes(token.scopes)
        rule = self.faults.strike(call.path, call.query, call.note.get("shop_id"))
        return (with_fault(response, rule) if rule else response), rule

    def _check(self, call: Call, wanted: str) -> str:
        """Token, shop and version; gives the version that serves the call."""
        self._authenticate(call)
        version = serving(wanted, self.world.clock.seconds())
        if version is None:
            raise ShopifyError(404, "Not Found")
        return version

    def _authenticate(self, call: Call) -> Access:
        value = call.headers.get(b"x-shopify-access-token", b"").decode("latin-1")
        call.note["token"], call.token = self.world.tokens.classify(value) if value else ("none", None)
        if call.token:
            call.note["shop_id"] = call.token.owner
        if call.note["token"] != "valid" or call.token is None:  # noqa: S105 - a word
            raise unauthorized()
        call.live_shop = self.world.live_shops[call.token.owner]
        if call.domain is not None and call.domain != call.live_shop.shop.domain:
            raise unauthorized()
        return call.token

    def _matched(self, call: Call) -> str:
        """What a fault's `query` is searched in: the words of a GraphQL query, else the query string."""
        return call.body.decode("utf-8", "replace") if call.path.endswith("/graphql.json") else unquote(call.query)

    def _api(self, call: Call, what: str) -> HttpResponse:
        if call.live_shop is None or call.token is None:
            raise LookupError(call.path)
        ctx = Context(
            settings=self.world.settings,
            live_shop=call.live_shop,
            scopes=frozenset(call.token.scopes),
            now=self.world.clock.seconds(),
            base_url=call.base_url,
            token_ends=call.token.expires_at,
        )
        if what != "graphql.json":
            target = f"{call.base_url}{call.path}?{call.query}"
            return self._rest.respond(ctx, call.method, what, target, call.note)
        if call.method != "POST":
            return ShopifyError(404, "Not Found").response
        return self._graphql.respond(ctx, call.body, call.headers.get(b"content-type", b""), call.note)

    def _record(self, call: Call, response: HttpResponse, rule: Rule | None, size: int | None = None) -> None:
        self.world.request_log.write(
            {
                "at": self.world.clock.now(),
                "method": call.method,
                "path": call.path,
                "query": "" if call.path in _OAUTH or call.path.startswith(PREFIX) else call.query,
                "status": sent_status(response, rule),
                "shop_id": None,
                "bytes": len(response.body) if size is None else size,
                "fault": rule.fault_id if rule else None,
                **call.note,
            }
        )

    async def _send(self, response: HttpResponse, rule: Rule | None, asgi: Asgi) -> None:
        response.headers.append((b"x-request-id", uuid.uuid4().hex.encode()))
        await self.send(response, rule, asgi, gzip=self.world.settings.gzip)


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
