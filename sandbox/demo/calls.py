"""How few calls to Etsy could have done it: the least that the platform's pages of 100 and its windows allow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from execution.platforms.etsy.streams import LEDGER_ENTRIES
from execution.store import Store

_PAGE = 100
# Who owns the token, and the shop itself: asked when it is connected.
_TO_CONNECT = 2


def least_calls(store: Store, user_id: str, status: Mapping[str, Any]) -> int:
    """Without faults, without overlap, without a single question asked twice."""
    jobs = {job["entity"]: job for job in status["jobs"] if job["platform"] == "etsy"}
    orders = _pages(jobs["orders"]["certificate"]["distinct_keys"])
    states = Counter(
        row["state"]
        for row in store.read("listings", "platform_id,state", "platform_id", user_id=user_id, platform="etsy")
    )
    listings = sum(_pages(states[state]) for state in ("active", "inactive", "sold_out", "draft", "expired"))
    payments = sum(
        1 for _ in store.read("order_payments", "platform_id", "platform_id", user_id=user_id, platform="etsy")
    )
    return _TO_CONNECT + orders + listings + _ledger(store, user_id, jobs["payments"]) + _pages(payments)


def _ledger(store: Store, user_id: str, job: Mapping[str, Any]) -> int:
    """Windows of the ledger stand on a fixed grid; one without entries still costs the question."""
    seconds = (LEDGER_ENTRIES.window.grid_seconds if LEDGER_ENTRIES.window else None) or 1
    rows = store.read("payments", "platform_id,occurred_at", "platform_id", user_id=user_id, platform="etsy")
    full = Counter(int(datetime.fromisoformat(row["occurred_at"]).timestamp()) // seconds for row in rows)
    checks = {check["name"]: check["detail"] for check in job["certificate"]["checks"]}
    empty = max(0, int(checks["windows"]["windows"]) - len(full))
    return empty + sum(_pages(count) for count in full.values())


def _pages(records: int) -> int:
    return max(1, math.ceil(records / _PAGE))
