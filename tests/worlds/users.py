"""Users, and sellers who are connected by rows alone: no token, for tests that call no platform."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg


def make_user(db: psycopg.Connection[Any], user_id: str | None = None) -> str:
    user_id = user_id or str(uuid.uuid4())
    db.execute("insert into auth.users (id, email) values (%s, %s)", [user_id, f"{user_id}@example.com"])
    return user_id


def make_seller(db: psycopg.Connection[Any], *platforms: str) -> str:
    """A user with a shop on each of these platforms."""
    user_id = make_user(db)
    for platform in platforms:
        connect(db, user_id, platform)
    return user_id


def connect(db: psycopg.Connection[Any], user_id: str, platform: str, shop_id: str = "1") -> str:
    """A connection without tokens; answers its id."""
    row = db.execute(
        "insert into public.connected_accounts (user_id, platform, shop_id) values (%s, %s, %s) returning id::text",
        [user_id, platform, shop_id],
    ).fetchone()
    assert row is not None
    return str(row[0])
