"""100,000 receipts through the whole product beside a plain loop, in one run; and the workers' memory.

    python -m benchmarks.receipts            about four minutes; docs/performance.md has the figures
    python -m benchmarks.receipts --orders 8000 --memory 2000 20000    a quick look

Exit status 1 when the goal is missed: 13,000 receipts a second or twice the plain loop; workers under 150 MB, and
at 200,000 orders at most 1.2 times what they need at 10,000.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise

from benchmarks import plain_loop
from benchmarks.world import World, cpu_seconds, peak_megabytes, workers, world
from execution import operations

SHOPS = 4
# Processor time as it stood when the last run ended, its workers still alive.
LAST_CPU: list[dict[str, float]] = []


def through_keeper(here: World, user_ids: list[str], processes: int) -> tuple[float, float]:
    """Seconds from the first start until every orders job is proven complete, and the workers' peak memory."""
    with workers(here.env, processes) as worker:
        _until_at_rest()
        ((started,),) = here.sql("select clock_timestamp()")
        for user_id in user_ids:
            operations.start_backfill(here.app, user_id=user_id, platform=None, entities=["orders"], again=False)
        while _open(here, user_ids):
            time.sleep(0.5)
        ((ended,),) = here.sql(
            "select max(finished_at) from public.sync_jobs where user_id = any(%s::uuid[])", user_ids
        )
        taken = (ended - started).total_seconds()
        LAST_CPU[:] = [cpu_seconds()]
        return taken, peak_megabytes(worker.pid)


def _until_at_rest() -> None:
    """Workers and clock have started, and wait. The loop's own start is not counted either."""
    before = [0.0, 0.0]
    for _ in range(60):
        now = [cpu_seconds().get(name, 0.0) for name in ("workers", "clock")]
        # Starting Python takes each of them about a second.
        if min(now) > 0.5 and sum(now) - sum(before) < 0.05:
            return
        before = now
        time.sleep(0.5)
    sys.exit("the workers or the clock did not start")


def _open(here: World, user_ids: list[str]) -> bool:
    ((left, error),) = here.sql(
        "select count(*) filter (where finished_at is null), min(error) filter (where status in"
        " ('failed', 'quarantined')) from public.sync_jobs where user_id = any(%s::uuid[])",
        user_ids,
    )
    if error:
        sys.exit(f"a job failed: {error}")
    return int(left) > 0


def speed(here: World, orders: int) -> bool:
    """The whole product beside the plain loop, on the same shops, from the same pages."""
    shops = [here.shop(orders // SHOPS, seed) for seed in range(1, SHOPS + 1)]
    sellers = [here.seller(shop) for shop in shops]
    marks = [cpu_seconds()]
    copied, plain_s = plain_loop.run(here, shops)
    marks.append(cpu_seconds())
    keeper_s, peak = through_keeper(here, [s.user_id for s in sellers], processes=2)
    marks.append(LAST_CPU[0])
    stored = here.sql("select count(*), (select count(*) from public.line_items) from public.orders")[0]
    calls = here.sql("select sum(calls_used), sum(page_seq) from public.sync_jobs where entity = 'orders'")[0]
    plain, keeper = copied / plain_s, stored[0] / keeper_s
    print(f"\n{stored[0]:,} receipts with {stored[1]:,} line items, {SHOPS} shops, two worker processes")
    print(f"{'plain httpx + psycopg loop':34}{plain:10,.0f} receipts/s {plain_s:8.1f} s")
    print(
        f"{'the whole product':34}{keeper:10,.0f} receipts/s {keeper_s:8.1f} s   {keeper / plain:.2f} x the plain loop"
    )
    print(
        f"calls: {calls[0]} for {calls[1]} pages, {stored[0] / calls[0]:.1f} receipts a call; worker peak {peak:.0f} MB"
    )
    for name in sorted(marks[2]):
        before, between, after = (mark.get(name, 0.0) for mark in marks)
        print(f"  CPU {name:18}{between - before:8.1f} s plain {after - between:8.1f} s product")
    return bool(keeper >= 13_000 or keeper >= 2 * plain)


def memory(here: World, sizes: list[int]) -> bool:
    """Worker memory for shops of growing size."""
    peaks = []
    for seed, size in enumerate(sizes, start=100):
        seller = here.seller(here.shop(size, seed))
        taken, peak = through_keeper(here, [seller.user_id], processes=1)
        peaks.append(peak)
        print(f"one shop of {size:8,} orders: {size / taken:8,.0f} receipts/s, worker peak {peak:6.1f} MB")
    flat = all(after <= 1.2 * peaks[0] for _, after in pairwise(peaks))
    return flat and max(peaks) < 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--memory", type=int, nargs="*", default=[10_000, 200_000])
    args = parser.parse_args()
    with world() as here:
        kept = [speed(here, args.orders), memory(here, args.memory) if args.memory else True]
    print("kept" if all(kept) else "MISSED")
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
