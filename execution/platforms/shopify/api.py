"""Shopify's Admin API as an Api. Sources: the vendor's schema 2026-10; `platforms/shopify.md`, sections 1 to 3.

GraphQL answers nearly everything with 200: what an answer means stands in its `errors`, and how much it cost in its
`extensions`. REST speaks through the status. The table of section 3.3 is `_classify`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from execution.budget.observed_limits import ObservedLimits
from execution.errors import Retriable
from execution.http.messages import Headers, Send
from execution.http.retry_after import LONGEST, SHORTEST, retry_after
from execution.moments import moment_in
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ACCEPTED, Api, ResponseKind, ShopIdentity, Verdict, verdict
from execution.platforms.rights import RIGHT_MISSING
from execution.platforms.shopify.graphql import GRANTED, data_of, granted_in, graphql
from execution.platforms.shopify.graphql_response import GraphqlResponse, read_graphql_response, scope_named

# The one place where the version stands. Each is served for a year; one that is gone is served by the oldest that is
# not, without a word but for a header (sheet 1).
API_VERSION = "2026-10"

# Shops that are frozen or locked stay so for days; asked again every hour, they are told apart from those that died.
_PAUSE = timedelta(hours=1)

_IDENTIFY = f"""query KeeperShop {{
  shop {{ id name myshopifyDomain currencyCode ianaTimezone createdAt plan {{ publicDisplayName }} }}
  {GRANTED}
}}"""


def _headers(settings: PlatformSettings, access_token: str) -> dict[str, str]:
    del settings
    return {"x-shopify-access-token": access_token}


def _limits(headers: Headers, body: bytes) -> ObservedLimits:
    """GraphQL tells its bucket of points in the body, REST its bucket of calls in a header."""
    used, _, maximum = headers.get("x-shopify-shop-api-call-limit", "").partition("/")
    if used.isascii() and used.isdigit() and maximum.isascii() and maximum.isdigit():
        return ObservedLimits(calls_maximum=float(maximum), calls_available=float(maximum) - float(used))
    response = read_graphql_response(body) if b'"throttleStatus"' in body[:2000] + body[-2000:] else None
    bucket = response.bucket if response else None
    return ObservedLimits(
        points_maximum=bucket.maximum_available if bucket else None,
        points_available=bucket.currently_available if bucket else None,
        points_restore_per_s=bucket.restore_rate if bucket else None,
    )


def _classify(status: int, headers: Headers, body: bytes, now: datetime) -> Verdict:
    served = headers.get("x-shopify-api-version", API_VERSION)
    if served != API_VERSION and status < 500:
        reason = f"Shopify serves API version {served[:20]} in place of {API_VERSION}: raise API_VERSION"
        return verdict(ResponseKind.KEY_REFUSED, reason, "platform_key_refused")
    if status == 429:
        wait = retry_after(headers, now, default=timedelta(seconds=2))
        return Verdict(kind=ResponseKind.THROTTLED, reason="Shopify's calls are used up for a moment", wait=wait)
    response = read_graphql_response(body)
    text = response.error_text if response else ""
    if status >= 500 or status in (408, 425, 430):
        wait = retry_after(headers, now, default=None)
        return Verdict(kind=ResponseKind.TRY_AGAIN, reason=f"Shopify answered {status} {text}".strip(), wait=wait)
    if not 200 <= status < 300:
        return _refusal(status, text)
    if response is None:
        return verdict(ResponseKind.TRY_AGAIN, f"{status} with a body that is no whole JSON")
    return _errors(response, text) if response.errors else _warnings(response)


def _errors(response: GraphqlResponse, text: str) -> Verdict:
    """Errors beside data are errors: a page with a hole in it is no page."""
    codes, reason = response.codes, f"Shopify answered: {text}"
    if "THROTTLED" in codes:
        wait = timedelta(seconds=response.wait_s or 1.0)
        return Verdict(kind=ResponseKind.THROTTLED, reason=reason, wait=min(max(wait, SHORTEST), LONGEST))
    if "ACCESS_DENIED" in codes:
        return _denied(reason, text)
    if "MAX_COST_EXCEEDED" in codes:
        return verdict(ResponseKind.REQUEST_WRONG, reason, "page_too_big")
    if response.has_data or {"INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"} & set(codes):
        return verdict(ResponseKind.TRY_AGAIN, reason)
    return verdict(ResponseKind.REQUEST_WRONG, reason, "request_wrong")


def _warnings(response: GraphqlResponse) -> Verdict:
    if warned := response.search_warnings:
        return verdict(ResponseKind.REQUEST_WRONG, f"Shopify does not understand a filter: {warned}", "search_warning")
    return ACCEPTED


def _denied(reason: str, text: str) -> Verdict:
    """Either a scope that the seller has not granted, or personal data that Shopify has not approved for us."""
    if "not approved" in text.lower():
        return verdict(ResponseKind.ACCESS_REFUSED, reason, "protected_data")
    if scope := scope_named(text):
        return verdict(ResponseKind.ACCESS_REFUSED, reason, RIGHT_MISSING, right=scope)
    return verdict(ResponseKind.ACCESS_REFUSED, reason, "access_denied")


def _refusal(status: int, text: str) -> Verdict:
    reason = f"Shopify answered {status}: {text}".rstrip(": ")
    if not text and status not in (402, 423):
        # Shopify's own refusals say why, in JSON. This one comes from the edge: a captcha, a firewall, a proxy.
        return verdict(ResponseKind.TRY_AGAIN, f"{status} without Shopify's error body")
    match status:
        case 401:
            return verdict(ResponseKind.TOKEN_REJECTED, reason, "reconnect_needed")
        case 403:
            return _denied(reason, text)
        case 402 | 423:
            held = "frozen" if status == 402 else "locked"
            return Verdict(kind=ResponseKind.SHOP_PAUSED, reason=f"{reason} (the shop is {held})", wait=_PAUSE)
        case 404 | 410:
            return verdict(ResponseKind.ACCESS_REFUSED, reason, "shop_gone")
        case _:
            return verdict(ResponseKind.REQUEST_WRONG, reason, "request_wrong")


def _identify(send: Send, _shop: str, _token: str) -> ShopIdentity:
    """The shop of the token. Its own domain is its id with us: every call goes there."""
    data = data_of(send(graphql(_IDENTIFY, points=15)))
    granted = granted_in(data)
    try:
        shop = data["shop"]
        domain, created = str(shop["myshopifyDomain"]), moment_in(shop["createdAt"])
    except (KeyError, TypeError, ValueError) as error:
        raise Retriable(f"the shop's own description cannot be read ({type(error).__name__})") from None
    return ShopIdentity(
        shop_id=domain,
        name=str(shop.get("name") or ""),
        currency=str(shop["currencyCode"]) if shop.get("currencyCode") else None,
        created_at=created,
        rights=frozenset(granted),
        time_zone=str(shop["ianaTimezone"]) if shop.get("ianaTimezone") else None,
    )


SHOPIFY_API = Api(
    base_url="https://{shop}/admin/api/" + API_VERSION,
    request_id_header="x-request-id",
    headers=_headers,
    limits=_limits,
    classify=_classify,
    identify=_identify,
    # Where the files of bulk operations are kept (sheet 4.1). Without a token: the address itself is the key.
    download_hosts=frozenset({"storage.googleapis.com"}),
)
