"""The API of webhook subscriptions: the application's own, for all of its sellers."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from urllib.parse import parse_qsl

from sandbox.parts.responses import Doc, HttpResponse, ok
from sandbox.square.announcements import EVENT_TYPES
from sandbox.square.api.given import Given
from sandbox.square.checks import Call, authenticate, bearer_of, json_of
from sandbox.square.data.timestamps import DAY, parsed, precise
from sandbox.square.deliveries import REMEMBERED_DAYS, Subscription, new_event
from sandbox.square.responses import forbidden, invalid, not_found
from sandbox.square.world import World

PREFIXES = ("/v2/webhooks/", "/v2/events")
_ONE = re.compile(r"/v2/webhooks/subscriptions/([^/]+)(/test|/signature-key)?")
_MOST = 100
_FIELDS = (
    "name",
    "enabled",
    "event_types",
    "notification_url",
    "api_version",
    "id",
    "signature_key",
    "created_at",
    "updated_at",
)


async def respond(world: World, call: Call) -> tuple[str, HttpResponse]:
    """The operation's name and its answer; refusals are answers too."""
    _authorize(world, call)
    one = _ONE.fullmatch(call.path)
    if one and one[2] == "/test":
        return "TestWebhookSubscription", await _test(world, call, _subscription(world, one[1]))
    name, handler = _found(call, one)
    return name, handler(world, call, _subscription(world, one[1]) if one else None)


def _authorize(world: World, call: Call) -> None:
    """The application's token; a seller's is refused unless a setting takes it."""
    if hmac.compare_digest(bearer_of(call).encode(), world.access_token.encode()):
        call.note["token"] = "valid"  # noqa: S105 - a word
        return
    authenticate(world, call)
    if world.settings.webhook_token == "application":  # noqa: S105 - a word
        raise forbidden("FORBIDDEN", "Webhook subscriptions need the application's own access token.")


Handler = Callable[[World, Call, Subscription | None], HttpResponse]


def _found(call: Call, one: re.Match[str] | None) -> tuple[str, Handler]:
    key = (call.method, "{one}" + (one[2] or "")) if one else (call.method, call.path)
    if key not in _HANDLERS:
        raise not_found()
    return _HANDLERS[key]


def _list(world: World, call: Call, _one: Subscription | None) -> HttpResponse:
    given = Given(dict(parse_qsl(call.query)), is_query=True)
    given.refuse_unknown(("cursor", "include_disabled", "sort_order", "limit"))
    found = list(world.webhooks.subscriptions.values())
    if not given.flag("include_disabled"):
        found = [each for each in found if each.enabled]
    if given.word("sort_order", ("ASC", "DESC"), "ASC") == "DESC":
        found.reverse()
    start = given.text("cursor")
    keys = [each.key for each in found]
    if start is not None and start not in keys:
        raise invalid("INVALID_CURSOR", "The cursor is not valid.", "cursor")
    first = 0 if start is None else keys.index(start) + 1
    limit = given.capped("limit", _MOST)
    page = found[first : first + limit]
    told: Doc = {"subscriptions": [_unkeyed(each) for each in page]} if page else {}
    if first + limit < len(found):
        told["cursor"] = page[-1].key
    return ok(told)


def _unkeyed(each: Subscription) -> Doc:
    """Lists do not show keys."""
    return {name: value for name, value in each.doc().items() if name != "signature_key"}


def _create(world: World, call: Call, _one: Subscription | None) -> HttpResponse:
    given = Given(json_of(call.body))
    given.refuse_unknown(("idempotency_key", "subscription"))
    if not given.has("subscription"):
        raise invalid("MISSING_REQUIRED_PARAMETER", "Field must be set.", "subscription")
    wish = given.part("subscription", _FIELDS)
    url, types = wish.text("notification_url"), wish.texts("event_types")
    if not url or not types:
        missing = "event_types" if url else "notification_url"
        raise invalid("MISSING_REQUIRED_PARAMETER", "Field must be set.", wish.path(missing))
    _check(wish, url, types)
    made = world.webhooks.subscribe(
        wish.text("name") or "",
        url,
        types,
        wish.text("api_version") or world.settings.default_version,
        enabled=wish.flag("enabled") if wish.has("enabled") else True,
    )
    return ok({"subscription": made.doc()})


def _check(wish: Given, url: str | None, types: list[str]) -> None:
    if url is not None and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise invalid("INVALID_VALUE", "The notification URL must be https.", wish.path("notification_url"))
    for each in types:
        if each not in EVENT_TYPES:
            raise invalid("INVALID_VALUE", f"Unknown event type {each}.", wish.path("event_types"))


def _retrieve(_world: World, _call: Call, one: Subscription | None) -> HttpResponse:
    return ok({"subscription": _given(one).doc()})


