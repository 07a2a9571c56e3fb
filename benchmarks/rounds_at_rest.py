"""What a day of rounds of shops at rest costs: calls, and seconds of database and workers, a shop.

    python -m benchmarks.rounds_at_rest [--shops 1000] [--processes 2]

An embedded stack, Etsy's stand-in, real worker processes. Each shop is loaded first; then as many rounds come due as
plan free is promised in a day, one after the other. A round is a call; listings, which
are read whole once a day, are one for each page of each state.
"""

from __future__ import annotations

import argparse
import logging
import time
from datetime import timedelta

import structlog

from benchmarks.world import World, cpu_seconds, workers, world
from execution import operations
from execution.sync_orchestrator import RoundRules

_PLAN, _ORDERS = "free", 12
_PATIENCE_S = 3600


def load(made: World, shops: int) -> None:
    """So many sellers, each with a small shop, on plan free once they are loaded."""
    for seed in range(shops):
        seller = made.seller(made.shop(_ORDERS, seed + 1))
        operations.start_backfill(
            made.app, user_id=seller.user_id, platform=None, shop_id=None, entities=(), again=False
        )
    wait_until_idle(made)
    made.sql("update public.profiles set plan = %s returning 1", _PLAN)
    ((found,),) = made.sql("select count(distinct connection_id) from private.sync_rounds")
    if found != shops:
        raise RuntimeError(f"{found} of {shops} shops were loaded")


def wait_until_idle(made: World) -> None:
    """What is due becomes a job: so it is looked at first."""
    due = "select count(*) from private.sync_rounds where due_at <= now()"
    is_open = "select count(*) from public.sync_jobs where status in ('waiting', 'queued', 'running', 'parked')"
    ends_at = time.monotonic() + _PATIENCE_S
    while made.sql(due)[0][0] or made.sql(is_open)[0][0]:
        if time.monotonic() > ends_at:
            raise TimeoutError("jobs are still open")
        time.sleep(0.2)


def a_day(made: World, rules: RoundRules) -> int:
    """Every list as often as it comes due in a day. Answers how many rounds of one shop that is."""
    promised, rounds = rules.promises[_PLAN], 0
    for entity, seldom in rules.seldom["etsy"].items():
        for _ in range(timedelta(days=1) // max(promised, seldom)):
            made.sql("update private.sync_rounds set due_at = now() where entity = %s returning 1", entity)
            wait_until_idle(made)
            rounds += 1
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shops", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with world() as made, workers(made.env, asked.processes):
        load(made, asked.shops)
        calls, spent, began = _calls(made), cpu_seconds(), time.monotonic()
        rounds = a_day(made, RoundRules.load())
        took = time.monotonic() - began
        calls = _calls(made) - calls
        used = {name: seconds - spent.get(name, 0) for name, seconds in cpu_seconds().items()}
    print(f"{asked.shops:,} shops at rest, a day of plan {_PLAN}: {rounds} rounds each, in {took:.0f} s")
    print(f"calls a shop {calls / asked.shops:.1f}")
    for name in ("Postgres", "PostgREST", "workers", "clock"):
        print(f"{name:10} {1000 * used.get(name, 0) / asked.shops:8.1f} ms of processor a shop and day")


def _calls(made: World) -> int:
    return int(made.sql("select coalesce(sum(calls), 0) from private.tenant_calls where class = 'incremental'")[0][0])


if __name__ == "__main__":
    main()
