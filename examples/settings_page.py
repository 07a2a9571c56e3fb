"""The handler of a settings page: what the page shows of a user's shops, and its two buttons."""

from __future__ import annotations

from dataclasses import dataclass

from keeper import Keeper, UserError


@dataclass(frozen=True, kw_only=True)
class Card:
    """One shop on the page."""

    connection_id: str
    title: str
    line: str
    may_load: bool


def cards(keeper: Keeper, user_id: str) -> list[Card]:
    """The user's shops, each with a line about its history."""
    backfill = keeper.backfills.status(user_id)
    found = []
    for shop in backfill.connections:
        jobs = [job for job in backfill.jobs if job.connection_id == shop.connection_id]
        failed = [job.seller_message for job in jobs if job.status in ("failed", "quarantined")]
        done = sum(job.records_done for job in jobs)
        if shop.status != "connected":
            line = "Connect the shop again."
        elif failed:
            line = failed[0] or "Something went wrong."
        elif jobs and all(job.status == "completed" for job in jobs):
            line = f"{done:,} records, proven complete."
        else:
            line = f"{done:,} records so far." if jobs else "Nothing loaded yet."
        title = shop.shop_name or f"{shop.platform} {shop.shop_id}"
        may_load = shop.status == "connected" and (not jobs or bool(failed))
        found.append(Card(connection_id=shop.connection_id, title=title, line=line, may_load=may_load))
    return found


def load(keeper: Keeper, user_id: str) -> str:
    """The button "Load my history": what the page says afterwards."""
    try:
        started = keeper.backfills.start(user_id)
    except UserError as error:
        return str(error)
    queued = [job for job in started.jobs if job.outcome == "queued"]
    return f"{len(queued)} of {len(started.jobs)} parts start now." if queued else "There is nothing to load."


def disconnect(keeper: Keeper, user_id: str, connection_id: str) -> str:
    """The button "Disconnect". A connection of somebody else's is not there for this user."""
    ended = keeper.connections.disconnect(user_id, connection_id)
    return "Disconnected." if ended.disconnected else "There is no such shop."
