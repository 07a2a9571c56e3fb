"""A platform that is away burns no attempts and quarantines nothing; one poison page is still the job's own fault."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from execution import jobs
from execution.app import App
from execution.errors import Retriable
from execution.job_runner import SliceOutcome
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
# Everything that the API answers, but not the token endpoint.
API = "/v3/application/"
OUTAGES: dict[str, dict[str, Any]] = {
    "502": {"kind": "status", "status": 502},
    "503 for a while": {"kind": "status", "status": 503, "headers": {"retry-after": "120"}},
    "reset": {"kind": "reset"},
    "a captcha": {"kind": "status", "status": 403, "body": "<html>are you human</html>"},
}


def requests(etsy: Etsy) -> int:
    return len(etsy.ledger())


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_long_outage_burns_no_attempts_and_ends_as_if_it_had_not_been(
    etsy: Etsy, world_of: WorldOf, outage: str
) -> None:
    """More rounds than there are attempts; in each, one probe finds out for all."""
    world = world_of(etsy.shop(120))
    world.start()
    etsy.fault(path=API, **OUTAGES[outage])

    for _ in range(12):
        while world.app.runner().work_one() is not SliceOutcome.IDLE:
            pass
        (away,) = world.app.breakers()
        assert [(job["attempts"], job["deaths"]) for job in world.jobs()] == [(0, 0)] * 4
        assert world.job("orders")["park_reason"].startswith("etsy is away: ")
        world.wake()
    asked = requests(etsy)
    etsy.control("DELETE", "/faults")
    world.drain()

    assert away["failures"] >= 12
    # One look that fails and one probe; then a probe a round.
    assert asked <= 2 + 12 * 2
    assert set(world.statuses().values()) == {"completed"}
    assert world.app.breakers() == []
    assert world.wrong() == []


def test_one_poison_page_is_the_job_s_own_fault(etsy: Etsy, world_of: WorldOf) -> None:
    """Receipts always fail while everything else is answered: attempts are spent, the siblings finish."""
    world = world_of(etsy.shop(20))
    etsy.fault("status", status=500, path="receipts$")

    world.run()

    assert world.statuses() == {
        "orders": "failed",
        "listings": "completed",
        "payments": "completed",
        "customers": "failed",
    }
    assert world.job("orders")["error_code"] == "attempts_exhausted"
    # They come with the orders: that none is missing among no orders proves nothing.
    assert world.job("customers")["error_code"] == "source_incomplete"
    assert world.app.breakers() == []


def test_a_slow_failure_leaves_a_whole_lease_for_the_probe(etsy: Etsy, world_of: WorldOf) -> None:
    """A page that drips for half a minute and a probe that does so too are no death."""
    world = world_of(etsy.shop(5))
    world.start("orders")
    app, left = world.app, []
    job = jobs.claim(app.store, app.catalog, "worker", str(uuid.uuid4()))
    assert job
    world.db.execute(
        "update public.sync_jobs set lease_expires_at = now() + interval '5 seconds' where id = %s", [job.id]
    )

    def probe(*_: object) -> None:
        (row,) = world.rows(
            "select extract(epoch from lease_expires_at - now()) as s from sync_jobs where lease_id is not null"
        )
        left.append(row["s"])

    failure = Retriable("no answer in time")
    judged = replace(app.breaker, probe=probe).judge(job, app.client_of(job), failure)

    assert judged is failure
    assert left[0] > jobs.LEASE_SECONDS - 10


def test_while_it_is_away_nobody_else_asks(etsy: Etsy, world_of: WorldOf) -> None:
    """What one shop's job found out holds for every shop of the same application key."""
    first, others = world_of(etsy.shop(5)), [world_of(etsy.shop(5)) for _ in range(3)]
    etsy.fault("status", status=502, path=API)
    first.start("orders")
    first.app.runner().work_one()
    before = requests(etsy)

    for other in others:
        other.start("orders")
        assert other.app.runner().work_one() is SliceOutcome.PARKED

    assert requests(etsy) == before
    assert [other.job("orders")["attempts"] for other in others] == [0, 0, 0]


def test_a_token_endpoint_that_is_away_burns_no_attempts(etsy: Etsy, world_of: WorldOf) -> None:
    """Only connections whose token has expired wait; nobody has to reconnect."""
    world = world_of(etsy.shop(20))
    world.db.execute("update private.platform_tokens set expires_at = now()")
    world.start("orders")
    etsy.fault("status", status=500, path="oauth/token", body={"error": "Server Error"})

    for _ in range(12):
        assert world.app.runner().work_one() is SliceOutcome.PARKED
        assert world.job("orders")["attempts"] == 0
        world.wake()
    etsy.control("DELETE", "/faults")
    world.drain()

    assert world.statuses() == {"orders": "completed"}


def test_half_open_one_of_many_tries(app: App) -> None:
    """Eight ask when the wait is over: one probes, the others wait; when it died, another one may in 90 seconds."""
    app.store.rpc("open_breaker", p_scope="s", p_reason="502", p_first_seconds=0)

    def ask(probe: str) -> dict[str, Any]:
        result: dict[str, Any] = app.store.rpc("ask_breaker", p_scope="s", p_probe=probe)
        return result

    probes = [str(uuid.uuid4()) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        result = list(pool.map(ask, probes))
    winner = probes[[one["state"] for one in result].index("probe")]

    assert Counter(one["state"] for one in result) == {"probe": 1, "open": 7}
    assert ask(winner)["state"] == "probe"
    assert app.store.rpc("ask_breaker", p_scope="s", p_probe=probes[-1], p_probe_seconds=0)["state"] == (
        "probe" if winner == probes[-1] else "open"
    )
    assert min(one["wait_seconds"] for one in result if one["state"] == "open") >= 5


def test_those_who_find_out_together_do_not_make_the_wait_longer(app: App, db: Any) -> None:
    """Only a failed probe doubles it, up to ten minutes."""
    together = [app.store.rpc("open_breaker", p_scope="s", p_reason="502") for _ in range(5)]
    waits = []
    for _ in range(8):
        db.execute("update private.circuit_breakers set retry_at = now()")
        waits.append(round(app.store.rpc("open_breaker", p_scope="s", p_reason="502")))

    assert max(together) <= 15
    assert waits == [30, 60, 120, 240, 480, 600, 600, 600]
    assert [app.store.rpc("close_breaker", p_scope="s") for _ in range(2)] == [True, False]
