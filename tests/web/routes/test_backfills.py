"""Starting a backfill, what it would cost, and how it stands."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

START = "/settings/backfill"


def outcomes(answer):
    return {(job["entity"], job["outcome"]) for job in answer.json()["jobs"]}


def test_a_seller_starts_a_backfill_and_a_second_click_is_told_that_it_runs(api, make_seller, bearer):
    header = bearer(make_seller("etsy"))

    first = api.post(START, json={}, headers=header)
    second = api.post(START, json={}, headers=header)

    assert first.status_code == second.status_code == 202
    assert {outcome for _, outcome in outcomes(first)} == {"queued"}
    assert {outcome for _, outcome in outcomes(second)} == {"already_running"}
    assert second.json()["run_ids"] == []


def test_fifty_triggers_at_once_make_one_backfill(api, db, make_seller, bearer):
    user = make_seller("etsy")
    header = bearer(user)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: api.post(START, json={}, headers=header), range(50)))

    assert {answer.status_code for answer in answers} == {202}
    assert sum(len(answer.json()["run_ids"]) for answer in answers) == 1
    assert db.execute("select count(*) from public.sync_runs where user_id = %s", [user]).fetchone() == (1,)
    assert db.execute("select count(*) from public.sync_jobs where user_id = %s", [user]).fetchone() == (4,)


def test_part_of_a_platform_can_be_read_again_from_a_day_on(api, db, make_seller, bearer):
    user, since = make_seller("etsy"), datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)

    response = api.post(
        START, json={"platform": "etsy", "entities": ["orders"], "since": since.isoformat()}, headers=bearer(user)
    )

    assert outcomes(response) == {("orders", "queued")}
    assert db.execute("select entity, window_start from public.sync_jobs where user_id = %s", [user]).fetchall() == [
        ("orders", since)
    ]


BAD = {
    "another's user id": {"user_id": "6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11"},
    "priority": {"priority": 0},
    "status": {"status": "completed"},
    "platform that is no name": {"platform": "etsy'; drop table orders --"},
    "platform with a zero byte": {"platform": "et\x00sy"},
    "entity that is none": {"platform": "etsy", "entities": ["a,b)"]},
    "entity nobody knows": {"platform": "etsy", "entities": ["secrets"]},
    "a time without a zone": {"since": "2026-01-01T00:00:00"},
    "a time to come": {"since": "2999-01-01T00:00:00Z"},
    "too many entities": {"entities": ["orders"] * 21},
    "a number": {"again": 7},
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_what_nobody_may_choose_is_refused(api, db, make_seller, bearer, body):
    user = make_seller("etsy")

    response = api.post(START, json=body, headers=bearer(user))

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (0,)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_json_in_disguise_is_no_json(api, db, make_seller, bearer, kind):
    """A foreign page can send these without being asked by its browser."""
    response = api.post(START, content=json.dumps({}), headers={**bearer(make_seller("etsy")), "Content-Type": kind})

    assert response.status_code == (415 if kind.startswith("multipart") else 422)
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (0,)


def test_a_cookie_starts_nothing_from_a_foreign_page(sign_in, db, make_seller):
    browser = sign_in(make_seller("etsy"))

    assert browser.post(START, json={}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert browser.post(START, json={}, headers={"X-CSRF-Token": ""}).status_code == 403
    assert browser.get(START).status_code == 405
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (0,)
    assert browser.post(START, json={}).status_code == 202


def test_a_platform_that_is_not_connected_is_not_there(api, make_seller, bearer):
    response = api.post(START, json={"platform": "shopify"}, headers=bearer(make_seller("etsy")))

    assert response.status_code == 404
    assert response.json()["code"] == "not_connected"


def test_reading_everything_again_is_rationed(api, db, make_seller, bearer):
    user, other = make_seller("etsy"), make_seller("etsy")

    answers = [api.post(START, json={"again": True}, headers=bearer(user)).status_code for _ in range(10)]

    assert answers == [202] * 6 + [429] * 4
    assert api.post(START, json={"again": True}, headers=bearer(other)).status_code == 202


def test_the_ration_is_not_widened_by_asking_at_once_and_ends_with_its_window(api, db, make_seller, bearer):
    user = make_seller("etsy")
    header = bearer(user)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: api.post(START, json={"again": True}, headers=header), range(20)))
    refused = next(answer for answer in answers if answer.status_code == 429)
    db.execute("update private.rate_limits set began_at = began_at - interval '1 hour'")

    assert sum(answer.status_code == 202 for answer in answers) == 6
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert api.post(START, json={"again": True}, headers=header).status_code == 202


def complete(db, user, entity, calls):
    db.execute(
        """with run as (insert into public.sync_runs (connection_id, user_id, job_type, trigger)
                        select id, user_id, 'backfill', 'test' from public.connected_accounts where user_id = %(user)s
                        returning id),
                certificate as (insert into public.certificates (id, connection_id, user_id, platform, entity, run_id,
                                                                 job_id, distinct_keys, checks)
                                select gen_random_uuid(), a.id, a.user_id, 'etsy', %(entity)s, run.id,
                                       gen_random_uuid(), 0, '[]'
                                from run, public.connected_accounts as a where a.user_id = %(user)s
                                returning id, job_id, run_id)
           insert into public.sync_jobs (id, user_id, connection_id, run_id, platform, entity, job_type, status,
                                         calls_used, certificate_id, started_at, finished_at)
           select c.job_id, %(user)s, a.id, c.run_id, 'etsy', %(entity)s, 'backfill', 'completed', %(calls)s, c.id,
                  now(), now()
           from certificate as c, public.connected_accounts as a where a.user_id = %(user)s""",
        {"user": user, "entity": entity, "calls": calls},
    )


def test_a_dry_run_tells_calls_days_and_when_and_starts_nothing(api, db, make_seller, bearer):
    user = make_seller("etsy")
    complete(db, user, "orders", 6000)

    response = api.post(START, json={"entities": ["orders"], "again": True, "dry_run": True}, headers=bearer(user))

    assert response.status_code == 200
    (job,) = response.json()["jobs"]
    assert job.pop("connection_id") == str(db.execute("select id from public.connected_accounts").fetchone()[0])
    assert job == {
        "platform": "etsy", "shop_id": "1", "entity": "orders", "outcome": "queued", "calls": 6000, "reason": "",
    }  # fmt: skip
    (platform,) = response.json()["platforms"]
    assert platform["calls_per_day"] == 2500
    assert platform["days"] == 2
    ready = datetime.fromisoformat(response.json()["ready_at"]) - datetime.now(UTC)
    assert timedelta(days=1, hours=23) < ready < timedelta(days=2, hours=1)
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (1,)


def test_a_dry_run_says_what_nobody_can_know_yet(api, make_seller, bearer):
    document = api.post(START, json={"dry_run": True}, headers=bearer(make_seller("etsy"))).json()

    assert document["complete"] is False
    assert document["ready_at"] is None
    # Without a token nothing can be asked; buyers come with the orders, at no call.
    assert {job["entity"]: job["calls"] for job in document["jobs"]}["orders"] is None
    assert {job["reason"] for job in document["jobs"] if job["calls"] is None} == {"Connect again first."}


def test_the_status_is_the_users_own_and_nobody_elses(api, db, make_seller, bearer):
    ann, bob = make_seller("etsy"), make_seller("shopify")
    api.post(START, json={}, headers=bearer(ann))

    of_ann = api.get("/backfill/status", headers=bearer(ann)).json()
    of_bob = api.get("/backfill/status", headers=bearer(bob)).json()

    assert of_ann["user_id"] == ann
    assert len(of_ann["jobs"]) == 4
    assert of_bob["jobs"] == []
    assert [account["platform"] for account in of_bob["connections"]] == ["shopify"]
    assert api.get(f"/backfill/status?user_id={ann}", headers=bearer(bob)).json()["user_id"] == bob


def test_a_user_that_is_gone_is_not_there(api, db, make_seller, bearer):
    """Their token is good for a while yet."""
    user = make_seller("etsy")
    header = bearer(user)
    db.execute("delete from auth.users where id = %s", [user])

    assert api.get("/backfill/status", headers=header).status_code == 404
    assert api.post(START, json={}, headers=header).status_code == 404
    assert api.get("/backfill/events", headers=header).status_code == 404


def events(answer):
    """The events of a stream as they come: id and the status in it."""
    event = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(":")
        if name:
            event[name] = value.strip()
        elif "data" in event:
            yield event["id"], json.loads(event["data"])
            event = {}


def test_a_watching_seller_is_told_at_once_and_at_each_change(api, make_seller, bearer):
    user = make_seller("etsy")
    with api.stream("GET", "/backfill/events", headers=bearer(user)) as answer:
        result = events(answer)
        _, before = next(result)
        api.post(START, json={}, headers=bearer(user))
        _, after = next(result)

    assert before["jobs"] == []
    assert len(after["jobs"]) == 4


def test_a_line_that_comes_back_is_told_only_what_is_new(api, db, make_seller, bearer):
    user = make_seller("etsy")
    with api.stream("GET", "/backfill/events", headers=bearer(user)) as answer:
        known, _ = next(events(answer))
    api.post(START, json={}, headers=bearer(user))

    with api.stream("GET", "/backfill/events", headers={**bearer(user), "Last-Event-ID": known}) as answer:
        mark, changed = next(events(answer))
    with api.stream("GET", "/backfill/events", headers={**bearer(user), "Last-Event-ID": mark}) as answer:
        db.execute("update public.profiles set plan = 'pro' where user_id = %s", [user])
        _, newer = next(events(answer))

    assert len(changed["jobs"]) == 4
    assert newer["plan"] == "pro"


def test_many_who_look_at_once_each_see_their_own(api, make_seller, bearer):
    """One look answers all who wait; none is told another's."""
    users = [make_seller("etsy") for _ in range(30)]

    with ThreadPoolExecutor(16) as pool:
        response = list(pool.map(lambda user: api.get("/backfill/status", headers=bearer(user)).json(), users * 4))

    assert [facts["user_id"] for facts in response] == users * 4
