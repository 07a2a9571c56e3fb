"""Waits that are over at once: what is waited for stands in rows and in Valkey, and is moved there."""

from __future__ import annotations

from typing import Any

import psycopg

from execution.app import App


def end_waits(db: psycopg.Connection[Any]) -> None:
    """In the database, all waits are over."""
    db.execute("update public.sync_jobs set run_after = now() where status = 'parked'")
    db.execute("update private.api_budgets set blocked_until = null, paced_until = null, valkey_until = null")
    db.execute(
        "update private.platform_tokens set refresh_started_at = now() - interval '2 minutes'"
        " where refresh_started_at is not null"
    )
    db.execute("update private.platform_tokens set rest_until = null")
    db.execute("update private.circuit_breakers set retry_at = now(), probe = null, probe_until = null")
    # Nobody works in another process while this one waits: whoever holds a lease has died.
    db.execute("update public.sync_jobs set lease_expires_at = now() where status = 'running'")


def forget_limits(app: App, db: psycopg.Connection[Any]) -> None:
    """All waits are over, and Valkey knows nothing any more."""
    end_waits(db)
    app.valkey.flushall()
    app.store.rpc("tick")


def let_a_minute_pass(app: App, db: psycopg.Connection[Any]) -> None:
    """All waits are over, and what refills with time has refilled: buckets are not forgotten."""
    end_waits(db)
    # A machine that is fast enough would come back within the same second again and again.
    for over in ("hold", "used"):
        for name in app.valkey.scan_iter(f"keeper:*:{over}"):
            app.valkey.delete(name)
    for bucket in ("points", "calls"):
        for name in app.valkey.scan_iter(f"keeper:*:{bucket}"):
            app.valkey.hincrby(name, "at", -60_000_000)
    app.store.rpc("tick")
