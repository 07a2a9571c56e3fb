"""What is new, asked for by a seller."""

from __future__ import annotations

import pytest

SYNC = "/settings/sync"


def outcomes(answer):
    return {(job["entity"], job["outcome"]) for job in answer.json()["jobs"]}


def loaded(db, user, *entities):
    """As if these entities were proven."""
    for entity in entities:
        db.execute(
            "with run as (insert into public.sync_runs (connection_id, user_id, job_type, trigger) "
            "select id, user_id, 'backfill', 'test' from public.connected_accounts where user_id = %s returning *) "
            "insert into public.sync_cursors (connection_id, user_id, platform, entity, watermark, run_id) "
            "select r.connection_id, r.user_id, 'etsy', %s, now(), r.id from run as r",
            (user, entity),
        )
        db.execute(
            "insert into private.sync_rounds (connection_id, entity, due_at) "
            "select id, %s, now() + interval '1 hour' from public.connected_accounts where user_id = %s",
            (entity, user),
        )


def test_what_is_loaded_is_looked_at_and_a_second_click_is_told_that_it_runs(api, db, make_seller, bearer):
    user = make_seller("etsy")
    header = bearer(user)
    loaded(db, user, "orders", "payments")

    first, second = (api.post(SYNC, json={}, headers=header) for _ in range(2))

    assert first.status_code == second.status_code == 202
    assert outcomes(first) == {("payments", "queued"), ("orders", "queued"), ("listings", "not_loaded")}
    assert outcomes(second) == {
        ("payments", "already_running"),
        ("orders", "already_running"),
        ("listings", "not_loaded"),
    }


def test_one_entity_alone_can_be_asked_for(api, db, make_seller, bearer):
    user = make_seller("etsy")
    loaded(db, user, "orders", "payments")

    answer = api.post(SYNC, json={"platform": "etsy", "entities": ["orders"]}, headers=bearer(user))

    assert outcomes(answer) == {("orders", "queued")}
    jobs = db.execute("select entity, job_type, status from public.sync_jobs where user_id = %s", [user]).fetchall()
    assert jobs == [("orders", "incremental", "queued")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"entities": ["secrets"]}, 422),
        ({"platform": "shopify"}, 404),
        ({"shop_id": "77"}, 404),
        ({"user_id": "6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11"}, 422),
    ],
)
def test_what_cannot_be_looked_at_is_refused(api, make_seller, bearer, body, status):
    assert api.post(SYNC, json=body, headers=bearer(make_seller("etsy"))).status_code == status


def test_nobody_syncs_without_signing_in(api):
    assert api.post(SYNC, json={}).status_code == 401


def test_a_round_costs_everybody_something_so_it_is_limited(api, make_seller, bearer):
    header = bearer(make_seller("etsy"))

    statuses = [api.post(SYNC, json={}, headers=header).status_code for _ in range(31)]

    assert statuses == [202] * 30 + [429]
