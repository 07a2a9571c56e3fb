"""The proofs of a large shop go on where they stopped: between slices, and after a death."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from execution import operations, pieces
from execution.jobs import tick
from execution.store import Store
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

ENTITIES = ("orders", "listings", "payments", "customers")


class Killed(BaseException):
    """Nothing of the process runs after it."""


def certificates(world: World) -> dict[str, Any]:
    """What each says, without the times of the reading."""
    rows = world.rows("select * from public.certificates where user_id = %s order by issued_at", world.user_id)
    columns = ("provider_count", "distinct_keys", "rejected", "earliest", "latest", "checks")
    return {row["entity"]: {name: row[name] for name in columns} for row in rows}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Every piece that is asked for: its question, and the rest that it goes on from."""
    made: list[tuple[str, Any]] = []
    rpc = Store.rpc

    def noted(self: Store, function: str, /, **args: Any) -> Any:
        if "p_rest" in args:
            made.append((function + str(args.get("p_name", "")), args["p_rest"]))
        return rpc(self, function, **args)

    monkeypatch.setattr(Store, "rpc", noted)
    return made


def test_many_slices_prove_what_one_proves(
    etsy: Etsy, world_of: Callable[[Shop], World], monkeypatch: pytest.MonkeyPatch, calls: list[tuple[str, Any]]
) -> None:
    """Every slice is over after its first piece: the job is handed back and goes on there."""
    shop = etsy.shop(60)
    world = world_of(shop)
    world.run(*ENTITIES)
    at_once, few = certificates(world), len(calls)
    monkeypatch.setattr(pieces, "PIECE_ROWS", 25)
    ask = pieces.Questions.ask

    def ask_once(self: pieces.Questions, name: str, function: str, /, **arguments: Any) -> dict[str, Any]:
        return ask(replace(self, over=lambda: True), name, function, **arguments)

    monkeypatch.setattr(pieces.Questions, "ask", ask_once)
    again = world_of(shop)
    again.run(*ENTITIES)
    world_of_pieces = certificates(again)

    assert again.statuses() == dict.fromkeys(ENTITIES, "completed")
    assert world_of_pieces == at_once
    assert len(calls) - few > 2 * few
    # None was asked twice: each slice went on from what the one before had saved.
    pieces_asked = [(name, str(rest)) for name, rest in calls[few:] if rest]
    assert len(pieces_asked) == len(set(pieces_asked))


def test_after_a_death_between_two_pieces_the_next_worker_goes_on(
    etsy: Etsy,
    world_of: Callable[[Shop], World],
    db: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    calls: list[tuple[str, Any]],
) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 10)
    world = world_of(etsy.shop(60))
    world.start("orders")
    rpc = Store.rpc

    def dies(self: Store, function: str, /, **args: Any) -> Any:
        if function == "audit_read" and args["p_rest"].get("from", "") and len(calls) == 3:
            raise Killed
        return rpc(self, function, **args)

    monkeypatch.setattr(Store, "rpc", dies)
    with pytest.raises(Killed):
        world.drain()
    monkeypatch.setattr(Store, "rpc", rpc)
    before = list(calls)
    db.execute("update public.sync_jobs set lease_expires_at = now() - interval '1 second' where status = 'running'")
    tick(world.app.store)
    world.drain()

    assert world.statuses() == {"orders": "completed"}
    assert world.wrong("orders", "line_items") == []
    # It goes on with the piece that nobody had asked for, and asks none again.
    assert len(before) == 3
    assert calls[3][1]["from"] > before[-1][1]["from"]
    assert operations.verify(world.app, user_id=world.user_id, platform=None)["entities"][0]["ok"]
