"""A worker process of the simulated days: the real limiter, over real servers, on a clock that the conductor moves."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import structlog

from execution.budget.budgets import Budget, CallClass, Scope
from execution.errors import Snooze
from execution.platforms.api import ResponseKind
from execution.platforms.etsy.platform import ETSY
from execution.rate_limiter import RateLimiter
from execution.valkey import connect_valkey
from tests.doubles.rpc import DirectRpc
from tests.simulation.servers import START

SCOPE = Scope(platform="etsy", key="etsy:app:days")
SLICE_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a worker is told at its start."""

    postgres_url: str
    valkey_url: str
    budget: Budget
    seed: int
    wall_skew_s: float
    at: float
    # Of all calls: sent without asking the limiter. Only to see that the judges notice.
    cheats: float = 0.0


class MovedClock:
    """Time stands still while the process computes; whoever sleeps gives the conductor the word."""

    def __init__(self, conductor: Connection, at: float, wall_skew_s: float) -> None:
        self._conductor = conductor
        self._skew = wall_skew_s
        self.at = at

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at + self._skew)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.ask("sleep", max(seconds, 0.001))

    def ask(self, word: str, value: Any) -> Any:
        self._conductor.send((word, value))
        self.at, answer = self._conductor.recv()
        return answer


def work(conductor: Connection, orders: Orders) -> None:
    """Slices of calls of whatever class has work, until the conductor ends the process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    clock = MovedClock(conductor, orders.at, orders.wall_skew_s)
    rng = random.Random(orders.seed)
    limiter = RateLimiter(
        DirectRpc(orders.postgres_url),
        connect_valkey(orders.valkey_url),
        {"etsy": orders.budget},
        clock,
        new_id=lambda: uuid.UUID(int=rng.getrandbits(128), version=4),
    )
    parked: dict[CallClass, float] = {}
    while True:
        # Interactive calls come when people come; the other classes always have work.
        due = [name for name in ("live", "backfill", "incremental") if parked.get(name, 0.0) <= clock.at]
        if clock.ask("live?", None) and "live" in due:
            call_class: CallClass = "live"
        else:
            due = [name for name in due if name != "live"]
            if not due:
                clock.sleep(max(1.0, min(parked[name] for name in ("backfill", "incremental")) - clock.at))
                continue
            call_class = rng.choice(due)
        delay = _slice(clock, limiter, call_class, rng, orders.cheats)
        if delay:
            parked[call_class] = clock.at + delay


def _slice(clock: MovedClock, limiter: RateLimiter, call_class: CallClass, rng: random.Random, cheats: float) -> float:
    """Calls for a slice's time; a live slice is one call. Answers for how long the class is parked."""
    ends = clock.at + (0.0 if call_class == "live" else SLICE_S)
    try:
        while True:
            if rng.random() >= cheats:
                limiter.permit(SCOPE, call_class)
            if rng.random() < 0.01:
                clock.sleep(rng.uniform(0, 0.2))  # the machine is busy with something else
            _call(clock, limiter, call_class)
            if clock.at >= ends:
                return 0.0
    except Snooze as snooze:
        return snooze.delay.total_seconds()
    finally:
        limiter.give_back()


def _call(clock: MovedClock, limiter: RateLimiter, call_class: CallClass) -> None:
    """What platform_client does with an answer."""
    status, headers, body = clock.ask("call", call_class)
    named: Mapping[str, str] = headers
    limiter.observe(SCOPE, ETSY.api.limits(named, body))
    verdict = ETSY.api.classify(status, named, body, clock.now())
    wait = verdict.wait or timedelta(seconds=1)
    if verdict.kind is ResponseKind.THROTTLED:
        limiter.throttled(SCOPE, wait)
        raise Snooze("throttled", wait, code="throttled")
    if verdict.kind is ResponseKind.DAY_USED_UP:
        limiter.block(SCOPE, wait)
        raise Snooze("the day", wait, code="day_used_up")
