"""Versions of the API, and what older ones did not know (specs/square/SOURCES.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import orjson

from sandbox.parts.responses import Doc

OLDEST, NEWEST = "2018-07-12", "2026-09-16"
# The first version after that of the specification at hand: from then on the newer shapes hold.
NEW_SHAPES = "2026-01-22"


def is_version(text: object) -> bool:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def shaped(kind: str, raw: bytes, version: str) -> bytes:
    """The record as a version knew it; records are kept in the newest shape."""
    shape = _OLDER.get(kind)
    return raw if version >= NEW_SHAPES or shape is None else orjson.dumps(shape(orjson.loads(raw)))


def _change(doc: Doc) -> Doc:
    """An adjustment had one location."""
    told = doc.get("adjustment")
    if told:
        places = told.pop("to_location_id", None), told.pop("from_location_id", None)
        told["location_id"] = places[0] or places[1]
    return doc


def _catalog(doc: Doc) -> Doc:
    """Nothing was told of vendors."""
    (doc.get("item_variation_data") or {}).pop("vendor_information", None)
    for variation in (doc.get("item_data") or {}).get("variations", ()):
        variation["item_variation_data"].pop("vendor_information", None)
    return doc


_OLDER: dict[str, Callable[[Doc], Doc]] = {"change": _change, "catalog": _catalog}
