"""What every control plane asks of a wish for a shop."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from sandbox.parts.clock import Clock
from sandbox.parts.control_http import SeedTaken, whole_number
from sandbox.parts.responses import Doc

MAX_ORDERS = 3_000_000


def refuse_unknown(wanted: Doc, fields: AbstractSet[str]) -> None:
    if unknown := set(wanted) - fields:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: {', '.join(sorted(fields))}")


def free_seed(wanted: Doc, taken: AbstractSet[int], highest: int) -> int:
    """The seed that is wished for, or the first that nobody has."""
    if wanted.get("seed") is None:
        return next(number for number in range(1, highest) if number not in taken)
    seed = whole_number(wanted, "seed", 0, 0, highest)
    if seed in taken:
        raise SeedTaken(f"a shop of seed {seed} is already there")
    return seed


def years_of(wanted: Doc) -> float:
    value = wanted.get("years", 3)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 20:
        raise ValueError("years must be a number above 0 and at most 20")
    return float(value)


def orders_of(wanted: Doc) -> int:
    return whole_number(wanted, "orders", 1200, 0, MAX_ORDERS)


def ends_at_of(wanted: Doc, clock: Clock) -> int:
    """Now, unless another end is wished for."""
    return whole_number(wanted, "ends_at", clock.seconds(), 1_000_000_000, 2**40)
