"""Whether a restored backup brought users back who were deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from execution.doctor.lines import Line, failed, ok
from execution.store import Rpc


def of_returned(store: Rpc) -> Iterator[Line]:
    found: list[Any] = store.rpc("returned_users")
    if found:
        advice = "Run `keeper user purge-tombstoned`: a backup was restored that still had them."
        yield failed("deleted users", f"{len(found)} are here again", advice)
    else:
        yield ok("deleted users", "none is here again")
