"""Columns that are filled from rows that are there already, in batches; asks no platform."""

from __future__ import annotations

from execution.slices.cursor import Cursor
from execution.slices.job_slice import JobSlice
from execution.streams import Derivation

_ROWS = 5000


class DerivationStep:
    """One derivation, from the last key that is done."""

    def __init__(self, in_slice: JobSlice, derivation: Derivation, cursor: Cursor) -> None:
        self._slice = in_slice
        self._derivation = derivation
        self._cursor = cursor

    def run(self) -> Cursor | None:
        """Where the job stands afterwards; None when the slice is over before."""
        cursor = self._cursor
        while not self._slice.over():
            batch = self._slice.store.rpc(
                "derive",
                p_lease_id=self._slice.job.lease_id,
                p_name=self._derivation.name,
                p_after=cursor.after,
                p_limit=_ROWS,
            )
            if not batch["rows"]:
                return cursor.next_step()
            cursor = cursor.past(batch["after"])
            self._slice.save(cursor)
        return None
