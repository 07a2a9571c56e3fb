"""What is in one of two tables and not in the other, or not the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.standins.stand_in import Rows


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One way in which the tables are not the truth: 'missing', 'extra', or the column that is wrong."""

    platform: str
    shop_id: str
    table: str
    key: str
    what: str
    ours: Any = None
    theirs: Any = None


def differences(ours: Rows, theirs: Rows, **where: str) -> Iterator[Difference]:
    """In both directions; of a row that both have, in the columns that the truth knows."""
    for key in theirs.keys() - ours.keys():
        yield Difference(**where, key=key, what="missing")
    for key in ours.keys() - theirs.keys():
        yield Difference(**where, key=key, what="extra")
    for key in ours.keys() & theirs.keys():
        for name, value in theirs[key].items():
            if ours[key][name] != value:
                yield Difference(**where, key=key, what=name, ours=ours[key][name], theirs=value)
