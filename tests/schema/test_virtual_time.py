"""Whose turn it is: calls by plan weight decide, then the rank; nobody owes and nobody hoards."""

from __future__ import annotations

import uuid

import frontmatter
import pytest

from execution.budget.budgets import DIRECTIVE
from tests.schema.jobworld import call, claim, queue
from tests.worlds.users import make_seller


def sellers(db, *plans):
    made = [make_seller(db, "etsy") for _ in plans]
    for user, plan in zip(made, plans, strict=True):
        db.execute("update public.profiles set plan = %s where user_id = %s", (plan, user))
        queue(db, user, ("etsy", "orders"), ("etsy", "listings"))
    return made


def serve(db, calls=3):
    """One turn of so many calls; answers whose it was."""
    lease = str(uuid.uuid4())
    job = claim(db, lease)
    call(db, "hand_back_job", p_lease_id=lease, p_calls=calls)
    return job["user_id"]


def turns(db, count, calls=3):
    served = [serve(db, calls) for _ in range(count)]
    return {user: served.count(user) for user in served}


def test_equal_plans_take_turns(clean, db):
    made = sellers(db, "free", "free", "free")

    assert turns(db, 30) == dict.fromkeys(made, 10)


def test_plans_weigh_what_the_directive_says(clean, db):
    """Enterprise gets eight calls for each of free; the table in the database is the one in the directive."""
    weights = dict(db.execute("select plan, weight::int from private.plan_weights").fetchall())
    free, enterprise = sellers(db, "free", "enterprise")

    served = turns(db, 90)

    assert weights == frontmatter.load(str(DIRECTIVE))["plan_weights"]
    # One turn of the smaller one more or less, and so one fewer or more of the larger.
    assert served[enterprise] == pytest.approx(8 * served[free], abs=9)


def test_long_turns_are_paid_for(clean, db):
    """Who had fifteen calls in one turn waits until the others have had as many."""
    large, small = sellers(db, "free", "free")
    first = serve(db, calls=15)

    others = [serve(db, calls=3) for _ in range(5)]

    assert set(others) == {large, small} - {first}


def test_a_new_job_starts_where_the_others_stand(clean, db):
    """It need not wait until it has waited long, and the others need not wait until it has caught up."""
    (old,) = sellers(db, "free")
    turns(db, 100)
    (new,) = sellers(db, "free")

    served = turns(db, 20)

    assert served[old] == pytest.approx(served[new], abs=2)


def test_the_next_entity_goes_on_where_the_one_before_ended(clean, db):
    """A line of jobs is one account: ending an entity does not put it in front."""
    one, other = sellers(db, "free", "free")
    lease = str(uuid.uuid4())
    first = claim(db, lease)["user_id"]
    call(db, "fail_job", p_lease_id=lease, p_code="x", p_error="", p_seller_message="", p_calls=9)

    assert [serve(db, calls=3) for _ in range(3)] == [({one, other} - {first}).pop()] * 3


def test_who_was_away_for_long_catches_up_a_little(clean, db):
    """After an outage of days nobody has the workers to himself for days."""
    away, stays = sellers(db, "free", "free")
    db.execute("update public.sync_jobs set status = 'parked', run_after = now() + interval '1 day'"
               " where user_id = %s and status = 'queued'", (away,))  # fmt: skip
    turns(db, 200)
    db.execute("update public.sync_jobs set run_after = now() where status = 'parked'")

    served = turns(db, 100)

    assert served[stays] >= 30


def test_the_smallest_plan_never_starves(clean, db):
    """Five of the largest plan with endless work, and newcomers of it: free has a turn within each round of theirs."""
    (free, *_) = sellers(db, "free", *["enterprise"] * 5)
    served = []

    for _ in range(4):
        served += [serve(db) for _ in range(35)]
        sellers(db, "enterprise")

    theirs = [number for number, user in enumerate([*served, free]) if user == free]
    waits = [later - earlier for earlier, later in zip([0, *theirs], theirs, strict=False)]
    assert len(theirs) >= 3
    assert max(waits) <= 8 * 9 + 9  # eight turns of each of the nine, and one each of grace


def test_calls_are_kept_by_tenant_and_forgotten_with_him(clean, db):
    """The account of a tenant is exact, by hour, and goes with the profile."""
    (user,) = sellers(db, "free")
    turns(db, 5, calls=4)

    kept = db.execute("select class, sum(calls)::int from private.tenant_calls group by class").fetchall()
    db.execute("delete from auth.users where id = %s", (user,))

    assert kept == [("backfill", 20)]
    assert db.execute("select count(*) from private.tenant_calls").fetchone()[0] == 0
