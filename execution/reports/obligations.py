"""What platforms' privacy laws ask of us, who has to act, and the erasure of a buyer on a person's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from execution.errors import UserError
from execution.store import Rpc

_WAITS_FOR = {
    "people": "you: do it, then settle it",
    "shop_is_connected": "the shop is still connected: nothing is erased; settle it, or disconnect",
    "forty_hours": "forty hours since the shop left",
    "clock": "the clock, which is erasing it",
}


def read(store: Rpc, *, with_settled: bool) -> list[dict[str, Any]]:
    """The open ones, the oldest first; on demand those that were settled as well."""
    found: list[dict[str, Any]] = store.rpc("obligations", p_all=with_settled)
    return found


def settle(store: Rpc, *, number: int, outcome: str) -> dict[str, Any]:
    """A person has done what was asked, and says how."""
    if not outcome.strip():
        raise UserError("How was it settled?", hint="Say it in some words with --outcome.")
    if not store.rpc("settle_obligation", p_id=number, p_outcome=outcome.strip()):
        raise UserError(f"No open obligation has the number {number}.", hint="See `keeper obligations list`.")
    return {"id": number, "outcome": outcome.strip()}


def erase_buyer(
    store: Rpc, shops: Sequence[Mapping[str, Any]], *, user_id: str, buyer: str | None, email: str | None
) -> list[dict[str, Any]]:
    """Nothing that names the buyer is left in these shops, for good; their orders stay as figures."""
    if not buyer and not email:
        raise UserError(
            "Whom?", hint="Name the platform's number of the buyer with --buyer, or an address with --email."
        )
    return [
        store.rpc(
            "erase_buyer",
            p_user_id=user_id,
            p_connection_id=shop["connection_id"],
            p_buyer=buyer or None,
            p_email=email,
        )
        for shop in shops
    ]


def table(obligations: Sequence[Mapping[str, Any]]) -> Table:
    """One line each: what, of whom, how old, and who has to act."""
    shown = Table("No.", "shop", "what", "about", "days", "waits for", box=None)
    for one in obligations:
        about = ", ".join(f"{name} {value}" for name, value in one["subject"].items())
        waits = _WAITS_FOR.get(one["waits_for"], f"settled: {one['outcome']}")
        cells = (
            str(one["id"]),
            f"{one['platform']} {one['shop_id']}",
            one["topic"],
            about,
            str(one["age_days"]),
            waits,
        )
        shown.add_row(*map(escape, cells))
    return shown
