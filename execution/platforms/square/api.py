"""Square's API as an Api. Sources: the vendor's OpenAPI document; `platforms/square.md`, sections 1, 2 and 4."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from execution.errors import Fatal, Retriable
from execution.http.messages import Headers, Request, Send
from execution.http.retry_after import retry_after
from execution.moments import moment_in
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ACCEPTED, Api, ResponseKind, ShopIdentity, Verdict, verdict
from execution.platforms.rights import RIGHT_MISSING, Granted
from execution.platforms.square.errors import CURSOR_DEAD, Errors, errors_in

# The one place where the version stands: without it the one that is pinned in the developer's console is served, and
# list defaults and inventory's form change with it (sheet 0.8).
API_VERSION = "2026-09-16"
LOCATIONS_PATH = "/v2/locations"

_TOKEN = ("UNAUTHORIZED", "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_REVOKED")
_KEY = ("APPLICATION_DISABLED", "CLIENT_DISABLED")


def _headers(settings: PlatformSettings, access_token: str) -> dict[str, str]:
    del settings
    return {"authorization": f"Bearer {access_token}", "square-version": API_VERSION}


def _classify(status: int, headers: Headers, body: bytes, now: datetime) -> Verdict:
    """Status first, then the codes of the envelope (sheet 4)."""
    errors = errors_in(body)
    if 200 <= status < 300:
        # A page beside an error is a page with a hole in it.
        return ACCEPTED if not errors else verdict(ResponseKind.TRY_AGAIN, f"{status} with an error: {errors.text}")
    if status == 429 or "RATE_LIMITED" in errors.codes:
        wait = retry_after(headers, now, default=timedelta(seconds=1))
        return Verdict(kind=ResponseKind.THROTTLED, reason="Square's calls are used up for a moment", wait=wait)
    if status >= 500 or status in (408, 425):
        wait = retry_after(headers, now, default=None)
        return Verdict(kind=ResponseKind.TRY_AGAIN, reason=f"Square answered {status} {errors.text}".strip(), wait=wait)
    if not errors:
        # Square's own refusals say why, in an envelope. This one comes from the edge: a captcha, a firewall, a proxy.
        return verdict(ResponseKind.TRY_AGAIN, f"{status} without Square's error envelope")
    return _refusal(status, errors)


def _refusal(status: int, errors: Errors) -> Verdict:
    reason = f"Square answered {status}: {errors.text}"
    if errors.has(*_KEY):
        return verdict(ResponseKind.KEY_REFUSED, reason, "platform_key_refused")
    if status in (401, 403) or errors.has(*_TOKEN):
        return _no_access(status, errors, reason)
    if status in (404, 410):
        return verdict(ResponseKind.GONE, reason)
    code = CURSOR_DEAD if errors.has("INVALID_CURSOR") else "request_wrong"
    return verdict(ResponseKind.REQUEST_WRONG, reason, code)


def _no_access(status: int, errors: Errors, reason: str) -> Verdict:
    if errors.has("INSUFFICIENT_SCOPES"):
        named = {"right": errors.right} if errors.right else {}
        return verdict(ResponseKind.ACCESS_REFUSED, reason, RIGHT_MISSING, **named)
    if errors.has("MERCHANT_SUBSCRIPTION_NOT_FOUND"):
        return verdict(ResponseKind.ACCESS_REFUSED, reason, "plan_missing")
    if status == 401 or errors.has(*_TOKEN):
        return verdict(ResponseKind.TOKEN_REJECTED, reason, "reconnect_needed")
    return verdict(ResponseKind.ACCESS_REFUSED, reason, "access_denied")


def told(send: Send, _access_token: str = "") -> Granted | None:
    """What was granted, as the token itself says: no right is needed to ask it."""
    scopes = _asked(send, Request(path="/oauth2/token/status", method="POST")).get("scopes")
    return frozenset(scopes) if isinstance(scopes, list) and all(isinstance(s, str) for s in scopes) else None


def _identify(send: Send, _shop: str, _token: str) -> ShopIdentity:
    """Whose token it is. Its name, money and days need a right that a seller may have kept back; its id needs none."""
    status = _asked(send, Request(path="/oauth2/token/status", method="POST"))
    shop_id, scopes = status.get("merchant_id"), status.get("scopes")
    if not isinstance(shop_id, str) or not shop_id:
        raise Fatal("the token names no seller", code="no_shop")
    rights = frozenset(str(one) for one in scopes) if isinstance(scopes, list) else None
    try:
        merchant = _part(_asked(send, Request(path="/v2/merchants/me")), "merchant")
        places = _asked(send, Request(path=LOCATIONS_PATH)).get("locations")
    except Fatal as signal:
        if signal.code != RIGHT_MISSING:
            raise
        return ShopIdentity(shop_id=shop_id, name="", currency=None, created_at=None, rights=rights)
    locations = [one for one in places if isinstance(one, dict)] if isinstance(places, list) else []
    main = next((one for one in locations if one.get("id") == merchant.get("main_location_id")), {})
    # A seller's first location may be older than what Square knows of the seller.
    opened = [moment_in(one.get("created_at")) for one in (merchant, *locations)]
    currency, zone = merchant.get("currency") or main.get("currency"), main.get("timezone")
    return ShopIdentity(
        shop_id=shop_id,
        name=str(merchant.get("business_name") or main.get("business_name") or main.get("name") or ""),
        currency=str(currency) if currency else None,
        created_at=min((moment for moment in opened if moment is not None), default=None),
        rights=rights,
        time_zone=str(zone) if zone else None,
    )


def _asked(send: Send, request: Request) -> Mapping[str, object]:
    # Not as a small body: a seller may have hundreds of locations.
    try:
        fields = json.loads(send(request).body)
    except (ValueError, RecursionError):
        raise Retriable(f"{request.path} answered no usable JSON") from None
    if not isinstance(fields, dict):
        raise Retriable(f"{request.path} answered no object")
    return fields


def _part(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = fields.get(name)
    # `/v2/merchants` lists the one that there is; asked for `me` it comes alone.
    found = part[0] if isinstance(part, list) and part else part
    if not isinstance(found, dict):
        raise Retriable(f"the answer has no {name}")
    return found


SQUARE_API = Api(
    base_url="https://connect.squareup.com",
    headers=_headers,
    classify=_classify,
    identify=_identify,
)
