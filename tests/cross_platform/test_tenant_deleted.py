"""A tenant who is deleted, and a buyer who is erased, in mid round: a dump is searched for planted words."""

from __future__ import annotations

from typing import Any

import psycopg

from execution import operations, tenants
from execution.app import App
from tests.cross_platform.shops import Shops
from tests.cross_platform.test_erasure import (
    CANARY,
    dump,
    erase_all_buyers,
    erase_guests,
    link_all,
    run_planted,
    told,
    work_planted,
)
from tests.schema.test_forgetting import fingerprint, mentions
from tests.worlds.slices_by_hand import interrupt

Db = psycopg.Connection[Any]


def events(db: Db) -> list[tuple[str, str]]:
    return db.execute("select type, user_id::text from private.outbox order by seq").fetchall()


def valkey_says(app: App, word: str) -> list[bytes]:
    """Keys and values that hold the word."""
    found = []
    for key in app.valkey.scan_iter():
        kind = app.valkey.type(key)
        values = app.valkey.hgetall(key) if kind == b"hash" else app.valkey.get(key) if kind == b"string" else b""
        if word.encode() in key + repr(values).encode():
            found.append(key)
    return found


def test_a_tenant_who_is_deleted_in_mid_round_leaves_nothing_and_nobody_else_changes(
    app: App, db: Db, shops: Shops
) -> None:
    """All shops, with words planted in every record; a page is on its way when the deletion begins."""
    other = shops.seller(app, db)
    other.run("orders")
    before = fingerprint(db, other.user_id)
    world = shops.seller(app, db)
    run_planted(world)
    connections = [shop.connection_id for shop in world.shops]
    db.execute("update public.sync_cursors set watermark = '2001-01-01' where user_id = %s", [world.user_id])
    operations.orchestrator(app).sync(world.user_id, entities=(), trigger="test")
    planted = len(list(dump(db, CANARY)))
    others = events(db)

    interrupt(world, lambda: tenants.delete(app, user_id=world.user_id, by="test"))

    assert planted > 20
    assert list(dump(db, CANARY)) == []
    assert [mentions(db, world.user_id, one) for one in connections] == [[]] * len(connections)
    assert [valkey_says(app, word) for word in (world.user_id, *connections, CANARY)] == [[]] * (len(connections) + 2)
    assert fingerprint(db, other.user_id) == before
    assert events(db) == [one for one in others if one[1] != world.user_id] + [("tenant.deleted", world.user_id)]
    # What is late finds nobody.
    assert world.jobs() == []


def test_a_buyer_who_is_erased_in_mid_round_is_named_nowhere(app: App, db: Db, shops: Shops) -> None:
    """Rounds read everything once more while all buyers are erased; events hold ids of ours, codes and counts alone."""
    world = shops.seller(app, db)
    run_planted(world)
    link_all(world, db)
    numbers = {
        number
        for table, column in (("orders", "platform_id"), ("orders", "buyer_platform_id"), ("customers", "platform_id"))
        for (number,) in db.execute(f"select {column} from public.{table} where {column} is not null").fetchall()
    }
    db.execute("update public.sync_cursors set watermark = '2001-01-01' where user_id = %s", [world.user_id])
    operations.orchestrator(app).sync(world.user_id, entities=(), trigger="test")

    def erase() -> None:
        erase_all_buyers(world, db)
        erase_guests(world, db)

    work_planted(world, erase)

    said = "".join(text for (text,) in db.execute("select data::text from private.outbox").fetchall())
    assert (len(numbers) > 20, "sync.completed" in {kind for kind, _ in events(db)}) == (True, True)
    assert [number for number in numbers if f'"{number}"' in said] == []
    assert CANARY not in said
    assert told(db) == set()
