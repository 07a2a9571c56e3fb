"""A seller whose job is leased to the test: tokens stand in rows, sealed, and no stand-in is asked."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from execution.keyring import AssociatedData, Keyring
from tests.worlds.users import make_user

RING = "k1:" + "A" * 42 + "E"


@dataclass(kw_only=True)
class Seller:
    """A connected seller whose job is leased to us."""

    user_id: str
    connection_id: str
    lease_id: str
    shop_id: str


def connect_seller(
    db: psycopg.Connection[Any],
    store: Any,
    keyring: Keyring,
    *,
    access: str = "40010002.first",
    refresh: str | None = "40010002.refresh-1",
    expires_in: timedelta | None = timedelta(hours=1),
) -> Seller:
    user_id, connection_id, lease_id = make_user(db), str(uuid.uuid4()), str(uuid.uuid4())
    shop_id = str(random.randrange(10**6, 10**9))

    def sealed(secret: str | None, name: Any) -> str | None:
        place = AssociatedData(user_id=user_id, platform="etsy", connection_id=connection_id, field=name)
        return None if secret is None else keyring.encrypt(secret, place)

    store.rpc(
        "connect_shop",
        p_connection_id=connection_id,
        p_user_id=user_id,
        p_platform="etsy",
        p_shop_id=shop_id,
        p_shop_name="Fox",
        p_currency="USD",
        p_shop_created_at="2024-01-01T00:00:00Z",
        p_access_token=sealed(access, "access_token"),
        p_refresh_token=sealed(refresh, "refresh_token"),
        p_expires_at=None if expires_in is None else (datetime.now(UTC) + expires_in).isoformat(),
    )
    lease_job(db, user_id, connection_id, lease_id)
    return Seller(user_id=user_id, connection_id=connection_id, lease_id=lease_id, shop_id=shop_id)


def lease_job(db: psycopg.Connection[Any], user_id: str, connection_id: str, lease_id: str) -> None:
    run_id = str(uuid.uuid4())
    db.execute(
        "insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)"
        " values (%s, %s, %s, 'backfill', 'test')",
        (run_id, connection_id, user_id),
    )
    db.execute(
        "insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, status, lease_id,"
        " lease_expires_at)"
        " values (%s, %s, %s, 'etsy', 'orders', 'backfill', 'running', %s, now() + interval '1 hour')",
        (user_id, connection_id, run_id, lease_id),
    )
