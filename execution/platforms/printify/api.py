"""Printify's public API as an Api. Sources: the vendor's OpenAPI document; `platforms/printify.md`, 2 to 4 and 10.

More than 5 % of answers that are errors is itself a breach (sheet 4): what cannot get better is never asked again, and
the budget counts the errors of an account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from execution.budget.observed_limits import ObservedLimits
from execution.errors import Fatal, Retriable
from execution.http.messages import Headers, Request, Send
from execution.http.retry_after import retry_after
from execution.http.small_bodies import json_object
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ACCEPTED, Api, ResponseKind, ShopIdentity, Verdict, verdict
from execution.platforms.rights import RIGHT_MISSING

# Mandatory (sheet 1.4): the app's name and version.
USER_AGENT = "keeper/1.0"
_MINUTE = timedelta(minutes=1)
# An account that was suspended for its errors has to rest until they are forgotten.
_REST = timedelta(hours=1)
_MOST_TEXT = 300
_RESTS = re.compile(r"suspend|too many|\brate\b", re.IGNORECASE)


def _headers(settings: PlatformSettings, access_token: str) -> dict[str, str]:
    del settings
    return {"authorization": f"Bearer {access_token}", "user-agent": USER_AGENT}


def _limits(headers: Headers, body: bytes) -> ObservedLimits:
    """No answer tells any (sheet 4)."""
    del headers, body
    return ObservedLimits()


def _classify(status: int, headers: Headers, body: bytes, now: datetime) -> Verdict:
    if 200 <= status < 300:
        return ACCEPTED
    text = error_text(body)
    reason = f"Printify answered {status}: {text}".rstrip(": ")
    if status == 429:
        wait = retry_after(headers, now, default=_MINUTE)
        return Verdict(kind=ResponseKind.THROTTLED, reason="Printify's calls of this minute are used up", wait=wait)
    if status >= 500 or status in (408, 425):
        wait = retry_after(headers, now, default=None)
        return Verdict(kind=ResponseKind.TRY_AGAIN, reason=reason, wait=wait)
    if not text:
        # Printify's own refusals say why, in JSON. This one comes from the edge: a captcha, a firewall, a proxy.
        return verdict(ResponseKind.TRY_AGAIN, f"{status} without Printify's error body")
    return _refusal(status, text, reason)


def _refusal(status: int, text: str, reason: str) -> Verdict:
    match status:
        case 401:
            return verdict(ResponseKind.TOKEN_REJECTED, reason, "reconnect_needed")
        case 402:
            return verdict(ResponseKind.ACCESS_REFUSED, reason, "payment_needed")
        case 403 if _RESTS.search(text):
            return Verdict(kind=ResponseKind.SHOP_PAUSED, reason=reason, wait=_REST)
        case 403:
            # Sheet 3.4: a scope is missing; whatever else it says is not confirmed.
            return verdict(ResponseKind.ACCESS_REFUSED, reason, RIGHT_MISSING)
        case 404 | 410:
            return verdict(ResponseKind.GONE, reason)
        case _:
            return verdict(ResponseKind.REQUEST_WRONG, reason, "request_wrong")


def error_text(body: bytes) -> str:
    """The forms A to D of section 10, in one line; empty where the body is none of them."""
    try:
        fields = json_object(body)
    except ValueError:
        return ""
    errors = fields.get("errors")
    reason = errors.get("reason") if isinstance(errors, dict) else None
    parts = [fields.get("error"), fields.get("error_description"), fields.get("message"), reason]
    texts = [part for part in parts if isinstance(part, str) and part]
    if fields.get("status") == "error" and isinstance(fields.get("code"), int):
        texts.append(f"code {fields['code']}")
    return " ".join(": ".join(texts).split())[:_MOST_TEXT]


def shops(send: Send) -> tuple[ShopIdentity, ...]:
    """The shops of the token's account, disconnected ones too: their old orders are still costs."""
    response = send(Request(path="/shops.json"))
    try:
        found = json.loads(response.body)
        return tuple(_shop(shop) for shop in found)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Retriable("/shops.json answered no list of shops") from None


def _shop(facts: dict[str, Any]) -> ShopIdentity:
    return ShopIdentity(
        shop_id=str(int(facts["id"])), name=str(facts.get("title") or ""), currency=None, created_at=None
    )


def _identify(send: Send, shop_id: str, _token: str) -> ShopIdentity:
    """The shop that is asked for, if it is one of the account's; without a wish the only one."""
    found = shops(send)
    if not shop_id and len(found) == 1:
        return found[0]
    for shop in found:
        if shop.shop_id == shop_id:
            return shop
    raise Fatal(
        f"{f'shop {shop_id} is not one of' if shop_id else 'choose one of'} this account's: {_names(found)}",
        code="not_your_shop",
        facts={"shops": _names(found)},
    )


def _names(found: Sequence[ShopIdentity]) -> str:
    return ", ".join(f"{shop.shop_id} {shop.name}".strip() for shop in found[:10]) or "none"


PRINTIFY_API = Api(
    base_url="https://api.printify.com/v1",
    request_id_header="x-pfy-correlation-id",
    headers=_headers,
    limits=_limits,
    classify=_classify,
    identify=_identify,
)
