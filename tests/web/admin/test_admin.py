"""The administrators' routes under attack (reliability B8, row 62), and the wall between sellers (row 57)."""

from __future__ import annotations

import shlex
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from execution import cli
from tests.web.conftest import token_of
from tests.worlds.days import roll_up

NOBODY = "7c1c6a1e-3a0e-4c55-9f0c-6d9f3b2f0a11"


@pytest.fixture
def make_admin(db, make_user):
    def make():
        db.execute("insert into private.admins (user_id) values (%s)", [user := make_user()])
        return user

    return make


def path_of(user):
    return f"/admin/users/{user}/backfill"


def actions(db):
    return db.execute("select action, subject_id::text, details from private.admin_actions order by id").fetchall()


def test_an_administrator_forces_a_resync_and_it_is_on_record(api, db, make_admin, make_seller, bearer):
    admin, seller = make_admin(), make_seller("etsy")

    response = api.post(path_of(seller), json={"platform": "etsy"}, headers=bearer(admin))
    looked = api.get(path_of(seller), headers=bearer(admin))

    assert response.status_code == 202
    assert len(response.json()["jobs"]) == 4
    assert looked.json()["user_id"] == seller
    assert actions(db) == [("resync", seller, {"platform": "etsy"}), ("look", seller, {})]
    kept = api.get("/admin/actions", headers=bearer(admin)).json()
    assert [(row["user_id"], row["action"]) for row in kept] == [(admin, "resync"), (admin, "look")]


def test_for_everybody_else_there_is_no_such_page(*, api, db, make_user, make_seller, bearer, web_env):
    seller, user = make_seller("etsy"), make_user()
    claims = {"user_metadata": {"is_admin": True}, "app_metadata": {"roles": ["admin"]}}
    loud = {"Authorization": f"Bearer {token_of(web_env, user, **claims)}"}

    answers = [
        api.post(path_of(seller), json={"platform": "etsy"}, headers=bearer(user)),
        api.post(path_of(seller), json={"platform": "etsy"}, headers=bearer(seller)),
        api.post(path_of(seller), json={"platform": "etsy"}, headers=loud),
        api.get(path_of(seller), headers=bearer(user)),
        api.get("/admin/actions", headers=bearer(user)),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["code"] for answer in answers} == {"not_found"}
    assert api.post(path_of(seller), json={"platform": "etsy"}).status_code == 401
    assert actions(db) == []
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (0,)


def test_one_who_was_an_administrator_is_none_at_the_very_next_request(api, db, make_admin, make_seller, bearer):
    """The token is the same and good; only the database knows."""
    admin, seller = make_admin(), make_seller("etsy")
    header = bearer(admin)
    assert api.get(path_of(seller), headers=header).status_code == 200

    db.execute("delete from private.admins")

    assert api.get(path_of(seller), headers=header).status_code == 404


BAD = [
    {},
    {"platform": "etsy", "priority": -1000},
    {"platform": "etsy", "user_id": NOBODY},
    {"platform": "etsy", "role": "admin"},
    {"platform": "etsy'--"},
    ["etsy"],
]


@pytest.mark.parametrize("body", BAD, ids=map(str, BAD))
def test_nothing_more_than_the_platform_may_be_chosen(*, api, db, make_admin, make_seller, bearer, body):
    response = api.post(path_of(make_seller("etsy")), json=body, headers=bearer(make_admin()))

    assert response.status_code == 422
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (0,)


def test_an_administrators_cookie_obeys_no_foreign_page(sign_in, db, make_admin, make_seller):
    browser, seller = sign_in(make_admin()), make_seller("etsy")
    body = {"platform": "etsy"}

    assert browser.post(path_of(seller), json=body, headers={"Origin": "https://evil.example"}).status_code == 403
    assert browser.post(path_of(seller), json=body, headers={"X-CSRF-Token": ""}).status_code == 403
    assert browser.post(path_of(seller), data=body, headers={"X-CSRF-Token": ""}).status_code == 403
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (0,)
    assert browser.post(path_of(seller), json=body).status_code == 202


def test_a_thousand_resyncs_are_thirty(api, db, make_admin, make_seller, bearer):
    admin, seller = make_admin(), make_seller("etsy")
    header = bearer(admin)

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: api.post(path_of(seller), json={"platform": "etsy"}, headers=header), range(120))
        )

    assert sum(answer.status_code == 202 for answer in answers) == 30
    assert {answer.status_code for answer in answers} == {202, 429}
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (4,)


@pytest.mark.parametrize("subject", [NOBODY, "1", "../../etc", "%00", "a' or '1'='1"])
def test_a_user_that_is_not_there_is_not_there(api, make_admin, bearer, subject):
    assert api.post(path_of(subject), json={"platform": "etsy"}, headers=bearer(make_admin())).status_code in (404, 422)


