"""The database's functions on a clock that a test sets: rules of time to the second, with nothing slept or moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.schema.jobworld import call
from tests.schema.rows import Connection

_CLOCK = "clock_timestamp()"
_SET_CLOCK = "current_setting('keeper.now')::timestamptz"


class SetClock:
    """Calls functions at `now`, which moves only when it is told to."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        # The start of a bucket of five minutes, and of an hour.
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def call(self, function: str, **arguments: Any) -> Any:
        self.db.execute("select set_config('keeper.now', %s, true)", [self.now.isoformat()])
        return call(self.db, function, **arguments)

    def go_on(self, **time: float) -> None:
        """So much later, or earlier: `minutes=3`."""
        self.now += timedelta(**time)


@contextmanager
def set_clock(db: Connection, *functions: str) -> Iterator[SetClock]:
    """These functions read the set clock; they and all that is written are as before afterwards."""
    with db.transaction(force_rollback=True):
        for name in functions:
            whole = "select pg_get_functiondef(oid) from pg_proc where proname = %s and prosrc like %s"
            ((definition,),) = db.execute(whole, [name, f"%{_CLOCK}%"]).fetchall()
            db.execute(definition.replace(_CLOCK, _SET_CLOCK))
        yield SetClock(db)
