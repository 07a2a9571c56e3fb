"""Who asks: tokens of Supabase Auth and nothing else, by header or by cookie (reliability B8, rows 58 and 62)."""

from __future__ import annotations

import asyncio
import re
import time

import httpx
import pytest

from execution.app import App
from execution.settings import Settings
from tests.web.conftest import client, served, token_of
from tests.worlds.process import close_app
from web.app import create_app


def test_a_good_token_is_its_user(api, make_user, bearer):
    user = make_user()

    response = api.get("/session", headers=bearer(user))

    assert response.status_code == 200
    assert response.json()["user_id"] == user
    assert response.json()["is_admin"] is False


BAD = {
    "expired": {"exp": 1_700_000_000},
    "no expiry": {"exp": None},
    "another project": {"iss": "https://other.supabase.co/auth/v1"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "anon"},
    "no audience": {"aud": None},
    "no subject": {"sub": None},
    "subject that is no user id": {"sub": "1 or 1=1"},
    "service role": {"role": "service_role"},
    "anon": {"role": "anon"},
    "another secret": {"key": "x" * 64},
    "alg none": {"key": "", "algorithm": "none"},
    "not before": {"nbf": int(time.time()) + 3600},
}


@pytest.mark.parametrize("claims", BAD.values(), ids=BAD.keys())
def test_a_token_that_is_not_right_is_nobody(api, make_user, web_env, claims):
    user = make_user()

    response = api.get("/session", headers={"Authorization": f"Bearer {token_of(web_env, user, **claims)}"})

    assert response.status_code == 401
    assert response.json()["code"] == "not_signed_in"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer a.b.c", "Basic YTpi", "Bearer " + "x" * 9000])
def test_what_is_no_token_is_nobody(api, header):
    assert api.get("/session", headers={"Authorization": header}).status_code == 401


def test_all_refusals_sound_alike(api, make_user, web_env):
    """Which check failed is nobody's business."""
    user = make_user()
    expired = api.get("/session", headers={"Authorization": f"Bearer {token_of(web_env, user, exp=1_700_000_000)}"})
    forged = api.get("/session", headers={"Authorization": f"Bearer {token_of(web_env, user, key='y' * 64)}"})

    assert expired.json() == forged.json()


def test_metadata_makes_nobody_an_administrator(api, make_user, web_env, db):
    user = make_user()
    claims = {"user_metadata": {"is_admin": True}, "app_metadata": {"role": "admin"}, "is_admin": True}
    header = {"Authorization": f"Bearer {token_of(web_env, user, **claims)}"}

    assert api.get("/session", headers=header).json()["is_admin"] is False

    db.execute("insert into private.admins (user_id) values (%s)", [user])
    assert api.get("/session", headers=header).json()["is_admin"] is True


def test_a_cookie_is_a_session_that_scripts_cannot_read(api, make_user, bearer):
    user = make_user()

    response = api.post("/session", headers=bearer(user))

    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert api.get("/session").json()["user_id"] == user


def test_a_cookie_changes_nothing_without_the_pages_own_token(sign_in, api, make_user):
    """CSRF: the browser brings the cookie to whoever asks, so the cookie alone is not enough."""
    browser = sign_in(make_user())
    other = sign_in(make_user())
    good = browser.headers["X-CSRF-Token"]

    refused = [
        browser.delete("/session", headers={"X-CSRF-Token": ""}),
        browser.delete("/session", headers={"X-CSRF-Token": other.headers["X-CSRF-Token"]}),
        browser.delete("/session", headers={"X-CSRF-Token": good + "x"}),
        browser.delete("/session", headers={"Origin": "https://evil.example"}),
        browser.delete("/session", headers={"Origin": "null"}),
        browser.delete("/session", headers={"Origin": str(browser.base_url).rstrip("/") + ".evil.example"}),
    ]

    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert browser.delete("/session").status_code == 204
    assert browser.get("/session").status_code == 401


def test_a_page_of_another_site_is_told_by_the_browser(sign_in, make_user):
    """Without an Origin the browser's own word counts."""
    browser = sign_in(make_user())
    del browser.headers["Origin"]

    assert browser.delete("/session", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.delete("/session", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204


def test_the_development_login_is_on_the_embedded_stack_alone(web_env, web_url, clean):
    with client(web_url) as browser:
        signed_in = browser.post("/dev/session", json={"email": "ada@example.com"}, headers={"Origin": web_url})
        again = browser.post("/dev/session", json={"email": "ada@example.com"}, headers={"Origin": web_url})
        foreign = browser.post(
            "/dev/session", json={"email": "ada@example.com"}, headers={"Origin": "https://evil.example"}
        )
        assert browser.get("/session").json()["email"] == "ada@example.com"

    assert signed_in.status_code == 200
    assert signed_in.json()["user_id"] == again.json()["user_id"]
    assert foreign.status_code == 403
    with served(web_env, KEEPER_ENVIRONMENT="production") as url, client(url) as browser:
        assert browser.post("/dev/session", json={"email": "ada@example.com"}).status_code == 404
        assert "/dev/session" not in browser.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("evil.example", "127.0.0.1"),  # a name that was pointed at this machine, or a tunnel's
        ("127.0.0.1.evil.example", "127.0.0.1"),
        ("[", "127.0.0.1"),
        ("127.0.0.1:8000", "192.0.2.7"),  # somebody on the network, who may call us as they like
        ("localhost", "192.0.2.7"),
    ],
)
def test_the_development_login_is_for_who_sits_at_the_machine(web_env, clean, host, peer):
    app = App(settings=Settings.load(web_env))
    headers = {"Host": host, "Origin": f"http://{host}"}

    async def knock():
        line = httpx.ASGITransport(create_app(app), client=(peer, 50_000))
        async with httpx.AsyncClient(transport=line, base_url="http://localhost", headers=headers) as asking:
            return [
                await asking.post("/dev/session", json={"email": "ada@example.com"}),
                await asking.post("/login", data={"email": "ada@example.com"}),
            ]

    try:
        answers = asyncio.run(knock())
    finally:
        close_app(app)

    assert [answer.status_code for answer in answers] == [404, 404]
    assert not any("set-cookie" in answer.headers for answer in answers)


