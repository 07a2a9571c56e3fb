"""How late changes are seen, by the order in which shops are read: months of simulated days in minutes.

    python -m benchmarks.freshness [--tenants 10,100,1000,10000] [--days 60] [--calls 5000] [--beat 1] [--charts FOLDER]

The product's order is its own functions in PostgreSQL on a set clock (fresh_rounds.py): claim, day's budget, queue of
rounds. The others are played with as many calls a day as it used. Means count every change alike, and
"by plan" as its plan weighs. Shops and changes are drawn with fixed seeds. Exit status 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from benchmarks.bar_chart import Bars, bar_chart
from benchmarks.fresh_orders import OTHERS, SHARES, Seen, carried, promised_s, shops_of
from benchmarks.fresh_rounds import SimulatedRounds, Told
from execution.schema.migrations import migrate
from execution.sync_orchestrator import RoundRules
from sandbox.stack import Stack

OURS = "whom it saves most"
TIMES_BETTER = 2.5
# A wait is measured from beat to beat, and what is seen is a minute old.
_SLACK_BEATS = 2


@dataclass(frozen=True, kw_only=True)
class Result:
    tenants: int
    days: int
    beat: timedelta
    told: Told
    orders: Mapping[str, Seen]

    def better_than(self, name: str) -> float:
        return self.orders[name].mean_delay_s() / self.orders[OURS].mean_delay_s()

    def broken(self, per_day: int) -> list[str]:
        """What the design promises and this did not keep."""
        found = []
        if self.told.live_refused:
            found.append(f"{self.told.live_refused} of {self.told.live_asked} live calls were refused")
        if self.told.backfill_most > per_day / 2:
            found.append(f"backfills held {self.told.backfill_most} of {per_day}")
        if self.tenants >= 10_000:
            found += [
                f"only {self.better_than(name):.2f} times better than {name}"
                for name in ("round robin", "first come, first served")
                if self.better_than(name) < TIMES_BETTER
            ]
        allowed = _SLACK_BEATS * self.beat.total_seconds() + 120
        for plan, promise in promised_s().items():
            longest = self.orders[OURS].longest_s(plan)
            if self.told.fits and longest > promise + allowed:
                found.append(f"a shop of plan {plan} was silent for {longest / 60:.0f} minutes")
        return found


def simulate(
    db: psycopg.Connection[tuple[object, ...]], tenants: int, days: int, per_day: int, beat: timedelta
) -> Result:
    """Ours, and the others with as many calls."""
    shops = shops_of(tenants)
    told = SimulatedRounds(db, shops, per_day, beat).run(days, backfill_days=_backfill_days(days))
    others = {name: play(shops, told.calls_by_day) for name, play in OTHERS.items()}
    return Result(tenants=tenants, days=days, beat=beat, told=told, orders={OURS: told.seen, **others})


def _backfill_days(days: int) -> int:
    """So many that the share which is kept for backfills a day longer is free before the days that count."""
    return max(0, (days - 2) // 5)


def report(result: Result, per_day: int) -> None:
    used = sum(result.told.calls_by_day) / len(result.told.calls_by_day)
    promise = "all promises fit" if result.told.fits else f"waits of {result.told.stretch:.0f} times the promise"
    told = result.told
    print(
        f"\n{result.tenants:,} tenants, {result.days} days, {per_day:,} calls a day: {promise};"
        f" rounds used {used:,.0f} a day"
    )
    print(f"calls of rounds, day by day: {' '.join(map(str, told.calls_by_day))}")
    print(f"backfills at most {told.backfill_most:,}; of {told.live_asked:,} live calls {told.live_refused} refused")
    print(
        f"{'order':26}{'mean':>8}{'by plan':>9}"
        + "".join(f"{plan + ' p50':>16}{'p95':>8}{'longest':>9}" for plan in SHARES)
        + f"{'Jain':>7}"
    )
    for name, seen in result.orders.items():
        line = f"{name:26}{_minutes(seen.mean_delay_s()):>8}{_minutes(seen.mean_delay_s(told.weights)):>9}"
        for plan in SHARES:
            line += f"{_minutes(seen.delay_s(plan, 0.5)):>16}{_minutes(seen.delay_s(plan, 0.95)):>8}"
            line += f"{_minutes(seen.longest_s(plan)):>9}"
        print(f"{line}{seen.jain():>7.2f}")
    for name in OTHERS:
        weighed = result.orders[name].mean_delay_s(told.weights) / told.seen.mean_delay_s(told.weights)
        print(f"{result.better_than(name):.2f} times better than {name}, {weighed:.2f} by the weights of plans")


def _minutes(seconds: float) -> str:
    minutes = seconds / 60
    return (
        f"{minutes:.0f}m" if minutes < 600 else f"{minutes / 60:.0f}h" if minutes < 6000 else f"{minutes / 1440:.0f}d"
    )


def draw(results: Sequence[Result], folder: Path) -> None:
    """Two charts: the mean delay by the number of tenants, and each plan's at the largest."""
    folder.mkdir(parents=True, exist_ok=True)
    results = sorted(results, key=lambda result: result.tenants)
    by_tenants = [
        Bars(name=name, values=[result.orders[name].mean_delay_s() / 60 for result in results])
        for name in results[0].orders
    ]
    titles = [f"{result.tenants:,}" for result in results]
    text = bar_chart("Mean delay of a change, in minutes, by tenants", titles, by_tenants)
    (folder / "delay-by-tenants.svg").write_text(text)
    last = results[-1]
    by_plan = [
        Bars(name=name, values=[seen.delay_s(plan, 0.95) / 60 for plan in SHARES]) for name, seen in last.orders.items()
    ]
    title = f"95 of 100 changes are seen within, in minutes, by plan ({last.tenants:,} tenants)"
    (folder / "delay-by-plan.svg").write_text(bar_chart(title, list(SHARES), by_plan))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", default="10,100,1000,10000", help="how many tenants, one simulation each")
    parser.add_argument("--days", default="60", help="simulated days, one for all or one for each")
    parser.add_argument("--calls", type=int, default=5_000, help="calls a day that all tenants share")
    parser.add_argument(
        "--beat", type=int, help="minutes between two looks at what is due (up to ten tenants 1, else 5)"
    )
    parser.add_argument("--charts", type=Path, help="where the charts are written to")
    asked = parser.parse_args()
    tenants = [int(number) for number in asked.tenants.split(",")]
    days = [int(number) for number in asked.days.split(",")]
    rules = RoundRules.load()
    print(f"One promise alone carries, on {asked.calls:,} calls a day of which a tenth is kept for live calls:")
    for plan, shops in carried(0.9 * asked.calls, rules, "etsy").items():
        print(f"  {plan:12}{shops:>8,.0f} shops at rest; {shops * 4 / 9:,.0f} beside backfills")
    results = []
    for number, length in zip(tenants, days * len(tenants) if len(days) == 1 else days, strict=False):
        beat = timedelta(minutes=asked.beat or (1 if number <= 100 else 5))
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory() as folder,
            Stack(folder, durable=False, migrate=migrate).running() as stack,
            psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as db,
        ):
            results.append(simulate(db, number, length, asked.calls, beat))
        report(results[-1], asked.calls)
        print(f"({time.monotonic() - began:.0f} s)", flush=True)
        if asked.charts:
            draw(results, asked.charts)
    broken = [f"{result.tenants:,} tenants: {text}" for result in results for text in result.broken(asked.calls)]
    print("\n" + ("\n".join(broken) or "Every promise was kept."))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
