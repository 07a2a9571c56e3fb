"""Health in numbers: what a person on call reads, and Prometheus; in time whatever is broken."""

from __future__ import annotations

import re
import time

import pytest
import structlog

from execution.http.call_record import BOUNDS_MS, CallRecord, CallSeen
from execution.job_runner import SliceOutcome
from tests.doubles.clocks import HastyClock
from tests.ops.exposition import FACTS
from tests.web.conftest import client, served, token_of
from tests.web.health.test_health import IN_TIME_S, silent  # noqa: F401  a fixture
from tests.worlds.world import make_world
from web.health.metrics import STALE_S, Metrics
from web.health.pipeline import Snapshot
from web.health.platform_health import percentile_ms, platform_health

ASKED = ("/health/live", "/health/ready", "/health/data-pipeline", "/api/etsy-health", "/metrics")
NOTHING = {"calls": [], "circuits": [], "blocked": [], "parked": {}, "ended": {}, "last_success": {},
           "reconnect_needed": {}, "deletions_held": 0, "lookbacks": [], "sampling": {"platforms": {}, "differed": 0},
           "money_unclassified": 0,
           "obligations": {"open": 0, "oldest_seconds": 0},
           "events": {"waiting": 0, "lag_seconds": 0, "failing_seconds": 0, "given_up": 0}}  # fmt: skip


def calls(outcome, number, *, ms=100, endpoint="GET /shops/{id}"):
    histogram = [0] * (len(BOUNDS_MS) + 1)
    histogram[next(i for i, bound in enumerate(BOUNDS_MS) if ms <= bound)] = number
    return {"platform": "etsy", "endpoint": endpoint, "outcome": outcome, "calls": number,
            "seconds": number * ms / 1000, "histogram": histogram}  # fmt: skip


@pytest.fixture
def fresh(web_env, clean):
    """A web process that has not looked yet."""
    with served(web_env) as url, client(url) as asking:
        yield asking


def told_of(asking, path):
    """What a fresh look says; the first may come after the first answer."""
    for _ in range(40):
        body = asking.get(path).json()
        if body["age_seconds"] is not None:
            return body
        time.sleep(0.05)
    raise AssertionError("nobody looked")


def test_a_backfill_shows_up_as_calls_rates_and_latencies(fresh, worker, db, etsy):
    world = make_world(worker, db, (etsy, etsy.shop(orders=20)))
    etsy.fault("status", status=500, times=2, path="/receipts")
    with structlog.testing.capture_logs() as logs:
        world.run()

    result = told_of(fresh, "/api/etsy-health")

    # Each line says whose call it was.
    answered = [line for line in logs if line["event"] == "platform_answered"]
    jobs = {str(row[0]) for row in db.execute("select id from public.sync_jobs")}
    assert answered
    assert {line["job_id"] for line in answered} <= jobs
    assert {line["user_id"] for line in answered} == {world.user_id}
    assert result["calls"] > 10
    assert result["failed"] == 2
    assert 0.5 < result["success_rate"] < 1
    assert result["last_success_at"] is not None
    assert result["p95_ms"] > 0
    receipts = next(e for e in result["endpoints"] if e["endpoint"].endswith("/shops/{id}/receipts"))
    assert receipts["failed"] == 2
    assert not [e for e in result["endpoints"] if world.shop.id in e["endpoint"]], "ids of shops do not belong here"
    assert result["jobs"] == {"completed": 4, "with_rejects": 0, "failed": 0, "quarantined": 0}
    pipeline = told_of(fresh, "/health/data-pipeline")
    assert pipeline["error_rate"] == 0.0
    assert pipeline["last_sync_at"] is not None
    assert pipeline["queued"] == 0


def test_the_queue_and_what_waits_are_counted(fresh, db, make_seller, bearer):
    for _ in range(3):
        fresh.post("/settings/backfill", json={}, headers=bearer(make_seller("etsy")))
    db.execute("update public.sync_jobs set status = 'parked', attempts = 1, run_after = now() + interval '1 hour'"
               " where id = (select id from public.sync_jobs where status = 'queued' limit 1)")  # fmt: skip
    db.execute("update public.sync_jobs set served_at = now() - interval '90 seconds' where status = 'queued'")

    pipeline, etsy_health = told_of(fresh, "/health/data-pipeline"), told_of(fresh, "/api/etsy-health")

    assert (pipeline["queued"], pipeline["parked"]) == (2, 1)
    assert 85 < pipeline["queue_lag_seconds"] < 120
    assert etsy_health["queued_retries"] == 1


