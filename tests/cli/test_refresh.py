"""`keeper refresh`: a shop is read anew by its name, as a person does it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Keeper
from tests.standins.etsy import Etsy


@pytest.fixture
def seller(keeper: Keeper, etsy: Etsy) -> str:
    """A user with a small shop, connected."""
    shop = etsy.shop(orders=8, listings=5)
    user = keeper("user create --email ada@example.com").out.strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")
    return user


def stands(keeper: Keeper, user: str) -> str:
    """What the status says, on however many lines."""
    return " ".join(keeper(f"refresh status --user {user}").out.split())


def test_it_is_planned_begun_watched_and_taken_back(keeper: Keeper, seller: str, db: psycopg.Connection[Any]) -> None:
    assert "Nothing of " in keeper(f"refresh start --user {seller} --confirm x").refusal()
    keeper(f"backfill start --user {seller}")
    keeper("run --until-idle")
    assert keeper(f"refresh status --user {seller}").out.startswith("No full refresh was started.")
    planned = keeper(f"refresh start --user {seller} --dry-run --json")
    name = json.loads(planned.out)["shop_name"]
    assert f"{name} would be read anew" in keeper(f"refresh start --user {seller} --dry-run").out
    assert json.loads(planned.out)["estimate"]["calls"] > 0

    for wrong in ("", f" --confirm '{name.lower()}x'"):
        refused = keeper(f"refresh start --user {seller}{wrong}")
        assert refused.status == 2
        assert refused.refusal() == (
            f"That is not the shop's name: it is called {name}. Say --confirm with exactly that."
        )
    assert db.execute("select count(*) from private.full_refreshes").fetchone() == (0,)

    db.execute("update public.orders set total_amount = 1")
    begun = json.loads(keeper(f"refresh start --user {seller} --confirm '{name}' --json").out)
    assert (begun["outcome"], {job["outcome"] for job in begun["jobs"]}) == ("queued", {"queued"})
    assert "is open already" in keeper(f"refresh start --user {seller} --confirm '{name}'").out
    assert "is being read" in stands(keeper, seller)
    keeper("run --until-idle")

    assert "swapped in: orders 0 created" in stands(keeper, seller)
    assert db.execute("select count(*) from public.orders where total_amount = 1").fetchone() == (0,)
    assert (
        db.execute("select count(*) from public.orders").fetchone()
        == db.execute("select count(*) from public.orders where user_id = %s", [seller]).fetchone()
    )
    assert json.loads(keeper(f"runs show {begun['run_id']} --json").out)["kind"] == "refresh"
    assert "is no open full refresh" in keeper(f"refresh cancel {begun['run_id']} --user {seller}").refusal()
    assert "takes this back" in keeper(f"rollback {begun['run_id']} --yes").out
    assert db.execute("select count(*) from public.orders where total_amount <> 1").fetchone() == (0,)


def test_one_that_is_cancelled_changes_nothing(keeper: Keeper, seller: str) -> None:
    keeper(f"backfill start --user {seller}")
    keeper("run --until-idle")
    name = json.loads(keeper(f"refresh start --user {seller} --dry-run --json").out)["shop_name"]
    run = json.loads(keeper(f"refresh start --user {seller} --confirm '{name}' --json").out)["run_id"]

    assert keeper(f"refresh cancel {run} --user {seller}").out == "Cancelled: nothing has changed.\n"

    assert "cancelled, and has changed nothing" in stands(keeper, seller)
    assert "is not the id of a full refresh" in keeper(f"refresh cancel nonsense --user {seller}").refusal()
