"""Who may ask what: user agent, tokens, limits, scopes, owners, and the share of errors."""

from __future__ import annotations

import httpx
import jwt
import pytest


def ask(printify, path="/v1/shops.json", **headers):
    with httpx.Client(base_url=printify.url, trust_env=False) as client:
        request = client.build_request("GET", path)
        request.headers = httpx.Headers({"host": "x", **{k.replace("_", "-"): v for k, v in headers.items()}})
        return client.send(request)


def test_a_missing_user_agent_is_refused(printify, shop):
    """It is mandatory, before anything else is looked at."""
    answer = ask(printify, authorization=shop.headers["authorization"])

    assert answer.status_code == 400
    assert "User-Agent" in answer.json()["errors"]["reason"]


@pytest.mark.parametrize("authorization", [None, "Bearer nobody", "Basic x", "Bearer"])
def test_a_bad_token_is_form_b(printify, authorization):
    """401 with the correlation id once more in the request id."""
    headers = {"authorization": authorization} if authorization else {}

    answer = ask(printify, user_agent="t/1", **headers)

    assert answer.status_code == 401
    assert answer.json()["error"] == "Unauthenticated"
    second, _, correlation = answer.json()["request_id"].partition("@")
    assert second.isdigit()
    assert correlation == answer.headers["x-pfy-correlation-id"]


def test_unknown_routes_are_form_c(shop):
    """V2 order paths among them, whoever asks."""
    for path in (f"/v2/shops/{shop.id}/orders.json", "/v1/nothing.json", "/v1/orders.json"):
        answer = shop.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "Not found")


def test_every_answer_has_a_correlation_id(shop):
    """A new one each."""
    answers = [shop.get(path) for path in ("orders.json", "orders.json", "nothing.json")]

    assert len({answer.headers["x-pfy-correlation-id"] for answer in answers}) == 3


def test_a_shop_of_someone_else_is_not_there(shop, own):
    """404, as for a shop that does not exist."""
    theirs = own()

    for shop_id in (theirs.id, 1):
        assert shop.get(f"/v1/shops/{shop_id}/orders.json").status_code == 404


def test_a_token_covers_all_shops_of_its_account(printify, own):
    """shops.json lists them, and one token reads both."""
    first = own()
    second = own(account_id=first.made["account_id"], channel="disconnected")

    shops = first.get("/v1/shops.json").json()

    assert [(s["id"], s["sales_channel"]) for s in shops] == [
        (first.id, "custom_integration"),
        (second.id, "disconnected"),
    ]
    assert first.get(f"/v1/shops/{second.id}/orders.json").status_code == 200


def test_scopes_are_needed(printify, shop):
    """403 where the token lacks the operation's."""
    made = printify.control("POST", "/tokens", shop_id=shop.id, scopes=["orders.read"])
    headers = {"authorization": f"Bearer {made['access_token']}"}

    statuses = [
        printify.http.get(f"/v1/shops/{shop.id}/{path}", headers=headers).status_code
        for path in ("orders.json", "products.json")
    ]

    assert statuses == [200, 403]


def test_an_account_that_owes_is_402(printify, own):
    """Until it has paid."""
    shop = own()
    printify.control("POST", f"/accounts/{shop.made['account_id']}/unpaid", unpaid=True)
    owing = shop.get("orders.json").status_code
    printify.control("POST", f"/accounts/{shop.made['account_id']}/unpaid", unpaid=False)

    assert (owing, shop.get("orders.json").status_code) == (402, 200)


# --- limits ---------------------------------------------------------------------------------------------


