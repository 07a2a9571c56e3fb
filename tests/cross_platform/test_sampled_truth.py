"""Random old pages are read once more with calls that nobody wants, and compared: what no round would see is found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from execution import operations
from execution.app import App
from execution.pagination.offset import OffsetPaginator
from execution.reports.sampled_truth import Sampled
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop, StandIn
from tests.worlds.rounds import round_of
from tests.worlds.world import World, make_world
from web.health.metrics import Metrics
from web.health.pipeline import Snapshot
from web.health.thresholds import alarms

Db = psycopg.Connection[Any]
WorldOf = Callable[[str], World]


@dataclass(frozen=True, kw_only=True)
class Unannounced:
    """A change of the newest old record that moves no time: no round sees it."""

    entity: str
    table: str
    kind: str
    named: str
    wanted: dict[str, Any]


CHANGES = {
    "etsy": Unannounced(
        entity="orders", table="orders", kind="update_order", named="receipt_id", wanted={"fields": {"is_gift": True}}
    ),
    "shopify": Unannounced(
        entity="orders", table="orders", kind="update_order", named="order_id", wanted={"fields": {"test": True}}
    ),
    "printify": Unannounced(
        entity="products", table="printify_products", kind="edit_product", named="product_id",
        wanted={"fields": {"title": "Other mug"}},
    ),
}  # fmt: skip
PLATFORMS = tuple(CHANGES)


@pytest.fixture
def world_of(app: App, db: Db, etsy: Etsy, printify: Printify, shopify: Shopify) -> WorldOf:
    def made(platform: str) -> World:
        of: dict[str, tuple[StandIn, Shop]] = {
            "etsy": (etsy, etsy.shop(12, listings=5)),
            "printify": (printify, printify.shop(8)),
            "shopify": (shopify, shopify.shop(8, products=4)),
        }
        world = make_world(app, db, of[platform])
        world.run()
        # All of it is old.
        world.db.execute("update private.round_rules set sampled_from = '0' where sampled_from is not null")
        return world

    return made


@pytest.fixture(autouse=True)
def rules(db: Db) -> Any:
    """As declared, again."""
    kept = db.execute("select platform, entity, sampled_from from private.round_rules").fetchall()
    yield
    for platform, entity, since in kept:
        db.execute(
            "update private.round_rules set sampled_from = %s where platform = %s and entity = %s",
            (since, platform, entity),
        )


def sample(world: World, *entities: str) -> int:
    """What is sampled of these, now; how many jobs that were."""
    world.db.execute("update private.samples set due_at = now() + interval '1 day'")
    world.db.execute("update private.samples set due_at = now() where entity = any (%s)", (list(entities),))
    queued = world.app.store.rpc("tick")["samples"]
    world.drain()
    assert isinstance(queued, int)
    return queued


def change_unannounced(world: World, change: Unannounced) -> str:
    """To one of the oldest; its key."""
    (row,) = world.rows(
        f"select platform_id, extract(epoch from source_updated_at)::bigint as at from public.{change.table}"
        " where connection_id = %s order by lpad(platform_id, 30, '0') desc limit 1",
        world.only.connection_id,
    )
    key: str = row["platform_id"]
    named = int(key) if key.isdecimal() else key
    world.only.stand_in.mutate(world.shop, change.kind, at=row["at"], **{change.named: named}, **change.wanted)
    return key


def told(world: World, entity: str) -> Sampled | None:
    status = world.app.store.rpc("backfill_status", p_user_id=world.user_id)
    (job,) = [job for job in status["jobs"] if job["entity"] == entity]
    return Sampled.of(job["sampled"]) if job["sampled"] else None


def raws(world: World, table: str) -> dict[str, Any]:
    rows = world.rows(f"select platform_id, raw from public.{table} where connection_id = %s", world.only.connection_id)
    return {row["platform_id"]: row["raw"] for row in rows}


def whole_is_due(world: World, entity: str) -> bool:
    (row,) = world.rows(
        "select whole_at <= now() and due_at <= now() as due from private.sync_rounds"
        " where connection_id = %s and entity = %s",
        world.only.connection_id,
        entity,
    )
    return bool(row["due"])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_page_that_is_as_it_was_proves_something_and_leaves_nothing(world_of: WorldOf, platform: str) -> None:
    world, change = world_of(platform), CHANGES[platform]
    before, runs, asked = (
        raws(world, change.table),
        world.rows("select id from public.sync_runs order by id"),
        len(world.only.stand_in.ledger()),
    )
    assert told(world, change.entity) is None

    assert sample(world, change.entity) == 1

    assert len(world.only.stand_in.ledger()) - asked == 1
    found = told(world, change.entity)
    assert found is not None
    # As it was noted: what is told fades, and of a single record nothing whole is left at once.
    (noted,) = world.rows(
        "select compared from private.samples where connection_id = %s and entity = %s",
        world.only.connection_id,
        change.entity,
    )
    assert 1 <= noted["compared"] <= len(before)
    assert found.differences == 0
    assert raws(world, change.table) == before
    assert world.rows("select id from public.sync_runs order by id") == runs
    assert not whole_is_due(world, change.entity) or change.entity == "products"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_change_that_nothing_announced_is_found(world_of: WorldOf, platform: str) -> None:
    world, change = world_of(platform), CHANGES[platform]
    key = change_unannounced(world, change)
    before = raws(world, change.table)
    if platform != "printify":
        round_of(world, change.entity)
        assert raws(world, change.table) == before, "a round would have seen it"

    for _ in range(8):
        sample(world, change.entity)
        found = told(world, change.entity)
        if found and found.differences:
            break

    assert found is not None
    assert found.differences == 1
    assert [one for one, raw in raws(world, change.table).items() if raw != before[one]] == [key]
    # On record as a run, which can be taken back, and the whole is read at once.
    (run,) = [run for run in world.app.store.rpc("runs", p_user_id=world.user_id) if run["kind"] == "sample"]
    assert run["tables"][change.table]["changed"] == 1
    assert run["kept_because"] is None
    assert whole_is_due(world, change.entity)
    facts = world.app.store.rpc("pipeline_health")
    assert "samples_differ" in [alarm.name for alarm in alarms(facts)]
    assert (
        f'keeper_sampled_differences{{platform="{platform}"}}'
        in Metrics().text(Snapshot(facts=facts, age_s=0.0), [], []).decode()
    )


def test_a_ledger_entry_that_was_put_into_the_past_is_found(world_of: WorldOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing follows it that would break the chain. Of all places one beside it is drawn."""
    world = world_of("etsy")
    (row,) = world.rows(
        "select extract(epoch from max(occurred_at))::bigint as at from public.payments where connection_id = %s",
        world.only.connection_id,
    )
    world.only.stand_in.mutate(world.shop, "backdated_ledger_entry", at=row["at"], amount=-55)
    before, right = set(world.stored("payments")), OffsetPaginator.at_random
    monkeypatch.setattr(
        OffsetPaginator, "at_random", lambda self, bounds, place: right(self, bounds, replace(place, at=row["at"] - 60))
    )

    sample(world, "payments")

    assert len(set(world.stored("payments")) - before) == 1
    found = told(world, "payments")
    assert found is not None
    assert found.differences == 1
    # It teaches how late records come, too.
    late = world.rows("select class from private.lateness where platform = 'etsy' and entity = 'payments'")
    assert [one["class"] for one in late if one["class"] > 0]
    # The whole that follows mends what hangs on it.
    world.app.store.rpc("tick")
    world.drain()
    assert world.job("payments")["is_whole"]
    assert world.wrong("payments") == []


