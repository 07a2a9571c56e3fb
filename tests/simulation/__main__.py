"""`python -m tests.simulation [SEED]`: three days of 10,000 calls, 8 processes, 200 kills. Prints figures."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import replace

from execution.budget.budgets import load_budgets
from tests.simulation.conductor import Conductor, Plan
from tests.simulation.judges import DAY_S, fullest, over, refusals, unused, used
from tests.simulation.servers import timed_servers

OURS = ("live", "incremental", "backfill")


def main(seed: int) -> int:
    plan = Plan(
        seed=seed,
        days=3,
        per_second=10,
        per_day=10_000,
        kills=200,
        flushes=12,
        valkey_deaths=6,
        external_share=0.2,
        external_by_chance=True,
        budget=replace(load_budgets()["etsy"], per_second=10, per_day=10_000),
    )
    started = time.monotonic()
    with timed_servers() as servers:
        conductor = Conductor(plan=plan, servers=servers)
        conductor.run()
    ledger = [call for call in conductor.ledger if call.at >= 0]
    print(f"seed {seed}: {plan.days} days in {time.monotonic() - started:.0f} s, {conductor.killed} kills")
    print("calls", dict(Counter(call.by for call in ledger)))
    print("most in any second", fullest((call.at for call in ledger), 1.0)[0], "of", plan.per_second)
    for whose in (OURS, ("backfill",)):
        print(f"most in any 24 h ({' '.join(whose)})", fullest((c.at for c in ledger if c.by in whose), DAY_S)[0])
    print(f"used {used(ledger, plan.per_day, plan.days):.2%} of what was permitted")
    findings = [
        *refusals(ledger),
        *over(ledger, plan.per_second, 1.0),
        *over(ledger, plan.per_day, DAY_S, by=OURS),
        *over(ledger, plan.per_day * 0.5, DAY_S, by=("backfill",)),
        *unused(ledger, plan.per_day, plan.days, 0.98),
    ]
    print("\n".join(findings) or "nothing found")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