def test_the_minute_is_shared_by_all_shops_of_an_account_and_rolls(printify, own):
    """Call 601 is refused, whichever shop it asks; a call leaves the window after sixty seconds."""
    first = own()
    second = own(account_id=first.made["account_id"])
    other = own()
    printify.control("POST", "/settings", per_minute=600)
    printify.control("POST", "/clock", now=1_790_000_030)
    printify.control("POST", "/limits/use", shop_id=first.id, this_minute=300)
    printify.control("POST", "/clock", now=1_790_000_070)
    printify.control("POST", "/limits/use", shop_id=second.id, this_minute=299)

    statuses = [shop.get("orders.json").status_code for shop in (first, second, other)]
    printify.control("POST", "/clock", now=1_790_000_090)
    later = first.get("orders.json").status_code

    assert (statuses, later) == ([200, 429, 200], 200)


def test_a_429_says_nothing_about_when(printify, own):
    """No header was ever seen; a setting adds Retry-After."""
    shop = own()
    printify.control("POST", "/settings", per_minute=1)
    shop.get("orders.json")

    bare = shop.get("orders.json")
    printify.control("POST", "/settings", retry_after=True)
    response = shop.get("orders.json")

    assert (bare.status_code, "retry-after" in bare.headers) == (429, False)
    assert not any("rate" in name for name in bare.headers)
    assert 1 <= int(response.headers["retry-after"]) <= 61


def test_the_catalog_has_a_limit_of_its_own(printify, own):
    """100 a minute, while other calls go on."""
    shop = own()
    printify.control("POST", "/settings", catalog_per_minute=2)

    catalog = [shop.get("/v1/catalog/blueprints.json").status_code for _ in range(3)]

    assert catalog == [200, 200, 429]
    assert shop.get("orders.json").status_code == 200


