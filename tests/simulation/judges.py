"""Judges of a ledger of calls. Each answers what it found, in words; an empty list is a pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as the platform received it. `by`: a class of ours, or `external`."""

    at: float
    by: str
    refused: str = ""


def fullest(times: Iterable[float], width_s: float) -> tuple[int, float]:
    """The most calls in any half-open window of this width, and where it ends."""
    window: deque[float] = deque()
    most, where = 0, 0.0
    for at in times:
        window.append(at)
        while window[0] <= at - width_s:
            window.popleft()
        if len(window) > most:
            most, where = len(window), at
    return most, where


def over(ledger: Sequence[Received], limit: float, width_s: float, *, by: tuple[str, ...] = ()) -> list[str]:
    """Windows of any position that hold more than the limit."""
    most, where = fullest((call.at for call in ledger if not by or call.by in by), width_s)
    whose = " and ".join(by) or "all"
    return [f"{most} calls ({whose}) in {width_s:.0f} s before {where:.3f}; {limit:g} allowed"] if most > limit else []


def refusals(ledger: Sequence[Received]) -> list[str]:
    """Refused requests of ours."""
    return [f"{call.by} at {call.at:.3f}: {call.refused}" for call in ledger if call.refused and call.by != "external"]


def used(ledger: Sequence[Received], per_day: int, days: int) -> float:
    """The share of what the platform permitted us in so many days that we used; the others' calls are not ours."""
    external = sum(call.by == "external" for call in ledger if 0 <= call.at < days * DAY_S)
    ours = sum(call.by != "external" for call in ledger if call.at < days * DAY_S)
    return ours / (per_day * days - external)


def unused(ledger: Sequence[Received], per_day: int, days: int, least: float) -> list[str]:
    share = used(ledger, per_day, days)
    return [f"{share:.2%} of the permitted calls used, {least:.0%} wanted"] if share < least else []


def jain(amounts: Sequence[float]) -> float:
    """1 when all have the same, 1/n when one has everything."""
    return sum(amounts) ** 2 / (len(amounts) * sum(amount**2 for amount in amounts)) if any(amounts) else 0.0
