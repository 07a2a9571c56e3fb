"""What each vendor's token endpoint is sent, and how its answers are read."""

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from execution.errors import Fatal
from execution.jwt_claims import jwt_expiry
from execution.platform_settings import PlatformSettings
from execution.platforms.etsy.tokens import ETSY_TOKENS
from execution.platforms.printify.tokens import PRINTIFY_TOKENS
from execution.platforms.shopify.tokens import SHOPIFY_TOKENS
from execution.platforms.square.tokens import SQUARE_TOKENS
from execution.tokens.rules import LostRefresh, read_issued_tokens

APP = PlatformSettings(name="any", client_id="app-1", client_secret=SecretStr("hush"))
MINE = "fox.myshopify.com"


def sent(rules):
    ask = rules.refresh(APP, "r-1")
    read = json.loads if ask.as_json else lambda body: {k: v[0] for k, v in parse_qs(body.decode()).items()}
    return ask.content_type, read(ask.body())


def test_every_vendor_is_asked_in_its_own_way():
    """Printify and Square want JSON, Etsy no secret, Printify no grant type (sheets: etsy 4.3, printify 3.2, ...)."""
    grant = {"grant_type": "refresh_token", "client_id": "app-1", "refresh_token": "r-1"}

    assert sent(ETSY_TOKENS) == ("application/x-www-form-urlencoded", grant)
    assert sent(PRINTIFY_TOKENS) == ("application/json", {"app_id": "app-1", "refresh_token": "r-1"})
    assert sent(SHOPIFY_TOKENS) == ("application/x-www-form-urlencoded", grant | {"client_secret": "hush"})
    assert sent(SQUARE_TOKENS) == ("application/json", grant | {"client_secret": "hush"})


def test_a_shop_s_tokens_are_refreshed_at_the_shop_s_own_host():
    """Shopify has no common token endpoint; the others do."""
    assert SHOPIFY_TOKENS.url_for(APP, MINE) == f"https://{MINE}/admin/oauth/access_token"
    assert ETSY_TOKENS.url_for(APP, "123") == "https://api.etsy.com/v3/public/oauth/token"


@pytest.mark.parametrize(
    "shop",
    ["", "evil.example", "fox.myshopify.com.evil.example", "a/b.myshopify.com", "x@fox.myshopify.com", "127.0.0.1"],
)
def test_no_other_host_gets_the_application_s_secret(shop):
    """The shop's id came from outside: only what is a host of the vendor's is asked."""
    with pytest.raises(Fatal):
        SHOPIFY_TOKENS.url_for(APP, shop)


def test_a_stand_in_takes_the_place_of_the_shop_s_host():
    """With an address in the settings nothing is sent to the vendor."""
    local = PlatformSettings(name="shopify", client_id="app-1", api_base_url="http://127.0.0.1:9000")

    assert SHOPIFY_TOKENS.url_for(local, MINE) == "http://127.0.0.1:9000/admin/oauth/access_token"


@pytest.mark.parametrize(
    ("result", "seconds", "moment"),
    [
        ({"expires_in": 3600}, 3600, None),
        ({"expire_at": "2026-01-14 11:26:10+00:00"}, None, datetime(2026, 1, 14, 11, 26, 10, tzinfo=UTC)),
        ({"expires_at": "2026-12-20T09:00:00Z"}, None, datetime(2026, 12, 20, 9, tzinfo=UTC)),
        ({"expire_at": "2026-01-14 11:26:10"}, None, datetime(2026, 1, 14, 11, 26, 10, tzinfo=UTC)),
        ({"expire_at": "soon"}, None, None),
        ({"expires_in": -5}, None, None),
        ({"expires_in": True}, None, None),
        ({}, None, None),
    ],
)
def test_the_life_of_an_access_token_is_read_in_every_vendor_s_way(result, seconds, moment):
    """Seconds (Etsy, Shopify) or a moment (Printify, Square); nonsense is no life at all."""
    issued = read_issued_tokens(json.dumps({"access_token": "a", "refresh_token": "r", **result}).encode())

    assert (issued.expires_in_s, issued.expires_at) == (seconds, moment)


def test_the_life_of_a_refresh_token_is_read_too():
    """Shopify tells seconds, Square's PKCE flow a moment."""
    shopify = read_issued_tokens(b'{"access_token": "a", "refresh_token_expires_in": 7776000}')
    square = read_issued_tokens(b'{"access_token": "a", "refresh_token_expires_at": "2026-12-20T09:00:00Z"}')

    assert shopify.refresh_expires_in_s == 7776000
    assert square.refresh_expires_at == datetime(2026, 12, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize("status", [400, 401])
def test_printify_s_refusals_are_known_by_their_status(status):
    """Its error codes are not documented."""
    assert PRINTIFY_TOKENS.is_refused(status, b"<html>")
    assert not ETSY_TOKENS.is_refused(status, b'{"error": "invalid_client"}')
    assert ETSY_TOKENS.is_refused(400, b'{"error": "invalid_grant"}')


def test_who_allows_a_lost_answer_to_be_asked_for_again():
    """Documented for Shopify; Square does not rotate; nobody knows of Etsy and Printify."""
    again = {rules for rules in (SHOPIFY_TOKENS, SQUARE_TOKENS) if rules.lost_answer is LostRefresh.REPEATABLE}

    assert len(again) == 2
    assert ETSY_TOKENS.lost_answer is PRINTIFY_TOKENS.lost_answer is LostRefresh.UNCERTAIN


def jwt(claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{part}.c2lnbmF0dXJl"


def test_the_expiry_of_a_pasted_token_is_read_out_of_it():
    """A personal token lives a year, and nobody but the token says since when."""
    assert jwt_expiry(jwt({"exp": 1800000000})) == datetime.fromtimestamp(1800000000, UTC)


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b", "a.b.c", "..", jwt({}), jwt({"exp": "tomorrow"}), jwt({"exp": 1e300}), "x.🦊.y"],
)
def test_a_token_that_says_nothing_about_its_end_is_no_error(token):
    """Opaque tokens, other JWTs, hostile ones: no expiry, no exception."""
    assert jwt_expiry(token) is None
