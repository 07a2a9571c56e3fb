"""A user who is paused is left alone: no call, nothing lost; what comes meanwhile is read on resuming."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from execution import operations, tenants
from execution.backfill_manager import JobTable
from execution.catalog import Catalog
from execution.errors import UserError
from execution.job_runner import SliceOutcome
from execution.reports import estimates
from tests.schema.jobworld import LOST, call, claim, queue, refusal
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.slices_by_hand import interrupt
from tests.worlds.users import connect, make_seller, make_user
from tests.worlds.world import World

Db = psycopg.Connection[Any]


def statuses(db: Db, user: str) -> list[str]:
    query = "select status from public.sync_jobs where user_id = %s order by created_at, position"
    return [status for (status,) in db.execute(query, [user]).fetchall()]


def actions(db: Db) -> list[tuple[str, str]]:
    return db.execute("select actor, action from private.admin_actions order by id").fetchall()


def test_nothing_is_called_while_paused_and_all_is_there_afterwards(
    world_of: Callable[[Shop], World], etsy: Etsy, db: Db
) -> None:
    """Paused in mid slice, when an answer was on its way: its page is refused, and fetched again on resuming."""
    world = world_of(etsy.shop(orders=120))
    world.start()
    app, user = world.app, world.user_id

    interrupt(world, lambda: tenants.pause(app, user_id=user, by="test"))
    before = len(etsy.ledger())
    operations.start_backfill(app, user_id=user, platform=None, entities=[], again=True)
    db.execute("update private.sync_rounds set due_at = now()")
    app.store.rpc("tick")
    worked = app.runner().work_one()

    assert worked is SliceOutcome.IDLE
    assert len(etsy.ledger()) == before
    assert set(world.statuses().values()) == {"waiting"}

    tenants.resume(app, user_id=user, by="test")
    world.drain()

    assert set(world.statuses().values()) == {"completed"}
    assert world.wrong() == []
    assert actions(db) == [("test", "pause"), ("test", "resume")]


def test_a_person_who_asks_what_it_would_cost_causes_no_call(world_of: Callable[[Shop], World], etsy: Etsy) -> None:
    world = world_of(etsy.shop(orders=3))
    tenants.pause(world.app, user_id=world.user_id, by="test")
    before = len(etsy.ledger())

    estimate = estimates.of_user(world.app, user_id=world.user_id, platform=None, entities=["orders"], again=False)

    assert "Syncing is paused" in estimate["jobs"][0]["reason"]
    assert len(etsy.ledger()) == before


def test_what_webhooks_tell_is_kept_and_read_on_resuming(world_of: Callable[[Shop], World], etsy: Etsy, db: Db) -> None:
    shop = etsy.shop(orders=3)
    world = world_of(shop)
    world.run("orders")
    tenants.pause(world.app, user_id=world.user_id, by="test")
    (key, *_) = world.stored("orders")

    for delivery in ("d1", "d2"):
        world.app.store.rpc(
            "accept_platform_event", p_platform="etsy", p_delivery_id=delivery, p_shop_id=shop.id, p_topic="order.paid",
            p_effect="read", p_kind="receipts", p_object_ids=[key],
        )  # fmt: skip
    calls = len(etsy.ledger())
    assert world.app.runner().work_one() is SliceOutcome.IDLE
    assert len(etsy.ledger()) == calls
    waiting = "select count(*) from private.platform_events where worked_at is null"
    assert db.execute(waiting).fetchone() == (1,)

    tenants.resume(world.app, user_id=world.user_id, by="test")
    world.drain()

    assert db.execute(waiting).fetchone() == (0,)
    assert len(etsy.ledger()) > calls


def test_whoever_has_a_job_of_it_loses_it(clean: None, db: Db) -> None:
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"), ("etsy", "listings"))
    job = claim(db)
    assert job is not None

    stopped = call(db, "pause_user", p_user_id=user, p_by="test")
    again = call(db, "pause_user", p_user_id=user, p_by="test")

    assert (stopped, again) == ({"stopped": 1}, {"stopped": 0})
    assert refusal(db, "hand_back_job", p_lease_id=job["lease_id"]) == LOST
    assert claim(db) is None
    # In the order that they had.
    call(db, "resume_user", p_user_id=user, p_by="test")
    assert statuses(db, user) == ["queued", "waiting"]
    assert (claim(db) or {})["entity"] == "orders"


def test_one_shop_alone_is_paused(clean: None, db: Db) -> None:
    user = make_user(db)
    paused, other = connect(db, user, "etsy", "1"), connect(db, user, "etsy", "2")
    queue(db, user, ("etsy", "orders"))

    db.execute("select public.pause_user(%s, 'test', %s::uuid[])", [user, [paused]])
    first, second = claim(db), claim(db)

    assert first is not None
    assert (first["connection_id"], second) == (other, None)
    call(db, "resume_user", p_user_id=user, p_by="test")
    assert (claim(db) or {})["connection_id"] == paused


def test_nobody_elses_shops_are_paused(clean: None, db: Db) -> None:
    ann, bob = make_seller(db, "etsy"), make_seller(db, "etsy")
    (bobs,) = db.execute("select id::text from public.connected_accounts where user_id = %s", [bob]).fetchone() or ()
    queue(db, bob, ("etsy", "orders"))

    db.execute("select public.pause_user(%s, 'test', %s::uuid[])", [ann, [bobs]])

    assert claim(db) is not None
    assert db.execute("select private.is_paused(%s)", [bobs]).fetchone() == (False,)


def test_who_is_not_there_cannot_be_paused(world_of: Callable[[Shop], World], etsy: Etsy) -> None:
    world = world_of(etsy.shop(orders=1))
    with pytest.raises(UserError, match="There is no user"):
        tenants.pause(world.app, user_id="6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11", by="test")
    with pytest.raises(UserError):
        tenants.pause(world.app, user_id=world.user_id, shop_id="none", by="test")


def test_a_plan_counts_in_the_next_claim(clean: None, db: Db) -> None:
    """Of two who wait since the same moment the dearer plan goes first, also when it is bought while waiting."""
    ann, bob = make_seller(db, "etsy"), make_seller(db, "etsy")
    for user in (ann, bob):
        queue(db, user, ("etsy", "orders"), priority=30)

    call(db, "set_plan", p_user_id=bob, p_plan="pro")

    assert (claim(db) or {})["user_id"] == bob
    assert (claim(db) or {})["user_id"] == ann


def test_the_ranks_of_plans_are_those_of_the_directive(clean: None, db: Db, world_of: Callable[[Shop], World]) -> None:
    """Backfills and rounds that are open when the plan changes stand where new ones would."""
    plans = {**JobTable.load(Catalog(readings={})).plans, "of nobody": 30}
    for plan, base in plans.items():
        user = make_seller(db, "etsy")
        db.execute("update public.profiles set plan = 'unknown' where user_id = %s", [user])
        queue(db, user, ("etsy", "orders"), priority=130)
        queue(db, user, ("etsy", "changes"), job_type="incremental", priority=-100)
        queue(db, user, ("etsy", "payments"), job_type="incremental", priority=-47)
        call(db, "set_plan", p_user_id=user, p_plan=plan)
        found = db.execute(
            "select priority from public.sync_jobs where user_id = %s order by job_type, entity", [user]
        ).fetchall()
        assert found == [(100 + base,), (-100,), (-50 + base // 10,)], plan
