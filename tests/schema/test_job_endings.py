"""Sequences that a random walk seldom takes to their end: three deaths, progress between them, a second try."""

from __future__ import annotations

import uuid

from tests.schema.jobworld import call, claim, commit_empty_page, complete, fail, queue
from tests.worlds.users import make_seller


def die(db):
    """Claim and never come back; the clock finds out."""
    assert claim(db) is not None
    db.execute("update public.sync_jobs set lease_expires_at = now() - interval '1 second' where status = 'running'")
    assert call(db, "tick")["rescued"] == 1


def state(db):
    return db.execute("select status, deaths from public.sync_jobs where entity = 'orders'").fetchone()


def test_the_third_death_on_one_slice_quarantines_and_the_next_entity_goes_on(clean, db):
    queue(db, make_seller(db, "etsy"), ("etsy", "orders"), ("etsy", "listings"))
    seen = []
    for _ in range(3):
        die(db)
        seen.append(state(db))

    assert seen == [("queued", 1), ("queued", 2), ("quarantined", 3)]
    assert claim(db)["entity"] == "listings"


def test_a_page_that_landed_forgives_the_deaths_before_it(clean, db):
    queue(db, make_seller(db, "etsy"), ("etsy", "orders"))
    die(db)
    die(db)
    lease = str(uuid.uuid4())
    claim(db, lease)
    commit_empty_page(db, lease, 0)
    call(db, "hand_back_job", p_lease_id=lease)
    die(db)

    assert state(db) == ("queued", 1)


def test_a_second_try_that_works_out_makes_the_profile_complete(clean, db):
    seller = make_seller(db, "etsy")
    result = []
    for ending in (fail, complete):
        lease = str(uuid.uuid4())
        queue(db, seller, ("etsy", "orders"))
        claim(db, lease)
        ending(db, lease)
        result.append(db.execute("select backfill_status from public.profiles").fetchone()[0])

    assert result == ["failed", "completed"]
