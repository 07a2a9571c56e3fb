"""Administrators across tenants, by HTTP: jobs found and acted on, any sync started and taken back, all on record."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.schema.jobworld import claim, queue
from tests.worlds.refreshes import settle, shop_name

JOBS = "/admin/sync-jobs"


@pytest.fixture
def admin(db, make_user):
    db.execute("insert into private.admins (user_id) values (%s)", [user := make_user()])
    return user


@pytest.fixture
def asking(api, bearer, admin):
    """Somebody who may."""
    api.headers.update(bearer(admin))
    return api


def actions(db):
    return db.execute("select action, subject_id::text, actor from private.admin_actions order by id").fetchall()


def pseudonym(db, user):
    return db.execute("select private.pseudonym(%s)", [user]).fetchone()[0]


def test_a_job_is_found_ended_and_tried_again_and_each_act_is_on_record_once(asking, db, admin, make_seller):
    seller = make_seller("etsy")
    queue(db, seller, ("etsy", "orders"))
    (job,) = asking.get(JOBS, params={"state": "queued", "platform": "etsy"}).json()["jobs"]
    here = f"{JOBS}/{job['job_id']}"

    assert asking.post(f"{here}/retry").json()["code"] == "job_is_no_failure"
    ended = asking.post(f"{here}/cancel")
    assert (ended.status_code, ended.json()["error_code"]) == (200, "cancelled")
    assert asking.post(f"{here}/cancel").status_code == 409
    assert asking.post(f"{here}/run-now").status_code == 409
    again = asking.post(f"{here}/retry")
    assert (again.status_code, again.json()["outcome"]) == (202, "queued")
    assert asking.get(here).json()["status"] == "failed"
    me = pseudonym(db, admin)
    assert actions(db) == [("retry_job", seller, me), ("cancel_job", seller, me), ("retry_job", seller, me)]


def test_pages_of_jobs_and_users_go_on_where_they_ended(asking, db, make_seller):
    sellers = [make_seller("etsy") for _ in range(3)]
    for seller in sellers:
        queue(db, seller, ("etsy", "orders"))

    seen, following = [], ""
    while following is not None:
        page = asking.get(JOBS, params={"limit": 2, "before": following}).json()
        seen, following = seen + [one["user_id"] for one in page["jobs"]], page["next"]
    first = asking.get("/admin/users", params={"limit": 2}).json()
    rest = asking.get("/admin/users", params={"limit": 2, "before": first["next"]}).json()

    assert seen == sellers[::-1]
    assert {one["user_id"] for one in first["tenants"] + rest["tenants"]} >= set(sellers)
    for wrong in ("x", "2026-01-01T00:00:00Z,x", f"{'9' * 30},{uuid.uuid4()}"):
        assert asking.get(JOBS, params={"before": wrong}).status_code == 422


def test_a_platform_is_paused_and_resumed(asking, db, make_seller):
    queue(db, make_seller("etsy"), ("etsy", "orders"))

    assert asking.post("/admin/platforms/etsy/pause").json() == {"platform": "etsy", "stopped": 1, "queued": None}
    assert claim(db) is None
    assert asking.get("/admin/status").json() == {"open": {"waiting": 1}, "failed": {}, "paused_platforms": ["etsy"]}
    assert asking.post("/admin/platforms/etsy/resume").json()["queued"] == 1
    assert claim(db)["entity"] == "orders"
    assert asking.post("/admin/platforms/ebay/pause").status_code in (404, 422)


def test_any_sync_of_a_user_is_started_watched_and_taken_back(asking, db, world_of, etsy, admin):
    world = world_of(etsy.shop(orders=6, listings=5))
    user, shop = world.user_id, world.shops[0]

    first = asking.post("/admin/complete-sync", json={"user_id": user, "full_refresh": False})
    assert (first.status_code, len(first.json()["run_ids"])) == (202, 1)
    watched = asking.get(first.json()["status_url"]).json()
    assert {one["job_type"] for one in watched["open"]} == {"backfill"}
    world.drain()
    new = asking.post("/admin/incremental-sync", json={"user_id": user, "entities": ["orders"]})
    assert [(one["entity"], one["outcome"]) for one in new.json()["jobs"]] == [("orders", "queued")]
    world.drain()
    old = asking.post("/admin/historical-orders-sync", json={"user_id": user, "since": "2018-01-01T00:00:00Z"})
    assert [one["entity"] for one in old.json()["jobs"]] == ["orders"]
    world.drain()

    db.execute("update public.orders set total_amount = 1")
    body = {"user_id": user, "full_refresh": True}
    refused = asking.post("/admin/complete-sync", json={**body, "confirm": "another shop"})
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_shop_name")
    begun = asking.post("/admin/complete-sync", json={**body, "confirm": shop_name(shop)})
    assert begun.status_code == 202
    (run,) = begun.json()["run_ids"]
    world.drain()
    settle(world)
    assert db.execute("select count(*) from public.orders where total_amount = 1").fetchone() == (0,)
    planned = asking.post("/admin/rollback", json={"user_id": user, "run_id": run, "dry_run": True})
    assert planned.json()["dry_run"] is True
    assert db.execute("select count(*) from public.orders where total_amount = 1").fetchone() == (0,)
    undone = asking.post("/admin/rollback", json={"user_id": user, "run_id": run})
    assert undone.status_code == 200
    assert db.execute("select count(*) from public.orders where total_amount = 1").fetchone() == (6,)
    runs = asking.get("/admin/sync-status", params={"user_id": user}).json()["runs"]
    assert runs[0]["undoes"] == [run]
    syncs = ["complete_sync", "incremental_sync", "historical_orders_sync", "complete_sync", "complete_sync"]
    assert [action for action, _, _ in actions(db)] == [*syncs, "rollback"]
    assert {actor for _, _, actor in actions(db)[:-1]} == {pseudonym(db, admin)}
    by = "select details ->> 'by' from private.admin_actions where action = 'rollback'"
    assert db.execute(by).fetchall() == [(pseudonym(db, admin),)]


def test_bad_input_starts_nothing(asking, db, make_seller):
    seller, other = make_seller("etsy"), make_seller("etsy")
    queue(db, other, ("etsy", "orders"))
    (run,) = db.execute("select id::text from public.sync_runs").fetchone()
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    nobody = str(uuid.uuid4())
    for path, body, status in (
        ("complete-sync", {"user_id": seller, "full_refresh": "false"}, 422),
        ("complete-sync", {"user_id": seller, "full_refresh": True, "confirm": "Another shop"}, 409),
        ("complete-sync", {"full_refresh": False}, 422),
        ("complete-sync", {"user_id": nobody}, 404),
        ("complete-sync", {"user_id": seller, "platform": "shopify"}, 404),
        ("incremental-sync", {"user_id": seller, "entities": ["secrets"]}, 422),
        ("historical-orders-sync", {"user_id": seller, "since": soon}, 422),
        ("historical-orders-sync", {"user_id": seller, "since": "2018-01-01"}, 422),
        ("historical-orders-sync", {"user_id": seller, "since": 0}, 422),
        ("rollback", {"user_id": seller, "run_id": run}, 404),
        ("rollback", {"user_id": seller, "run_id": "x"}, 422),
        ("rollback", {"user_id": seller, "run_id": run, "with_later": 1}, 422),
    ):
        answer = asking.post(f"/admin/{path}", json=body)
        assert answer.status_code == status, (path, body, answer.text)
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (1,)


ROUTES = [
    ("GET", "/admin/users"), ("GET", JOBS), ("GET", f"{JOBS}/{uuid.uuid4()}"), ("POST", f"{JOBS}/{uuid.uuid4()}/retry"),
    ("POST", f"{JOBS}/{uuid.uuid4()}/cancel"), ("POST", f"{JOBS}/{uuid.uuid4()}/run-now"), ("GET", "/admin/platforms"),
    ("POST", "/admin/platforms/etsy/pause"), ("POST", "/admin/platforms/etsy/resume"), ("GET", "/admin/status"),
    ("GET", f"/admin/sync-status?user_id={uuid.uuid4()}"), ("POST", "/admin/complete-sync"),
    ("POST", "/admin/incremental-sync"), ("POST", "/admin/historical-orders-sync"), ("POST", "/admin/rollback"),
    *(("GET", f"/admin{page}") for page in ("", "/tenants", "/jobs", "/sync", "/budgets", "/money", "/health")),
    ("GET", f"/admin/jobs/{uuid.uuid4()}"), ("POST", f"/admin/jobs/{uuid.uuid4()}/cancel"), ("POST", "/admin/sync"),
    ("POST", "/admin/sync/undo"), ("POST", "/admin/sync/pause"), ("POST", "/admin/jobs/platforms/etsy/pause"),
]  # fmt: skip


def test_for_everybody_else_none_of_it_is_there(api, bearer, make_seller, db):
    seller = make_seller("etsy")
    body = {"user_id": seller, "run_id": str(uuid.uuid4())}
    for method, path in ROUTES:
        answer = api.request(method, path, headers=bearer(seller), json=body if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert api.request(method, path).status_code == 401, path
    assert actions(db) == []


def test_every_route_of_administrators_is_among_those_that_are_tried():
    from tests.web.admin.routes_there import admin_routes  # noqa: PLC0415

    tried = {(method, path.split("?")[0]) for method, path in ROUTES}
    assert {one for one in admin_routes() if not any(one[0] == m and one[1].fullmatch(p) for m, p in tried)} == set()
