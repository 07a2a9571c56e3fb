"""The way to a token, its hour, its successors."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

TOKEN = "/admin/oauth/access_token"
APP = {"client_id": "client", "client_secret": "secret"}
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def consent(shop, **more):
    """The callback that the merchant's browser is sent to."""
    query = {
        "client_id": "client",
        "scope": "read_orders,write_products,read_products",
        "state": "s t",
        "redirect_uri": "http://127.0.0.1:9/back",
        **more,
    }
    answer = shop.shopify.http.get("/admin/oauth/authorize", params=query, headers={"host": shop.domain})
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def exchange(shop, **form):
    return shop.shopify.http.post(TOKEN, json={**APP, **form})


def opens(shop, token):
    body = {"query": "{ shop { id } }"}
    headers = {"x-shopify-access-token": token}
    return shop.shopify.http.post("/admin/api/2026-07/graphql.json", json=body, headers=headers).status_code == 200


def test_the_callback_is_signed(shop):
    """HMAC-SHA256 in hex over the sorted rest of the query, keyed by the secret."""
    back = consent(shop)

    given = back.pop("hmac")
    message = urlencode(sorted(back.items()), quote_via=quote)
    assert given == hmac.new(b"secret", message.encode(), hashlib.sha256).hexdigest()
    assert (back["state"], back["shop"]) == ("s t", shop.domain)
    assert int(back["timestamp"]) == shop.shopify.world.clock.seconds()


def test_a_code_gives_an_expiring_token_once(shop):
    """Field names and lives of the official client; `write_x` takes `read_x` in; the second time the code is gone."""
    code = consent(shop)["code"]

    made, again = exchange(shop, code=code, expiring="1"), exchange(shop, code=code, expiring="1")

    doc = made.json()
    assert (doc["scope"], doc["expires_in"], doc["refresh_token_expires_in"]) == (
        "read_orders,write_products",
        3600,
        7776000,
    )
    assert opens(shop, doc["access_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")


def test_without_expiring_it_lives_for_ever(shop):
    """Only the token and its scopes; an online token brings its user."""
    everlasting = exchange(shop, code=consent(shop)["code"]).json()
    online = exchange(shop, code=consent(shop, **{"grant_options[]": "per-user"})["code"]).json()
    shop.shopify.world.clock.advance(400 * 86_400)

    assert set(everlasting) == {"access_token", "scope"}
    assert opens(shop, everlasting["access_token"])
    assert online["associated_user"]["account_owner"] is True
    assert not opens(shop, online["access_token"])


def test_an_hour_ends_it_and_a_refresh_goes_on(shop):
    """After 3,600 s a 401; form bodies are read as JSON ones."""
    pair = exchange(shop, code=consent(shop)["code"], expiring="1").json()
    shop.shopify.world.clock.advance(3601)
    dead = opens(shop, pair["access_token"])

    form = {**APP, "grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    newer = shop.shopify.http.post(TOKEN, data=form, headers={"host": shop.domain}).json()

    assert not dead
    assert opens(shop, newer["access_token"])
    assert newer["refresh_token"] != pair["refresh_token"]


def test_a_lost_answer_can_be_asked_for_again(shop):
    """A used refresh token works until its replacement is used, 30 days at most."""
    pair = exchange(shop, code=consent(shop)["code"], expiring="1").json()

    def refresh(token):
        return exchange(shop, grant_type="refresh_token", refresh_token=token)

    lost, second = refresh(pair["refresh_token"]).json(), refresh(pair["refresh_token"]).json()
    shop.shopify.world.clock.advance(29 * 86_400)
    third = refresh(pair["refresh_token"]).json()
    fourth = refresh(third["refresh_token"])
    too_late = refresh(pair["refresh_token"])

    assert len({lost["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert fourth.status_code == 200
    assert (too_late.status_code, too_late.json()["error"]) == (400, "invalid_grant")
    assert refresh(lost["refresh_token"]).status_code == 400


@pytest.mark.parametrize("days", [31, 91])
def test_refresh_tokens_die(shop, days):
    """The retry ends after 30 days, the token itself after 90 without use."""
    pair = exchange(shop, code=consent(shop)["code"], expiring="1").json()
    if days == 31:
        exchange(shop, grant_type="refresh_token", refresh_token=pair["refresh_token"])
    shop.shopify.world.clock.advance(days * 86_400)

    dead = exchange(shop, grant_type="refresh_token", refresh_token=pair["refresh_token"])

    assert (dead.status_code, dead.json()["error"]) == (400, "invalid_grant")


def test_an_old_token_is_migrated(shop):
    """It dies, its pair can be asked for again for seven days, unless the pair was used."""
    old = exchange(shop, code=consent(shop)["code"]).json()["access_token"]
    form = {
        "grant_type": EXCHANGE,
        "subject_token": old,
        "subject_token_type": OFFLINE,
        "requested_token_type": OFFLINE,
        "expiring": "1",
    }

    pair, again = exchange(shop, **form).json(), exchange(shop, **form).json()
    exchange(shop, grant_type="refresh_token", refresh_token=pair["refresh_token"])
    over = exchange(shop, **form)

    assert pair == again
    assert opens(shop, pair["access_token"])
    assert not opens(shop, old)
    assert over.status_code == 400


def test_what_is_refused(shop):
    """Wrong secret, wrong shop, unknown grant; an unregistered redirect never happens; denial comes back."""
    code = consent(shop)["code"]
    http = shop.shopify.http

    assert http.post(TOKEN, json={"client_id": "client", "client_secret": "x", "code": code}).status_code == 401
    assert http.post(TOKEN, json={**APP, "code": code}, headers={"host": "other.myshopify.com"}).status_code == 404
    assert exchange(shop, grant_type="password").json()["error"] == "unsupported_grant_type"
    shop.shopify.control("POST", "/settings", redirect_uris=["https://keeper.example/back"])
    query = {"client_id": "client", "redirect_uri": "http://evil.example", "shop": shop.domain}
    assert http.get("/admin/oauth/authorize", params=query).status_code == 400
    shop.shopify.control("POST", "/settings", redirect_uris=[], consent="deny")
    assert consent(shop)["error"] == "access_denied"


def test_consent_can_be_asked_on_a_page(shop):
    """The page names the shop; the decision leads on."""
    shop.shopify.control("POST", "/settings", consent="ask")
    query = {"client_id": "client", "redirect_uri": "http://127.0.0.1:9/back", "state": "s", "shop": shop.domain}

    page = shop.shopify.http.get("/admin/oauth/authorize", params=query)
    back = consent(shop, sandbox_decision="allow", sandbox_seller=str(shop.id))

    assert shop.made["shop_name"] in page.text
    assert back["shop"] == shop.domain


def test_the_scopes_of_a_token(shop):
    """Unversioned; with the merchant's change they change."""
    narrow = shop.scoped("read_orders")
    http = shop.shopify.http

    answer = http.get("/admin/oauth/access_scopes.json", headers=narrow.headers)

    assert answer.json() == {"access_scopes": [{"handle": "read_orders"}]}
    assert http.get("/admin/oauth/access_scopes.json").status_code == 401
    installed = narrow.data("{ currentAppInstallation { accessScopes { handle } } }")["currentAppInstallation"]
    assert installed == {"accessScopes": [{"handle": "read_orders"}]}
