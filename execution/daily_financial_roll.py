"""The daily roll-up of a seller's money, as directives/daily_financial_roll.md declares it.

Money events are derived from synced rows by the database, and added up by the shop's days (SQL: money_events.sql,
money_days.sql). Here is what people and processes ask of them: roll up what was touched, look, ask why, prove.

    a page marks what it touched ──▶ the job completes ──▶ roll_up ──▶ days are open, closed or restated
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

import structlog

from execution.errors import StoreError
from execution.front_matter import front_matter
from execution.shipped import folder
from execution.spans import span
from execution.store import Rpc

DIRECTIVE = folder("directives") / "daily_financial_roll.md"

log = structlog.get_logger()

# A step should take about so long, whatever the size of the shop.
_STEP_S = 0.5
_MOST_DAYS = 62
_FIRST_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class MoneyRules:
    """As declared: what each class adds to and whether that is profit, how long a day waits for what is not known, the
    class of each kind of a platform's records, and the entities that a platform's figures stand on.
    """

    figures: Mapping[str, Mapping[str, Sequence[str]]]
    waits: Mapping[str, timedelta]
    kinds: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]
    streams: Mapping[str, Sequence[str]]

    @classmethod
    def load(cls, path: Path = DIRECTIVE) -> Self:
        """Read the directive's front matter. Raises UserError where it cannot be used."""
        with front_matter(path, "`profit`, `beside`, `counted`, `waits`, `streams` and `kinds`") as declared:
            rules = cls(
                figures={part: dict(declared[part]) for part in ("profit", "beside", "counted")},
                waits={str(name): span(text) for name, text in declared["waits"].items()},
                kinds=dict(declared["kinds"]),
                streams=dict(declared["streams"]),
            )
            rules._check()
            return rules

    def _check(self) -> None:
        """Each class stands under one figure, each kind in one class, and every class that is used is one."""
        classes = [row["class"] for row in self.classes()]
        if len(classes) != len(set(classes)):
            raise ValueError("a class stands under two figures")
        if unknown := set(self.waits) - set(classes):
            raise ValueError(f"`waits` names no class: {', '.join(sorted(unknown))}")
        rows = self.kind_rows()
        named = [(row["platform"], row["source"], row["kind"]) for row in rows]
        if twice := {key for key in named if named.count(key) > 1}:
            raise ValueError(f"a kind stands in two classes: {', '.join(' '.join(key) for key in sorted(twice))}")
        # What a printer charges and what it does not are no figures of their own: the cost's parts are.
        if unknown := {row["class"] for row in rows} - set(classes) - {"cost", "none"}:
            raise ValueError(f"no figure has the class {', '.join(sorted(unknown))}")

    def classes(self) -> list[dict[str, Any]]:
        return [
            {
                "class": name,
                "figure": figure,
                "part": part,
                "waits": f"{self.waits[name].total_seconds():.0f} seconds" if name in self.waits else None,
            }
            for part, figures in self.figures.items()
            for figure, names in figures.items()
            for name in names
        ]

    def kind_rows(self) -> list[dict[str, str]]:
        return [
            {"platform": platform, "source": source, "kind": str(kind), "class": name}
            for platform, sources in self.kinds.items()
            for source, classes in sources.items()
            for name, kinds in classes.items()
            for kind in kinds
        ]

    def as_json(self) -> dict[str, Any]:
        """As SQL `declare_money` takes it."""
        return {
            "classes": self.classes(),
            "kinds": self.kind_rows(),
            "streams": [{"platform": p, "entity": e} for p, entities in self.streams.items() for e in entities],
        }


def declare(store: Rpc, rules: MoneyRules | None = None) -> list[dict[str, str]]:
    """Carry the directive into the database, which rolls up anew what that changes. Answers the kinds that changed."""
    rules = rules or MoneyRules.load()
    changed: list[dict[str, str]] = store.rpc("declare_money", p_declared=rules.as_json())
    return changed


