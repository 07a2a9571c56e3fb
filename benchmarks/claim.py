"""What a claim costs among 1,000, 200,000 and 1,000,000 open jobs, most of them waiting or parked.

    python -m benchmarks.claim

Starts an embedded stack of its own, makes the jobs by SQL and prints a table: pages touched and time, per claim.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from typing import Any

import psycopg

from execution.schema.migrations import migrate
from sandbox.stack import Stack
from tests.schema.crowd import gather, pages_touched

CLAIM = "select public.claim_job(%s, 'benchmark')"
SIZES = (1_000, 200_000, 1_000_000)
CLAIMS = 200


def measure(db: psycopg.Connection[Any]) -> tuple[float, float, float]:
    """Pages touched (median), milliseconds (median and 95th percentile) of a claim."""
    pages = statistics.median(pages_touched(db, CLAIM, uuid.uuid4()) for _ in range(9))
    spent = sorted(timed(db) for _ in range(min(CLAIMS, 20 if pages > 10_000 else CLAIMS)))
    return pages, statistics.median(spent), spent[int(len(spent) * 0.95)]


def timed(db: psycopg.Connection[Any]) -> float:
    """Claim a job and hand it back; the milliseconds of the claim alone."""
    lease = uuid.uuid4()
    start = time.perf_counter()
    found = db.execute(CLAIM, [lease]).fetchone()
    spent = (time.perf_counter() - start) * 1000
    if found and found[0]:
        db.execute("select public.hand_back_job(%s)", [lease])
    return spent


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(folder, durable=False, migrate=migrate).running() as stack,
        psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as db,
    ):
        print(f"{'open jobs':>10}  {'pages':>7}  {'ms (median)':>12}  {'ms (95 %)':>10}")
        made = 0
        for size in SIZES:
            gather(db, size - made)
            made = size
            pages, median, late = measure(db)
            print(f"{size:>10,}  {pages:>7,.0f}  {median:>12.2f}  {late:>10.2f}")


if __name__ == "__main__":
    main()
