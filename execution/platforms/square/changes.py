"""How Square's objects are read again by id, once a webhook has named them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from execution.platforms.square.streams import NAMED_ORDERS
from execution.streams import Lookup, Stream


def by_ids(stream: Stream, lookup: Lookup) -> Lookup:
    """Orders, a hundred a call; those that are not there are left out without a word."""
    del stream
    return replace(NAMED_ORDERS, name=lookup.name, pending=lookup.pending, named_by_events=lookup.named_by_events)


def inside(path: str, member: str) -> Callable[[Stream, Lookup], Lookup]:
    """An object that has a path of its own, and is a member of the answer there."""

    def by_id(stream: Stream, lookup: Lookup) -> Lookup:
        return replace(lookup, path=path, records_at=stream.records_at, inside=member)

    return by_id
