"""Faults on request: which requests a rule strikes. What then happens is in `corruption` and `transport`."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.parts.responses import Doc

TRANSPORT_KINDS = ("slow", "drip", "cut", "reset", "hang")
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
    "big",
)

Fields = dict[str, type | tuple[type, ...]]

_MATCH = {"path", "query", "shop_id", "nth", "every", "probability", "times"}
_COMMON: dict[str, Fields] = {
    "slow": {"seconds": (int, float)},
    "drip": {"bytes": int, "every_seconds": (int, float)},
    "cut": {"at_bytes": int, "content_length": bool},
    "reset": {},
    "hang": {"seconds": (int, float)},
    "status": {"status": int, "body": object, "headers": dict},
    "rate_limit": {"which": str, "retry_after": int},
    "redirect": {"location": str},
    "gzip": {},
    "bad_json": {"flavour": str, "record": int, "field": str, "value": object, "key": str, "bytes": int},
}
_REQUIRED = {"slow": ("seconds",), "status": ("status",), "bad_json": ("flavour",)}

# How a list of numbered pages or offsets can lie.
PAGE_FAULTS: dict[str, Fields] = {
    "wrong_count": {"by": int},
    "repeat_page": {},
    "shift": {"by": int},
    "empty_page": {},
    "short_page": {"by": int},
    "endless": {},
}
PAGE_FAULTS_NEED: dict[str, tuple[str, ...]] = {"wrong_count": ("by",), "shift": ("by",)}


@dataclass(frozen=True, kw_only=True)
class FaultKinds:
    """The kinds that one stand-in knows beside the common ones, their fields, and the names of its limits."""

    own: dict[str, Fields] = field(default_factory=lambda: PAGE_FAULTS)
    needs: dict[str, tuple[str, ...]] = field(default_factory=lambda: PAGE_FAULTS_NEED)
    limits: tuple[str, ...] = ("second", "day")

    @property
    def details(self) -> dict[str, Fields]:
        return _COMMON | self.own

    @property
    def required(self) -> dict[str, tuple[str, ...]]:
        return _REQUIRED | self.needs


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

    def __init__(self, chance: random.Random, kinds: FaultKinds | None = None) -> None:
        self._chance = chance
        self._kinds = kinds or FaultKinds()
        self._last = 0
        self.rules: list[Rule] = []

    def add(self, wanted: Doc) -> Rule:
        """Take one rule, or raise ValueError."""
        rule = _parse(wanted, self._last + 1, self._kinds)
        self._last += 1
        self.rules.append(rule)
        return rule

    def strike(self, path: str, query: str, shop_id: int | None) -> Rule | None:
        return next((rule for rule in self.rules if rule.strikes(path, query, shop_id, self._chance)), None)


def _parse(wanted: Doc, fault_id: int, kinds: FaultKinds) -> Rule:
    kind = wanted.get("kind")
    if kind not in kinds.details:
        raise ValueError(f"kind must be one of {', '.join(kinds.details)}")
    details = {name: value for name, value in wanted.items() if name not in _MATCH | {"kind"}}
    _check_details(kinds, kind, details)
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


def _check_details(kinds: FaultKinds, kind: str, details: Doc) -> None:
    for name, value in details.items():
        if name not in kinds.details[kind]:
            raise ValueError(f"{kind} takes no field {name}")
        if not isinstance(value, kinds.details[kind][name]):
            raise TypeError(f"{kind}: {name} has the wrong type")
    for name in kinds.required.get(kind, ()):
        if name not in details:
            raise ValueError(f"{kind} needs {name}")
    if kind == "bad_json" and details["flavour"] not in FLAVOURS:
        raise ValueError(f"flavour must be one of {', '.join(FLAVOURS)}")
    if kind == "rate_limit" and details.get("which", kinds.limits[0]) not in kinds.limits:
        raise ValueError(f"which must be {' or '.join(kinds.limits)}")
