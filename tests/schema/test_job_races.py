"""Many at once, on real connections: the claim, the trigger, and a trigger that meets an ending."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from tests.schema.jobworld import call, claim, complete, fail, queue
from tests.worlds.users import make_seller


@contextmanager
def worker(env):
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("set role service_role")
        yield connection


class Holders:
    """Who holds what, by the workers' own account: a second holder is written down."""

    def __init__(self):
        self._lock = threading.Lock()
        self._held = set()
        self.doubled = []
        self.claims = Counter()

    def take(self, job):
        with self._lock:
            for held in (job["id"], (job["user_id"], job["platform"])):
                if held in self._held:
                    self.doubled.append(held)
                self._held.add(held)
            self.claims[job["id"]] += 1

    def leave(self, job):
        with self._lock:
            self._held -= {job["id"], (job["user_id"], job["platform"])}


def test_eight_workers_never_hold_one_job_twice(clean, db, env):
    """Nor two jobs of one user's platform; and nothing is left over."""
    users = [make_seller(db, "etsy", "square") for _ in range(12)]
    for user in users:
        queue(db, user, *[(p, e) for p in ("etsy", "square") for e in ("orders", "listings", "payments")])
        queue(db, user, ("etsy", "orders"), ("square", "orders"), job_type="incremental")
    holders, start = Holders(), threading.Barrier(8)

    def work(number):
        with worker(env) as connection:
            start.wait()
            idle = 0
            while idle < 50:
                lease = str(uuid.uuid4())
                job = claim(connection, lease)
                if job is None:
                    idle += 1
                    continue
                idle = 0
                holders.take(job)
                call(connection, "extend_lease", p_lease_id=lease)
                holders.leave(job)
                if holders.claims[job["id"]] < 3:
                    call(connection, "hand_back_job", p_lease_id=lease)
                elif number % 2:
                    complete(connection, lease)
                else:
                    fail(connection, lease)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert holders.doubled == []
    assert Counter(holders.claims.values()) == {3: 12 * 8}
    assert db.execute("select count(*) from public.sync_jobs where finished_at is null").fetchone() == (0,)
    assert db.execute("select count(*) from public.profiles where backfill_status = 'in_progress'").fetchone() == (0,)


def test_fifty_triggers_at_once_make_one_open_job_each(clean, db, env):
    """A double click, a replayed webhook, two workers: the outcome of exactly one is 'queued'."""
    user, start = make_seller(db, "etsy", "square"), threading.Barrier(50)
    wanted = [(platform, entity) for platform in ("etsy", "square") for entity in ("orders", "listings")]

    def trigger(_):
        with worker(env) as connection:
            start.wait()
            return queue(connection, user, *wanted)

    with ThreadPoolExecutor(50) as pool:
        outcomes = Counter(tuple(outcome) for outcome in pool.map(trigger, range(50)))

    assert outcomes == {("queued",) * 4: 1, ("already_running",) * 4: 49}
    assert db.execute("select count(*) from public.sync_jobs").fetchone() == (4,)
    assert db.execute("select count(*) from public.sync_runs").fetchone() == (2,)
    heads = db.execute("select platform, entity from public.sync_jobs where status = 'queued' order by 1").fetchall()
    assert heads == [("etsy", "orders"), ("square", "orders")]


def wait_until_blocked(db, pid, call):
    """Until that server process waits for a lock: its own word, no guess of time. `call` is what must not be over."""
    while db.execute("select cardinality(pg_blocking_pids(%s))", [pid]).fetchone() == (0,):
        assert not call.done(), "nothing held it up"


@pytest.mark.parametrize("ending", [complete, fail])
@pytest.mark.parametrize("job_type", ["backfill", "incremental"])
def test_a_job_queued_while_the_last_of_its_line_ends_is_not_forgotten(clean, db, env, ending, job_type):
    """The trigger does not see the ending, the ending does not see the trigger: one of the two must wait."""
    user, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, user, ("etsy", "orders"), job_type=job_type)
    claim(db, lease)

    with worker(env) as first, worker(env) as second, ThreadPoolExecutor(1) as pool:
        with first.transaction():
            queue(first, user, ("etsy", "orders"), ("etsy", "listings"), job_type=job_type)
            pid = second.info.backend_pid
            ended = pool.submit(ending, second, lease)
            wait_until_blocked(db, pid, ended)
        ended.result()

    states = db.execute("select entity, status from public.sync_jobs where finished_at is null").fetchall()
    assert states == [("listings", "queued")]


@pytest.mark.parametrize("ending", [complete, fail])
def test_jobs_of_two_platforms_may_end_at_once(clean, db, env, ending):
    """Both must tell the profile: in turn, and without a deadlock."""
    user, leases = make_seller(db, "etsy", "square"), [str(uuid.uuid4()), str(uuid.uuid4())]
    queue(db, user, ("etsy", "orders"), ("square", "orders"))
    for lease in leases:
        claim(db, lease)

    with worker(env) as first, worker(env) as second, ThreadPoolExecutor(1) as pool:
        with first.transaction():
            ending(first, leases[0])
            ended = pool.submit(ending, second, leases[1])
            wait_until_blocked(db, second.info.backend_pid, ended)
        ended.result()

    assert db.execute("select backfill_status from public.profiles").fetchone() == (
        "completed" if ending is complete else "failed",
    )


