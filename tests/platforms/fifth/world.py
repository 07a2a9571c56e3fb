"""What the product holds of Bazaar, and what Bazaar has."""

from __future__ import annotations

from typing import Any

import psycopg

from execution import operations
from execution.app import App
from tests.platforms.fifth.stand_in import Bazaar


def backfill(app: App, user_id: str) -> dict[str, Any]:
    operations.start_backfill(app, user_id=user_id, platform="bazaar", entities=[], again=False)
    operations.run_until_idle(app, wait_seconds=5)
    return operations.status(app, user_id=user_id, platform="bazaar")


def stored(db: psycopg.Connection[Any], user_id: str) -> dict[str, tuple[Any, ...]]:
    rows = db.execute(
        "select platform_id, order_number, status, extract(epoch from ordered_at)::int, currency, total_amount,"
        " raw ? 'buyer' from public.orders where user_id = %s and platform = 'bazaar' and not is_deleted",
        (user_id,),
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def theirs(bazaar: Bazaar) -> dict[str, tuple[Any, ...]]:
    return {
        name: (o["number"], o["state"].lower(), o["placed"], "EUR", round(float(o["total"]) * 100), False)
        for name, o in bazaar.orders.items()
    }
