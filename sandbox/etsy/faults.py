"""Faults on request: which requests a rule strikes. What then happens is in `spoil` and `wire`."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.etsy.money import Doc

WIRE_KINDS = ("slow", "drip", "cut", "reset", "hang")
ANSWER_KINDS = ("status", "rate_limit", "redirect", "gzip", "bad_json")
PAGE_KINDS = ("wrong_count", "repeat_page", "shift", "empty_page", "short_page", "endless")
KINDS = (*WIRE_KINDS, *ANSWER_KINDS, *PAGE_KINDS)
FLAVOURS = (
    "nan",
    "lone_surrogate",
    "nul",
    "bigint",
    "wrong_type",
    "missing_key",
    "deep_nesting",
    "duplicate_key",
    "latin1",
    "bom",
    "truncated",
)

_MATCH = {"path", "query", "shop_id", "nth", "every", "probability", "times"}
_DETAILS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "slow": {"seconds": (int, float)},
    "drip": {"bytes": int, "every_seconds": (int, float)},
    "cut": {"at_bytes": int, "content_length": bool},
    "reset": {},
    "hang": {"seconds": (int, float)},
    "status": {"status": int, "body": object, "headers": dict},
    "rate_limit": {"which": str, "retry_after": int},
    "redirect": {"location": str},
    "gzip": {},
    "bad_json": {"flavour": str, "record": int, "field": str, "value": object},
    "wrong_count": {"by": int},
    "repeat_page": {},
    "shift": {"by": int},
    "empty_page": {},
    "short_page": {"by": int},
    "endless": {},
}
_REQUIRED = {
    "slow": ("seconds",),
    "status": ("status",),
    "wrong_count": ("by",),
    "shift": ("by",),
    "bad_json": ("flavour",),
}


@dataclass(kw_only=True)
class Rule:
    """One rule; `details` are the fields of its kind."""

    fault_id: int
    kind: str
    details: Doc
    path: re.Pattern[str]
    query: re.Pattern[str]
    shop_id: int | None = None
    nth: frozenset[int] = frozenset()
    every: int = 0
    probability: float = 1.0
    times: int | None = None
    seen: int = 0
    struck: int = 0
    given: Doc = field(default_factory=dict)

    def get(self, name: str, default: Any) -> Any:
        return self.details.get(name, default)

    def strikes(self, path: str, query: str, shop_id: int | None, chance: random.Random) -> bool:
        if not (self.path.search(path) and self.query.search(query) and self.shop_id in (None, shop_id)):
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        self.seen += 1
        hit = not self.nth or self.seen in self.nth
        hit = hit and (not self.every or self.seen % self.every == 0)
        hit = hit and (self.probability >= 1 or chance.random() < self.probability)
        self.struck += hit
        return hit


class Faults:
    """The rules in force, oldest first; the first that strikes wins."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._last = 0
        self.rules: list[Rule] = []

    def add(self, wanted: Doc) -> Rule:
        """Take one rule, or raise ValueError."""
        rule = _parse(wanted, self._last + 1)
        self._last += 1
        self.rules.append(rule)
        return rule

    def strike(self, path: str, query: str, shop_id: int | None) -> Rule | None:
        return next((rule for rule in self.rules if rule.strikes(path, query, shop_id, self._chance)), None)


def _parse(wanted: Doc, fault_id: int) -> Rule:
    kind = wanted.get("kind")
    if kind not in _DETAILS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    details = {name: value for name, value in wanted.items() if name not in _MATCH | {"kind"}}
    _check_details(kind, details)
    nth = wanted.get("nth", [])
    try:
        return Rule(
            fault_id=fault_id,
            kind=kind,
            details=details,
            path=re.compile(wanted.get("path", "")),
            query=re.compile(wanted.get("query", "")),
            shop_id=wanted.get("shop_id"),
            nth=frozenset([nth] if isinstance(nth, int) else nth),
            every=int(wanted.get("every", 0)),
            probability=float(wanted.get("probability", 1.0)),
            times=wanted.get("times"),
            given=wanted,
        )
    except (re.error, TypeError) as error:
        raise ValueError(f"cannot read the rule: {error}") from error


def _check_details(kind: str, details: Doc) -> None:
    for name, value in details.items():
        if name not in _DETAILS[kind]:
            raise ValueError(f"{kind} takes no field {name}")
        if not isinstance(value, _DETAILS[kind][name]):
            raise TypeError(f"{kind}: {name} has the wrong type")
    for name in _REQUIRED.get(kind, ()):
        if name not in details:
            raise ValueError(f"{kind} needs {name}")
    if kind == "bad_json" and details["flavour"] not in FLAVOURS:
        raise ValueError(f"flavour must be one of {', '.join(FLAVOURS)}")
    if kind == "rate_limit" and details.get("which", "second") not in ("second", "day"):
        raise ValueError("which must be second or day")
