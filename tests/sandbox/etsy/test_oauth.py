"""Tokens rotate, die and are revoked as the sheet's section 4 says."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "https://keeper.example/back"


def token(etsy, **form):
    return etsy.http.post("/v3/public/oauth/token", data={"client_id": "keystring", **form})


def refresh(etsy, value):
    return token(etsy, grant_type="refresh_token", refresh_token=value)


def consent(etsy, **changed):
    query = {
        "response_type": "code",
        "client_id": "keystring",
        "redirect_uri": BACK,
        "scope": "transactions_r shops_r",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return etsy.http.get("/oauth/connect", params=query)


def code_of(answer):
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def test_a_refresh_token_is_spent_by_its_use(etsy, own):
    """The new pair works; the old refresh token is revoked, unless the setting lets it live."""
    shop = own(orders=5)
    old = shop.made["refresh_token"]

    new = refresh(etsy, old).json()
    again = refresh(etsy, old)
    etsy.control("POST", "/settings", reuse_old_refresh_token="allow")

    assert set(new) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert new["access_token"].startswith(f"{shop.made['user_id']}.")
    assert (
        shop.get("receipts", headers={**shop.headers, "authorization": f"Bearer {new['access_token']}"}).status_code
        == 200
    )
    assert (again.status_code, again.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "refresh_token is revoked"},
    )
    assert refresh(etsy, old).status_code == 200


def test_a_password_change_kills_every_token(etsy, own):
    shop = own(orders=5)

    etsy.control("POST", "/tokens/revoke", user_id=shop.made["user_id"])

    assert shop.get("receipts").status_code == 401
    assert refresh(etsy, shop.made["refresh_token"]).json()["error"] == "invalid_grant"


def test_the_token_endpoint_may_hiccup_and_dawdle(etsy, own):
    """A 500 spends nothing: the same refresh token works afterwards."""
    shop = own(orders=5)
    etsy.control("POST", "/settings", token_error_probability=1.0, token_delay_seconds=7)

    hiccup = refresh(etsy, shop.made["refresh_token"])
    etsy.control("POST", "/settings", token_error_probability=0.0)

    assert (hiccup.status_code, hiccup.json()) == (500, {"error": "Server Error"})
    assert refresh(etsy, shop.made["refresh_token"]).status_code == 200
    assert etsy.slept == [7, 7]


def test_consent_gives_a_code_for_one_use(etsy, own):
    """Code, verifier and redirect must fit, and a code works once."""
    shop = own(orders=5)
    code = code_of(consent(etsy))
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}

    first, second = token(etsy, **form), token(etsy, **form)
    wrong = token(etsy, **{**form, "code": code_of(consent(etsy)), "code_verifier": "w" * 43})

    assert first.json()["access_token"].startswith(f"{shop.made['user_id']}.")
    assert (second.status_code, wrong.status_code) == (400, 400)


def test_a_code_lives_a_minute(etsy, own):
    own(orders=5)
    etsy.control("POST", "/clock", now=1_790_000_000)
    code = code_of(consent(etsy))

    etsy.control("POST", "/clock", advance_seconds=60)
    late = token(etsy, grant_type="authorization_code", code=code, redirect_uri=BACK, code_verifier=VERIFIER)

    assert late.json()["error"] == "invalid_grant"


def test_consent_can_be_refused(etsy, own):
    """A refusal redirects with a word; an unregistered redirect never does (#331)."""
    own(orders=5)
    etsy.control("POST", "/settings", consent="deny", redirect_uris=[BACK])

    denied = consent(etsy)
    elsewhere = consent(etsy, redirect_uri=BACK + "/")
    unknown_scope = consent(etsy, scope="everything_r")

    assert parse_qs(urlsplit(denied.headers["location"]).query)["error"] == ["access_denied"]
    assert parse_qs(urlsplit(unknown_scope.headers["location"]).query)["error"] == ["invalid_scope"]
    assert elsewhere.status_code == 400
    assert "location" not in elsewhere.headers


def test_scopes_of_a_token_can_be_asked(etsy, shop):
    answer = etsy.http.post(
        "/v3/application/scopes", data={"token": shop.made["access_token"]}, headers={"x-api-key": "keystring:secret"}
    )

    assert answer.json() == {"scopes": ["transactions_r", "listings_r", "shops_r"]}


def test_a_seller_who_is_asked_decides(etsy, own):
    """The page names the shops and keeps the request; what was decided is carried out for the chosen shop."""
    first, second = own(orders=5), own(orders=5)
    etsy.control("POST", "/settings", consent="ask")

    page = consent(etsy)
    denied = consent(etsy, sandbox_decision="deny")
    granted = consent(etsy, sandbox_decision="allow", sandbox_seller=str(first.made["user_id"]))
    pair = token(
        etsy, grant_type="authorization_code", code=code_of(granted), redirect_uri=BACK, code_verifier=VERIFIER
    ).json()
    etsy.control("POST", "/settings", consent="grant")

    assert page.status_code == 200
    assert all(shop.made["shop_name"] in page.text for shop in (first, second))
    assert 'name="state" value="s"' in page.text
    assert "error=access_denied" in denied.headers["location"]
    assert pair["access_token"].startswith(f"{first.made['user_id']}.")


def test_the_page_repeats_no_markup_of_its_caller(etsy, own):
    own(orders=5)
    etsy.control("POST", "/settings", consent="ask")

    page = consent(etsy, state='"><script>alert(1)</script>')
    etsy.control("POST", "/settings", consent="grant")

    assert "<script" not in page.text
