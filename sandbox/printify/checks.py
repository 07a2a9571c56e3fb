"""The checks before an answer: user agent, token, limits, payment, scope, ownership, parameters (sheet 2 to 5)."""

from __future__ import annotations

import re

import orjson

from sandbox.printify.limits import throttled
from sandbox.printify.operations import Operation
from sandbox.printify.responses import Invalid, PrintifyError, validation
from sandbox.printify.world import Call, World

_BEARER = re.compile(rb"Bearer ([A-Za-z0-9_\-.]+)", re.IGNORECASE)
DEFAULT_LIMIT = 10


class Throttled(PrintifyError):
    """A 429, whose headers are a setting."""


def run_checks(world: World, operation: Operation, call: Call) -> None:
    """Refuse, or leave the call ready to be answered."""
    _user_agent(call)
    _bearer(world, call)
    _limits(world, operation, call)
    _payment(world, call)
    _scope(operation, call)
    _ownership(world, call)
    _parameters(world, operation, call)


def _user_agent(call: Call) -> None:
    """Mandatory by the docs; what a missing one is answered is not known, so this is ours."""
    if not call.headers.get(b"user-agent", b"").strip():
        raise Invalid(400, 8150, "Validation failed.", "The User-Agent header is required.")


def _bearer(world: World, call: Call) -> None:
    match = _BEARER.fullmatch(call.headers.get(b"authorization", b""))
    if b"authorization" in call.headers:
        call.bearer = "malformed"
    if match:
        call.bearer, call.token = world.tokens.classify(match[1].decode())
    if call.bearer != "valid" or call.token is None:
        raise PrintifyError(401, "Unauthenticated")
    call.account_id = call.token.owner


def _limits(world: World, operation: Operation, call: Call) -> None:
    account_id = call.account_id or 0
    refused = world.limits.admit(account_id, operation.area)
    call.rate = refused or "counted"
    if refused:
        wait = world.limits.seconds_until_available(account_id, refused) if world.settings.retry_after else None
        refusal = Throttled(429, "Too Many Requests")
        refusal.response = throttled(wait)
        raise refusal
    if world.settings.error_share == "block" and world.limits.breached(account_id):
        call.rate = "blocked"
        raise PrintifyError(403, "Access is suspended: too many failed requests")


def _payment(world: World, call: Call) -> None:
    if call.account_id in world.unpaid:
        raise PrintifyError(402, "Payment required")


def _scope(operation: Operation, call: Call) -> None:
    if call.token is None or operation.scope not in call.token.scopes:
        raise PrintifyError(403, "Forbidden")


def _ownership(world: World, call: Call) -> None:
    """A shop that is not there and one of someone else look the same."""
    if call.shop_id is None:
        return
    call.shop = world.live_shops.get(call.shop_id)
    if call.shop is None or call.shop.account_id != call.account_id:
        raise PrintifyError(404, "Not found")


def _parameters(world: World, operation: Operation, call: Call) -> None:
    if operation.most:
        clamp = getattr(world.settings, operation.pages) == "clamp"
        call.params["page"] = _whole(call, "page", 1, 10**9)
        limit = _whole(call, "limit", DEFAULT_LIMIT, 10**9 if clamp else operation.most)
        call.params["limit"] = min(limit, operation.most)
    if operation.body:
        try:
            doc = orjson.loads(call.body)
        except orjson.JSONDecodeError:
            doc = None
        if not isinstance(doc, dict):
            raise validation("The body must be a JSON object.")
        call.doc = doc


def _whole(call: Call, name: str, default: int, most: int) -> int:
    text = call.query.get(name)
    if text is None or text == "":
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    if value < 1:
        raise validation(f"The {name} must be at least 1.")
    if value > most:
        raise validation(f"The {name} may not be greater than {most}.")
    return value
