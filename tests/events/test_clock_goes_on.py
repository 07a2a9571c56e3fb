"""A real clock, told where to send, and an endpoint that hangs: everything else of the clock's goes on."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

from execution.app import App
from tests.events.listener import SECRET, Listener
from tests.process.test_worker_processes import processes, until
from tests.schema.jobworld import call, claim, queue
from tests.worlds.users import make_seller

Db = psycopg.Connection[Any]


def sent(db: Db) -> bool:
    return db.execute("select from private.outbox where outcome = 'sent'").fetchone() is not None


def test_an_endpoint_that_hangs_holds_no_beat(
    app: App, db: Db, listener: Listener, product_env: dict[str, str]
) -> None:
    """While a request is held, what was parked until now is woken."""
    user, released = make_seller(db, "etsy"), threading.Event()
    queue(db, user, ("etsy", "orders"))
    job = claim(db)
    assert job is not None
    listener.answer = lambda _: 200 if released.wait(60) else 500
    told = {**product_env, "EVENTS_URL": listener.url, "EVENTS_SECRET": SECRET}

    def status() -> str:
        row = db.execute("select status from public.sync_jobs").fetchone()
        return str(row[0]) if row else ""

    with processes(None, told, "clock --every 0.2"):  # type: ignore[arg-type]  # nothing of a world is asked
        until(lambda: bool(listener.came), "a request that is held")
        call(db, "park_job", p_lease_id=job["lease_id"], p_reason="x", p_delay_seconds=0, p_charge=False, p_code="x")
        until(lambda: status() == "queued", "a beat")
        # In the same request still: it was not the end of its time that let the beat go on.
        held = db.execute("select attempts, failures from private.outbox order by seq limit 1").fetchone()
        released.set()
        until(
            lambda: db.execute("select 1 from private.outbox where outcome = 'sent'").fetchone() is not None,
            "a receipt",
        )

    assert held == (1, 0)
    assert listener.types[0] == "connection.connected"
