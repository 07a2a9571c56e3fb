"""Jobs against a model: whatever workers, the clock and impatient users do, in whatever order, the table agrees.

The model is a list of small objects that follows the picture at the top of supabase/schemas/jobs.sql. Hypothesis
chooses the steps; after each one all of the table is compared with all of the model.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.schema.jobworld import CERTIFICATE, LOST, call, claim, commit_empty_page, complete, fail, queue, refusal
from tests.worlds.users import make_seller

PLATFORMS = ("etsy", "square")
ENTITIES = ("orders", "listings", "payments")
OPEN = ("waiting", "queued", "running", "parked")
HEADS = ("queued", "running", "parked")
MAX_ATTEMPTS = 3


@dataclass
class ModelJob:
    user: str
    platform: str
    entity: str
    job_type: str
    priority: int
    position: int
    born: int
    status: str = "waiting"
    served: int = 0
    attempts: int = 0
    deaths: int = 0
    pages: int = 0
    lease: str | None = None
    lapsed: bool = False
    due: bool = False
    started: bool = False

    @property
    def line(self) -> tuple[str, str, str]:
        return self.user, self.platform, self.job_type

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.user, self.platform, self.entity, self.job_type


@dataclass
class Model:
    jobs: list[ModelJob] = field(default_factory=list)
    profiles: dict[str, str] = field(default_factory=dict)
    marks: set[tuple[str, ...]] = field(default_factory=set)
    time: int = 0

    def tick(self) -> int:
        self.time += 1
        return self.time

    def newest(self, *key: str) -> ModelJob | None:
        return max((job for job in self.jobs if job.key == key), key=lambda job: job.born, default=None)

    def queue(
        self, user: str, job_type: str, wanted: list[tuple[str, str]], priority: int, *, again: bool
    ) -> list[str]:
        outcomes, places = [], {pair: place for place, pair in enumerate(wanted)}
        for platform, entity in sorted(wanted, key=lambda pair: (pair[0], places[pair])):
            last = self.newest(user, platform, entity, job_type)
            if last and last.status in OPEN and last.started and again:
                self.marks.add(last.key)
                outcomes.append("rerun_requested")
            elif last and last.status in OPEN:
                outcomes.append("already_running")
            elif last and last.status == "completed" and not again:
                outcomes.append("already_complete")
            else:
                place = places[platform, entity]
                self.jobs.append(ModelJob(user, platform, entity, job_type, priority, place, born=self.tick()))
                outcomes.append("queued")
        now = self.tick()
        for platform in PLATFORMS:
            self.promote((user, platform, job_type), now)
        if "queued" in outcomes and job_type == "backfill":
            self.profiles[user] = "in_progress"
        return outcomes

    def promote(self, line: tuple[str, str, str], now: int) -> None:
        jobs = [job for job in self.jobs if job.line == line]
        waiting = sorted((job for job in jobs if job.status == "waiting"), key=lambda job: (job.position, job.born))
        if waiting and not any(job.status in HEADS for job in jobs):
            waiting[0].status, waiting[0].served = "queued", now

    def end(self, job: ModelJob, status: str) -> None:
        job.status, job.lease = status, None
        if job.key in self.marks:
            self.marks.remove(job.key)
            self.jobs.append(
                ModelJob(job.user, job.platform, job.entity, job.job_type, job.priority, job.position, born=self.tick())
            )
        self.promote(job.line, self.tick())
        backfill = [j for j in self.jobs if j.user == job.user and j.job_type == "backfill"]
        if job.job_type == "backfill" and not any(j.status in OPEN for j in backfill):
            newest = {j.key: j.status for j in sorted(backfill, key=lambda j: j.born)}
            self.profiles[job.user] = "completed" if set(newest.values()) == {"completed"} else "failed"

    def wake(self) -> int:
        due = [job for job in self.jobs if job.status == "parked" and job.due]
        for job in due:
            job.status, job.due = "queued", False
        return len(due)

    def claimable(self) -> list[ModelJob]:
        """Those that may be next: several only where the clock could not tell them apart."""
        busy = {(job.user, job.platform) for job in self.jobs if job.status == "running"}
        free = [job for job in self.jobs if job.status == "queued" and (job.user, job.platform) not in busy]
        first = min(((job.priority, job.served) for job in free), default=None)
        return [job for job in free if (job.priority, job.served) == first]

    def rescue(self) -> int:
        lapsed = [job for job in self.jobs if job.status == "running" and job.lapsed]
        now = self.tick()
        for job in lapsed:
            job.lapsed, job.deaths = False, job.deaths + 1
            if job.deaths >= 3:
                self.end(job, "quarantined")
            else:
                job.status, job.lease, job.served = "queued", None, now
        return len(lapsed)


class Jobs(RuleBasedStateMachine):
    database_url = ""

    def __init__(self):
        super().__init__()
        self.db = psycopg.connect(self.database_url, autocommit=True)
        self.model = Model()
        self.lost: list[str] = []

    @initialize()
    def users(self):
        self.users = [make_seller(self.db, *PLATFORMS) for _ in range(2)]
        self.model.profiles = dict.fromkeys(self.users, "not_started")

    def teardown(self):
        self.db.execute("delete from auth.users where id = any (%s)", [[uuid.UUID(user) for user in self.users]])
        self.db.close()

    def held(self, index: int) -> ModelJob:
        running = [job for job in self.model.jobs if job.status == "running"]
        return running[index % len(running)]

    def anyone_running(self):
        return any(job.status == "running" for job in self.model.jobs)

    @rule(
        who=st.integers(0, 1),
        job_type=st.sampled_from(["backfill", "backfill", "incremental"]),
        wanted=st.lists(st.tuples(st.sampled_from(PLATFORMS), st.sampled_from(ENTITIES)), min_size=1, unique=True),
        priority=st.integers(0, 1),
        again=st.booleans(),
    )
    def trigger(self, who, job_type, wanted, priority, again):
        user = self.users[who]

        outcomes = queue(self.db, user, *wanted, job_type=job_type, again=again, priority=priority)

        assert outcomes == self.model.queue(user, job_type, wanted, priority, again=again)

    @rule()
    def claim(self):
        lease = str(uuid.uuid4())
        self.model.wake()
        choice = self.model.claimable()

        taken = claim(self.db, lease)

        if not choice:
            assert taken is None
            return
        assert taken is not None
        key = (taken["user_id"], taken["platform"], taken["entity"], taken["job_type"])
        job = next((job for job in choice if job.key == key), None)
        assert job, f"{key} was claimed, {choice} was next"
        job.status, job.lease, job.served, job.started = "running", lease, self.model.tick(), True

    @precondition(anyone_running)
    @rule(index=st.integers(0, 9))
    def claim_again_after_a_lost_answer(self, index):
        """Idempotent for a lease id: the same job, and no other is taken. Parked jobs are not even woken."""
        job = self.held(index)

        taken = claim(self.db, job.lease)

        assert (taken["user_id"], taken["platform"], taken["entity"], taken["job_type"]) == job.key

    @precondition(anyone_running)
    @rule(index=st.integers(0, 9))
    def heartbeat(self, index):
        job = self.held(index)

        call(self.db, "extend_lease", p_lease_id=job.lease)

        job.lapsed = False

    @precondition(anyone_running)
    @rule(index=st.integers(0, 9))
    def commit_a_page(self, index):
        """Progress: what went wrong before is forgiven."""
        job = self.held(index)
        if job.platform != "etsy":
            return

        commit_empty_page(self.db, job.lease, job.pages)

        job.pages, job.attempts, job.deaths, job.lapsed = job.pages + 1, 0, 0, False

    @precondition(anyone_running)
    @rule(index=st.integers(0, 9))
    def hand_back(self, index):
        job = self.held(index)

        call(self.db, "hand_back_job", p_lease_id=job.lease)

        self.lost.append(job.lease)
        job.status, job.lease, job.lapsed, job.served = "queued", None, False, self.model.tick()

    @precondition(anyone_running)
    @rule(index=st.integers(0, 9), charge=st.booleans())
    def park(self, index, charge):
        job = self.held(index)

        outcome = call(
            self.db, "park_job", p_lease_id=job.lease, p_reason="no budget", p_delay_seconds=3600, p_charge=charge,
            p_max_attempts=MAX_ATTEMPTS,
        )  # fmt: skip

        self.lost.append(job.lease)
        job.lapsed = False
        if charge and job.attempts + 1 >= MAX_ATTEMPTS:
            assert outcome == "failed"
            self.model.end(job, "failed")
        else:
            assert outcome == "parked"
            job.attempts += charge
            job.status, job.lease, job.served = "parked", None, self.model.tick()

    @precondition(anyone_running)
    @rule(index=st.integers(0, 9), well=st.booleans())
    def finish(self, index, well):
        job = self.held(index)

        (complete if well else fail)(self.db, job.lease)

        self.lost.append(job.lease)
        job.lapsed = False
        self.model.end(job, "completed" if well else "failed")

    @precondition(anyone_running)
    @rule(index=st.integers(0, 9))
    def let_a_lease_lapse(self, index):
        job = self.held(index)

        self.db.execute(
            "update public.sync_jobs set lease_expires_at = now() - interval '1 second' where lease_id = %s",
            [job.lease],
        )

        job.lapsed = True

    @precondition(lambda self: any(job.status == "parked" for job in self.model.jobs))
    @rule(index=st.integers(0, 9))
    def let_a_parked_job_fall_due(self, index):
        parked = [job for job in self.model.jobs if job.status == "parked"]
        job = parked[index % len(parked)]

        self.db.execute(
            """update public.sync_jobs set run_after = now() - interval '1 second' where status = 'parked'
               and user_id = %s and platform = %s and entity = %s and job_type = %s""",
            list(job.key),
        )

        job.due = True

    @rule()
    def clock(self):
        lapsed = [job.lease for job in self.model.jobs if job.status == "running" and job.lapsed]

        result = call(self.db, "tick")

        assert (result["rescued"], result["woken"]) == (self.model.rescue(), self.model.wake())
        self.lost += lapsed

    @precondition(lambda self: self.lost)
    @rule(index=st.integers(0, 99))
    def a_worker_that_lost_its_lease_writes_nothing(self, index):
        lease = self.lost[index % len(self.lost)]
        for function, arguments in {
            "extend_lease": {},
            "hand_back_job": {},
            "park_job": {"p_reason": "", "p_delay_seconds": 0, "p_charge": True},
            "fail_job": {"p_code": "x", "p_error": "x", "p_seller_message": "x"},
            "complete_job": {"p_certificate": CERTIFICATE, "p_watermark": None},
            "move_cursor": {"p_cursor": {"stolen": True}},
            "freeze_window": {"p_start": None, "p_end": "2026-01-01T00:00:00Z"},
        }.items():
            assert refusal(self.db, function, p_lease_id=lease, **arguments) == LOST, function

    @invariant()
    def table_and_model_agree(self):
        if not hasattr(self, "users"):
            return
        rows = self.db.execute("""
            select user_id::text, platform, entity, job_type, status, attempts, deaths, page_seq, lease_id::text, cursor
            from public.sync_jobs order by created_at, id""").fetchall()
        jobs = sorted(self.model.jobs, key=lambda job: job.born)
        assert [row[:9] for row in rows] == [
            (*job.key, job.status, job.attempts, job.deaths, job.pages, job.lease) for job in jobs
        ]
        assert all(row[9] in (None, {}) for row in rows)
        profiles = dict(self.db.execute("select user_id::text, backfill_status from public.profiles").fetchall())
        assert profiles == self.model.profiles

    @invariant()
    def promises_hold_in_the_table(self):
        """Not by way of the model: the sentences of the design, asked of the table itself."""
        broken = self.db.execute("""
            select 'two open jobs' from public.sync_jobs where status in ('waiting', 'queued', 'running', 'parked')
             group by user_id, platform, entity, job_type having count(*) > 1
            union all select 'two run on one platform' from public.sync_jobs where status = 'running'
             group by user_id, platform having count(*) > 1
            union all select 'two heads of a line' from public.sync_jobs where status in ('queued', 'running', 'parked')
             group by user_id, platform, job_type having count(*) > 1
            union all select 'a line without a head' from public.sync_jobs
             group by user_id, platform, job_type
             having bool_or(status = 'waiting') and not bool_or(status in ('queued', 'running', 'parked'))
            union all select 'completed without a certificate' from public.sync_jobs as j where status = 'completed'
               and not exists (select from public.certificates as c where c.id = j.certificate_id and c.job_id = j.id)
            union all select 'a profile that is not told' from public.profiles as p
             where (backfill_status = 'in_progress') <> exists (
                   select from public.sync_jobs as j where j.user_id = p.user_id and j.job_type = 'backfill'
                      and status in ('waiting', 'queued', 'running', 'parked'))
            union all select 'a failure that is not named' from public.profiles as p
             where (backfill_status = 'failed') <> (backfill_failures <> '[]')""").fetchall()
        assert broken == []


def test_jobs_follow_their_model(clean, env):
    Jobs.database_url = env["DATABASE_URL"]

    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=60,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.mark.parametrize(
    "change",
    [
        "status = 'running'",
        "status = 'parked'",
        "status = 'completed', finished_at = now()",
        "status = 'failed', finished_at = now()",
        "status = 'completed'",
        "status = 'over'",
        "lease_id = gen_random_uuid(), lease_expires_at = now()",
        "run_after = now()",
        "finished_at = now()",
        "error_code = 'x'",
        "job_type = 'sometimes'",
    ],
)
def test_the_table_refuses_states_that_make_no_sense(clean, db, change):
    """Whoever writes, by whatever way."""
    queue(db, make_seller(db, "etsy"), ("etsy", "orders"))

    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute(f"update public.sync_jobs set {change}")
