"""Questions over a whole shop, asked in pieces that each fit into a statement (docs/decisions/027).

while the answer has `rest` ──▶ the same question once more, with that rest
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from execution.errors import Snooze
from execution.jobs import Job
from execution.store import Rpc, Store

# Keys that one piece reads: about a second (docs/performance.md).
PIECE_ROWS = 100_000
_LEASE_SECONDS = 300


def whole(store: Rpc, function: str, /, **arguments: Any) -> dict[str, Any]:
    """The answer to a question, however many pieces it takes."""
    rest: dict[str, Any] = {}
    while True:
        answer: dict[str, Any] = store.rpc(function, **arguments, p_rest=rest, p_rows=PIECE_ROWS)
        if "rest" not in answer:
            return answer
        rest = answer["rest"]


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What the holder of a lease asks of its shop. A question of several pieces is kept between them, so that a slice
    may end there, or its worker die: whoever has the job next goes on. `save` keeps what is known, fenced by the lease.
    """

    store: Store
    job: Job
    save: Callable[[dict[str, Any]], None]
    over: Callable[[], bool]
    # By the question's name: the whole answer, or the last piece's `rest`.
    known: dict[str, Any] = field(default_factory=dict)

    def ask(self, name: str, function: str, /, **arguments: Any) -> dict[str, Any]:
        """Raises Snooze between two pieces where the slice is over."""
        while True:
            before = self.known.get(name, {})
            if before and "rest" not in before:
                return dict(before)
            answer: dict[str, Any] = self.store.rpc(
                function, p_lease_id=self.job.lease_id, p_rest=before.get("rest", {}), p_rows=PIECE_ROWS, **arguments
            )
            if not before and "rest" not in answer:
                return answer
            self.known[name] = answer
            self.save(self.known)
            if "rest" not in answer:
                return answer
            if self.over():
                raise Snooze("the slice is over", timedelta(), code="slice_over")
            self.store.rpc("extend_lease", p_lease_id=self.job.lease_id, p_lease_seconds=_LEASE_SECONDS)
