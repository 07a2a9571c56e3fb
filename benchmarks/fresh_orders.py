"""The shops of the simulation of freshness, the orders that rounds are compared with, and what delays come to."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from execution.sync_orchestrator import RoundRules

# Changes a day: a Pareto tail of this exponent between these two. The busiest hundredth has half of all changes.
EXPONENT, FEWEST, MOST = 0.9, 0.02, 2000.0
# Of a hundred shops, by plan; who sells more mostly pays more, and some do not.
SHARES: Mapping[str, float] = {"free": 0.70, "starter": 0.20, "pro": 0.08, "enterprise": 0.02}
DAY_S = 86_400
# What ends in this share of the days says more of how they began than of the order.
WARM_UP = 0.25


@dataclass(frozen=True, kw_only=True)
class Shop:
    number: int
    plan: str
    rate: float


def shops_of(tenants: int, seed: int = 14) -> list[Shop]:
    """So many, each at its place of the tail, so that two runs differ in chance alone."""
    rng = random.Random(seed)  # noqa: S311  a simulation
    spread = 1 - (FEWEST / MOST) ** EXPONENT
    rates = [FEWEST * (1 - (n + 0.5) / tenants * spread) ** (-1 / EXPONENT) for n in range(tenants)]
    by_size = sorted(rates, key=lambda rate: math.log(rate) + rng.gauss(0, 1))
    plans = [plan for plan, share in SHARES.items() for _ in range(round(tenants * share))]
    plans += ["enterprise"] * (tenants - len(plans))
    return [Shop(number=n, plan=plan, rate=rate) for n, (plan, rate) in enumerate(zip(plans, by_size, strict=False))]


def promised_s(rules: RoundRules | None = None) -> dict[str, float]:
    return {plan: every.total_seconds() for plan, every in (rules or RoundRules.load()).promises.items()}


@dataclass
class Seen:
    """What rounds saw: of each shop its waits in seconds, and of each wait in which something changed how much."""

    shops: Sequence[Shop]
    waits: dict[int, list[float]] = field(default_factory=dict)
    found: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    calls: int = 0

    def saw(self, shop: Shop, wait: float, changes: float) -> None:
        self.waits.setdefault(shop.number, []).append(wait)
        if changes:
            self.found.setdefault(shop.plan, []).append((wait, changes))

    def still_waits(self, shop: Shop, wait: float) -> None:
        """At the end: what changed meanwhile is late already, though nobody has seen it."""
        if wait > 0:
            self.saw(shop, wait, shop.rate * wait / DAY_S)

    def mean_delay_s(self, weights: Mapping[str, float] | None = None) -> float:
        """Of a change: it came anywhere in its wait, so half of it on average. Each as its plan weighs, if told."""
        weighed = [((weights or {}).get(plan, 1), wait, n) for plan, pairs in self.found.items() for wait, n in pairs]
        return sum(w * wait / 2 * n for w, wait, n in weighed) / max(1.0, sum(w * n for w, _, n in weighed))

    def delay_s(self, plan: str, share: float) -> float:
        """The delay that so large a share of the plan's changes stays below."""
        parts = 16
        spread = sorted((wait * (k + 0.5) / parts, n) for wait, n in self.found.get(plan, ()) for k in range(parts))
        left = share * sum(n for _, n in spread)
        for delay, n in spread:
            left -= n
            if left <= 0:
                return delay
        return 0.0

    def longest_s(self, plan: str) -> float:
        return max((max(self.waits.get(s.number, [0])) for s in self.shops if s.plan == plan), default=0.0)

    def jain(self) -> float:
        """How equally equals are served: of the mean waits of the shops of one plan, 1 where all are the same."""
        total = 0.0
        for plan in SHARES:
            means = [sum(w) / len(w) for s in self.shops if s.plan == plan and (w := self.waits.get(s.number))]
            if means:
                total += sum(means) ** 2 / sum(mean * mean for mean in means)
        return total / max(1, len(self.waits))


def poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def first_waits_s(shops: Sequence[Shop], calls: int) -> list[float]:
    """How long each has been left alone when the days begin: up to a round of all, the same for every order."""
    rng = random.Random(2)  # noqa: S311  a simulation
    return [rng.random() * len(shops) / calls * DAY_S for _ in shops]


def _slots(calls_by_day: Iterable[int]) -> Iterator[float]:
    """The moments at which a call may go out: those of each day, evenly."""
    for day, calls in enumerate(calls_by_day):
        for n in range(calls):
            yield (day + n / calls) * DAY_S


def _play(shops: Sequence[Shop], calls_by_day: Sequence[int], intervals: Sequence[float]) -> Seen:
    """Each shop is due so long after it was read; who has been due longest is first."""
    rng = random.Random(1)  # noqa: S311  a simulation
    seen, last = Seen(shops=shops), [-before for before in first_waits_s(shops, max(calls_by_day))]
    line = [(last[n] + every, n) for n, every in enumerate(intervals)]
    heapq.heapify(line)
    busy = 0
    for now in _slots(calls_by_day):
        if busy:
            busy -= 1
            continue
        due, n = line[0]
        if due > now:
            continue
        shop, wait = shops[n], now - last[n]
        changes = poisson(rng, shop.rate * wait / DAY_S)
        if now >= WARM_UP * len(calls_by_day) * DAY_S:
            seen.saw(shop, wait, changes)
        last[n] = now
        # What changed is read by a call of its own.
        busy = 1 if changes else 0
        seen.calls += 1 + busy
        heapq.heapreplace(line, (now + intervals[n], n))
    for shop in shops:
        seen.still_waits(shop, len(calls_by_day) * DAY_S - last[shop.number])
    return seen


def first_come_first_served(shops: Sequence[Shop], calls_by_day: Sequence[int]) -> Seen:
    """Each comes as often as its plan is promised, and waits its turn."""
    promised = promised_s()
    return _play(shops, calls_by_day, [promised[shop.plan] for shop in shops])


def round_robin(shops: Sequence[Shop], calls_by_day: Sequence[int]) -> Seen:
    return _play(shops, calls_by_day, [1e-9 * (n + 1) for n, _ in enumerate(shops)])


def proportional(shops: Sequence[Shop], calls_by_day: Sequence[int]) -> Seen:
    """As often as it changes."""
    a_day = sum(calls_by_day) / len(calls_by_day) / 1.5
    scale = sum(shop.rate for shop in shops) / a_day * DAY_S
    return _play(shops, calls_by_day, [scale / shop.rate for shop in shops])


OTHERS = {
    "first come, first served": first_come_first_served,
    "round robin": round_robin,
    "proportional": proportional,
}


def carried(calls_a_day: float, rules: RoundRules, platform: str) -> dict[str, float]:
    """How many shops at rest a promise alone carries: a call as often as a list is due, ten where all of it is read."""
    day = timedelta(days=1)
    return {
        plan: calls_a_day
        / sum((10 if seldom >= day else 1) * day / max(every, seldom) for seldom in rules.seldom[platform].values())
        for plan, every in rules.promises.items()
    }