def roll_up(
    store: Rpc, user_id: str | None = None, *, whole_only: bool = False, over: Callable[[], bool] = lambda: False
) -> bool:
    """Roll up what was touched, of a user or of everybody, step by step until nothing is left or it is `over`.

    `whole_only`: not of a shop whose history is still being read. Answers whether nothing is left. What is left,
    whoever is next goes on with: the clock does. A shop that cannot be rolled up is set aside for an hour, and told: of
    a user as an error, once the others are done.
    """
    days, failed = _FIRST_DAYS, ""
    while True:
        began = time.monotonic()
        left: dict[str, Any] = store.rpc("roll_money", p_user_id=user_id, p_days=days, p_whole=whole_only)
        if left["failed"]:
            failed = str(left["failed"])
            log.error("days_not_rolled", why=failed)
        if not left["days_left"] and not left["connections_left"]:
            if failed and user_id:
                raise StoreError(f"The days of a {failed}.", hint="It is tried again in an hour.")
            return True
        if over():
            return False
        took = time.monotonic() - began
        days = min(_MOST_DAYS, days * 2) if took < _STEP_S / 2 else max(1, days // 2) if took > _STEP_S else days


def roll_newest(store: Rpc, connection_id: str) -> None:
    """Roll up the newest days of a shop whose history is being read; the others wait until it is whole."""
    store.rpc("roll_newest", p_connection_id=connection_id, p_days=_FIRST_DAYS)


def rebuild(store: Rpc, user_id: str, *, connections: Sequence[str] | None = None) -> int:
    """Roll everything up from its rows alone. Answers of how many shops."""
    shops: int = store.rpc(
        "rebuild_money", p_user_id=user_id, p_connections=None if connections is None else list(connections)
    )
    roll_up(store, user_id)
    return shops


def days(
    store: Rpc,
    user_id: str,
    *,
    first: date | None = None,
    last: date | None = None,
    connections: Sequence[str] | None = None,
    after: Mapping[str, Any] | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Days, the newest first, with their figures and how they stand: {days, next}."""
    found: dict[str, Any] = store.rpc(
        "money_days_of",
        p_user_id=user_id,
        p_first=first and first.isoformat(),
        p_last=last and last.isoformat(),
        p_connections=None if connections is None else list(connections),
        p_after=after,
        p_limit=limit,
    )
    return found


def events(
    store: Rpc,
    user_id: str,
    *,
    connection_id: str,
    day: date,
    classes: Sequence[str] | None = None,
    after: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """The events behind a day's figures, in their order: {events, next}."""
    found: dict[str, Any] = store.rpc(
        "money_events_of",
        p_user_id=user_id,
        p_connection_id=connection_id,
        p_day=day.isoformat(),
        p_classes=None if classes is None else list(classes),
        p_after=after,
        p_limit=limit,
    )
    return found


def why(store: Rpc, user_id: str, day: date, *, as_of: str | None = None) -> list[dict[str, Any]]:
    """Of a day: how each shop's figures stand, what changed them since they were closed, and what did it.

    `as_of`: as they stood at that moment.
    """
    found: list[dict[str, Any]] = store.rpc("money_why", p_user_id=user_id, p_day=day.isoformat(), p_as_of=as_of)
    return found


def certificates(
    store: Rpc, user_id: str, *, first: date | None = None, last: date | None = None, rows: int = 5
) -> dict[str, Any]:
    """Each closed day held against what the platform says of it; what differs, by its rows' ids."""
    checked: dict[str, Any] = {"days": 0, "open": 0, "differing": []}
    after: dict[str, Any] | None = None
    while True:
        piece: dict[str, Any] = store.rpc(
            "money_certificates",
            p_user_id=user_id,
            p_first=first and first.isoformat(),
            p_last=last and last.isoformat(),
            p_after=after,
            p_rows=rows,
        )
        checked["days"] += piece["days"]
        checked["open"] += piece["open"]
        checked["differing"] += piece["differing"]
        after = piece["next"]
        if after is None:
            return checked
