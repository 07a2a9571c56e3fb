"""Patience with a platform that does not agree with itself for a while: declared in directives/backfill.md.

A count that lags, two replicas that answer in turn: passes within a second cannot prove such a list, and reading it
until they do would cost the day's calls. It is read again later, each time later, and only then given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from execution.errors import Fatal, Signal, Snooze
from execution.front_matter import front_matter
from execution.shipped import folder
from execution.slices.cursor import Cursor
from execution.spans import span

DIRECTIVE = folder("directives") / "backfill.md"


@dataclass(frozen=True, kw_only=True)
class DoubtWaits:
    """How long is waited before each further reading of what could not be proven."""

    waits: Sequence[timedelta]

    @classmethod
    def load(cls, path: Path = DIRECTIVE) -> Self:
        """As the directive's front matter declares it. Raises UserError where that cannot be used."""
        with front_matter(path, "`doubt_waits`") as declared:
            return cls(waits=tuple(span(text) for text in declared["doubt_waits"]))

    def signal(self, cursor: Cursor, reason: str, *, code: str) -> Signal:
        """Wait, or give up, of a job that stands here (`JobSlice.put_off` raises it)."""
        if cursor.waits >= len(self.waits):
            return Fatal(reason, code=code)
        return Snooze(reason, self.waits[cursor.waits], code="disagrees")