def test_one_lease_id_asked_twice_at_once_is_one_job(clean, db, env):
    """A lost answer is asked again while the first call is still at it: both answers name the same job."""
    for _ in range(2):
        queue(db, make_seller(db, "etsy"), ("etsy", "orders"))
    lease = str(uuid.uuid4())

    with worker(env) as first, worker(env) as second, ThreadPoolExecutor(1) as pool:
        with first.transaction():
            one = claim(first, lease)
            again = pool.submit(claim, second, lease)
            wait_until_blocked(db, second.info.backend_pid, again)
        other = again.result()

    assert other is not None
    assert other["id"] == one["id"]
    assert db.execute("select count(*) from public.sync_jobs where status = 'running'").fetchone() == (1,)


def rescued_by_eight_ticks(env):
    """What eight clocks rescue that look at the same moment."""
    start = threading.Barrier(8)

    def tick(_):
        with worker(env) as connection:
            start.wait()
            return call(connection, "tick")["rescued"]

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(tick, range(8)))


def test_the_clock_may_run_many_times_at_once(clean, db, env):
    """Eight ticks over the same lapsed leases: each job is rescued once, one death each."""
    for _ in range(30):
        queue(db, make_seller(db, "etsy"), ("etsy", "orders"))
        claim(db)
    db.execute("update public.sync_jobs set lease_expires_at = now() - interval '1 second'")

    rescued = rescued_by_eight_ticks(env)

    assert rescued == 30
    assert db.execute("select distinct status, deaths from public.sync_jobs").fetchall() == [("queued", 1)]


def rerun_requests(db):
    return db.execute("select entity from private.rerun_requests").fetchall()


def test_fifty_triggers_while_a_job_runs_make_one_more_job(clean, db, env):
    """Each is accepted; however many there are, what runs is read once more after its end, and only once."""
    user, lease, start = make_seller(db, "etsy"), str(uuid.uuid4()), threading.Barrier(50)
    queue(db, user, ("etsy", "orders"))
    claim(db, lease)

    def trigger(_):
        with worker(env) as connection:
            start.wait()
            return queue(connection, user, ("etsy", "orders"), again=True)

    with ThreadPoolExecutor(50) as pool:
        outcomes = Counter(outcome for (outcome,) in pool.map(trigger, range(50)))
    complete(db, lease)

    states = [s for (s,) in db.execute("select status from public.sync_jobs order by created_at")]
    assert outcomes == {"rerun_requested": 50}
    assert states == ["completed", "queued"]
    assert db.execute("select count(*) from public.sync_runs").fetchone() == (2,)
    assert rerun_requests(db) == []


@pytest.mark.parametrize("ending", [complete, fail])
@pytest.mark.parametrize("first", ["trigger", "ending"])
def test_a_trigger_during_the_finish_is_not_lost(clean, db, env, ending, first):
    """Between 'nothing more was found' and 'done', in either order: one more job that starts after the trigger (I4)."""
    user, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, user, ("etsy", "orders"))
    claim(db, lease)

    def trigger(connection, _):
        return queue(connection, user, ("etsy", "orders"), again=True)

    one, other = (trigger, ending) if first == "trigger" else (ending, trigger)
    with worker(env) as before, worker(env) as after, ThreadPoolExecutor(1) as pool:
        with before.transaction():
            one(before, lease)
            second = pool.submit(other, after, lease)
            wait_until_blocked(db, after.info.backend_pid, second)
        second.result()

    ended, again = db.execute("select status, started_at is null from public.sync_jobs order by created_at").fetchall()
    assert ended == ("completed" if ending is complete else "failed", False)
    assert again == ("queued", True)
    assert rerun_requests(db) == []


def test_a_trigger_before_the_job_has_started_leaves_no_mark(clean, db):
    """What will be read anyway is not read twice."""
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"), ("etsy", "listings"))

    assert queue(db, user, ("etsy", "orders"), ("etsy", "listings"), again=True) == ["already_running"] * 2
    assert rerun_requests(db) == []


def test_a_mark_of_a_shop_that_was_disconnected_queues_nothing(clean, db):
    """The seller left meanwhile: another reading would only fail."""
    user, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, user, ("etsy", "orders"))
    claim(db, lease)
    queue(db, user, ("etsy", "orders"), again=True)
    db.execute("update public.connected_accounts set status = 'reconnect_needed'")

    fail(db, lease)

    assert db.execute("select status from public.sync_jobs").fetchall() == [("failed",)]
    assert rerun_requests(db) == []


def test_two_clocks_that_quarantine_jobs_of_the_same_users_do_not_wait_for_each_other(clean, db, env):
    """Each user has jobs on three platforms at their third death, and eight clocks look at once: no deadlock."""
    for _ in range(10):
        user = make_seller(db, "etsy", "square", "shopify")
        for platform in ("etsy", "square", "shopify"):
            queue(db, user, (platform, "orders"))
    for _ in range(30):
        claim(db)
    db.execute("update public.sync_jobs set deaths = 2, lease_expires_at = now() - interval '1 second'")

    rescued = rescued_by_eight_ticks(env)

    assert rescued == 30
    assert db.execute("select distinct status from public.sync_jobs").fetchall() == [("quarantined",)]
