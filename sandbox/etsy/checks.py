"""The checks before an answer, a function each, run in the order that the settings name (sheet 4.5, 15)."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.etsy.limits import throttled
from sandbox.etsy.operations import Operation
from sandbox.etsy.params import read_params
from sandbox.etsy.responses import EtsyError
from sandbox.etsy.world import Call, World
from sandbox.parts.responses import Headers

_BEARER = re.compile(rb"Bearer ([1-9][0-9]*)\.([A-Za-z0-9_\-]+)", re.IGNORECASE)


class Throttled(EtsyError):
    """A 429, which has headers of its own."""


def run_checks(world: World, operation: Operation, call: Call) -> Headers:
    """Refuse, or give the rate headers that go on the success."""
    headers: Headers = []
    for name in world.settings.check_order:
        if name == "rate_limit":
            headers = _rate_limit(world, call)
        else:
            _CHECKS[name](world, operation, call)
    return headers


def _key_form(_world: World, _operation: Operation, call: Call) -> None:
    key = call.headers.get(b"x-api-key")
    if not key:
        raise EtsyError(401, "Missing x-api-key header.")
    if b":" not in key:
        raise EtsyError(403, "Shared secret is required in x-api-key header.")
    if key.count(b":") > 1 or not all(key.split(b":")):
        raise EtsyError(403, "Invalid API key: should be in the format 'keystring:shared_secret'.")


def _key(world: World, _operation: Operation, call: Call) -> None:
    if call.headers.get(b"x-api-key") != f"{world.keystring}:{world.shared_secret}".encode():
        raise EtsyError(403, "API key not found or not active, or incorrect shared secret for API key.")


def _rate_limit(world: World, call: Call) -> Headers:
    verdict = world.limits.admit()
    call.rate = verdict.refused or "counted"
    if verdict.refused:
        refusal = Throttled(429, verdict.refused)
        refusal.response = throttled(verdict.refused, verdict.retry_after, verdict.headers)
        raise refusal
    return verdict.headers


def _bearer_form(_world: World, operation: Operation, call: Call) -> None:
    value = call.headers.get(b"authorization")
    if value is None:
        if operation.needs_user:
            raise EtsyError(403, "No user was provided as part of the bearer token.")
        return
    if not _BEARER.fullmatch(value):
        call.bearer = "malformed"
        if operation.needs_user:
            raise EtsyError(401, "invalid_token", "access token is malformed")


def _bearer(world: World, operation: Operation, call: Call) -> None:
    match = _BEARER.fullmatch(call.headers.get(b"authorization", b""))
    if match is None:
        return
    call.bearer, token = world.tokens.classify(f"{match[1].decode()}.{match[2].decode()}")
    if call.bearer == "valid" and token:
        call.token, call.user_id = token, token.owner
    elif operation.needs_user:
        text = {"expired": "expired", "revoked": "revoked"}.get(call.bearer, "invalid")
        raise EtsyError(401, "invalid_token", f"access token is {text}")


def _scope(_world: World, operation: Operation, call: Call) -> None:
    if operation.scope and (call.token is None or operation.scope not in call.token.scopes):
        raise EtsyError(403, "insufficient_scope", "Insufficient scope")


def _ownership(world: World, operation: Operation, call: Call) -> None:
    """Find the shop of the path; a missing one is a 404, another's a 403 (#588)."""
    if "shop_id" in call.ids:
        call.shop = world.live_shops.get(call.ids["shop_id"])
        if call.shop is None:
            raise EtsyError(404, f"Could not find a Shop with shop_id = {call.ids['shop_id']}")
    if operation.owned == "listing":
        call.shop = world.live_shop_of_listing(call.ids["listing_id"])
        if call.shop is None:
            raise EtsyError(404, f"Could not find a Listing with listing_id = {call.ids['listing_id']}.")
    if operation.owned and call.live_shop.shop.ids.user != call.user_id:
        which = call.ids[f"{operation.owned}_id"]
        raise EtsyError(403, f"User does not own {operation.owned.capitalize()} {which}")


def _parameters(world: World, operation: Operation, call: Call) -> None:
    clamp = world.settings.limit_over_maximum == "clamp"
    call.params = read_params(operation.params, call.query, clamp=clamp)
    if operation.also:
        operation.also(call)


_CHECKS: dict[str, Callable[[World, Operation, Call], None]] = {
    "key_form": _key_form,
    "key": _key,
    "bearer_form": _bearer_form,
    "bearer": _bearer,
    "scope": _scope,
    "ownership": _ownership,
    "parameters": _parameters,
}
