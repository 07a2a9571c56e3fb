"""What comes after the backfill: the platforms change, rounds follow, and one of them is taken back and done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from execution import operations, runs
from execution.app import App
from sandbox.demo.stand_ins import Shops, StandIn, StandIns

# No round reads the last minute: its bound lies so far behind.
_AGO_S = 90
_OPEN = ("waiting", "queued", "running", "parked")
_MOST_RUNS = 100
_NAME = {"title": "New name"}
# One of the first, or of those behind them, to which it can happen: an order may have nothing left to refund.
_SOME, _LATER = range(8), range(8, 16)

# At whom, what people would say of it, and the stand-in's word for it. One that goes is missed by two readings.
_CHANGES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("etsy", "two sales", {"kind": "new_order", "count": 2}),
    ("etsy", "a refund", {"kind": "refund_order", "receipt_id": _SOME}),
    (
        "etsy",
        "a listing renamed",
        {"kind": "edit_listing", "listing_id": _SOME, "fields": _NAME},
    ),
    ("etsy", "a listing removed", {"kind": "remove_listing", "listing_id": _LATER}),
    ("printify", "an order", {"kind": "new_order", "count": 1, "order_type": "manual"}),
    ("shopify", "a sale", {"kind": "new_order", "count": 1}),
    ("shopify", "a refund", {"kind": "refund_order", "order_id": _SOME}),
    ("shopify", "a product renamed", {"kind": "edit_product", "product_id": "last", "fields": _NAME}),
)
_PLATFORMS = tuple(dict.fromkeys(at for at, _, _ in _CHANGES))


@dataclass(frozen=True, kw_only=True)
class RoundSeen:
    """What one run saw: rows by what became of them and in which tables, calls, and how long after it happened. A round
    of an entity, or the reading of what a webhook named (`changes`): whichever was first.
    """

    platform: str
    entity: str
    calls: int
    created: int
    changed: int
    deleted: int
    tables: tuple[str, ...]
    seconds_late: float


@dataclass(frozen=True, kw_only=True)
class Undone:
    """A run that was taken back, and the rows that its successor brought again."""

    run_id: str
    platform: str
    removed: int
    restored: int
    again: int


@dataclass(frozen=True, kw_only=True)
class SecondAct:
    """`changes`: by platform, in words. `rounds`: those that brought something; `at_rest`: how many brought nothing,
    and their calls.
    """

    changes: Mapping[str, tuple[str, ...]]
    rounds: tuple[RoundSeen, ...]
    at_rest: tuple[int, int]
    undone: Undone | None
    all_completed: bool

    @property
    def ok(self) -> bool:
        done_again = self.undone is not None and self.undone.again == self.undone.removed + self.undone.restored
        return self.all_completed and done_again


def play(app: App, stand_ins: StandIns, shops: Shops, user_id: str, *, pause: Callable[[float], None]) -> SecondAct:
    """Let it all happen to this seller. `pause` waits, and raises where it takes too long."""
    theatre = _Theatre(app=app, user_id=user_id, pause=pause, seen=set(), connections=_connections(app, user_id))
    theatre.new_runs()
    happened = time.time()
    done = [
        (platform, what)
        for platform, what, change in _CHANGES
        if _happens(getattr(stand_ins, platform), getattr(shops, platform).number, int(happened) - _AGO_S, change)
    ]
    # Twice: what one reading does not show is gone when the next one does not, either.
    followed = theatre.round() + theatre.round()
    undone = _undo(theatre, followed)
    told = [_seen(run, happened) for run in followed if run["tables"]]
    quiet = [run for run in followed if not run["tables"]]
    return SecondAct(
        changes={name: tuple(what for at, what in done if at == name) for name in _PLATFORMS},
        rounds=tuple(sorted(told, key=lambda seen: seen.seconds_late)),
        at_rest=(len(quiet), sum(run["calls"] for run in quiet)),
        undone=undone,
        all_completed=all(run["state"] in ("completed", "undone") for run in followed),
    )


def _happens(stand_in: StandIn, number: int, at: int, change: Mapping[str, Any]) -> bool:
    """Whether there was something that it could happen to: in a small shop there may be nothing."""
    places = next((value for value in change.values() if isinstance(value, range)), range(1))
    for index in places:
        fields = {name: {"index": index} if isinstance(value, range) else value for name, value in change.items()}
        try:
            stand_in.post(f"/shops/{number}/mutations", {"at": at, **fields})
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in (400, 404, 422):
                raise
        else:
            return True
    return False


@dataclass(kw_only=True)
class _Theatre:
    app: App
    user_id: str
    pause: Callable[[float], None]
    seen: set[str]
    connections: list[dict[str, Any]]

    def round(self, platform: str | None = None) -> list[dict[str, Any]]:
        """The runs of a round that is asked for now, and of what it wakes, once all have ended."""
        operations.sync(self.app, user_id=self.user_id, platform=platform, entities=())
        return self.new_runs()

    def new_runs(self) -> list[dict[str, Any]]:
        while True:
            found = runs.of_user(self.app.store, self.user_id, self.connections, limit=_MOST_RUNS)
            if not any(run["state"] in _OPEN for run in found):
                break
            self.pause(0.2)
        fresh = [run for run in found if run["run_id"] not in self.seen]
        self.seen |= {run["run_id"] for run in fresh}
        return fresh


def _connections(app: App, user_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = operations.status(app, user_id=user_id, platform=None)["connections"]
    return found


def _undo(theatre: _Theatre, followed: list[dict[str, Any]]) -> Undone | None:
    """Take back the round that brought the sale of the seller's own shop; the next one brings it again."""
    run = next((run for run in followed if run["platform"] == "shopify" and "orders" in run["tables"]), None)
    if run is None:
        return None
    told = operations.roll_back(theatre.app, run_id=run["run_id"], with_later=True, dry_run=False)
    theatre.new_runs()
    again = theatre.round("shopify")
    counts = told["tables"].values()
    return Undone(
        run_id=run["run_id"],
        platform=run["platform"],
        removed=sum(one["removed"] for one in counts),
        restored=sum(one["restored"] for one in counts),
        again=sum(one["created"] + one["changed"] for other in again for one in other["tables"].values()),
    )


def _seen(run: Mapping[str, Any], happened: float) -> RoundSeen:
    ended = datetime.fromisoformat(run["finished_at"]).timestamp()
    counts = list(run["tables"].values())
    return RoundSeen(
        platform=run["platform"],
        entity=", ".join(run["entities"]),
        calls=run["calls"],
        created=sum(one["created"] for one in counts),
        changed=sum(one["changed"] for one in counts),
        deleted=sum(one["deleted"] for one in counts),
        tables=tuple(sorted(run["tables"])),
        seconds_late=round(ended - happened, 1),
    )
