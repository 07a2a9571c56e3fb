"""`keeper budget`: who used what, what is reserved, when it frees, when waiting backfills will be done."""

from __future__ import annotations

import json

from tests.cli.conftest import Keeper
from tests.standins.etsy import Etsy


def load_half(keeper: Keeper, etsy: Etsy) -> str:
    """A shop whose backfill ran into the end of its day."""
    shop = etsy.shop(orders=2500)
    etsy.control("POST", "/settings", per_day=20, per_second=1000)
    user = keeper("user create --email ada@example.com --plan pro").out.strip()
    keeper(
        f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}"
        f" --refresh-token {shop.refresh_token}"
    )
    keeper(f"backfill start --user {user}")
    assert keeper("run --until-idle --wait 1").status == 0
    return user


def test_the_budget_tells_who_used_what_and_when_it_frees(keeper: Keeper, etsy: Etsy) -> None:
    """Half of the day went to the backfill, by tenant; its job waits with a wake time; the end is foretold in days."""
    user = load_half(keeper, etsy)

    facts = json.loads(keeper("budget --platform etsy --json").out)

    (scope,), (work,), (tenant,) = facts["scopes"], facts["waiting"], facts["tenants"]
    assert scope["per_day"] == 20
    assert scope["used"] == {"live": 3, "incremental": 0, "backfill": 10, "sample": 0, "external": 0}
    assert scope["free"] == 7
    assert sum(free["calls"] for free in scope["frees"]) == 13
    assert all(free["at"] > facts["now"] for free in scope["frees"])
    assert (tenant["user_id"], tenant["class"], tenant["calls"]) == (user, "backfill", 10)
    assert work["parked"] == 1
    assert work["calls_left"] > 0
    assert work["done_at"] > scope["frees"][0]["at"]


def test_people_read_a_table(keeper: Keeper, etsy: Etsy) -> None:
    """The same facts in words, before and after the first call."""
    before = keeper("budget")
    user = load_half(keeper, etsy)

    after = keeper("budget")

    assert (before.status, before.out.strip()) == (0, "No call was ever made.")
    assert after.status == 0
    assert user in after.out
    assert "backfill jobs open, 1 parked" in after.out
    assert "frees" in after.out
    assert max(map(len, after.out.splitlines()[:3])) <= 80, "the table does not fit a terminal"
    assert "…" not in after.out
    assert "would refuse" not in after.out, "nothing was refused in the shadow"


def test_an_unknown_platform_is_one_line(keeper: Keeper) -> None:
    refusal = keeper("budget --platform ebay").refusal()

    assert "ebay" in refusal
