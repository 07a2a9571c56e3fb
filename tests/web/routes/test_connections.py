"""Connecting a shop through the platform's own consent page, and everything that must not work (row 50; I6, I11)."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest

from execution.connections.consent import ConsentRefused, check_shop
from execution.job_runner import SliceOutcome
from execution.platforms.shopify.consent import SHOPIFY_CONSENT
from tests.web.conftest import client, served, token_of
from tests.worlds.users import make_user as make_user_in
from tests.worlds.world import make_world
from web.connecting import HOME, local_path


def begin(browser, platform="etsy", **form):
    response = browser.post(f"/connect-{platform}", data=form)
    assert response.status_code == 303, response.text
    return response


def consent(location):
    """The seller allows it: the platform sends the browser back to us."""
    response = httpx.get(location, trust_env=False)
    assert response.status_code in (302, 303), response.text
    return response.headers["location"]


def query_of(location):
    return dict(parse_qsl(urlsplit(location).query))


def come_back(browser, location):
    parts = urlsplit(location)
    return browser.get(f"{parts.path}?{parts.query}")


@pytest.fixture
def shop(etsy):
    return etsy.shop(orders=12)


@pytest.fixture
def browser(sign_in, make_user):
    return sign_in(make_user())


def test_a_shop_is_connected_by_the_consent_page_and_loaded_at_once(browser, shop, db, worker):
    sent = begin(browser)
    asked = query_of(sent.headers["location"])
    ended = come_back(browser, consent(sent.headers["location"]))

    assert sent.status_code == ended.status_code == 303
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "transactions_r listings_r shops_r"
    assert ended.headers["location"] == f"{HOME}?connected=etsy"
    (connection,) = browser.get("/connections").json()
    assert (connection["shop_id"], connection["status"], connection["syncing"]) == (shop.id, "connected", True)
    runner = worker.runner()
    while runner.work_one() is not SliceOutcome.IDLE:
        pass
    status = browser.get("/backfill/status").json()
    assert status["backfill_status"] == "completed", status["failures"]
    (stored,) = db.execute("select count(*) from public.orders").fetchone()
    assert stored == status["jobs"][0]["certificate"]["distinct_keys"] > 0


def test_the_database_keeps_nothing_that_could_finish_a_consent(browser, shop, db):
    state = query_of(begin(browser).headers["location"])["state"]

    (kept,) = db.execute("select s::text from private.oauth_states as s").fetchone()

    assert state not in kept
    assert hashlib.sha256(state.encode()).hexdigest() in kept


# ── what must not work ──


def refused(answer):
    return answer.status_code == 400 and answer.json()["code"] == "wrong_state"


def test_a_state_works_once(browser, shop):
    back = consent(begin(browser).headers["location"])

    assert come_back(browser, back).status_code == 303
    assert refused(come_back(browser, back))


def test_a_forged_or_missing_state_is_refused(browser, shop, db):
    back = consent(begin(browser).headers["location"])
    code = query_of(back)["code"]

    assert refused(browser.get("/oauth/etsy/callback", params={"code": code, "state": "x" * 43}))
    assert refused(browser.get("/oauth/etsy/callback", params={"code": code, "state": ""}))
    assert browser.get("/oauth/etsy/callback", params={"code": code}).status_code == 422
    assert db.execute("select count(*) from public.connected_accounts").fetchone() == (0,)


def test_a_state_of_another_user_is_refused_and_stays_theirs(sign_in, make_user, shop, db):
    """The attacker's own shop must not end up in the victim's account, nor the other way round."""
    ann, bob = sign_in(make_user()), sign_in(make_user())
    back = consent(begin(ann).headers["location"])

    assert refused(come_back(bob, back))
    assert bob.get("/connections").json() == []
    assert come_back(ann, back).status_code == 303


def test_a_state_of_another_platform_is_refused(browser, shop):
    back = consent(begin(browser).headers["location"])

    mixed_up = browser.get("/oauth/printify/callback", params=query_of(back))

    assert mixed_up.status_code == 400
    assert browser.get("/connections").json() == []


def test_a_state_ends_after_ten_minutes(browser, shop, db):
    back = consent(begin(browser).headers["location"])
    (left,) = db.execute("select extract(epoch from expires_at - now()) from private.oauth_states").fetchone()
    db.execute("update private.oauth_states set expires_at = now()")

    assert 590 < left <= 600
    assert refused(come_back(browser, back))


def test_a_code_that_was_used_already_connects_nothing(browser, shop):
    first = consent(begin(browser).headers["location"])
    come_back(browser, first)
    state = query_of(begin(browser).headers["location"])["state"]

    ended = browser.get("/oauth/etsy/callback", params={"code": query_of(first)["code"], "state": state})

    assert "problem=code_refused" in ended.headers["location"]


def test_a_code_of_another_consent_fails_pkce(sign_in, make_user, shop):
    """A stolen code is worth nothing beside another verifier."""
    ann, bob = sign_in(make_user()), sign_in(make_user())
    stolen = query_of(consent(begin(ann).headers["location"]))["code"]
    state = query_of(begin(bob).headers["location"])["state"]

    ended = bob.get("/oauth/etsy/callback", params={"code": stolen, "state": state})

    assert "problem=code_refused" in ended.headers["location"]
    assert bob.get("/connections").json() == []


def test_a_parameter_that_comes_twice_is_refused(browser, shop):
    back = urlsplit(consent(begin(browser).headers["location"]))

    assert refused(browser.get(f"{back.path}?{back.query}&code=other"))


def test_nobody_comes_back_without_a_session(api, browser, shop):
    back = consent(begin(browser).headers["location"])

    assert come_back(api, back).status_code == 401
    assert come_back(browser, back).status_code == 303


def test_a_foreign_page_cannot_begin(browser, shop):
    assert browser.post("/connect-etsy", headers={"Origin": "https://evil.example"}).status_code == 403
    assert browser.post("/connect-etsy", headers={"X-CSRF-Token": "x"}).status_code == 403
    assert browser.get("/connect-etsy").status_code == 405


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "/a//evil.example",
    "/%2f/evil.example",
    "/a?next=//evil.example",
    "/a\nSet-Cookie: x=y",
    "/\t/evil.example",
    "",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_the_way_back_is_a_page_of_ours(browser, shop, wanted):
    assert local_path(wanted) == HOME
    ended = come_back(browser, consent(begin(browser, return_to=wanted).headers["location"]))
    assert ended.headers["location"] == f"{HOME}?connected=etsy"


# Each letter doubles the time of a pattern that tries every way to divide them: these took three seconds.
TANGLED = "/" + "a" * 26 + "!"


def test_no_text_holds_the_process_while_it_is_looked_at():
    began = time.process_time()

    assert local_path(TANGLED) == HOME
    assert time.process_time() - began < 0.5


def test_a_page_of_ours_may_be_the_way_back():
    assert local_path("/dashboard") == "/dashboard"
    assert local_path("/settings/connections") == "/settings/connections"


def test_a_seller_who_declines_is_told_so(browser, etsy, shop):
    etsy.control("POST", "/settings", consent="deny")
    try:
        back = consent(begin(browser).headers["location"])
    finally:
        etsy.control("POST", "/settings", consent="grant")

    assert "problem=declined" in come_back(browser, back).headers["location"]


def test_a_shop_is_connected_with_the_rights_that_there_are(browser, etsy, shop):
    location = begin(browser).headers["location"].replace("%20listings_r", "")

    ended = come_back(browser, consent(location))

    assert "problem=" not in ended.headers["location"]
    assert [one["status"] for one in browser.get("/connections").json()] == ["connected"]


def test_a_shop_of_which_nothing_may_be_read_is_refused(browser, etsy, shop):
    location = begin(browser).headers["location"].replace("transactions_r%20listings_r%20", "")

    ended = come_back(browser, consent(location))

    assert "problem=nothing_readable" in ended.headers["location"]
    assert browser.get("/connections").json() == []


def test_another_shop_stands_beside_the_first(browser, etsy, shop, db):
    come_back(browser, consent(begin(browser).headers["location"]))
    second = etsy.shop(orders=3)

    ended = come_back(browser, consent(begin(browser).headers["location"]))

    assert ended.headers["location"] == f"{HOME}?connected=etsy"
    shops = {row["shop_id"] for row in browser.get("/connections").json()}
    assert shops == {shop.id, second.id}
    assert db.execute("select count(*) from private.platform_tokens").fetchone() == (2,)


def test_of_two_shops_the_one_that_is_named_is_disconnected(browser, etsy, shop, db):
    come_back(browser, consent(begin(browser).headers["location"]))
    second = etsy.shop(orders=3)
    come_back(browser, consent(begin(browser).headers["location"]))

    unnamed = browser.post("/disconnect-etsy")
    named = browser.post("/disconnect-etsy", data={"shop_id": second.id})
    unknown = browser.post("/disconnect-etsy", data={"shop_id": "1"})

    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "ambiguous_shop")
    assert shop.id in unnamed.json()["detail"]
    assert (named.status_code, unknown.status_code) == (200, 404)
    states = {row["shop_id"]: row["status"] for row in browser.get("/connections").json()}
    assert states == {shop.id: "connected", second.id: "disconnected"}
    assert db.execute("select count(*) from private.platform_tokens").fetchone() == (1,)


# ── the end of a connection ──


def test_disconnecting_ends_the_jobs_and_deletes_the_tokens(browser, shop, db):
    come_back(browser, consent(begin(browser).headers["location"]))
    assert db.execute("select count(*) from private.platform_tokens").fetchone() == (1,)

    response = browser.post("/disconnect-etsy")

    assert response.json() == {"disconnected": True, "revoked": False}
    assert db.execute("select count(*) from private.platform_tokens").fetchone() == (0,)
    assert set(db.execute("select status, error_code from public.sync_jobs").fetchall()) == {("failed", "disconnected")}
    (connection,) = browser.get("/connections").json()
    assert (connection["status"], connection["syncing"]) == ("disconnected", False)
    assert browser.post("/settings/backfill", json={}).status_code == 404


def test_the_same_shop_comes_back_and_goes_on(browser, shop, db):
    come_back(browser, consent(begin(browser).headers["location"]))
    browser.post("/disconnect-etsy")

    ended = come_back(browser, consent(begin(browser).headers["location"]))

    assert ended.headers["location"] == f"{HOME}?connected=etsy"
    (connection,) = browser.get("/connections").json()
    assert (connection["status"], connection["syncing"]) == ("connected", True)


def test_what_is_not_yours_is_not_there(sign_in, make_user, make_seller):
    make_seller("etsy")
    stranger = sign_in(make_user())

    of_others, of_nobody = stranger.post("/disconnect-etsy"), stranger.post("/disconnect-square")

    assert of_others.status_code == of_nobody.status_code == 404
    assert of_others.json() == of_nobody.json()


@pytest.mark.parametrize(
    ("days", "refreshable", "is_told"), [(12, False, True), (12, True, False), (200, False, False)]
)
def test_a_pasted_token_that_ends_within_a_month_is_told(*, sign_in, make_seller, db, days, refreshable, is_told):
    user = make_seller("printify")
    make_token(db, user, days, refreshable)
    make_token(db, make_seller("printify"), 3, refreshable=False)
    browser = sign_in(user)

    (connection,) = browser.get("/connections").json()
    page = browser.get("/settings/connections", headers={"Accept": "text/html"}).text

    assert (connection["token_ends_at"] is not None) is is_told
    assert page.count("The token that you pasted ends on") == is_told


def make_token(db, user, days, refreshable):
    """A token by its row alone: when it ends is all that is looked at."""
    sealed = "v1|key|nonce|text"
    db.execute(
        "insert into private.platform_tokens (connection_id, access_token, refresh_token, expires_at)"
        " select id, %s, %s, now() + make_interval(days => %s) from public.connected_accounts where user_id = %s",
        (sealed, sealed if refreshable else None, days, user),
    )


# ── Shopify's callback is signed (sheet 2.1) ──


SECRET = "shpss_0123456789abcdef"
SHOP = "tea-house.myshopify.com"
NO_SHOPS = [
    "evil.example",
    "a.myshopify.com.evil.example",
    "a.b.myshopify.com",
    "a_b.myshopify.com",
    "x@evil.myshopify.com",
    "169.254.169.254",
    "a.myshopify.com/x",
    "-a.myshopify.com",
    "",
]


def shopify_query(now, *, secret=SECRET, state="st ate", **changes):
    query = {
        "code": "c0de",
        "host": "YWRtaW4",
        "shop": "tea-house.myshopify.com",
        "state": state,
        "timestamp": str(now),
    }
    message = urlencode(sorted(query.items()), quote_via=quote)
    return {**query, "hmac": hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest(), **changes}


@pytest.mark.parametrize(
    ("changes", "age", "genuine"),
    [
        ({}, 0, True),
        ({"signature": "legacy"}, 0, True),
        ({"shop": "other.myshopify.com"}, 0, False),
        ({"code": "other"}, 0, False),
        ({"extra": "1"}, 0, False),
        ({"hmac": ""}, 0, False),
        ({"hmac": "é"}, 0, False),
        ({}, 120, False),
        ({}, -120, False),
    ],
)
def test_shopifys_callback_must_be_signed_and_fresh(changes, age, genuine):
    now = int(time.time())

    assert SHOPIFY_CONSENT.is_genuine(shopify_query(now - age, **changes), [SECRET], now) is genuine


@pytest.mark.parametrize(
    ("signed_by", "problem"), [("old", "platform_away"), ("new", "platform_away"), ("other", "not_genuine")]
)
def test_a_consent_comes_back_while_the_client_secret_is_rotated(web_env, make_user, signed_by, problem):
    """What the platform signed with the old secret is its own as notices are; the code is exchanged with the new."""
    secrets = {name: f"shpss_{name}_0123456789abcdef" for name in ("new", "old", "other")}
    both = {"SHOPIFY_CLIENT_ID": "id", "SHOPIFY_CLIENT_SECRET": f"{secrets['new']} {secrets['old']}"}
    bearer = {"Authorization": f"Bearer {token_of(web_env, make_user())}"}
    with served(web_env, **both, SHOPIFY_API_BASE_URL="http://127.0.0.1:9") as url, client(url, headers=bearer) as web:
        state = query_of(begin(web, "shopify", shop="tea-house").headers["location"])["state"]
        query = shopify_query(int(time.time()), secret=secrets[signed_by], state=state)
        ended = web.get("/oauth/shopify/callback", params=query)

    assert query_of(ended.headers["location"])["problem"] == problem


@pytest.mark.parametrize("shop", NO_SHOPS)
def test_a_shops_address_is_shopifys_own(shop):
    with pytest.raises(ConsentRefused):
        check_shop(SHOPIFY_CONSENT, shop)


def test_a_shops_address_may_be_written_as_people_do():
    for written in (
        "Tea-House.myshopify.com",
        "https://tea-house.myshopify.com/",
        "tea-house",
        "tea-house.myshopify.com/admin/products?x=1",
        "https://admin.shopify.com/store/tea-house",
        "admin.shopify.com/store/Tea-House/orders",
    ):
        assert check_shop(SHOPIFY_CONSENT, written) == "tea-house.myshopify.com"


def test_a_seller_takes_along_what_was_loaded_and_then_erases_it(sign_in, worker, etsy, shop, db):
    """Of a shop that is connected nothing is erased, and of another user's shop nothing is shown."""
    world = make_world(worker, db, (etsy, shop))
    world.run("orders")
    browser, stranger = sign_in(world.user_id), sign_in(make_user_in(db))
    here = f"{HOME}/{world.only.connection_id}"

    told = [json.loads(line) for line in browser.get(f"{here}/export").text.splitlines()]
    refused = [stranger.get(f"{here}/export"), stranger.post(f"{here}/erase"), browser.post(f"{here}/erase")]
    browser.post("/disconnect-etsy")
    erased = browser.post(f"{here}/erase")

    manifest = told.pop()["manifest"]
    orders = [row for row in told if row["table"] == "orders"]
    assert {row["platform_id"] for row in orders} == {str(row["receipt_id"]) for row in etsy.truth(shop, "receipts")}
    assert {row["table"] for row in told} >= {"orders", "line_items", "customers"}
    assert sum(one["rows"] for one in manifest["tables"]) == len(told)
    assert [answer.status_code for answer in refused] == [404, 404, 409]
    assert erased.status_code == 303
    assert browser.get("/connections").json() == []
    assert db.execute("select count(*) from public.orders").fetchone() == (0,)
