"""Consent, codes, tokens that live for thirty days, and what ends them (sheet section 2)."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.in_thread import ENDS_AT

SECRET = "sq0csp-secret"
BACK = "http://127.0.0.1:9/back"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
DAY = 86_400


def consent(square, **query):
    query = {"client_id": "sq0idp-app", "scope": "ITEMS_READ ORDERS_READ", "state": "s", "redirect_uri": BACK, **query}
    answer = square.http.get("/oauth2/authorize", params=query)
    if answer.status_code != 302:
        return answer.status_code, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def token(square, **body):
    body = {"client_id": "sq0idp-app", "client_secret": SECRET, "redirect_uri": BACK, **body}
    return square.http.post("/oauth2/token", json={name: value for name, value in body.items() if value is not None})


def exchanged(square, **query):
    code = consent(square, **query)["code"]
    return token(square, grant_type="authorization_code", code=code).json()


def asked(square, access):
    return square.http.get("/v2/catalog/info", headers={"authorization": f"Bearer {access}"})


def why(answer):
    return answer.status_code, answer.json()["errors"][0]["code"]


@pytest.fixture(autouse=True)
def seller(square, own):
    return own(orders=3)


def test_a_code_is_good_once_and_for_five_minutes(square, seller):
    back = consent(square)
    pair = token(square, grant_type="authorization_code", code=back["code"]).json()
    late = consent(square)["code"]
    square.control("POST", "/clock", advance_seconds=301)

    assert (back["state"], back["response_type"]) == ("s", "code")
    assert pair["merchant_id"] == seller.made["merchant_id"]
    assert datetime.fromisoformat(pair["expires_at"]).timestamp() == ENDS_AT + 30 * DAY
    assert asked(square, pair["access_token"]).status_code == 200
    assert why(token(square, grant_type="authorization_code", code=back["code"])) == (401, "UNAUTHORIZED")
    assert why(token(square, grant_type="authorization_code", code=late)) == (401, "UNAUTHORIZED")


def test_a_refresh_token_of_the_code_flow_lives_on(square):
    """It is the same one; older access tokens live until they end."""
    pair = exchanged(square)
    square.control("POST", "/clock", advance_seconds=20 * DAY)
    again = token(square, grant_type="refresh_token", refresh_token=pair["refresh_token"]).json()

    assert again["refresh_token"] == pair["refresh_token"]
    assert again["access_token"] != pair["access_token"]
    assert asked(square, pair["access_token"]).status_code == 200
    square.control("POST", "/clock", advance_seconds=11 * DAY)
    assert why(asked(square, pair["access_token"])) == (401, "ACCESS_TOKEN_EXPIRED")
    assert asked(square, again["access_token"]).status_code == 200
    square.control("POST", "/clock", advance_seconds=400 * DAY)
    assert token(square, grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 200


def test_a_refresh_token_of_pkce_is_good_once_and_for_ninety_days(square):
    code = consent(square, code_challenge=CHALLENGE)["code"]
    wrong = token(square, grant_type="authorization_code", code=code, client_secret=None, code_verifier="w" * 43)
    code = consent(square, code_challenge=CHALLENGE)["code"]
    own = {"client_secret": None, "grant_type": "authorization_code", "code_verifier": VERIFIER}
    pair = token(square, code=code, **own).json()
    refresh = {"client_secret": None, "grant_type": "refresh_token"}
    again = token(square, refresh_token=pair["refresh_token"], **refresh).json()

    assert wrong.status_code == 401
    assert datetime.fromisoformat(pair["refresh_token_expires_at"]).timestamp() == ENDS_AT + 90 * DAY
    assert again["refresh_token"] != pair["refresh_token"]
    assert why(token(square, refresh_token=pair["refresh_token"], **refresh)) == (401, "UNAUTHORIZED")
    square.control("POST", "/clock", advance_seconds=91 * DAY)
    assert why(token(square, refresh_token=again["refresh_token"], **refresh)) == (401, "UNAUTHORIZED")


def test_scopes_are_narrowed_and_never_widened(square):
    pair = exchanged(square)
    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    narrow = token(square, scopes=["ORDERS_READ"], **refresh).json()["access_token"]

    assert why(asked(square, narrow)) == (403, "INSUFFICIENT_SCOPES")
    assert token(square, scopes=["PAYMENTS_READ"], **refresh).status_code == 401
    short = token(square, short_lived=True, **refresh).json()
    assert short["short_lived"] is True
    assert datetime.fromisoformat(short["expires_at"]).timestamp() == ENDS_AT + DAY


def test_a_status_tells_of_its_own_token(square, seller):
    access = exchanged(square)["access_token"]
    headers = {"authorization": f"Bearer {access}"}
    told = square.http.post("/oauth2/token/status", headers=headers).json()
    square.control("POST", "/tokens/revoke", shop_id=seller.id)

    assert set(told["scopes"]) == {"ITEMS_READ", "ORDERS_READ"}
    assert (told["client_id"], told["merchant_id"]) == ("sq0idp-app", seller.made["merchant_id"])
    assert why(square.http.post("/oauth2/token/status", headers=headers)) == (401, "ACCESS_TOKEN_REVOKED")
    assert why(square.http.post("/oauth2/token/status")) == (401, "UNAUTHORIZED")


def test_the_application_takes_leave(square, seller):
    """By its secret: of all that the seller gave, or of one access token."""

    def revoke(secret=SECRET, **body):
        headers = {"authorization": f"Client {secret}"}
        return square.http.post("/oauth2/revoke", headers=headers, json={"client_id": "sq0idp-app", **body})

    pair = exchanged(square)
    other = token(square, grant_type="refresh_token", refresh_token=pair["refresh_token"]).json()["access_token"]

    assert revoke("wrong", merchant_id=seller.made["merchant_id"]).status_code == 401
    assert revoke(merchant_id=seller.made["merchant_id"], access_token=other).status_code == 400
    assert revoke(access_token=other, revoke_only_access_token=True).json() == {"success": True}
    assert why(asked(square, other)) == (401, "ACCESS_TOKEN_REVOKED")
    assert asked(square, pair["access_token"]).status_code == 200
    assert revoke(merchant_id=seller.made["merchant_id"]).json() == {"success": True}
    assert why(asked(square, pair["access_token"])) == (401, "ACCESS_TOKEN_REVOKED")
    assert token(square, grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 401


def test_a_seller_who_declines(square):
    square.control("POST", "/settings", consent="deny")
    assert consent(square) == {"error": "access_denied", "error_description": "user_denied", "state": "s"}


def test_a_page_asks_the_seller(square, seller, own):
    """Which account it is, and whether."""
    own(orders=3)
    square.control("POST", "/settings", consent="ask")
    status, page = consent(square)
    chosen = consent(square, sandbox_decision="allow", sandbox_seller=str(seller.id))
    pair = token(square, grant_type="authorization_code", code=chosen["code"]).json()

    assert status == 200
    assert "Grant access" in page
    assert pair["merchant_id"] == seller.made["merchant_id"]
    assert consent(square, sandbox_decision="deny")["error"] == "access_denied"


def test_what_makes_no_sense_is_refused(square):
    assert consent(square, client_id="other")[0] == 400
    assert consent(square, redirect_uri="http://elsewhere.invalid/")[0] == 400
    assert consent(square, scope="EVERYTHING")[0] == 400
    assert why(token(square, grant_type=None)) == (400, "MISSING_REQUIRED_PARAMETER")
    assert why(token(square, grant_type="password")) == (400, "INVALID_VALUE")
    assert why(token(square, grant_type="refresh_token")) == (400, "MISSING_REQUIRED_PARAMETER")
    assert why(token(square, grant_type="refresh_token", refresh_token="x", client_secret="y")) == (401, "UNAUTHORIZED")
    code = consent(square)["code"]
    assert (
        token(square, grant_type="authorization_code", code=code, redirect_uri="https://other.invalid").status_code
        == 401
    )
    square.control("POST", "/settings", token_error_probability=1.0)
    assert token(square, grant_type="refresh_token", refresh_token="x").status_code == 500