def test_publishing_has_a_limit_of_its_own(printify, own):
    """200 in half an hour."""
    shop = own()
    printify.control("POST", "/settings", publish_per_half_hour=1)
    path = f"products/{shop.truth('products')[0]['id']}/publish.json"

    assert [shop.ask("POST", path, json={}).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(("mode", "after"), [("report", 200), ("block", 403)])
def test_too_many_errors_are_a_breach(printify, own, mode, after):
    """More than five in a hundred answers of an account: reported; or blocked until they have aged."""
    shop = own()
    printify.control("POST", "/settings", error_share=mode, error_share_from=20)
    for _ in range(18):
        shop.get("orders.json")
    before = printify.control("GET", "/limits")["results"]
    for _ in range(2):
        shop.get("orders.json", page=0)

    blocked = shop.get("orders.json").status_code
    (account,) = [
        a for a in printify.control("GET", "/limits")["results"] if a["account_id"] == shop.made["account_id"]
    ]
    printify.control("POST", "/clock", advance_seconds=3601)

    assert not any(a["breached"] for a in before)
    assert (account["errors"] >= 2, account["breaches"], blocked) == (True, 1, after)
    assert shop.get("orders.json").status_code == 200


def test_the_ledger_tells_the_account_and_the_limit(printify, own):
    """Every line names its account; what a limit refused is told from what was counted."""
    shop = own()
    printify.control("POST", "/settings", per_minute=1)
    printify.control("DELETE", "/ledger")
    for _ in range(2):
        shop.get("orders.json")
    shop.get("/nowhere")

    lines = printify.ndjson("/ledger")

    assert [line["rate"] for line in lines] == ["counted", "minute", "uncounted"]
    assert [line["account_id"] for line in lines] == [shop.made["account_id"]] * 2 + [None]


# --- tokens ---------------------------------------------------------------------------------------------


def refresh(printify, token, app_id="app-1"):
    return printify.http.post("/v1/app/oauth/tokens/refresh", json={"app_id": app_id, "refresh_token": token})


def test_oauth_from_consent_to_expiry(printify, own):
    """A code of one use, six hours told as a date, and 401 once they are over."""
    shop = own()
    printify.control("POST", "/clock", now=1_790_000_000)
    accept = "https://app.example.com/back"
    response = printify.http.get(
        "/app/authorize", params={"app_id": "app-1", "accept_url": accept, "decline_url": accept, "state": "s"}
    )
    back = httpx.URL(response.headers["location"])
    body = {"app_id": "app-1", "code": back.params["code"]}
    first = printify.http.post("/v1/app/oauth/tokens", json=body)
    again = printify.http.post("/v1/app/oauth/tokens", json=body)
    headers = {"authorization": f"Bearer {first.json()['access_token']}"}

    alive = printify.http.get(f"/v1/shops/{shop.id}/orders.json", headers=headers).status_code
    printify.control("POST", "/clock", advance_seconds=21_600)
    dead = printify.http.get(f"/v1/shops/{shop.id}/orders.json", headers=headers).status_code

    assert back.params["state"] == "s"
    assert first.json()["expire_at"] == "2026-09-21 20:13:20+00:00"
    assert set(again.json()) == {"error", "error_description"}
    assert (again.status_code, alive, dead) == (400, 200, 401)


def test_consent_can_be_refused(printify, own):
    """The redirect goes to decline_url, with RFC 6749's word."""
    own()
    printify.control("POST", "/settings", consent="deny")

    response = printify.http.get(
        "/app/authorize",
        params={"app_id": "app-1", "accept_url": "https://a.example", "decline_url": "https://b.example", "state": "s"},
    )

    assert response.headers["location"].startswith("https://b.example?error=access_denied")


def test_a_merchant_who_is_asked_decides(printify, own):
    """The page names the accounts; the decision is carried out for the chosen one."""
    shop = own()
    own()
    printify.control("POST", "/settings", consent="ask")
    query = {"app_id": "app-1", "accept_url": "https://a.example", "decline_url": "https://b.example", "state": "s"}
    chosen = {"sandbox_decision": "allow", "sandbox_seller": str(shop.made["account_id"])}

    page = printify.http.get("/app/authorize", params=query)
    denied = printify.http.get("/app/authorize", params=query | {"sandbox_decision": "deny"})
    granted = printify.http.get("/app/authorize", params=query | chosen)
    code = httpx.URL(granted.headers["location"]).params["code"]
    pair = printify.http.post("/v1/app/oauth/tokens", json={"app_id": "app-1", "code": code}).json()
    headers = {"authorization": f"Bearer {pair['access_token']}"}

    assert (page.status_code, shop.made["title"] in page.text) == (200, True)
    assert denied.headers["location"].startswith("https://b.example?error=access_denied")
    assert printify.http.get(f"/v1/shops/{shop.id}/orders.json", headers=headers).status_code == 200


def test_refresh_tokens_rotate_or_stay(printify, own):
    """By default the old one dies of its use; settings keep it alive, or give the same one again."""
    token = own().made["refresh_token"]
    first = refresh(printify, token).json()["refresh_token"]
    spent = refresh(printify, token)
    printify.control("POST", "/settings", reuse_old_refresh_token="allow")
    reused = refresh(printify, token).status_code
    printify.control("POST", "/settings", refresh_token="same")
    same = refresh(printify, first).json()["refresh_token"]

    assert first != token
    assert (spent.status_code, spent.json()["error"], reused, same) == (400, "invalid_grant", 200, first)


def test_a_personal_token_is_a_jwt_of_one_year(printify, shop):
    """Whoever stores it can read its end."""
    claims = jwt.decode(shop.made["personal_token"], options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == 365 * 86_400
    assert claims["exp"] == shop.made["personal_expires_at"]
    headers = {"authorization": f"Bearer {shop.made['personal_token']}"}
    assert printify.http.get(f"/v1/shops/{shop.id}/orders.json", headers=headers).status_code == 200


def test_revoked_tokens_are_401(printify, own):
    """Of one account alone."""
    shop, other = own(), own()
    printify.control("POST", "/tokens/revoke", shop_id=shop.id)

    assert (shop.get("orders.json").status_code, other.get("orders.json").status_code) == (401, 200)
    assert refresh(printify, shop.made["refresh_token"]).status_code == 400
