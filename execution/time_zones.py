"""In which zone a shop's days begin: told by its platform, or said by its seller where the platform tells none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from execution.errors import StoreError, UserError
from execution.store import Rpc

_NAME = re.compile(r"[A-Za-z0-9_+/-]{1,60}")


def zones_of(store: Rpc, user_id: str) -> dict[str, Mapping[str, Any]]:
    """Of each of the user's shops {zone, said_by}, by the id of its connection; both None where nobody knows."""
    return {one["connection_id"]: one for one in store.rpc("time_zones", p_user_id=user_id)}


def say(store: Rpc, *, user_id: str, connection_id: str, zone: str, since: datetime | None = None) -> dict[str, Any]:
    """What the seller says; `since`: from then on, else always. Raises UserError where it is no zone, or not the
    seller's to say.
    """
    name = zone.strip()
    if not _NAME.fullmatch(name):
        raise _no_zone()
    try:
        said: dict[str, Any] = store.rpc(
            "say_time_zone",
            p_user_id=user_id,
            p_connection_id=connection_id,
            p_zone=name,
            p_from=since.isoformat() if since else None,
        )
    except StoreError as error:
        if error.code == "unknown_time_zone":
            raise _no_zone() from None
        if error.code == "time_zone_told":
            raise UserError(
                "The platform tells this shop's time zone:",
                hint="change it in the shop's own settings.",
                code=error.code,
            ) from None
        raise
    return said


def _no_zone() -> UserError:
    return UserError(
        "This is no time zone:", hint="write it like Europe/Riga or America/New_York.", code="unknown_time_zone"
    )
