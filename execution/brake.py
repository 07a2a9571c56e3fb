"""How much of a shop may go at once before a person is asked: declared in directives/sync_orchestration.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from execution.front_matter import front_matter
from execution.shipped import folder
from execution.spans import span

DIRECTIVE = folder("directives") / "sync_orchestration.md"


@dataclass(frozen=True, kw_only=True)
class DeletionBrake:
    """So many records of a table may go at once: `number`, or this share of them where that is more.

    `again`: how soon a domain is read once more of which a record was missed for the first time.
    """

    share: float
    number: int
    again: timedelta

    @classmethod
    def load(cls, path: Path = DIRECTIVE) -> Self:
        """As the directive's front matter declares it. Raises UserError where that cannot be used."""
        with front_matter(path, "`deletions`") as declared:
            deletions = declared["deletions"]
            share, number = float(deletions["share"]), int(deletions["number"])
            if not 0 <= share < 1 or number < 0:
                raise ValueError("a share from 0 to below 1, a number from 0 on")
            return cls(share=share, number=number, again=span(deletions["again"]))