def _update(world: World, call: Call, one: Subscription | None) -> HttpResponse:
    made = _given(one)
    wish = Given(json_of(call.body)).part("subscription", _FIELDS)
    url, types = wish.text("notification_url"), wish.texts("event_types")
    _check(wish, url, types)
    made.url = url or made.url
    made.event_types = types or made.event_types
    made.name = wish.text("name") or made.name
    made.api_version = wish.text("api_version") or made.api_version
    made.enabled = wish.flag("enabled") if wish.has("enabled") else made.enabled
    made.updated = world.webhooks.now
    return ok({"subscription": _unkeyed(made)})


def _delete(world: World, _call: Call, one: Subscription | None) -> HttpResponse:
    del world.webhooks.subscriptions[_given(one).key]
    return ok({})


def _new_key(world: World, _call: Call, one: Subscription | None) -> HttpResponse:
    made = _given(one)
    made.signature_key = secrets.token_urlsafe(16)
    made.updated = world.webhooks.now
    return ok({"signature_key": made.signature_key})


def _types(_world: World, _call: Call, _one: Subscription | None) -> HttpResponse:
    metadata = [
        {"event_type": each, "api_version_introduced": "2020-02-26", "release_status": "PUBLIC"} for each in EVENT_TYPES
    ]
    return ok({"event_types": list(EVENT_TYPES), "metadata": metadata})


async def _test(world: World, call: Call, made: Subscription) -> HttpResponse:
    wish = Given(json_of(call.body)).text("event_type") or made.event_types[0]
    if wish not in EVENT_TYPES:
        raise invalid("INVALID_VALUE", f"Unknown event type {wish}.", "event_type")
    data = {"type": wish.split(".")[0], "id": "test", "object": {}}
    event = new_event(wish, merchant_id="TESTMERCHANT", at=world.webhooks.now, data=data)
    status = await world.webhooks.test(made, event)
    now = precise(world.webhooks.now)
    told = {"id": event["event_id"], "status_code": status, "payload": "", "created_at": now, "updated_at": now}
    return ok({"subscription_test_result": told})


def _search_events(world: World, call: Call, _one: Subscription | None) -> HttpResponse:
    """What was told in the last 28 days, the oldest first."""
    given = Given(json_of(call.body))
    given.refuse_unknown(("cursor", "limit", "query"))
    query = given.part("query", ("filter", "sort"))
    wish = query.part("filter", ("event_types", "merchant_ids", "location_ids", "created_at"))
    oldest = world.webhooks.now - REMEMBERED_DAYS * DAY
    start, end = wish.span("created_at")
    types, merchants = wish.texts("event_types"), wish.texts("merchant_ids")
    found = [
        event
        for event in world.webhooks.events
        if max(start or 0, oldest) <= parsed(event["created_at"]) <= (end or world.webhooks.now)
        and (not types or event["type"] in types)
        and (not merchants or event["merchant_id"] in merchants)
    ]
    if query.part("sort", ("field", "order")).word("order", ("ASC", "DESC"), "ASC") == "DESC":
        found.reverse()
    limit = given.refused("limit", 100, 100)
    text = given.text("cursor") or "0"
    if not text.isdecimal():
        raise invalid("INVALID_CURSOR", "The cursor is not valid.", "cursor")
    first = int(text)
    page = found[first : first + limit]
    told: Doc = {"events": page, "metadata": [{"event_id": each["event_id"]} for each in page]} if page else {}
    if first + limit < len(found):
        told["cursor"] = str(first + limit)
    return ok(told)


def _subscription(world: World, key: str) -> Subscription:
    found = world.webhooks.subscriptions.get(key)
    if found is None:
        raise not_found(f"Subscription {key} not found.")
    return found


def _given(one: Subscription | None) -> Subscription:
    if one is None:
        raise not_found()
    return one


_HANDLERS: dict[tuple[str, str], tuple[str, Handler]] = {
    ("GET", "/v2/webhooks/event-types"): ("ListWebhookEventTypes", _types),
    ("GET", "/v2/webhooks/subscriptions"): ("ListWebhookSubscriptions", _list),
    ("POST", "/v2/webhooks/subscriptions"): ("CreateWebhookSubscription", _create),
    ("GET", "{one}"): ("RetrieveWebhookSubscription", _retrieve),
    ("PUT", "{one}"): ("UpdateWebhookSubscription", _update),
    ("DELETE", "{one}"): ("DeleteWebhookSubscription", _delete),
    ("POST", "{one}/signature-key"): ("UpdateWebhookSubscriptionSignatureKey", _new_key),
    ("POST", "/v2/events"): ("SearchEvents", _search_events),
}
