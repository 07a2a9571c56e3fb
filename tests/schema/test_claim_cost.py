"""The claim stays flat: with 200,000 open jobs it touches hardly more pages than with 1,000; and its order."""

from __future__ import annotations

import uuid

from tests.schema.crowd import gather, pages_touched
from tests.schema.jobworld import call, claim, commit_empty_page, queue
from tests.worlds.users import make_seller

CLAIM = "select public.claim_job(%s, 'test')"
TIMES = 3


def cost(db):
    """The median of some claims, in pages of 8 kB; each on a plan of its own session's making."""
    counts = sorted(pages_touched(db, CLAIM, uuid.uuid4()) for _ in range(9))
    return counts[len(counts) // 2]


def test_a_claim_among_200_000_open_jobs_costs_about_what_it_costs_among_1_000(clean, db):
    gather(db, 1_000)
    few = cost(db)
    gather(db, 199_000)
    many = cost(db)
    open_jobs = db.execute("select count(*) from public.sync_jobs where finished_at is null").fetchone()[0]

    assert open_jobs == 200_000
    assert few > 0
    assert many <= TIMES * few, f"{many} pages among {open_jobs} jobs, {few} among 1,000"


def test_a_plan_made_when_the_table_was_empty_is_no_slower(clean, db):
    """PostgREST keeps its connections, and so plans from before the crowd came: they must use the index as well."""
    for _ in range(8):
        assert claim(db) is None
    db.execute("alter table public.sync_jobs set (autovacuum_enabled = off)")
    try:
        gather(db, 20_000, analyze=False)
        # The first that finds a job plans what follows, from catalogues.
        _, found = (pages_touched(db, CLAIM, uuid.uuid4()) for _ in range(2))
    finally:
        db.execute("alter table public.sync_jobs reset (autovacuum_enabled)")

    assert found < 200, f"{found} pages: the whole table was read"


def test_the_clock_costs_no_more_with_many_parked_jobs(clean, db):
    gather(db, 1_000)
    few = pages_touched(db, "select public.tick()")
    gather(db, 49_000)
    many = pages_touched(db, "select public.tick()")

    # It counts up to 1,000 queued jobs, to tell how many bells to ring.
    assert many <= few + 1_000 * TIMES


def claimed_entity(db):
    job = claim(db)
    return job and (job["user_id"], job["entity"])


def test_orders_come_first_then_the_plan_then_who_was_served_least_recently(clean, db):
    ann, bob, eve = (make_seller(db, "etsy") for _ in range(3))
    queue(db, ann, ("etsy", "listings"), priority=1000)
    queue(db, bob, ("etsy", "orders"), priority=20)
    queue(db, eve, ("etsy", "orders"), priority=10)

    assert [claimed_entity(db) for _ in range(4)] == [(eve, "orders"), (bob, "orders"), (ann, "listings"), None]


def test_a_huge_shop_cannot_hold_the_workers(clean, db):
    """Handed back, a job goes behind its equals: everybody gets a slice before anybody gets a second."""
    sellers = [make_seller(db, "etsy") for _ in range(4)]
    for seller in sellers:
        queue(db, seller, ("etsy", "orders"))
    served = []
    for _ in range(12):
        lease = str(uuid.uuid4())
        job = claim(db, lease)
        commit_empty_page(db, lease, job["page_seq"])
        call(db, "hand_back_job", p_lease_id=lease)
        served.append(job["user_id"])

    assert served == sellers * 3


def test_a_due_job_is_claimed_without_the_clock(clean, db):
    """The claim itself wakes what is due: a clock that is away delays nothing."""
    seller, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, seller, ("etsy", "orders"))
    claim(db, lease)
    call(db, "park_job", p_lease_id=lease, p_reason="x", p_delay_seconds=3600, p_charge=False)
    assert claim(db) is None

    db.execute("update public.sync_jobs set run_after = now() - interval '1 second'")

    assert claimed_entity(db) == (seller, "orders")
