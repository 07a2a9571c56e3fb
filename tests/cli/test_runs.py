"""`keeper runs` and `keeper rollback`: what was read and changed, and taking it back, as a person does."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Keeper
from tests.standins.etsy import Etsy


@pytest.fixture
def seller(keeper: Keeper, etsy: Etsy) -> str:
    """A user with a small shop, loaded."""
    shop = etsy.shop(orders=8, listings=5)
    user = keeper("user create --email ada@example.com").out.strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")
    keeper(f"backfill start --user {user}")
    keeper("run --until-idle")
    return user


def test_a_run_is_listed_shown_taken_back_and_done_again(
    keeper: Keeper, seller: str, db: psycopg.Connection[Any]
) -> None:
    orders = "select count(*) from public.orders"
    there = db.execute(orders).fetchone()
    (run,) = json.loads(keeper(f"runs list --user {seller} --json").out)
    assert (run["kind"], run["state"], run["kept_because"]) == ("backfill", "completed", None)
    assert run["tables"]["orders"] == {"created": there[0] if there else 0, "changed": 0, "deleted": 0}
    assert run["calls"] > 0
    assert run["run_id"] in keeper(f"runs list --user {seller}").out
    assert "orders: " in keeper(f"runs show {run['run_id']}").out

    planned = keeper(f"rollback {run['run_id']} --dry-run")
    assert "Would take back 1 run" in planned.out
    assert db.execute(orders).fetchone() == there

    done = json.loads(keeper(f"rollback {run['run_id']} --yes --json").out)
    assert db.execute(orders).fetchone() == (0,)
    refused = keeper(f"rollback {run['run_id']} --yes")
    assert refused.status == 2
    assert refused.refusal() == (
        f"Run {run['run_id']} is taken back already. The rollback that did it can be taken back itself, as any run."
    )
    assert "undone" in keeper(f"runs list --user {seller}").out

    keeper(f"rollback {done['run_id']} --yes")
    assert db.execute(orders).fetchone() == there


@pytest.mark.parametrize("run", ["nonsense", "6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11"])
def test_a_run_that_is_none_is_refused_in_one_line(keeper: Keeper, run: str) -> None:
    assert "See `keeper runs list`." in keeper(f"rollback {run} --yes").refusal()
    assert "See `keeper runs list`." in keeper(f"runs show {run}").refusal()
