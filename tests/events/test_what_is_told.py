"""Each event is told in the transaction that it tells of, once, and holds what its type says and no more."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
import pytest

from execution.events.message import Message
from keeper.events import EVENT_TYPES, Event
from tests.schema.jobworld import call, claim, commit_empty_page, complete, fail, queue
from tests.schema.test_conversions import RECEIPT
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.rounds import round_of
from tests.worlds.users import connect, make_seller, make_user
from tests.worlds.world import World

Db = psycopg.Connection[Any]
Told = list[tuple[str, dict[str, Any]]]


def told(db: Db, user: str) -> Told:
    """What a user's service was told, in order."""
    query = "select type, data from private.outbox where user_id = %s order by seq"
    return [(kind, data) for kind, data in db.execute(query, [user]).fetchall()]


def kinds(db: Db, user: str) -> list[str]:
    return [kind for kind, _ in told(db, user)]


def forget(db: Db) -> None:
    db.execute("truncate private.outbox")


def round_of_orders(db: Db, user: str, *, trigger: str = "round", records: tuple[Any, ...] = ()) -> None:
    """A proven round of orders, which brings these records."""
    (connection,) = db.execute("select id from public.connected_accounts where user_id = %s", [user]).fetchone() or ()
    db.execute(
        "insert into public.sync_cursors (connection_id, user_id, platform, entity, watermark, run_id)"
        " select %s, %s, 'etsy', 'orders', now(), id from public.sync_runs where user_id = %s limit 1"
        " on conflict do nothing",
        [connection, user, user],
    )
    assert db.execute("select private.queue_round(%s, 'orders', %s)", [connection, trigger]).fetchone() == (True,)
    job = claim(db)
    assert job is not None
    for seq, record in enumerate(records):
        commit_empty_page(db, job["lease_id"], seq, [record])
    complete(db, job["lease_id"])


@pytest.fixture
def user(clean: None, db: Db) -> str:
    """Whose backfill of orders is complete."""
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"))
    job = claim(db)
    assert job is not None
    complete(db, job["lease_id"])
    return user


def test_a_backfill_is_told_with_the_counts_of_its_entities(user: str, db: Db) -> None:
    connected, completed = told(db, user)

    assert connected[0] == "connection.connected"
    assert (completed[0], completed[1]["status"]) == ("backfill.completed", "completed")
    (entity,) = completed[1]["entities"]
    assert (entity["entity"], entity["status"], entity["code"]) == ("orders", "completed", None)


def test_what_is_rolled_back_was_not_told(clean: None, db: Db) -> None:
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"))
    job = claim(db)
    assert job is not None
    forget(db)

    with db.transaction(force_rollback=True):
        complete(db, job["lease_id"])
        assert kinds(db, user) == ["backfill.completed"]

    assert kinds(db, user) == []


def test_a_failure_is_told_of_the_entity_and_of_the_whole(clean: None, db: Db) -> None:
    user = make_seller(db, "etsy")
    rounds = []
    for _ in range(2):
        forget(db)
        queue(db, user, ("etsy", "orders"))
        job = claim(db)
        assert job is not None
        fail(db, job["lease_id"])
        rounds.append(told(db, user))
    first, again = rounds

    assert [kind for kind, _ in first] == ["entity.incomplete", "backfill.failed"]
    assert first[0][1]["code"] == first[1][1]["entities"][0]["code"] == "broken"
    # For the same reason once more: the entity is not told again, the backfill that was started is.
    assert [kind for kind, _ in again] == ["backfill.failed"]


def test_a_round_is_told_where_it_brought_something_or_was_asked_for(user: str, db: Db) -> None:
    forget(db)
    round_of_orders(db, user)
    round_of_orders(db, user, trigger="webhook")
    assert kinds(db, user) == []

    round_of_orders(db, user, records=(RECEIPT,))
    round_of_orders(db, user, trigger="command")

    counts = [(data["created"], data["updated"], data["deleted"], data["rejected"]) for _, data in told(db, user)]
    assert kinds(db, user) == ["sync.completed"] * 2
    assert counts == [(1, 0, 0, 0), (0, 0, 0, 0)]


