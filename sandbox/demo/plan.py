"""What a demo is asked for, and what goes wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Enough for a lively picture; the platform's own limits (10 a second) would make it twice as long.
CALLS_PER_SECOND, CALLS_PER_DAY = 60, 10_000
# The page that brings the poison record, and the record's place in it.
_POISON_OFFSET, _POISON_RECORD = 396, 41


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A demo as the command line asks for it."""

    orders: int = 1200
    seed: int = 7
    calm: bool = False
    keep: bool = False
    currency: str = "EUR"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One fault: a sentence for people, and the sandbox's rule (docs/sandbox-etsy.md)."""

    what: str
    rule: Mapping[str, Any]


def troubles(plan: Plan) -> tuple[Trouble, ...]:
    """The faults of a demo; a calm one has none."""
    if plan.calm:
        return ()
    receipts, ledger, listings = "/receipts$", "/ledger-entries$", "/listings$"
    return (
        # Not once but every time that page is read: a record that stays broken must not stop its neighbours.
        Trouble(
            what="order with a NUL in a title",
            rule={
                "kind": "bad_json",
                "flavour": "nul",
                "record": _POISON_RECORD if plan.orders > _POISON_OFFSET * 2 else 0,
                "field": "transactions.0.title",
                "path": receipts,
                "query": rf"limit=100&offset={_POISON_OFFSET if plan.orders > _POISON_OFFSET * 2 else 0}(&|$)",
            },
        ),
        Trouble(
            what="502 Bad Gateway with an HTML page",
            rule={"kind": "status", "status": 502, "path": ledger, "nth": [11, 47]},
        ),
        Trouble(what="connection cut in mid-body", rule={"kind": "cut", "at_bytes": 4000, "path": receipts, "nth": 3}),
        Trouble(what="answer late by 1.2 seconds", rule={"kind": "slow", "seconds": 1.2, "path": receipts, "nth": 5}),
        Trouble(
            what="429 Too Many Requests",
            rule={"kind": "rate_limit", "which": "second", "path": ledger, "nth": 30},
        ),
        Trouble(what="page shifted by one record", rule={"kind": "shift", "by": 1, "path": receipts, "nth": 8}),
        Trouble(what="wrong count on a page", rule={"kind": "wrong_count", "by": 3, "path": listings, "nth": 2}),
    )
