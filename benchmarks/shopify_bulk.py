"""A big Shopify shop by bulk export: calls, and the memory of the process that reads it.

    python -m benchmarks.shopify_bulk                     10,000 and 100,000 orders: some minutes
    python -m benchmarks.shopify_bulk --orders 3000 9000  a quick look

Exit status 1 when the goal is missed: under 20 calls for orders with their lines (refund lines come by normal queries,
a call for a hundred refunds, and are counted apart), and at most 1.3 times the memory for ten times the orders.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.world import stand_in
from execution import operations
from execution.app import App
from execution.schema.migrations import migrate
from execution.settings import Settings
from sandbox.stack import Stack

MOST_CALLS, MOST_GROWTH = 20, 1.3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--orders", type=int, nargs="+", default=[10_000, 100_000])
    sizes = options.parse_args().orders
    peaks, kept = [], True
    for orders in sizes:
        with (
            tempfile.TemporaryDirectory() as folder,
            Stack(Path(folder), durable=False, migrate=migrate, extras=stand_in("shopify")).running() as stack,
        ):
            result = measure({**os.environ, **stack.env, "LOG_LEVEL": "error", "TMPDIR": folder}, orders)
        peaks.append(result["peak_mb"])
        kept &= result["calls"] < MOST_CALLS
        print(
            f"{orders:>9,} orders, {result['lines']:,} lines: {result['calls']} calls and {result['refund_calls']} for "
            f"{result['refunds']:,} refunds, {result['seconds']:.0f} s, {result['rate']:,.0f} orders/s, "
            f"peak {result['peak_mb']:.0f} MB"
        )
    growth = max(peaks) / min(peaks)
    print(f"memory: {growth:.2f} times from the smallest to the biggest")
    sys.exit(0 if kept and growth <= MOST_GROWTH else 1)


def measure(env: dict[str, str], orders: int) -> dict[str, Any]:
    """One shop, read by one process to its certificate."""
    app = App(settings=Settings.load(env))
    with httpx.Client(base_url=env["SHOPIFY_API_BASE_URL"], timeout=1800) as shopify:
        wanted = {"seed": 1, "orders": orders, "years": 4, "plan": "plus", "ends_at": int(time.time()) - 3600}
        shop = shopify.post("/_sandbox/shops", json=wanted).raise_for_status().json()
        user_id = operations.create_user(app, email="seller@example.com", plan="pro")["user_id"]
        operations.connect(
            app,
            platform="shopify",
            user_id=user_id,
            shop_id=shop["shop_domain"],
            access_token=shop["access_token"],
            refresh_token=shop["refresh_token"],
            expires_at=None,
        )
        shopify.delete("/_sandbox/ledger").raise_for_status()
        operations.start_backfill(app, user_id=user_id, platform="shopify", entities=["orders"], again=False)
        started = time.perf_counter()
        peak_kb = _run(env)
        seconds = time.perf_counter() - started
        asked = [json.loads(line) for line in shopify.get("/_sandbox/ledger").text.splitlines()]
    return _facts(env, asked) | {"seconds": seconds, "rate": orders / seconds, "peak_mb": peak_kb / 1024}


def _run(env: dict[str, str]) -> int:
    """The most memory, in kB, of a process that works until nothing is left."""
    argv = [sys.executable, "-m", "execution", "run", "--until-idle", "--wait", "120"]
    worker = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(worker.pid, 0)
    worker.returncode = os.waitstatus_to_exitcode(status)
    if worker.returncode:
        sys.exit(f"the worker ended with {worker.returncode}")
    return used.ru_maxrss


def _facts(env: dict[str, str], asked: list[dict[str, Any]]) -> dict[str, Any]:
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as db:
        status, error = db.execute("select status, error from public.sync_jobs").fetchone() or ("", "")
        if status != "completed":
            sys.exit(f"the job is {status}: {error}")
        counts = db.execute(
            "select (select count(*) from public.line_items), (select count(*) from public.order_refunds)"
        ).fetchone() or (0, 0)
    calls = [r for r in asked if "/admin/api/" in r["path"]]
    # Refunds are looked up by id, and nothing else is.
    refund_calls = sum("nodes" in str(r["operation"]) for r in calls)
    return {
        "lines": counts[0],
        "refunds": counts[1],
        "calls": len(calls) - refund_calls,
        "refund_calls": refund_calls,
    }


if __name__ == "__main__":
    main()