def test_pages_at_a_public_address_have_no_development_login(web_env, clean):
    with served(web_env, PUBLIC_URL="https://keeper.example.com") as url, client(url) as browser:
        assert browser.post("/dev/session", json={"email": "ada@example.com"}).status_code == 404
        assert browser.post("/login", data={"email": "ada@example.com"}).status_code == 404


def test_every_answer_carries_the_headers_that_browsers_need(api):
    for path in ("/health/live", "/session", "/nowhere"):
        headers = api.get(path).headers
        policy = headers.get("content-security-policy", "")
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_over_https_the_cookie_belongs_to_this_host_alone(web_env, make_user, clean):
    user = make_user()
    with served(web_env, PUBLIC_URL="https://keeper.example.com") as url, client(url) as browser:
        response = browser.post("/session", headers={"Authorization": f"Bearer {token_of(web_env, user)}"})

    assert response.headers["set-cookie"].startswith("__Host-keeper_session=")
    assert "Secure" in response.headers["set-cookie"]
    assert "strict-transport-security" in response.headers


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(api):
    large = b"x" * (2 * 1024 * 1024 + 1)

    announced = api.post("/dev/session", content=large, headers={"Content-Type": "application/json"})
    streamed = api.post(
        "/dev/session", content=iter([large[:1024]] * 2049), headers={"Content-Type": "application/json"}
    )

    assert announced.status_code == 413
    assert streamed.status_code == 413


ALPHABETS = ("unicode_escape", "undefined", "idna", "utf-16", "utf-8")


@pytest.mark.parametrize("path", ["/logout", "/login", "/settings/connections/shopify/connect", "/connect-shopify"])
def test_a_form_in_parts_is_refused_whatever_alphabet_it_names(sign_in, make_user, path):
    """Half a character, once it is a text, breaks whoever writes it down: a page, a token's comparison."""
    browser = sign_in(make_user())
    fields = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n\\ud800\r\n' % name
        for name in (b"csrf_token", b"email", b"shop")
    )

    answers = [
        browser.post(
            path,
            content=fields + b"--b--\r\n",
            headers={"Content-Type": f"Multipart/form-data; boundary=b; charset={alphabet}", "X-CSRF-Token": ""},
        )
        for alphabet in ALPHABETS
    ]

    assert {answer.status_code for answer in answers} == {415}
    assert browser.get("/session").status_code == 200


def test_nobody_is_sent_to_the_host_that_a_request_names(api):
    """`/dashboard/` is no page, and no reason to send a browser elsewhere; nor over plain HTTP behind a proxy."""
    for path in ("/dashboard/", "/oauth/etsy/callback/?code=x&state=y", "/static", "//evil.example/", "/login?next=/"):
        response = api.get(path, headers={"Host": "evil.example", "Accept": "text/html"})

        assert "evil.example" not in response.headers.get("location", ""), path
        assert "evil.example" not in response.text, path


@pytest.mark.parametrize("name", ["keeper.css", "platforms.css"])
def test_a_file_may_be_kept_at_the_address_of_its_own_content_alone(api, name):
    """Else whoever asks early for the next release's address fills a shared cache with this one's file, for a year."""
    page = api.get("/login", headers={"Accept": "text/html"}).text
    ours = re.search(rf"/static/{re.escape(name)}\?v=\w+", page)[0]
    others = (f"/static/{name}", f"/static/{name}?v=0123456789ab", f"{ours}&x=1", "/static/nothing.css?v=1")

    assert "immutable" in api.get(ours).headers["cache-control"]
    assert {api.get(other).headers["cache-control"] for other in others} == {"no-store"}
    assert {api.get(f"/static/{path}").status_code for path in ("..%2fapp.py", "%2e%2e/app.py", "vendor")} == {404}


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP"]
)
def test_the_development_login_refuses_who_comes_through_somebody_else(api, web_url, name):
    """A tunnel or a proxy on this machine comes from 127.0.0.1, and its user from anywhere."""
    login = {"json": {"email": "ada@example.com"}, "headers": {"Origin": web_url}}

    direct = api.post("/dev/session", **login)
    login["headers"][name] = "203.0.113.9"
    forwarded = api.post("/dev/session", **login)

    assert (direct.status_code, forwarded.status_code) == (200, 404)
