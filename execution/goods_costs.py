"""What a seller's own goods cost: by SKU in all shops, or by a shop's listing, from a day on; listed, held against what
was said before, saved as a whole and taken back (docs/decisions/041). SQL: goods_costs.sql. How files are read:
execution/goods_files.py.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from execution.errors import StoreError, UserError
from execution.store import Rpc

Row = Mapping[str, Any]
Kind = Literal["sku", "listing"]
# Since ever: what is said without a day.
ALWAYS = date.min
_PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a piece costs from a day of its shop on, in the currency's smallest unit; None: it is not known from then
    on.
    """

    kind: Kind
    key: str
    connection_id: str | None = None
    valid_from: date = ALWAYS
    currency: str
    cost_amount: int | None
    # Where it stands in its file.
    row: int = field(default=0, compare=False)

    @property
    def place(self) -> tuple[str, str, str | None, str]:
        return self.kind, self.key, self.connection_id, self.valid_from.isoformat()

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "key": self.key,
            "connection_id": self.connection_id,
            "valid_from": self.valid_from.isoformat(),
            "currency": self.currency,
            "cost_amount": self.cost_amount,
        }


def listed(store: Rpc, user_id: str, *, search: str = "", after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """A page of a user's own costs, by their ids."""
    found: list[dict[str, Any]] = store.rpc(
        "goods_costs_of", p_user_id=user_id, p_search=search or None, p_after=after, p_limit=limit
    )
    return found


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a piece costs; None: that it is not known was said."""

    currency: str
    cost_amount: int | None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What saving a cost would do. `before`: what was said for that day until now; None: nothing was."""

    cost: Cost
    outcome: Literal["created", "changed", "unchanged"]
    before: Price | None

    def as_json(self) -> dict[str, Any]:
        before = self.before and {"currency": self.before.currency, "cost_amount": self.before.cost_amount}
        return {"row": self.cost.row, "outcome": self.outcome, **self.cost.as_json(), "before": before}


def compare(store: Rpc, user_id: str, costs: Sequence[Cost]) -> list[Preview]:
    """What saving each of these would do. Nothing is written."""
    there: dict[tuple[Any, ...], dict[str, Price]] = {}
    after = 0
    while page := listed(store, user_id, after=after, limit=_PAGE):
        for one in page:
            said = there.setdefault((one["kind"], one["key"], one["connection_id"]), {})
            said[one["valid_from"]] = Price(currency=one["currency"], cost_amount=one["cost_amount"])
        after = page[-1]["id"]
    days = {what: sorted(said) for what, said in there.items()}
    return [_preview(cost, there.get(cost.place[:3], {}), days.get(cost.place[:3], ())) for cost in costs]


def _preview(cost: Cost, said: Mapping[str, Price], days: Sequence[str]) -> Preview:
    """`days`: those of `said`, in order."""
    day = cost.valid_from.isoformat()
    place = bisect_right(days, day)
    before = said[days[place - 1]] if place else None
    if day not in said:
        return Preview(cost=cost, outcome="created", before=before)
    is_same = before == Price(currency=cost.currency, cost_amount=cost.cost_amount)
    return Preview(cost=cost, outcome="unchanged" if is_same else "changed", before=before)


def counts(previews: Sequence[Preview]) -> dict[str, int]:
    """How many are {created, changed, unchanged}."""
    found = Counter(one.outcome for one in previews)
    return {"created": found["created"], "changed": found["changed"], "unchanged": found["unchanged"]}


def save(store: Rpc, user_id: str, costs: Sequence[Cost], *, by: str) -> dict[str, Any]:
    """All or nothing: {created, changed, unchanged, save_id}. The days are rolled up anew by the clock."""
    saved: dict[str, Any] = _done(
        store, "save_goods_costs", p_user_id=user_id, p_by=by, p_rows=[cost.as_json() for cost in costs]
    )
    return saved


def remove(store: Rpc, user_id: str, ids: Sequence[int], *, by: str) -> dict[str, Any]:
    """As if they had never been said: {removed, save_id}."""
    removed: dict[str, Any] = _done(store, "remove_goods_costs", p_user_id=user_id, p_by=by, p_ids=list(ids))
    return removed


def undo(store: Rpc, user_id: str, save_id: str) -> dict[str, Any]:
    """What a save or a removal changed is as before: {undone, save_id}. Raises UserError under a later one."""
    undone: dict[str, Any] = _done(store, "undo_goods_costs", p_user_id=user_id, p_save_id=save_id)
    return undone


# What the database refuses, in words.
_REFUSALS = {
    "bad_cost": (
        "One of these is no cost.",
        "It has a SKU, or a listing and its shop, a known currency, an amount of at least 0, and a day.",
    ),
    "doubled_cost": ("The same SKU or listing stands there twice for one day.", "Leave one of them."),
    "costs_changed_since": (
        "A later save changed the same, or its shop is gone.",
        "Take back the later one first; what belonged to a shop that is gone cannot come back.",
    ),
    "no_such_save": ("There is no such save.", "One can be taken back for ninety days."),
    "unknown_user": ("There is no such user.", "See `keeper user find`."),
}


def _done(store: Rpc, function: str, **arguments: Any) -> Any:
    try:
        return store.rpc(function, **arguments)
    except StoreError as error:
        if error.code not in _REFUSALS:
            raise
        text, hint = _REFUSALS[error.code]
        raise UserError(text, hint=hint, code=error.code) from None
