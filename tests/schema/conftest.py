"""Two tenants with rows in every table, and a connection that speaks as any role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.schema.rows import Connection, fill_every_table
from tests.schema.set_clock import SetClock, set_clock
from tests.worlds.users import make_user


@dataclass(frozen=True, kw_only=True)
class Tenants:
    """`ann` asks, `bob` is the other one; the rows of each by table, as JSON."""

    ann: str
    bob: str
    ann_rows: dict[str, dict[str, Any]]
    bob_rows: dict[str, dict[str, Any]]


@pytest.fixture
def tenants(clean: None, db: Connection) -> Tenants:
    ann, bob = make_user(db), make_user(db)
    return Tenants(ann=ann, bob=bob, ann_rows=fill_every_table(db, ann), bob_rows=fill_every_table(db, bob))


@pytest.fixture
def clock(clean: None, db: Connection) -> Iterator[SetClock]:
    """The budget's functions, at the time that the test tells."""
    with set_clock(
        db, "reserve_calls", "return_calls", "report_limits", "block_scope", "count_answers", "lease_pacing",
        "pace_call", "pace_cost", "budget_report",
    ) as clock:  # fmt: skip
        yield clock
