"""Sixty-four processes meet an expired token; the token endpoint is slow, and the one that refreshes is killed.

The judge is the sandbox's ledger: how often which refresh token was presented. KEEPER_FULL_RACES=1 takes three and
thirty seconds for an answer and the product's own times; without it, an answer takes less and a claim lapses sooner.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.process.test_worker_processes import until
from tests.runner.children import Child
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

FULL = bool(os.environ.get("KEEPER_FULL_RACES"))
PROCESSES = 64
# Seconds that an answer takes, that one refresh may take, and after which another process takes it over.
SPEEDS = [(3.0, 40.0, 90.0), (30.0, 40.0, 90.0)] if FULL else [(0.6, 40.0, 90.0)]
EXPIRIES, KILLS = (3, 2) if FULL else (1, 1)


@dataclass(kw_only=True)
class Race:
    """A connection whose job is leased, and the processes that want its token."""

    world: World
    etsy: Etsy
    lease_id: str
    racer: Child
    database: str

    def expire(self) -> None:
        self.world.db.execute("update private.platform_tokens set expires_at = now() - interval '1 second'")
        self.etsy.control("DELETE", "/ledger")

    def run(
        self, speed: tuple[float, float, float], *, kills: int = 0, planted: str = "", processes: int = PROCESSES
    ) -> dict[str, Any]:
        takes_s, call_s, claim_s = speed
        # Who is to be killed gets no answer before.
        self.etsy.control("POST", "/settings", token_delay_seconds=call_s if kills else takes_s)
        order = {
            "lease_id": self.lease_id,
            "platform": "etsy",
            "processes": processes,
            "kills": kills,
            "stand_in": self.etsy.url,
            "takes_s": takes_s,
            "database": self.database,
            "call_s": call_s,
            "claim_s": claim_s,
            "patience_s": (kills + 1) * (claim_s + call_s) + 20,
            "planted": planted,
        }
        return self.racer.ask(**order)

    def presented(self) -> Counter[str]:
        """How often each refresh token was presented, by the sandbox's own ledger."""
        return Counter(call["grant"] for call in self.etsy.ledger(path="oauth/token"))

    def status(self) -> str:
        return str(self.world.rows("select status from public.connected_accounts")[0]["status"])

    def rests(self) -> bool:
        """Whether nobody may ask for a while."""
        return bool(self.world.rows("select 1 from private.platform_tokens where rest_until > now()"))

    def version(self) -> int:
        return int(self.world.rows("select version from private.platform_tokens")[0]["version"])


@pytest.fixture
def race(world_of: Callable[[Shop], World], etsy: Etsy, product_env: dict[str, str]) -> Iterator[Race]:
    world, lease_id = world_of(etsy.shop(5)), str(uuid.uuid4())
    world.start("orders")
    world.app.store.rpc("claim_job", p_lease_id=lease_id, p_worker="race", p_lease_seconds=3600)
    with Child.running("tests.tokens.race_child", product_env) as racer:
        yield Race(world=world, etsy=etsy, lease_id=lease_id, racer=racer, database=product_env["DATABASE_URL"])
    etsy.control("POST", "/settings", token_delay_seconds=0.0)


def twice(race: Race) -> list[str]:
    """Refresh tokens that were presented more than once."""
    return [grant for grant, times in race.presented().items() if times > 1]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("speed", SPEEDS)
def test_sixty_four_processes_refresh_once_an_expiry(race: Race, speed: tuple[float, float, float]) -> None:
    """Expiry after expiry, single-use refresh tokens: one request each, and everybody has the new token."""
    race.etsy.control("POST", "/settings", reuse_old_refresh_token="deny")

    for expiry in range(1, EXPIRIES + 1):
        race.expire()
        report = race.run(speed)

        assert list(report["tokens"].values()) == [PROCESSES], report
        assert (race.presented().total(), twice(race), race.version()) == (1, [], 1 + expiry)
    assert race.status() == "connected"


@pytest.mark.has_sister
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("speed", SPEEDS)
def test_killed_in_the_middle_where_the_old_token_may_be_tried_again(
    race: Race, speed: tuple[float, float, float]
) -> None:
    """Who refreshes is killed with the answer under way: one more request a death, and no connection is lost."""
    race.expire()

    report = race.run(speed, kills=KILLS)

    assert report["killed"] == KILLS, report
    assert list(report["tokens"].values()) == [PROCESSES - KILLS], report
    assert list(race.presented().values()) == [1 + KILLS]
    assert (race.status(), race.version()) == ("connected", 2)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("speed", SPEEDS)
def test_killed_in_the_middle_where_the_old_token_is_dead(race: Race, speed: tuple[float, float, float]) -> None:
    """Two more requests tell that it is dead, with a rest between; then all are told to reconnect. No storm."""
    race.etsy.control("POST", "/settings", reuse_old_refresh_token="deny")
    race.expire()

    with ThreadPoolExecutor(1) as racing:
        racers = racing.submit(race.run, speed, kills=1)
        until(race.rests, "the rest after the first refusal")
        race.world.db.execute("update private.platform_tokens set rest_until = now()")
        report = racers.result()

    assert (report["tokens"], report["refused"]) == ({}, PROCESSES - 1)
    assert list(race.presented().values()) == [3]
    (account,) = race.world.rows("select status, status_reason from public.connected_accounts")
    assert account["status"] == "reconnect_needed"
    assert "the answer to an earlier refresh was lost" in account["status_reason"]


def test_the_judge_sees_processes_that_refresh_each_for_itself(race: Race) -> None:
    """Planted: without the claim, the ledger shows one refresh token many times."""
    race.expire()

    race.run(SPEEDS[0], planted="no claim", processes=8)

    assert twice(race)