@pytest.mark.parametrize("broken", ["SUPABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize("how", ["refused", "silent"])
def test_every_answer_comes_in_time_whatever_is_broken(web_env, silent, broken, how):  # noqa: F811
    """Of two processes the faster one counts: what the machine itself stands still for is not the product's doing."""
    scheme = "http" if broken == "SUPABASE_URL" else "redis"
    address = f"{scheme}://{silent}" if how == "silent" else f"{scheme}://127.0.0.1:9"
    lives, statuses = [], {}
    for _ in range(2):
        with served(web_env, **{broken: address}) as url, client(url) as asking:
            asking.get("/health/live")
            took = {}
            for path in ASKED * 2:
                began = time.monotonic()
                statuses[path] = asking.get(path).status_code
                took[path] = max(took.get(path, 0), time.monotonic() - began)
        lives.append(took)

    assert all(min(life[path] for life in lives) < IN_TIME_S for path in ASKED), lives
    assert statuses == {path: 503 if path == "/health/ready" else 200 for path in ASKED}


def test_a_database_that_hangs_is_said_to(web_env, silent):  # noqa: F811
    with served(web_env, SUPABASE_URL=f"http://{silent}") as url, client(url) as asking:
        response, etsy_health = asking.get("/health/data-pipeline").json(), asking.get("/api/etsy-health").json()

    assert response["status"] == "down"
    assert response["queued"] is None
    assert etsy_health["status"] == "unknown"
    assert etsy_health["score"] is None


def test_a_platform_nobody_knows_is_not_there(api):
    assert api.get("/api/nowhere-health").status_code == 404


def test_metrics_name_routes_and_never_ids(fresh, make_seller, bearer):
    user = make_seller("etsy")
    fresh.get("/backfill/status", headers=bearer(user))
    fresh.get(f"/oauth/etsy/callback?state={user}")
    fresh.get(f"/nowhere/{user}")
    told_of(fresh, "/api/etsy-health")

    text = fresh.get("/metrics").text

    assert 'keeper_http_answers_total{method="GET",route="/backfill/status",status="200"} 1.0' in text
    assert 'keeper_platform_score{platform="etsy"} 100.0' in text
    assert user not in text


def test_metrics_tell_the_size_of_each_table_of_ours(fresh, db):
    """What grows without an end is seen before the disk is full: also a table that comes tomorrow."""
    ours = {row[0] for row in db.execute(
        """select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname in ('public', 'private') and c.relkind = 'r'"""
    )}  # fmt: skip
    told_of(fresh, "/health/data-pipeline")

    text = fresh.get("/metrics").text

    told = dict(re.findall(r'keeper_table_bytes\{table="([a-z_.]+)"\} (\S+)', text))
    assert set(told) == ours
    assert all(float(size) > 0 for size in told.values())


def test_metrics_are_for_those_with_the_token(web_env):
    with served(web_env, METRICS_TOKEN="m3tr1cs") as url, client(url) as asking:
        answers = [
            asking.get("/metrics", headers=headers).status_code
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer m3tr1cs"})
        ]
    with served(web_env, KEEPER_ENVIRONMENT="production") as url, client(url) as asking:
        open_door = asking.get("/metrics").status_code

    assert answers == [404, 404, 200]
    assert open_door == 404


# ── the score and what to do ──


def test_a_platform_that_nobody_calls_is_well():
    result = platform_health("etsy", NOTHING)

    assert (result["status"], result["score"], result["success_rate"]) == ("ok", 100, None)
    assert result["recommendations"] == ["Nothing to do."]


def test_throttling_is_no_failure_but_a_word():
    result = platform_health("etsy", {**NOTHING, "calls": [calls("ok", 90), calls("throttled", 10)]})

    assert result["success_rate"] == 1.0
    assert result["rate_limit_hits"] == 10
    assert result["score"] == 95
    assert any("rate limit is hit often" in line for line in result["recommendations"])


def test_an_open_circuit_is_down_and_says_why():
    circuit = {"platform": "etsy", "state": "open", "reason": "503", "failures": 3, "since": "x", "retry_at": "y"}
    result = platform_health("etsy", {**NOTHING, "circuits": [circuit], "calls": [calls("ok", 100)]})

    assert (result["status"], result["score"]) == ("down", 20)
    assert result["recommendations"][0].startswith("The platform is away (503)")


def test_the_endpoint_that_fails_most_is_named():
    result = platform_health(
        "etsy", {**NOTHING, "calls": [calls("ok", 80), calls("failed", 20, endpoint="GET /listings")]}
    )

    assert result["status"] == "degraded"
    assert any(line.startswith("GET /listings fails most (0%") for line in result["recommendations"])


def test_one_in_twenty_is_the_95th():
    assert percentile_ms([0] * 13, 0.95) is None
    assert percentile_ms([100, *[0] * 12], 0.95) == round(50 * 0.95)
    assert percentile_ms([94, 6, *[0] * 11], 0.95) == round(50 + 50 / 6)
    assert percentile_ms([*[0] * 12, 1], 0.95) == 30_000


# ── the record of calls ──


def recorded(db):
    return db.execute("select endpoint, outcome, calls from private.call_minutes order by 1, 2").fetchall()


def test_calls_are_counted_and_sent_in_batches(worker, db):
    clock = HastyClock()
    record = CallRecord(worker.store, clock)
    for number in range(500):
        path = f"/shops/{number}/receipts/{number}"
        record.note(CallSeen(platform="etsy", method="GET", path=path, outcome="ok", seconds=0.2))
    assert recorded(db) == []

    clock.sleep(11)
    record.note(CallSeen(platform="etsy", method="GET", path="/shops/1", outcome="lost", seconds=40.0))

    assert recorded(db) == [("GET /shops/{id}", "lost", 1), ("GET /shops/{id}/receipts/{id}", "ok", 500)]


def test_batches_of_several_processes_add_up(worker, db):
    for _ in range(2):
        record = CallRecord(worker.store, worker.clock)
        for ms in (10, 250, 60_000):
            record.note(CallSeen(platform="etsy", method="GET", path="/x", outcome="ok", seconds=ms / 1000))
        record.flush()

    rows = db.execute("select sum(calls), sum(seconds), count(distinct endpoint) from private.call_minutes").fetchone()
    sums = db.execute("select sum(h) from private.call_minutes, unnest(histogram) with ordinality as u(h, n)"
                      " group by n order by n").fetchall()  # fmt: skip

    assert (int(rows[0]), round(rows[1], 2), rows[2]) == (6, 120.52, 1)
    assert [int(count) for (count,) in sums] == [2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2]


def test_a_worker_tells_its_last_calls_before_it_idles(worker, db, etsy):
    world = make_world(worker, db, (etsy, etsy.shop(orders=3)))
    world.start("orders")
    runner = worker.runner()
    while runner.work_one() is not SliceOutcome.IDLE:
        pass

    (recorded,) = db.execute("select sum(calls) from private.call_minutes").fetchone()

    assert recorded >= len(etsy.asked(world.shop, pages_only=False)) > 0


def seen(db, kind, seconds_ago):
    db.execute(
        "insert into private.heartbeats (kind, process, at) values (%s, 'here:1', now() - make_interval(secs => %s))"
        " on conflict (kind, process) do update set at = excluded.at",
        [kind, seconds_ago],
    )


def test_workers_and_clock_that_stopped_are_told_and_the_seller_reads_so(web_env, db, clean, make_seller, bearer):
    """All were stopped for 55 s with a job waiting: `ok`, said health, and "Starts in a moment", read the seller."""
    user = make_seller("etsy")
    for kind in ("worker", "clock"):
        seen(db, kind, 0)
    with served(web_env) as url, client(url, headers=bearer(user)) as asking:
        asking.post("/settings/backfill", json={})
        moving = told_of(asking, "/health/data-pipeline")
    for kind in ("worker", "clock"):
        seen(db, kind, 55)
    db.execute("update public.sync_jobs set created_at = created_at - interval '55 seconds'")
    with served(web_env) as url, client(url, headers=bearer(user)) as asking:
        standing = told_of(asking, "/health/data-pipeline")
        facts = asking.get("/backfill/status").json()
        metrics = asking.get("/metrics").text

    assert (moving["status"], moving["alarms"]) == ("ok", [])
    assert moving["heartbeats"]["worker"]["alive"] == 1
    assert standing["status"] == "down"
    assert [text.split(":")[0] for text in standing["alarms"]] == ["No clock runs", "No worker runs"]
    assert facts["stands_still"]
    assert 'keeper_processes_alive{process="clock"} 0.0' in metrics
    assert 'keeper_alarms{alarm="no_worker",level="down"} 1.0' in metrics


def test_a_job_that_ended_with_rejects_is_not_told_as_complete(web_env, db, make_seller):
    """Three in four of what came could be mapped: nothing failed, and all is not well."""
    user = make_seller("etsy")
    for kind in ("worker", "clock"):
        seen(db, kind, 0)
    with served(web_env) as url, client(url, headers={"Authorization": f"Bearer {token_of(web_env, user)}"}) as asking:
        asking.post("/settings/backfill", json={})
        db.execute("delete from public.sync_jobs where status = 'waiting'")
        db.execute("""
            with proof as (
                insert into public.certificates (connection_id, user_id, platform, entity, run_id, job_id,
                                                 distinct_keys, rejected, checks, is_whole)
                select connection_id, user_id, platform, entity, run_id, id, 4, 1, '[]', false from public.sync_jobs
                returning id, job_id)
            update public.sync_jobs as j
               set status = 'completed_with_rejects', error_code = 'records_rejected', certificate_id = proof.id,
                   finished_at = clock_timestamp()
              from proof where proof.job_id = j.id""")
    with served(web_env) as url, client(url) as asking:
        pipeline, platform = told_of(asking, "/health/data-pipeline"), told_of(asking, "/api/etsy-health")

    assert pipeline["status"] == "degraded"
    assert [text.partition(":")[0] for text in pipeline["alarms"]] == [
        "1 jobs of the last hour ended without what could not be mapped"
    ]
    assert platform["jobs"] == {"completed": 0, "with_rejects": 1, "failed": 0, "quarantined": 0}
    assert any("keeper rejected list" in text for text in platform["recommendations"])


def test_each_web_process_gives_signs_of_life(web_env, db, clean):
    """Two on one machine, or in containers that share its name, are two."""
    count = "select count(*) from private.heartbeats where kind = 'web' and process <> all (%s)"
    before = [name for (name,) in db.execute("select process from private.heartbeats where kind = 'web'")]
    with served(web_env), served(web_env) as url, client(url) as asking:
        assert any(db.execute(count, [before]).fetchone()[0] >= 2 for _ in range(5000))
        told = told_of(asking, "/health/data-pipeline")
        metrics = asking.get("/metrics").text

    assert told["heartbeats"]["web"]["alive"] >= 2
    assert f'keeper_processes_alive{{process="web"}} {told["heartbeats"]["web"]["alive"]:.1f}' in metrics


@pytest.mark.parametrize("kind", ["worker", "clock"])
def test_one_kind_of_process_that_is_missing_is_told_while_nothing_waits(web_env, db, clean, kind):
    seen(db, {"worker": "clock", "clock": "worker"}[kind], 0)

    with served(web_env) as url, client(url) as asking:
        pipeline = told_of(asking, "/health/data-pipeline")

    assert pipeline["status"] == "degraded"
    assert pipeline["alarms"] == [f"No {kind} runs: one was never seen."]


def test_how_a_platform_does_is_as_private_as_metrics(web_env):
    with served(web_env, METRICS_TOKEN="a" * 32) as url, client(url) as asking:
        without = [asking.get(path).status_code for path in ("/api/etsy-health", "/metrics")]
        asking.headers["Authorization"] = f"Bearer {'a' * 32}"
        with_it = [asking.get(path).status_code for path in ("/api/etsy-health", "/metrics")]

    assert (without, with_it) == ([404, 404], [200, 200])


def test_every_answer_carries_an_id_of_its_own(api):
    ids = [api.get(path).headers["X-Request-Id"] for path in ("/health/live", "/health/live", "/nowhere", "/session")]

    assert len(set(ids)) == 4


def test_a_quarantined_job_is_an_alarm_until_its_entity_is_asked_for_again(fresh, db, make_seller, bearer):
    """Its row is kept for half a year; an alarm that no work can end would be one that nobody reads."""
    user = make_seller("etsy")
    fresh.post("/settings/backfill", json={}, headers=bearer(user))
    db.execute("update public.sync_jobs set status = 'quarantined', error_code = 'quarantined', finished_at = now(),"
               " lease_id = null where status = 'queued'")  # fmt: skip
    quarantined = "select (public.pipeline_health() ->> 'quarantined')::int"
    before = db.execute(quarantined).fetchone()[0]
    fresh.post("/settings/backfill", json={}, headers=bearer(user))

    assert (before, db.execute(quarantined).fetchone()[0]) == (1, 0)


def test_numbers_that_stand_still_are_told_as_such_and_then_not_at_all():
    """The database went away under a web process: what it had seen last was told as what is, for ever."""
    facts, lost = FACTS, "no answer within 4 s"

    texts = [
        Metrics().text(Snapshot(facts=facts, age_s=age, fault=fault), [], []).decode()
        for age, fault in ((1.0, ""), (60.0, lost), (STALE_S + 1, lost))
    ]

    assert [re.findall(r"^keeper_pipeline_seen (\S+)", text, re.MULTILINE)[0] for text in texts] == [
        "1.0",
        "0.0",
        "0.0",
    ]
    assert [re.findall(r"^keeper_pipeline_age_seconds (\S+)", text, re.MULTILINE)[0] for text in texts][1] == "60.0"
    assert [len(re.findall(r"^keeper_jobs_queued ", text, re.MULTILINE)) for text in texts] == [1, 1, 0]


def test_metrics_tell_which_parts_can_be_used(web_env):
    with served(web_env, REDIS_URL="redis://127.0.0.1:9") as url, client(url) as asking:
        text = asking.get("/metrics").text

    assert 'keeper_part_ready{part="database"} 1.0' in text
    assert 'keeper_part_ready{part="valkey"} 0.0' in text
