"""What a call must pass before it is answered: version, bearer, limit, scope (sheet sections 1, 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import orjson

from sandbox.parts.responses import Doc
from sandbox.square.api.given import Given
from sandbox.square.api.operations import Operation
from sandbox.square.api_versions import NEW_SHAPES, NEWEST, OLDEST, is_version
from sandbox.square.live_shop import LiveShop
from sandbox.square.responses import SquareError, forbidden, invalid, throttled, unauthorized
from sandbox.square.tokens import Access
from sandbox.square.world import World

VERSION = b"square-version"


@dataclass(kw_only=True)
class Call:
    """One request of the vendor's API on its way through the checks."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes = b""
    version: str = NEWEST
    token: Access | None = None
    live_shop: LiveShop | None = None
    note: Doc = field(default_factory=lambda: {"operation": "unknown", "token": "none", "rate": "uncounted"})


class Throttled(SquareError):
    """Too many calls this second."""

    def __init__(self, retry_after: int | None) -> None:
        super().__init__(429, "RATE_LIMIT_ERROR", "RATE_LIMITED", "")
        self.response = throttled(retry_after)


def version_of(world: World, call: Call) -> str:
    """The one that is asked for, else the application's."""
    given = call.headers.get(VERSION)
    if given is None:
        return world.settings.default_version
    text = given.decode("latin-1")
    if not is_version(text):
        raise invalid("INVALID_SQUARE_VERSION_FORMAT", "The Square-Version header must be a date, YYYY-MM-DD.")
    if text < OLDEST:
        raise invalid("API_VERSION_INCOMPATIBLE", f"The endpoint is not there in version {text}.")
    return min(text, NEWEST)


def bearer_of(call: Call) -> str:
    kind, _, value = call.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def authenticate(world: World, call: Call) -> Access:
    value = bearer_of(call)
    call.note["token"], call.token = world.tokens.classify(value) if value else ("none", None)
    if call.token:
        call.note["shop_id"] = call.token.owner
    if call.note["token"] == "expired":  # noqa: S105 - a word
        raise unauthorized("ACCESS_TOKEN_EXPIRED", "The access token has expired.")
    if call.note["token"] == "revoked":  # noqa: S105 - a word
        raise unauthorized("ACCESS_TOKEN_REVOKED", "The access token was revoked.")
    if call.token is None:
        raise unauthorized()
    call.live_shop = world.live_shops[call.token.owner]
    return call.token


def admit(world: World, call: Call, scope: str) -> None:
    """Count the call, then ask for the scope."""
    token = authenticate(world, call)
    call.note["rate"] = "counted"
    if not world.limits.admits(token.owner):
        call.note["rate"] = "second"
        raise Throttled(world.settings.retry_after)
    if scope not in token.scopes:
        detail = f"The merchant has not given your application sufficient permissions to do that. Missing: {scope}."
        raise forbidden("INSUFFICIENT_SCOPES", detail)


def given_of(world: World, operation: Operation, call: Call) -> Given:
    """The query of a GET or the body of a POST; a name that the operation does not know is refused."""
    if operation.method == "GET":
        fields: Doc = {}
        for name, value in parse_qsl(call.query, keep_blank_values=True):
            fields[name] = f"{fields[name]},{value}" if name in fields else value
        given = Given({name: value for name, value in fields.items() if value != ""}, is_query=True)
    else:
        given = Given(json_of(call.body))
    known = operation.params + (operation.later if call.version >= NEW_SHAPES else ())
    if world.settings.unknown_parameters == "refuse":
        given.refuse_unknown(known)
    return given


def json_of(body: bytes) -> Doc:
    """An object; no body at all is an empty one."""
    try:
        doc = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise invalid("EXPECTED_JSON_BODY", "The request body is not valid JSON.") from error
    if not isinstance(doc, dict):
        raise invalid("EXPECTED_JSON_BODY", "The request body must be a JSON object.")
    return doc