def test_the_record_is_for_reading(db, api, make_admin, make_seller, bearer):
    """No function of the API changes or deletes a line, and no role of the API may."""
    api.get(path_of(make_seller("etsy")), headers=bearer(make_admin()))

    for statement in ("update private.admin_actions set action = 'x'", "delete from private.admin_actions"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(f"set role service_role; {statement}")
        db.execute("reset role")
    writers = db.execute(
        """select p.proname from pg_proc as p where p.pronamespace = 'public'::regnamespace
           and p.prosrc ~ '(update|delete from)\\s+private\\.admin_actions'"""
    ).fetchall()
    assert writers == []


def test_the_command_line_makes_administrators(web_env, make_user, db, monkeypatch, capsys):
    user = make_user()
    for name, value in web_env.items():
        monkeypatch.setenv(name, value)

    said = []
    for words in (
        f"admin --user {user}",
        f"admin --user {user} --revoke",
        f"admin --user {NOBODY}",
        "admin --user x",
    ):
        monkeypatch.setattr(sys, "argv", ["keeper", *shlex.split(words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        is_admin = db.execute("select count(*) from private.admins").fetchone()
        said.append((ended.value.code or 0, is_admin))

    assert said == [(0, (1,)), (0, (0,)), (2, (0,)), (2, (0,))]


# ── between sellers: the same answer for "not yours" and "not there" ──


def order(db, user, key, amount=1000):
    db.execute(
        "insert into public.orders (connection_id, user_id, platform, platform_id, ordered_at, currency, total_amount,"
        " raw, source_updated_at, fetched_at, content_hash, sync_run_id)"
        " select id, user_id, platform, %s, now(), 'USD', %s, '{}', now(), now(), 1, gen_random_uuid()"
        " from public.connected_accounts where user_id = %s and platform = 'etsy'",
        (key, amount, user),
    )


def test_sums_and_orders_are_the_sellers_own(api, db, make_seller, bearer):
    ann, bob, nobody = make_seller("etsy"), make_seller("etsy"), make_seller("etsy")
    order(db, ann, "1", 1000)
    order(db, bob, "2", 77_777)
    roll_up(db, ann)
    roll_up(db, bob)

    of_ann = api.get("/dashboard/figures", headers=bearer(ann))
    of_nobody = api.get("/dashboard/figures", headers=bearer(nobody))
    newest = api.get("/dashboard/recent-orders", headers=bearer(ann)).json()

    assert of_ann.status_code == 200
    assert "1000" in of_ann.text
    assert "77777" not in of_ann.text
    assert "77777" not in of_nobody.text
    assert [row["platform_id"] for row in newest] == ["1"]


@pytest.mark.parametrize(
    "query",
    [
        "unit=week",
        "zone=Nowhere/Land",
        "zone=../../etc/passwd",
        "zone=UTC';--",
        "since=yesterday",
        "since=2026-01-01T00:00:00",
    ],
)
def test_what_is_no_question_is_refused(api, make_seller, bearer, query):
    assert api.get(f"/dashboard/figures?{query}", headers=bearer(make_seller())).status_code == 422


ASKED = [
    ("GET", "/backfill/status?user_id={other}", None),
    ("GET", "/backfill/status?platform=etsy&user_id=eq.{other}", None),
    ("GET", "/connections?user_id={other}", None),
    ("GET", "/dashboard/figures?user_id={other}&p_user_id={other}", None),
    ("GET", "/dashboard/recent-orders?or=(user_id.eq.{other})", None),
    ("GET", "/admin/users/{other}/backfill", None),
    ("POST", "/disconnect-etsy?user_id={other}", {}),
    ("POST", "/settings/backfill", {"platform": "etsy"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED, ids=[path for _, path, _ in ASKED])
def test_nothing_tells_anothers_rows_from_no_rows(*, api, db, make_seller, make_user, bearer, method, path, body):
    """Asked for one who is there and for one who is not: the answers differ in nothing but the time."""
    asker, other = make_user(), make_seller("etsy")
    order(db, other, "1", 77_777)

    answers = []
    for subject in (other, NOBODY):
        response = api.request(method, path.format(other=subject), json=body, headers=bearer(asker))
        shown = response.json()
        if isinstance(shown, dict):
            shown.pop("now", None)
        answers.append((response.status_code, shown))

    assert answers[0] == answers[1]
    assert other not in str(answers)
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (0,)
    assert db.execute("select status from public.connected_accounts").fetchall() == [("connected",)]


def test_an_administrator_pauses_a_user_and_lets_them_go_on(api, db, make_admin, make_seller, bearer):
    admin, seller = make_admin(), make_seller("etsy")
    there = f"/admin/users/{seller}"

    def paused():
        (one,) = db.execute("select paused_at is not null from public.profiles where user_id = %s", [seller]).fetchone()
        (shop,) = db.execute("select bool_or(paused_at is not null) from public.connected_accounts where user_id = %s",
                             [seller]).fetchone()  # fmt: skip
        return one, shop

    assert api.post(f"{there}/pause", json={}, headers=bearer(admin)).status_code == 204
    assert paused() == (True, False)
    assert api.post(f"{there}/resume", json={}, headers=bearer(admin)).status_code == 204
    assert paused() == (False, False)
    assert api.post(f"{there}/pause", json={"platform": "etsy"}, headers=bearer(admin)).status_code == 204
    assert paused() == (False, True)

    assert [name for name, _, details in actions(db) if "connection_ids" not in details] == ["pause", "resume", "pause"]
    assert api.post(f"{there}/pause", json={"platform": "printify"}, headers=bearer(admin)).status_code == 404
    nobody = api.post(f"/admin/users/{NOBODY}/pause", json={}, headers=bearer(admin))
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_user")
    # For everybody else there is no such page.
    assert api.post(f"{there}/pause", json={}, headers=bearer(seller)).status_code == 404
