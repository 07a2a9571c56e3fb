"""What every change asks: which record, where, and when."""

from __future__ import annotations

from typing import Any

from sandbox.parts.responses import Doc
from sandbox.square.data.notices import Notice
from sandbox.square.data.timestamps import SECOND
from sandbox.square.live_shop import LiveShop

Outcome = tuple[Doc, list[Notice]]


def record_of(live: LiveShop, kind: str, which: Any) -> Doc:
    """By its id, or "first", "last", {"index": n} in order of creation."""
    key = live.store.key_at(kind, which) if isinstance(which, dict) or which in ("first", "last") else str(which)
    made = live.store.get(kind, key) if key is not None else None
    if made is None:
        raise LookupError(f"no such {kind}: {which}")
    return made


def location_of(live: LiveShop, wanted: Doc, default: Any = None) -> str:
    """Its id or its number; the main one by default."""
    places = live.shop.location_ids
    which = wanted.get("location_id", default)
    if which is None or which == "first":
        return live.shop.main_location
    place = (
        places[-1] if which == "last" else places[which] if isinstance(which, int) and which < len(places) else which
    )
    if place not in places:
        raise LookupError(f"no location {which}")
    return str(place)


def moment(wanted: Doc, now: int) -> int:
    return int(float(wanted["at"]) * SECOND) if "at" in wanted else now
