"""Etsy's Open API v3 as an Api. Sources: the vendor's OpenAPI document; `platforms/etsy.md`, sections 4, 5, 10."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from execution.budget.observed_limits import ObservedLimits
from execution.errors import Fatal, Retriable
from execution.http.messages import Headers, Request, Send
from execution.http.retry_after import LONGEST_DAY, retry_after
from execution.http.small_bodies import error_text, json_object
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ACCEPTED, Api, KeyProbe, ResponseKind, ShopIdentity, Verdict, verdict
from execution.platforms.rights import RIGHT_MISSING


def _headers(settings: PlatformSettings, access_token: str) -> dict[str, str]:
    return {**_key(settings), "authorization": f"Bearer {access_token}"}


def _key(settings: PlatformSettings) -> dict[str, str]:
    return {"x-api-key": f"{settings.client_id}:{settings.secret}"}


def _limits(headers: Headers, _body: bytes = b"") -> ObservedLimits:
    # The documentation prints the second name, without its last letter; both have to be expected.
    this_second = _number(headers, "x-remaining-this-second"), _number(headers, "x-remaining-this-secon")
    return ObservedLimits(
        per_second=_number(headers, "x-limit-per-second") or None,
        remaining_this_second=this_second[0] if this_second[0] is not None else this_second[1],
        per_day=_number(headers, "x-limit-per-day") or None,
        remaining_today=_number(headers, "x-remaining-today"),
    )


def _number(headers: Headers, name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _classify(status: int, headers: Headers, body: bytes, now: datetime) -> Verdict:
    """Status first, text second: Etsy has no error codes."""
    text = error_text(body)
    if 200 <= status < 300:
        return ACCEPTED if not text else verdict(ResponseKind.TRY_AGAIN, f"{status} with an error: {text}")
    if status == 429:
        return _too_many(headers, text, now)
    if status >= 500 or status in (408, 425):
        wait = retry_after(headers, now, default=None)
        return Verdict(kind=ResponseKind.TRY_AGAIN, reason=f"Etsy answered {status} {text}".strip(), wait=wait)
    if not text:
        # Etsy's own refusals say why, in JSON. This one comes from the edge: a captcha, a firewall, a proxy.
        return verdict(ResponseKind.TRY_AGAIN, f"{status} without Etsy's error body")
    return _refusal(status, text)


def _refusal(status: int, text: str) -> Verdict:
    reason, low = f"Etsy answered {status}: {text}", text.lower()
    if status in (401, 403) and ("api key" in low or "api-key" in low or "shared secret" in low):
        return verdict(ResponseKind.KEY_REFUSED, reason, "platform_key_refused")
    if status in (401, 403) and "scope" in low:
        return verdict(ResponseKind.ACCESS_REFUSED, reason, RIGHT_MISSING)
    if status == 401:
        return verdict(ResponseKind.TOKEN_REJECTED, reason, "reconnect_needed")
    if status == 403:
        code = "not_your_shop" if "does not own" in low else "reconnect_needed"
        return verdict(ResponseKind.ACCESS_REFUSED, reason, code)
    if status in (404, 410):
        return verdict(ResponseKind.GONE, reason)
    return verdict(ResponseKind.REQUEST_WRONG, reason, "request_wrong")


def _too_many(headers: Headers, text: str, now: datetime) -> Verdict:
    second, day = timedelta(seconds=1), timedelta(hours=1)
    of_the_day = re.search(r"\b(day|daily)\b", text.lower()) or _limits(headers).remaining_today == 0
    if of_the_day and "second" not in text.lower():
        wait = retry_after(headers, now, default=day, longest=LONGEST_DAY)
        return Verdict(kind=ResponseKind.DAY_USED_UP, reason="Etsy's daily calls are used up", wait=wait)
    wait = retry_after(headers, now, default=second)
    return Verdict(kind=ResponseKind.THROTTLED, reason="Etsy's calls per second are used up", wait=wait)


def _identify(send: Send, shop_id: str, access_token: str) -> ShopIdentity:
    """Ask getMe for the token's own shop, getShop for what it is called.

    getMe alone needs `shops_r`. Without it the owner is asked for, whom the token names (sheet 2); where there is no
    token in hand the shop is known already, and answering is all that is asked of it.
    """
    owner = access_token.partition(".")[0]
    try:
        found = _shop_in(_fields(send, "/users/me"))
        shop = _fields(send, f"/shops/{found}")
    except Fatal as signal:
        if signal.code != RIGHT_MISSING or not (owner.isdecimal() or shop_id.isdecimal()):
            raise
        shop = _fields(send, f"/users/{owner}/shops" if owner.isdecimal() else f"/shops/{shop_id}")
        found = _shop_in(shop)
    created = shop.get("created_timestamp", shop.get("create_date"))
    return ShopIdentity(
        shop_id=str(found),
        name=str(shop.get("shop_name") or ""),
        currency=str(shop["currency_code"]) if shop.get("currency_code") else None,
        created_at=datetime.fromtimestamp(created, UTC) if isinstance(created, int) else None,
    )


def _shop_in(fields: Mapping[str, object]) -> int:
    shop_id = fields.get("shop_id")
    if not isinstance(shop_id, int):
        raise Fatal("getMe names no shop", code="no_shop")
    return shop_id


def _fields(send: Send, path: str) -> Mapping[str, object]:
    try:
        return json_object(send(Request(path=path)).body)
    except ValueError as error:
        raise Retriable(f"{path} answered no usable JSON: {error}") from None


ETSY_API = Api(
    base_url="https://api.etsy.com/v3/application",
    request_id_header="x-etsy-request-uuid",
    headers=_headers,
    limits=_limits,
    classify=_classify,
    identify=_identify,
    # Sheet 7, `ping`.
    key_probe=KeyProbe(path="/openapi-ping", headers=_key),
)
