"""The public interface: typed answers, documented errors, from plain and from asynchronous code."""

from __future__ import annotations

import asyncio
import typing
import uuid
from datetime import datetime
from typing import Any

import pytest

import keeper as public
from keeper import Keeper, KeeperError, StoreUnavailable, UserError
from tests.standins.etsy import Etsy


def _connected(keeper: Keeper, etsy: Etsy, orders: int) -> tuple[str, Any]:
    shop = etsy.shop(orders=orders)
    user = keeper.users.create(f"{uuid.uuid4()}@example.com", plan="pro")
    keeper.connections.connect("etsy", user.user_id, shop_id=shop.id, access_token=shop.access_token)
    return user.user_id, shop


def test_a_seller_from_first_call_to_proof(keeper: Keeper, etsy: Etsy) -> None:
    """Users, connections, backfills, status, verify, costs: what is told is what the source holds."""
    user_id, shop = _connected(keeper, etsy, 60)
    paid = len(etsy.truth(shop, "receipts", paid="true"))

    estimate = keeper.backfills.estimate(user_id)
    queued = keeper.backfills.start(user_id)
    keeper.backfills.run_until_idle()
    stands = keeper.backfills.status(user_id)
    orders = next(job for job in stands.jobs if job.entity == "orders")

    assert estimate.calls > 0
    assert {job.outcome for job in queued.jobs} == {"queued"}
    assert (stands.status, stands.plan, stands.ended) == ("completed", "pro", True)
    assert orders.certificate is not None
    assert orders.certificate.distinct_keys == paid
    assert isinstance(orders.certificate.issued_at, datetime)
    assert keeper.verify(user_id).ok
    assert sum(total.orders for total in keeper.costs(user_id).totals) == paid


def test_a_user_is_found_by_address(keeper: Keeper) -> None:
    made = keeper.users.create("ada@example.com", plan="starter")

    assert keeper.users.find("ada@example.com") == made
    assert keeper.users.find("bob@example.com") is None


def test_a_run_is_listed_taken_back_and_nobody_elses_is_there(keeper: Keeper, etsy: Etsy) -> None:
    user_id, _ = _connected(keeper, etsy, 5)
    keeper.backfills.start(user_id, entities=["orders"])
    keeper.backfills.run_until_idle()
    (run,) = keeper.runs.list(user_id)

    assert run == keeper.runs.show(user_id, run.run_id)
    assert (run.kind, run.state, run.trigger, run.kept_because) == ("backfill", "completed", "library", None)
    with pytest.raises(UserError) as unknown:
        keeper.runs.roll_back(str(uuid.uuid4()), run.run_id)
    assert unknown.value.code == "unknown_run"
    planned = keeper.runs.roll_back(user_id, run.run_id, dry_run=True)
    done = keeper.runs.roll_back(user_id, run.run_id)
    assert (planned.run_id, planned.tables, planned.undone) == (None, done.tables, done.undone)
    assert done.tables["orders"].removed == run.tables["orders"].created > 0
    assert [one.state for one in keeper.runs.list(user_id)] == ["completed", "undone"]
    with pytest.raises(UserError) as refused:
        keeper.runs.roll_back(user_id, run.run_id)
    assert refused.value.code == "already_undone"


def test_a_shop_is_disconnected_once(keeper: Keeper, etsy: Etsy) -> None:
    """What was loaded stays listed; a second time there is nothing to end."""
    user_id, _ = _connected(keeper, etsy, 5)
    (shop,) = keeper.connections.list(user_id)

    first = keeper.connections.disconnect(user_id, shop.connection_id)
    others = keeper.connections.disconnect(str(uuid.uuid4()), shop.connection_id)

    assert (first.disconnected, others.disconnected) == (True, False)
    assert [one.status for one in keeper.connections.list(user_id)] == ["disconnected"]


def test_asynchronous_code_calls_and_watches(keeper: Keeper, etsy: Etsy) -> None:
    """The loop goes on while threads ask; each change is told, the ending last."""
    user_id, _ = _connected(keeper, etsy, 5)

    async def page() -> list[str]:
        await keeper.in_thread(keeper.backfills.start, user_id, entities=["orders"])
        work = asyncio.create_task(keeper.in_thread(keeper.backfills.run_until_idle))
        seen = [stands.status async for stands in keeper.backfills.watch_async(user_id, every_seconds=0.01)]
        await work
        return seen

    assert asyncio.run(page())[-1] == "completed"
    assert [stands.status for stands in keeper.backfills.watch(user_id)] == ["completed"]


def test_what_goes_wrong_is_what_is_documented(keeper: Keeper, product_env: dict[str, str]) -> None:
    """Bad input is a UserError that says what to do; a database that is away can be told from it."""
    with pytest.raises(UserError, match="There is no user"):
        keeper.backfills.status(str(uuid.uuid4()))
    with pytest.raises(UserError, match="is not a user id"):
        keeper.backfills.start("ada")
    with pytest.raises(UserError, match="SUPABASE_URL is missing"):
        Keeper({})
    with (
        Keeper({**product_env, "SUPABASE_URL": "http://127.0.0.1:9"}, patience_seconds=0.2) as away,
        pytest.raises(StoreUnavailable),
    ):
        away.users.find("ada@example.com")
    assert issubclass(UserError, KeeperError)
    assert issubclass(StoreUnavailable, KeeperError)


def test_a_library_of_another_environment_is_refused(keeper: Keeper, product_env: dict[str, str]) -> None:
    """It checks in as a worker does, before anything is stored."""
    keeper.users.find("ada@example.com")

    with (
        Keeper({**product_env, "KEEPER_ENVIRONMENT": "staging"}) as other,
        pytest.raises(UserError, match="belongs to the environment"),
    ):
        other.users.create("ada@example.com")


def test_every_public_method_says_its_types() -> None:
    """None of them is Any: what a caller is given is known before it is run."""
    methods = [
        getattr(kind, name)
        for kind in (public.Keeper, public.Users, public.Connections, public.Backfills)
        for name in vars(kind)
        if not name.startswith("_")
    ]

    assert len(methods) >= 14
    for method in methods:
        assert "Any" not in str(method.__annotations__), method
        assert "return" in typing.cast("dict[str, Any]", method.__annotations__), method


def test_what_was_told_is_listed_and_told_again(keeper: Keeper, etsy: Etsy) -> None:
    user_id, _ = _connected(keeper, etsy, 5)

    (event,) = keeper.events.list(user_id=user_id)

    assert (event.type, event.state, event.attempts) == ("connection.connected", "waiting", 0)
    assert event.data["platform"] == "etsy"
    assert isinstance(event.happened_at, datetime)
    assert keeper.events.resend(event.event_id) == 1
    assert keeper.events.list(user_id=user_id, state="sent") == ()
    with pytest.raises(UserError, match="no such events"):
        keeper.events.resend(str(uuid.uuid4()))
    with pytest.raises(UserError, match="no state"):
        keeper.events.list(state="lost")
