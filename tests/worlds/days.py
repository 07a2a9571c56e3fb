"""Days of a user's shops, as the clock rolls them up."""

from __future__ import annotations

from typing import Any

import psycopg


def roll_up(db: psycopg.Connection[Any], user_id: str) -> None:
    """Every day that is marked, until none is left."""
    while any((db.execute("select public.roll_money(%s, 31)", [user_id]).fetchone() or ({},))[0].values()):
        pass
