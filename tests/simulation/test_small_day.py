"""A shop that is larger than its day: it completes over the days, parked between, and no worker waits for it.

The real product, a real platform; a night passes by moving what is stored back and the platform's clock on.
`SMALL_DAY=25000:1000` plays the full size: a shop of 25,000 orders under 1,000 calls a day.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from execution.job_runner import SliceOutcome
from execution.settings import Settings
from tests.simulation.judges import DAY_S, Received, fullest, over
from tests.standins.etsy import Etsy
from tests.worlds.process import close_app, make_app
from tests.worlds.world import World, make_world

ORDERS, PER_DAY = (int(number) for number in os.environ.get("SMALL_DAY", "700:60").split(":"))
_CONNECTING = ("getMe", "getShop")
_MOMENTS = {
    "public.sync_jobs": ["run_after"],
    "private.api_calls": ["bucket"],
    "private.call_blocks": ["bucket"],
    "private.api_budgets": ["blocked_until", "asked_at", "seen_at", "watched_from", "lent_until", "backfill_asked_at"],
    "private.platform_tokens": ["expires_at"],
}


@pytest.fixture
def etsy(tmp_path) -> Iterator[Etsy]:
    with Etsy.running(tmp_path) as etsy:
        yield etsy


@pytest.fixture
def world(stack, etsy, clean, db, monkeypatch) -> Iterator[World]:
    for name, value in {**stack.env, **etsy.env}.items():
        monkeypatch.setenv(name, value)
    etsy.control("POST", "/settings", per_second=10**6, per_day=PER_DAY, day_bucket_seconds=900)
    app = make_app(Settings.load())
    yield make_world(app, db, (etsy, etsy.shop(orders=ORDERS)))
    close_app(app)


def pass_time(world: World, wait: timedelta) -> None:
    """What is stored becomes so much older, and the platform's clock goes on."""
    for table, columns in _MOMENTS.items():
        moves = ", ".join(f"{column} = {column} - %(wait)s" for column in columns)
        world.db.execute(f"update {table} set {moves}", {"wait": wait})
    world.db.execute("update private.api_budgets set paced_until = null, valkey_until = null")
    world.app.valkey.flushall()
    world.only.stand_in.control("POST", "/clock", advance_seconds=wait.total_seconds())


def days_of_work(world: World) -> int:
    """Work and wait until nothing is open; every wait must be named and hold nobody. Answers how many days it took."""
    began, waits, runner = datetime.now(UTC), [], world.app.runner()
    waited = timedelta()
    while world.jobs("waiting", "queued", "running", "parked"):
        while runner.work_one() is not SliceOutcome.IDLE:
            assert len(waits) < 2000
        world.app.limiter.give_back()
        (parked,) = world.jobs("parked") or [None]
        if parked is None:
            continue
        assert world.jobs("running", "queued") == []
        assert parked["lease_id"] is None
        assert "calls" in parked["park_reason"], parked["park_reason"]
        wait = parked["run_after"] - datetime.now(UTC)
        waits.append(wait)
        pass_time(world, max(wait, timedelta()) + timedelta(seconds=0.1))
        waited += wait
    assert waits, f"it was done at once, since {began}"
    return 1 + int(waited / timedelta(days=1))


def test_a_shop_larger_than_its_day_completes_over_the_days(world):
    """Every entity proven, all rows as the source; half of each day at most, nothing refused, no worker held."""
    world.start()

    days = days_of_work(world)

    requests = world.only.stand_in.asked(world.shop, pages_only=False)
    backfill = [r for r in requests if r["rate"] == "counted" and r["operation"] not in _CONNECTING]
    ledger = [Received(at=float(r["at"]), by="backfill") for r in backfill]
    refused = [r for r in requests if r["rate"] in ("second", "day")]
    assert set(world.statuses().values()) == {"completed"}
    assert world.wrong() == []
    assert refused == []
    assert over(ledger, PER_DAY // 2, DAY_S) == []
    assert days >= 2
    # As many days as the calls take, and one that is begun: nearly all of each half is used.
    assert days <= 2 + len(ledger) // (PER_DAY // 2 * 0.98)
    print(f"{ORDERS} orders: {len(ledger)} calls in {days} days, {fullest((c.at for c in ledger), DAY_S)[0]} at most")
