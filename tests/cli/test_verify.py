"""`keeper verify`: with a sample that is read again, and without a repair."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Keeper
from tests.standins.etsy import Etsy

JOBS = "select count(*) from public.sync_jobs where finished_at is null"


@pytest.fixture
def seller(keeper: Keeper, etsy: Etsy) -> str:
    """A user with a small shop, loaded."""
    shop = etsy.shop(orders=30, listings=5, years=2)
    user = keeper("user create --email ada@example.com").out.strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")
    keeper(f"backfill start --user {user}")
    keeper("run --until-idle")
    return user


def test_a_sample_is_read_again_and_compared(keeper: Keeper, seller: str, db: psycopg.Connection[Any]) -> None:
    said = keeper(f"verify --user {seller} --sample 2 --json")
    sampled = {one["entity"]: one for one in json.loads(said.out)["sample"]}

    assert said.status == 0
    assert sampled["orders"]["compared"] > 0
    assert {one["differences"] for one in sampled.values()} == {0}
    assert "records were read again now, 0 differ" in " ".join(keeper(f"verify --user {seller} --sample 1").out.split())

    db.execute("update public.orders set total_amount = 1, content_hash = 1")
    differs = keeper(f"verify --user {seller} --sample 1 --json")

    assert differs.status == 1
    assert {one["entity"]: one["differences"] > 0 for one in json.loads(differs.out)["sample"]}["orders"]
    # What differed is mended, and the rest of the entity is read again.
    assert db.execute("select count(*) from public.orders where total_amount = 1").fetchone() < (30,)


def test_without_a_repair_nothing_is_queued(keeper: Keeper, seller: str, db: psycopg.Connection[Any]) -> None:
    db.execute("delete from public.orders where platform_id = (select min(platform_id) from public.orders)")

    told = keeper(f"verify --user {seller} --no-repair")
    assert (told.status, db.execute(JOBS).fetchone()) == (1, (0,))
    mended = keeper(f"verify --user {seller}")
    assert mended.status == 1
    assert db.execute(JOBS).fetchone() != (0,)