def test_what_has_just_changed_is_no_difference(world_of: WorldOf) -> None:
    """The next round will see it: neither compared nor counted."""
    world = world_of("etsy")
    number = max(map(int, world.stored("orders")))
    world.only.stand_in.mutate(world.shop, "mark_shipped", receipt_id=number, at=int(time.time()) - 5)
    # The bound of the reading before lies a minute ago.
    sample(world, "orders")

    found = told(world, "orders")
    assert found is None or found.differences == 0
    assert "samples_differ" not in [alarm.name for alarm in alarms(world.app.store.rpc("pipeline_health"))]


def test_what_is_still_followed_is_not_compared(world_of: WorldOf, db: Db) -> None:
    """Printify's open orders change by themselves, and are asked for by their age."""
    world = world_of("printify")
    db.execute("update private.round_rules set sampled_from = '100 years' where platform = 'printify'")

    sample(world, "orders")

    assert told(world, "orders") is None


def test_an_open_sample_stops_no_round_and_comes_after_it(world_of: WorldOf) -> None:
    world = world_of("etsy")
    world.db.execute("update private.samples set due_at = now() where entity = 'orders'")
    assert world.app.store.rpc("tick")["samples"] == 1

    asked = operations.orchestrator(world.app).sync(world.user_id, entities=["orders"], trigger="test")

    assert [job["outcome"] for job in asked["jobs"]] == ["queued"]
    world.app.runner().work_one()
    left = world.rows("select job_type from public.sync_jobs where status = 'queued'")
    assert [job["job_type"] for job in left] == ["sample"]
    world.drain()


def test_a_sample_that_fails_says_nothing_and_leaves_nothing(world_of: WorldOf) -> None:
    world = world_of("etsy")
    events = len(world.rows("select id from private.outbox"))
    world.db.execute("update private.samples set due_at = now() where entity = 'orders'")
    world.app.store.rpc("tick")
    lease = "00000000-0000-4000-8000-00000000abcd"
    assert world.app.store.rpc("claim_job", p_lease_id=lease, p_worker="w")["job_type"] == "sample"

    world.app.store.rpc("fail_job", p_lease_id=lease, p_code="x", p_error="x", p_seller_message="x")

    assert world.rows("select id from public.sync_jobs where job_type = 'sample'") == []
    assert len(world.rows("select id from private.outbox")) == events
    assert told(world, "orders") is None


def test_nobody_is_sampled_while_paused_and_no_more_often_than_declared(world_of: WorldOf) -> None:
    world = world_of("etsy")
    world.app.store.rpc("pause_user", p_user_id=world.user_id, p_by="test")
    assert sample(world, "orders") == 0
    world.app.store.rpc("resume_user", p_user_id=world.user_id, p_by="test")
    assert sample(world, "orders") == 1

    assert world.app.store.rpc("tick")["samples"] == 0


def test_what_was_compared_fades(world_of: WorldOf) -> None:
    world = world_of("etsy")
    sample(world, "orders")
    before = told(world, "orders")

    world.db.execute("update private.samples set sampled_at = sampled_at - interval '28 days', compared = 40")

    after = told(world, "orders")
    assert before is not None
    assert after is not None
    assert after.compared in {9, 10}
    assert after.at < datetime.now(UTC)
