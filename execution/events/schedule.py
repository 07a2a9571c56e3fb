"""How often an event is tried and when it is given up, as directives/events.md declares it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from execution.front_matter import front_matter
from execution.shipped import folder
from execution.spans import span

DIRECTIVE = folder("directives") / "events.md"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """`backoff`: the wait after the first failure, after the second, and so on; the last one is repeated."""

    backoff: Sequence[timedelta]
    give_up: timedelta
    timeout: timedelta

    @classmethod
    def load(cls, path: Path = DIRECTIVE) -> Self:
        """As the directive's front matter declares it. Raises UserError where that cannot be used."""
        with front_matter(path, "`backoff`, `give_up` and `timeout`") as declared:
            backoff = [span(text) for text in declared["backoff"]]
            give_up, timeout = span(declared["give_up"]), span(declared["timeout"])
            if not backoff or not all((*backoff, give_up, timeout)):
                raise ValueError("one wait at least, and none of 0")
        return cls(backoff=backoff, give_up=give_up, timeout=timeout)

    def wait(self, failures: int) -> timedelta:
        """How long after so many failures before this one."""
        return self.backoff[min(failures, len(self.backoff) - 1)]

    @property
    def longest(self) -> timedelta:
        return max(self.backoff)
