"""What Shopify's answers mean (sheet, section 3.3): every row of the table, and what the seller is told."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from execution.errors import Fatal
from execution.http.messages import Response
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ResponseKind
from execution.platforms.shopify.api import API_VERSION
from execution.platforms.shopify.platform import SHOPIFY
from execution.seller_messages import OTHER
from tests.doubles.verdicts import words_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BUCKET = {"maximumAvailable": 2000, "currentlyAvailable": 666, "restoreRate": 100}
COST = {"cost": {"requestedQueryCost": 752, "actualQueryCost": None, "throttleStatus": BUCKET}}
TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"


def classify(status, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return SHOPIFY.api.classify(status, httpx.Headers(names), content, NOW)


def error(code, message="no", **more):
    return {"errors": [{"message": message, "extensions": {"code": code}}], **more}


SOME = {"data": {"orders": {"nodes": []}}}


@pytest.mark.parametrize(
    ("status", "body", "outcome", "code"),
    [
        (200, SOME, ResponseKind.ACCEPTED, ""),
        (200, error("THROTTLED", "Throttled", extensions=COST), ResponseKind.THROTTLED, ""),
        (200, error("MAX_COST_EXCEEDED"), ResponseKind.REQUEST_WRONG, "page_too_big"),
        (200, error("INTERNAL_SERVER_ERROR"), ResponseKind.TRY_AGAIN, ""),
        (200, error("TIMEOUT"), ResponseKind.TRY_AGAIN, ""),
        (200, error("ACCESS_DENIED"), ResponseKind.ACCESS_REFUSED, "access_denied"),
        (200, error("ACCESS_DENIED", **SOME), ResponseKind.ACCESS_REFUSED, "access_denied"),
        (
            200,
            error("ACCESS_DENIED", "This app is not approved to access the Customer object."),
            ResponseKind.ACCESS_REFUSED,
            "protected_data",
        ),
        (200, error("undefinedField"), ResponseKind.REQUEST_WRONG, "request_wrong"),
        (200, error("whatever", **SOME), ResponseKind.TRY_AGAIN, ""),
        (200, {"errors": "odd"}, ResponseKind.REQUEST_WRONG, "request_wrong"),
        (401, {"errors": TOKEN}, ResponseKind.TOKEN_REJECTED, "reconnect_needed"),
        (402, {"errors": "Unavailable Shop"}, ResponseKind.SHOP_PAUSED, ""),
        (423, {"errors": "Locked"}, ResponseKind.SHOP_PAUSED, ""),
        (404, {"errors": "Not Found"}, ResponseKind.ACCESS_REFUSED, "shop_gone"),
        (
            403,
            {"errors": "[API] This action requires merchant approval for read_orders scope."},
            ResponseKind.ACCESS_REFUSED,
            "right_missing",
        ),
        (429, {"errors": "Exceeded 2 calls per second for api client."}, ResponseKind.THROTTLED, ""),
        (500, b"<html>", ResponseKind.TRY_AGAIN, ""),
        (503, {"errors": "busy"}, ResponseKind.TRY_AGAIN, ""),
        (400, {"errors": {"limit": ["no"]}}, ResponseKind.REQUEST_WRONG, "request_wrong"),
        (400, b"<html>captcha</html>", ResponseKind.TRY_AGAIN, ""),
        (200, b'{"data":{"orders"', ResponseKind.TRY_AGAIN, ""),
    ],
)
def test_every_signal_has_its_own_outcome(status, body, outcome, code):
    """GraphQL says with 200 what REST says with a status; partial data with errors is never a page."""
    verdict = classify(status, body)

    assert (verdict.kind, verdict.code) == (outcome, code)
    # Which right is missing stands in the declaration of what was read.
    assert not code or code == "right_missing" or words_of(verdict, SHOPIFY) != OTHER


def test_throttled_waits_until_the_query_fits():
    """(752 - 666) / 100 a second: not a second is given away, and never less than one is asked."""
    (waits, short) = (
        classify(200, error("THROTTLED", extensions={"cost": {**COST["cost"], "requestedQueryCost": asked}})).wait
        for asked in (966, 700)
    )

    assert waits == timedelta(seconds=3)
    assert short == timedelta(seconds=1)


def test_a_refused_scope_is_named_to_the_seller():
    text = "Access denied for orders field. Required access: `read_orders` access scope."

    verdict = classify(200, error("ACCESS_DENIED", text))

    assert words_of(verdict, SHOPIFY) == (
        "Shopify has not given us the right read_orders, which this part needs. Please reconnect your shop and allow "
        "it; the other parts go on."
    )
    assert words_of(classify(200, error("ACCESS_DENIED")), SHOPIFY) == (
        "Shopify does not let us read this part. Please reconnect your shop, and allow everything that is asked for."
    )


def test_an_unknown_filter_is_an_error():
    """A misspelt filter matches everything, and only a warning beside good data says so (0.6)."""
    search = [{"path": ["orders"], "query": "creatd_at:1", "warnings": [{"field": "creatd_at", "message": "Invalid"}]}]

    verdict = classify(200, {**SOME, "extensions": {"search": search, **COST}})

    assert (verdict.kind, verdict.code) == (ResponseKind.REQUEST_WRONG, "search_warning")
    assert "creatd_at" in verdict.reason


def test_a_search_without_warnings_is_a_page():
    assert classify(200, {**SOME, "extensions": {"search": [{"path": ["orders"], "warnings": []}]}}).kind is (
        ResponseKind.ACCEPTED
    )


def test_a_version_that_fell_forward_stops_everybody():
    """Another version answers, in another shape perhaps: no job fails, none goes on, an operator is told."""
    verdict = classify(200, SOME, x_shopify_api_version="2027-07")

    assert (verdict.kind, verdict.code) == (ResponseKind.KEY_REFUSED, "platform_key_refused")
    assert "2027-07" in verdict.reason
    assert classify(200, SOME, x_shopify_api_version=API_VERSION).kind is ResponseKind.ACCEPTED


def test_the_bucket_of_points_is_read_from_the_body():
    body = json.dumps({**SOME, "extensions": COST}).encode()

    limits = SHOPIFY.api.limits(httpx.Headers(), body)

    assert (limits.points_maximum, limits.points_available, limits.points_restore_per_s) == (2000, 666, 100)


def test_the_bucket_of_calls_is_read_from_the_header():
    limits = SHOPIFY.api.limits(httpx.Headers({"x-shopify-shop-api-call-limit": "32/40"}), b"{}")

    assert (limits.calls_maximum, limits.calls_available) == (40, 8)


SHOP = {
    "id": "gid://shopify/Shop/1",
    "name": "Kiln",
    "myshopifyDomain": "kiln.myshopify.com",
    "currencyCode": "EUR",
    "createdAt": "2020-01-02T03:04:05Z",
}


def identify(*scopes):
    installed = {"accessScopes": [{"handle": scope} for scope in scopes]}
    body = json.dumps({"data": {"shop": SHOP, "currentAppInstallation": installed}}).encode()
    return SHOPIFY.api.identify(lambda _: Response(status=200, body=body, headers={}, fetched_at=NOW), "", "")


def test_a_shop_says_who_it_is():
    """Its own domain is its id: a token is never sent to an address that a caller made up."""
    shop = identify("read_orders", "write_products", "read_customers")

    assert (shop.shop_id, shop.currency) == ("kiln.myshopify.com", "EUR")
    assert shop.created_at == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert shop.rights == {"read_orders", "write_products", "read_customers"}


@pytest.mark.parametrize(
    "shop_id",
    [
        "evil.com",
        "kiln.myshopify.com.evil.com",
        "kiln.myshopify.com/../x",
        "x@kiln.myshopify.com",
        "kiln.myshopify.com\n",
        "-kiln.myshopify.com",
        "",
        "127.0.0.1",
    ],
)
def test_no_shop_leads_elsewhere(shop_id):
    """The shop's name becomes a host that gets a token: only names of Shopify's are hosts (SSRF)."""
    settings = PlatformSettings(name="shopify", client_id="id", client_secret=SecretStr("s"))

    with pytest.raises(Fatal):
        SHOPIFY.base_url(settings, shop_id)


def test_each_shop_is_called_at_its_own_address():
    """Without a base URL the shop's own domain; with one, its scheme and host alone, and the vendor's path."""
    own = PlatformSettings(name="shopify", client_id="id", client_secret=SecretStr("s"))
    sandbox = PlatformSettings(
        name="shopify", client_id="id", client_secret=SecretStr("s"), api_base_url="http://127.0.0.1:9"
    )

    assert SHOPIFY.base_url(own, "kiln.myshopify.com") == f"https://kiln.myshopify.com/admin/api/{API_VERSION}"
    assert SHOPIFY.base_url(sandbox, "kiln.myshopify.com") == f"http://127.0.0.1:9/admin/api/{API_VERSION}"
