"""What a piece cost, since when we know it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.schema.jobworld import claim, queue
from tests.schema.sample_records import SHAPES, sample
from tests.worlds.users import make_seller


def test_each_value_has_its_time_whichever_clock_saw_it(clean: None, db: Any) -> None:
    """A worker whose clock is behind brings a newer version with an older time: nothing ends before it began."""
    platform, shape = SHAPES["shopify_variants"]
    lease = str(uuid.uuid4())
    queue(db, make_seller(db, platform), (platform, "variants"))
    claim(db, lease)
    for version, (fetched, cost) in enumerate(
        (("10:00:00", "3.00"), ("11:00:00", "3.00"), ("12:00:00", "4.00"), ("11:59:59", "5.00"), ("13:00:00", "3.00"))
    ):
        record = sample(shape) | {"updatedAt": f"2026-01-02T10:00:0{version}Z"}
        record["inventoryItem"]["unitCost"] = {"amount": cost, "currencyCode": "USD"}
        (reason,) = db.execute(
            "select o.reason from private.land_one(private.leased_job(%s), %s, %s, %s) as o",
            (lease, shape.name, f"2026-01-03T{fetched}Z", json.dumps(record).encode()),
        ).fetchone()
        assert reason is None, reason

    found = db.execute(
        "select to_char(first_seen_at at time zone 'UTC', 'HH24:MI'),"
        " to_char(last_seen_at at time zone 'UTC', 'HH24:MI'), cost_amount"
        " from public.unit_costs order by first_seen_at, last_seen_at nulls last"
    ).fetchall()
    # Of two values of one moment the later one stands.
    assert found == [("10:00", "12:00", 300), ("12:00", "13:00", 500), ("13:00", None, 300)]
