"""Moves time from event to event while real worker processes, killed at random, share one budget.

Time moves only when every worker waits, and all that are due within a hundredth of a second are let go together: so
their calls to the servers race as they do in life, and three days pass in as long as the calls take. The platform is
the sandbox's own limits (`sandbox.etsy.limits`), on a clock of its own.
"""

from __future__ import annotations

import heapq
import itertools
import multiprocessing
import random
import time
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from execution.budget.budgets import Budget
from sandbox.etsy.limits import Limits, throttled
from sandbox.etsy.settings import Settings
from tests.simulation.judges import DAY_S, Received
from tests.simulation.servers import TimedServers
from tests.simulation.worker import Orders, work

TOGETHER_S = 0.01
# The platform's day began at another moment than ours: no bucket of one is a bucket of the other.
PLATFORM_SKEW_S = 1_795_000_000.0 + 1_337.0
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens in the simulated days."""

    seed: int
    days: int
    workers: int = 8
    per_second: int = 10
    per_day: int
    kills: int
    flushes: int
    valkey_deaths: int
    external_share: float
    # By chance instead of evenly: what a small day cannot be judged by, for its chances are a large part of it.
    external_by_chance: bool = False
    live_share: float = 0.03
    day_bucket_s: int = 3600
    budget: Budget
    cheats: float = 0.0


@dataclass(kw_only=True)
class _Worker:
    number: int
    process: BaseProcess
    pipe: Connection
    waiting: bool = False


@dataclass
class _PlatformClock:
    at: float = 0.0

    def now(self) -> float:
        return self.at + PLATFORM_SKEW_S


@dataclass
class Conductor:
    """`run` plays a plan; `ledger` is what the platform received."""

    plan: Plan
    servers: TimedServers
    ledger: list[Received] = field(default_factory=list)
    killed: int = 0
    struck: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.plan.seed)
        self._now = 0.0
        self._order = itertools.count()
        self._events: list[tuple[float, int, str, Any]] = []
        self._workers: dict[int, _Worker] = {}
        self._numbers = itertools.count()
        self._live_waiting = 0
        self._calls_to_kill: list[int] = []
        self._clock = _PlatformClock()
        settings = replace(
            Settings(),
            per_second=self.plan.per_second,
            per_day=self.plan.per_day,
            second_window="sliding",
            day_bucket_seconds=self.plan.day_bucket_s,
        )
        self._limits = Limits(settings, self._clock)  # type: ignore[arg-type]

    def run(self) -> None:
        _CONTEXT.set_forkserver_preload(["tests.simulation.worker"])
        self._arrange()
        for _ in range(self.plan.workers):
            self._hire()
        try:
            while self._now < self.plan.days * DAY_S:
                self._hear()
                self._move_on()
        finally:
            for worker in self._workers.values():
                worker.process.kill()
            for worker in self._workers.values():
                worker.process.join()
                worker.pipe.close()

    def _arrange(self) -> None:
        plan, rng, end = self.plan, self._rng, self.plan.days * DAY_S
        # The others were there before us: the first answer tells how much of the day is theirs.
        external = round(plan.per_day * plan.external_share)
        for at in self._external_times(external * (plan.days + 1)):
            if at < 0:
                self._judge(at, "external")
            else:
                self._at(at, "external", None)
        for _ in range(round(plan.per_day * plan.live_share * plan.days)):
            self._at(rng.uniform(0, end), "live", None)
        # Where the calls are thick: in the first part of each day, as well as anywhere.
        for _ in range(plan.flushes):
            self._at(self._busy_moment(), "flush", None)
        for _ in range(plan.valkey_deaths):
            self._at(self._busy_moment(), "valkey dies", None)
        expected = round(plan.per_day * (1 - plan.external_share) * plan.days * 0.95)
        self._calls_to_kill = sorted(rng.sample(range(expected), min(plan.kills, expected)), reverse=True)

    def _external_times(self, calls: int) -> list[float]:
        """Over all days and the one before. By chance, yet never two in a second: no margin has room for these."""
        length, rng = (self.plan.days + 1) * DAY_S, self._rng
        if self.plan.external_by_chance:
            times = sorted(rng.uniform(0, length - calls) for _ in range(calls))
            return [at + number - DAY_S for number, at in enumerate(times)]
        return [(number + rng.random()) / calls * length - DAY_S for number in range(calls)]

    def _busy_moment(self) -> float:
        burst = self.plan.per_day / self.plan.per_second
        return self._rng.randrange(self.plan.days) * (DAY_S + 300) + self._rng.uniform(0, burst)

    def _at(self, at: float, what: str, about: Any) -> None:
        heapq.heappush(self._events, (at, next(self._order), what, about))

    def _hire(self) -> None:
        ours, theirs = _CONTEXT.Pipe()
        number = next(self._numbers)
        orders = Orders(
            postgres_url=self.servers.postgres_url,
            valkey_url=self.servers.valkey_url,
            budget=self.plan.budget,
            seed=self._rng.randrange(2**60),
            wall_skew_s=self._rng.uniform(-600, 600),
            at=self._now,
            cheats=self.plan.cheats,
        )
        process = _CONTEXT.Process(target=work, args=(theirs, orders), daemon=True)
        process.start()
        theirs.close()
        self._workers[number] = _Worker(number=number, process=process, pipe=ours)

    def _hear(self) -> None:
        """Wait until every worker waits, and note what each waits for."""
        while busy := {worker.pipe: worker for worker in self._workers.values() if not worker.waiting}:
            ready = wait(list(busy), timeout=60)
            if not ready:
                raise RuntimeError(f"{len(busy)} workers are silent at {self._now:.3f}")
            for pipe in ready:
                self._note(busy[pipe])  # type: ignore[index]

    def _note(self, worker: _Worker) -> None:
        try:
            word, value = worker.pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise RuntimeError(f"worker {worker.number} died by itself") from error
        worker.waiting = True
        if word == "sleep":
            self._at(self._now + value, "wake", (worker.number, None))
        elif word == "live?":
            taken = self._live_waiting > 0
            self._live_waiting -= taken
            self._let_go(worker, taken)
        else:
            self._at(self._now + self._rng.uniform(0.005, 0.06), "call", (worker.number, value))

    def _move_on(self) -> None:
        """To the next event, and through all that happen with it."""
        self._now = self._events[0][0]
        until, woken = self._now + TOGETHER_S, []
        while self._events and self._events[0][0] <= until:
            at, _, what, about = heapq.heappop(self._events)
            if what == "wake" and about[0] in self._workers:
                woken.append(about)
            elif what == "call":
                self._receive(at, *about)
            elif what == "external":
                self._judge(at, "external")
            elif what == "live":
                self._live_waiting += 1
            elif what != "wake":
                self._strike(at, what)
        self._now = until
        self.servers.set(self._now)
        for number, answer in woken:
            self._let_go(self._workers[number], answer)
        if woken and self._calls_to_kill and len(self.ledger) >= self._calls_to_kill[-1]:
            self._calls_to_kill.pop()
            self._kill(self._workers[self._rng.choice(woken)[0]])

    def _let_go(self, worker: _Worker, answer: Any) -> None:
        worker.waiting = False
        worker.pipe.send((self._now, answer))

    def _receive(self, at: float, number: int, by: str) -> None:
        """A request reached the platform; whether its worker still lives makes no difference to the count."""
        answer = self._judge(at, by)
        self._at(at + self._rng.uniform(0.02, 0.3), "wake", (number, answer))

    def _judge(self, at: float, by: str) -> tuple[int, dict[str, str], bytes]:
        self._clock.at = at
        verdict = self._limits.admit()
        self.ledger.append(Received(at=at, by=by, refused=verdict.refused))
        if verdict.refused:
            refusal = throttled(verdict.refused, verdict.retry_after, verdict.headers)
            return refusal.status, _text(refusal.headers), bytes(refusal.body)
        return 200, _text(verdict.headers), b"{}"

    def _kill(self, worker: _Worker) -> None:
        """SIGKILL somewhere between what it was let go for and what it asks next."""
        time.sleep(self._rng.uniform(0, 0.004))
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        del self._workers[worker.number]
        self.killed += 1
        self._hire()

    def _strike(self, at: float, what: str) -> None:
        self.struck.append((at, what))
        if what == "flush":
            self.servers.flush_valkey()
        elif what == "valkey dies":
            self.servers.kill_valkey()
            self._at(at + self._rng.uniform(1, 90), "valkey comes", None)
        elif what == "valkey comes":
            self.servers.start_valkey()


def _text(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}
