"""Bulk operations: started, run beside the loop, finished, canceled, failed, expired (sheet section 4)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import orjson

from sandbox.parts.clock import Clock
from sandbox.parts.responses import Doc
from sandbox.shopify.bulk.planner import Branch, RecordTree, record_trees
from sandbox.shopify.graphql.compiler import NullPropagation
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.errors import FieldError
from sandbox.shopify.settings import Settings

RUNNING = ("CREATED", "RUNNING", "CANCELING")
_WRITING = ("CREATED", "RUNNING")
_ROOTS_A_TIME = 100
_LOOK_SECONDS = 0.05
# Who waits for the webhook alone does not look: after so many seconds looks are not asked for.
_UNWATCHED = 30


@dataclass(kw_only=True)
class Failure:
    """What the control plane wants the next operations to come to."""

    error_code: str
    after_objects: int
    times: int
    shop_id: int | None


@dataclass(kw_only=True)
class Operation:
    """One bulk operation of one shop."""

    number: int
    shop_id: int
    query: str
    grouped: bool
    created: int
    path: Path
    token_ends: float | None
    status: str = "CREATED"
    completed: int | None = None
    error_code: str | None = None
    objects: int = 0
    roots: int = 0
    size: int = 0
    # How often it has been looked at while it was open, and again after somebody saw that it has ended.
    looks: int = 0
    looks_after: int = -1
    written: bool = False
    failure: Failure | None = None
    outcome: str = "COMPLETED"
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def open(self) -> bool:
        return self.status in RUNNING


class BulkOperations:
    """All operations of a sandbox."""

    def __init__(self, settings: Settings, clock: Clock, folder: Path) -> None:
        self._settings = settings
        self._clock = clock
        self._folder = folder
        self._numbers = count(4_510_000_000_001)
        self.operations: dict[int, Operation] = {}
        self.failures: list[Failure] = []
        # Told of each operation that ends.
        self.finished: Callable[[Operation], None] = lambda _operation: None

    def of_shop(self, shop_id: int) -> list[Operation]:
        return [each for each in self.operations.values() if each.shop_id == shop_id]

    def find(self, shop_id: int, number: int) -> Operation | None:
        """The operation as it is after one more look at it."""
        operation = self.operations.get(number)
        return self.look(operation) if operation and operation.shop_id == shop_id else None

    def look(self, operation: Operation) -> Operation:
        """Count a look; what it tells may be older than what has become of it since."""
        self._settle(operation)
        self._expire(operation)
        operation.looks_after += not operation.open
        shown = replace(operation)
        operation.looks += operation.open
        return shown

    def start(self, ctx: Context, query: str, branches: tuple[Branch, ...], *, grouped: bool) -> Operation:
        number = next(self._numbers)
        operation = self.operations[number] = Operation(
            number=number,
            shop_id=ctx.live_shop.shop.ids.shop,
            query=query,
            grouped=grouped or self._settings.bulk_order == "grouped",
            created=ctx.now,
            path=self._folder / f"bulk-{number}.jsonl",
            token_ends=ctx.token_ends,
            failure=self._failure(ctx.live_shop.shop.ids.shop),
        )
        reading = Context(
            settings=ctx.settings,
            live_shop=ctx.live_shop,
            scopes=ctx.scopes,
            now=ctx.now,
            base_url=ctx.base_url,
            unpaged=True,
        )
        operation.task = asyncio.get_running_loop().create_task(self._run(operation, branches, reading))
        return replace(operation)

    def cancel(self, operation: Operation) -> Operation:
        operation.status, operation.outcome = "CANCELING", "CANCELED"
        return replace(operation)

    def tick(self) -> None:
        """Bring every operation up to the sandbox's time."""
        for operation in self.operations.values():
            self._settle(operation)

    def abandon(self) -> int:
        """End every open operation, telling nobody."""
        self.failures.clear()
        open_ones = [each for each in self.operations.values() if each.open]
        for operation in open_ones:
            operation.status, operation.completed = "CANCELED", int(self._clock.now())
        return len(open_ones)

    def close(self) -> None:
        for operation in self.operations.values():
            if operation.task:
                operation.task.cancel()
            operation.path.unlink(missing_ok=True)

    # --- inside -----------------------------------------------------------------------------------------

    def _settle(self, operation: Operation) -> None:
        settings, now = self._settings, self._clock.now()
        if not operation.open:
            return
        if self._token_died(operation):
            self._end(operation, "FAILED", "ACCESS_DENIED")
            return
        if operation.status == "CANCELING":
            if operation.looks >= 1 or operation.written:
                self._end(operation, "CANCELED", None)
            return
        waited = now - operation.created
        if operation.looks < settings.bulk_created_polls or waited < settings.bulk_created_seconds:
            return
        operation.status = "RUNNING"
        enough = operation.looks >= settings.bulk_created_polls + settings.bulk_running_polls or waited > _UNWATCHED
        long = waited >= settings.bulk_created_seconds + settings.bulk_running_seconds
        if operation.written and enough and long:
            self._end(operation, operation.outcome, operation.error_code)

    def _token_died(self, operation: Operation) -> bool:
        if self._settings.bulk_survives_token or operation.token_ends is None:
            return False
        return operation.token_ends <= self._clock.now()

    def _end(self, operation: Operation, status: str, error_code: str | None) -> None:
        operation.status, operation.error_code = status, error_code
        operation.completed = int(self._clock.now())
        self.finished(operation)

    def _expire(self, operation: Operation) -> None:
        ended = operation.completed or 0
        if operation.status == "COMPLETED" and self._clock.now() > ended + self._settings.bulk_url_seconds:
            operation.status = "EXPIRED"

    def _failure(self, shop_id: int) -> Failure | None:
        for failure in self.failures:
            if failure.times and failure.shop_id in (None, shop_id):
                failure.times -= 1
                return failure
        return None

    async def _run(self, operation: Operation, branches: tuple[Branch, ...], ctx: Context) -> None:
        """Write the file; other requests are answered between two pieces."""
        rng = random.Random(operation.number)  # noqa: S311 - an order of lines, no secret
        carried: list[Doc] = []
        try:
            with operation.path.open("wb") as file:
                for piece in self._pieces(branches, ctx):
                    lines, carried = _arranged(piece, carried, rng, grouped=operation.grouped)
                    operation.roots += len(piece)
                    if not self._write(operation, file, lines) or operation.status not in _WRITING:
                        break
                    await asyncio.sleep(0)
                else:
                    self._write(operation, file, carried)
        except (FieldError, NullPropagation):
            operation.outcome, operation.error_code = "FAILED", "ACCESS_DENIED"
        if ctx.errors:
            operation.outcome, operation.error_code = "FAILED", "ACCESS_DENIED"
        operation.written = True
        # Nobody may ask: time alone ends it then, and a webhook tells.
        while operation.open:
            await asyncio.sleep(_LOOK_SECONDS)
            self._settle(operation)

    def _pieces(self, branches: tuple[Branch, ...], ctx: Context) -> Iterator[list[RecordTree]]:
        for branch in branches:
            found = record_trees(branch, ctx)
            while piece := list(islice(found, _ROOTS_A_TIME)):
                yield piece

    def _write(self, operation: Operation, file: Any, lines: list[Doc]) -> bool:
        """Append the lines; False where the operation is to fail here."""
        failure = operation.failure
        if failure:
            lines = lines[: max(failure.after_objects - operation.objects, 0)]
        data = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        operation.objects += len(lines)
        operation.size += file.write(data)
        file.flush()
        if failure and operation.objects >= failure.after_objects:
            operation.outcome, operation.error_code = "FAILED", failure.error_code
            return False
        return True


def _arranged(
    piece: list[RecordTree], carried: list[Doc], rng: random.Random, *, grouped: bool
) -> tuple[list[Doc], list[Doc]]:
    """Lines to write now, and lines held back: a child may come long after its parent, or before it."""
    if grouped:
        return [line for tree in piece for line in tree], []
    children = [line for tree in piece for line in tree[1:]]
    rng.shuffle(children)
    late, now = children[: len(children) // 3], [*carried, *children[len(children) // 3 :]]
    roots = [tree[0] for tree in piece]
    lines: list[Doc] = []
    while roots or now:
        source = roots if roots and (not now or rng.random() < 0.5) else now
        lines.append(source.pop(0) if source is roots else source.pop())
    return lines, late
