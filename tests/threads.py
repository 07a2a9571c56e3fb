"""Threads that meet: many that start together, and one that waits for a lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def many(count: int, work: Callable[[int], Any]) -> Iterator[list[Any]]:
    """Run `work(0..count-1)` in threads that start together; the list holds results or exceptions, in order."""
    results: list[Any] = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001 (the test looks at it)
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield results


def until_it_waits(db: psycopg.Connection[Any], function: str) -> None:
    """Return when a call of this function waits for a lock of somebody else's."""
    deadline = time.monotonic() + 20
    waits = "select from pg_stat_activity where wait_event_type = 'Lock' and query like %s"
    while db.execute(waits, (f"%{function}%",)).fetchone() is None:
        assert time.monotonic() < deadline, f"{function} waits for nobody"
        time.sleep(0.02)