def test_a_quiet_round_after_one_that_failed_is_told(user: str, db: Db) -> None:
    round_of_orders(db, user)
    forget(db)
    db.execute("select private.queue_round(id, 'orders', 'round') from public.connected_accounts")
    job = claim(db)
    assert job is not None
    fail(db, job["lease_id"])
    round_of_orders(db, user)
    round_of_orders(db, user)

    assert kinds(db, user) == ["entity.incomplete", "sync.completed"]


def test_what_becomes_of_a_shop_is_told(clean: None, db: Db) -> None:
    user = make_user(db)
    connection = connect(db, user, "etsy", "42")
    for status in ("reconnect_needed", "reconnect_needed", "connected"):
        db.execute("update public.connected_accounts set status = %s where id = %s", [status, connection])
    queue(db, user, ("etsy", "orders"))
    forget(db)
    db.execute("update public.connected_accounts set status = 'reconnect_needed' where id = %s", [connection])
    call(db, "disconnect_shop", p_user_id=user, p_connection_id=connection)

    shop = {"connection_id": connection, "platform": "etsy", "shop_id": "42"}
    assert told(db, user)[0] == ("connection.reconnect_needed", shop)
    # The jobs that end with it are no news of their own.
    assert kinds(db, user)[1:] == ["connection.disconnected", "backfill.failed"]


def test_of_a_deleted_tenant_only_that_is_told(user: str, db: Db) -> None:
    assert kinds(db, user) != []

    db.execute("delete from auth.users where id = %s", [user])

    assert told(db, user) == [("tenant.deleted", {})]


def fields_of(kind: type[Any]) -> set[str]:
    return {one.name for one in dataclasses.fields(kind)}


def test_every_payload_is_what_its_type_says(world_of: Callable[[Shop], World], etsy: Etsy, db: Db) -> None:
    """Through real work: no member is missing, and none is sent that is not declared."""
    shop = etsy.shop(orders=3)
    world = world_of(shop)
    world.run("orders", "payments")
    round_of(world, "orders")
    shop_row = world.only.connection_id
    db.execute("update public.connected_accounts set status = 'reconnect_needed' where id = %s", [shop_row])
    db.execute("update public.connected_accounts set status = 'connected' where id = %s", [shop_row])
    world.start("orders", again=True)
    job = claim(db)
    assert job is not None
    fail(db, job["lease_id"])
    world.app.disconnector.disconnect(user_id=world.user_id, connection_id=shop_row)
    rows = [row for (row,) in db.execute("select to_jsonb(o) from private.outbox as o order by seq")]
    world.forget()
    rows += [row for (row,) in db.execute("select to_jsonb(o) from private.outbox as o order by seq")]

    seen = set()
    for row in rows:
        body = Message.of(row).body
        event = Event.read(body)
        kind = EVENT_TYPES[event.type]
        sent = msgspec.json.decode(body)["data"]
        assert sent.keys() == fields_of(kind), event.type
        for entity in sent.get("entities", ()):
            assert entity.keys() == {
                "connection_id",
                "platform",
                "shop_id",
                "entity",
                "status",
                "code",
                "records",
                "rejected",
            }
        assert isinstance(event.data, kind)
        assert event.data.user_id == world.user_id
        seen.add(event.type)
    # What is held is told beside the brake (tests/cross_platform).
    assert seen == EVENT_TYPES.keys() - {"deletions.held"}


def test_an_event_of_a_newer_release_is_left_alone() -> None:
    row = {"id": str(uuid.uuid4()), "type": "weather.changed", "happened_at": "2026-11-30T12:00:00+01:00",
           "user_id": "u", "data": {"sky": "grey"}, "attempts": 1, "failures": 0}  # fmt: skip

    event = Event.read(Message.of(row).body)

    assert (event.type, event.data, event.schema_version) == ("weather.changed", None, 1)
    assert Message.of(row).body == Message.of(row).body
