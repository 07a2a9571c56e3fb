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
    # Printify counts in US dollars, and amounts of two currencies are never added.
    currency: str = "USD"

    @property
    def shopify_orders(self) -> int:
        """The first seller's own shop is younger than the one at Etsy."""
        return max(self.orders // 4, 1)

    @property
    def square_orders(self) -> int:
        """Of the third seller's counter, and of the salon beside it."""
        return max(self.orders // 8, 1)

    @property
    def second_orders(self) -> int:
        return max(self.orders // 4, 1)


@dataclass(frozen=True, kw_only=True)
class PlannedFault:
    """One fault: a sentence for people, and the sandbox's rule (docs/sandbox-etsy.md and its neighbours)."""

    what: str
    rule: Mapping[str, Any]


def etsy_faults(plan: Plan, shop_id: str) -> tuple[PlannedFault, ...]:
    """What goes wrong with the first seller's shop at Etsy; a calm demo has no faults."""
    if plan.calm:
        return ()
    return tuple(PlannedFault(what=t.what, rule={**t.rule, "shop_id": int(shop_id)}) for t in _etsy_faults(plan))


def shopify_faults(plan: Plan) -> tuple[PlannedFault, ...]:
    """Shopify says `THROTTLED` in an answer that is 200."""
    if plan.calm:
        return ()
    return (PlannedFault(what="THROTTLED inside a 200 of Shopify", rule={"kind": "throttled", "nth": 4}),)


# Orders that come in while Printify's pages are read by number, so that every later row shifts.
NEWCOMERS = 2


def printify_change(plan: Plan) -> Mapping[str, Any] | None:
    """The change that waits for Printify's third page."""
    if plan.calm:
        return None
    about = {"kind": "new_order", "count": NEWCOMERS, "order_type": "manual"}
    return {**about, "after": {"requests": 3, "path": "orders.json$"}}


def _etsy_faults(plan: Plan) -> tuple[PlannedFault, ...]:
    receipts, ledger, listings = "/receipts$", "/ledger-entries$", "/listings$"
    return (
        # Not once but every time that page is read: a record that stays broken must not stop its neighbours.
        PlannedFault(
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
        PlannedFault(
            what="502 Bad Gateway with an HTML page",
            rule={"kind": "status", "status": 502, "path": ledger, "nth": [11, 47]},
        ),
        PlannedFault(
            what="connection cut in mid-body", rule={"kind": "cut", "at_bytes": 4000, "path": receipts, "nth": 2}
        ),
        PlannedFault(
            what="answer late by 1.2 seconds", rule={"kind": "slow", "seconds": 1.2, "path": receipts, "nth": 3}
        ),
        PlannedFault(
            what="429 Too Many Requests",
            rule={"kind": "rate_limit", "which": "second", "path": ledger, "nth": 30},
        ),
        PlannedFault(what="page shifted by one record", rule={"kind": "shift", "by": 1, "path": receipts, "nth": 5}),
        PlannedFault(what="wrong count on a page", rule={"kind": "wrong_count", "by": 3, "path": listings, "nth": 2}),
    )
