"""A connection exported in bulk where that is allowed and worth it, in pages where it is not (sheet, section 4).

    look ──▶ few records, or bulk refused ─────────────────────────────▶ pages (connection)
      │ the same export exists already: it is taken over                   ▲
      └──▶ start ──▶ poll ──▶ rows: spool the file, commit joined roots     │
                       └──▶ failed, cancelled, cut, other than counted ────┘

`look` comes before every start, so that a worker that died after starting an export finds it again by its text: the
frozen window stands in it, no two jobs ask the same. Waiting holds no worker. A partial file is not used: its roots are
there, but nothing proves that their children are; pages read from the first id instead.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import structlog

from execution.errors import BodyTooBig, Fatal, FileGone
from execution.http.messages import Response
from execution.moments import epoch_in, moment_in
from execution.pagination.keyset import KeysetPosition
from execution.pagination.page_body import Content
from execution.pagination.paginator import (
    Advance,
    AuditCounts,
    Bounds,
    Caller,
    Commit,
    Incomplete,
    Wait,
    announce,
    next_window,
)
from execution.platforms.shopify.graphql import data_of, graphql
from execution.platforms.shopify.graphql_pages import GraphqlPaginator
from execution.platforms.shopify.jsonl_spool import Spool

_ROOTS_A_PAGE = 250
# A stretch of downloading, between two looks at the clock of the slice; well inside the lease of a job.
_FILL_S = 8.0
_POLLS_S = (2, 5, 10, 20, 30, 60)
_BUSY = timedelta(seconds=60)
_LIKELY_POLLS = 4
# After so many waits for a free slot, or addresses that had lapsed, pages are the surer way.
_MOST_BUSY, _MOST_GONE = 30, 3
# An export that is taken over has been asked for by a clock that is not ours.
_CLOCKS_APART = timedelta(minutes=2)
_OPERATION = "id status errorCode createdAt objectCount rootObjectCount url partialDataUrl query"
_START = f"""mutation KeeperBulk($export: String!) {{
  bulkOperationRunQuery(query: $export, groupObjects: false) {{
    bulkOperation {{ {_OPERATION} }} userErrors {{ field message code }} }} }}"""
_POLL = f"query KeeperPoll($id: ID!) {{ bulkOperation(id: $id) {{ {_OPERATION} }} }}"

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class BulkPosition(KeysetPosition):
    """`stage` is look, poll, rows or pages. `row`: roots of the file that are committed."""

    stage: str = "pages"
    operation: str = ""
    asked_at: str = ""
    url: str = ""
    objects: int = 0
    roots: int = 0
    row: int = 0
    polls: int = 0
    busy: int = 0
    # Exports whose file is gone: not to be taken over again.
    gone: tuple[str, ...] = ()

    @property
    def index(self) -> int:
        return self.row if self.stage == "rows" else self.seen

    @property
    def file(self) -> str:
        """What tells this export's file from every other that this machine may keep; a fresh signature changes nothing.

        The operation alone is not enough where two worlds number theirs alike, as a stand-in beside Shopify does.
        """
        address = urlsplit(self.url)
        return f"{address.scheme}://{address.netloc}{address.path} {self.operation}"

    def restarted(self) -> Self:
        return replace(super().restarted(), row=0)


class BulkPaginator(GraphqlPaginator[BulkPosition]):
    """The paginator of `GraphqlPages` with `bulk_from`."""

    position_type = BulkPosition
    _spool: Spool | None = None

    def begin(self, bounds: Bounds) -> BulkPosition:
        return replace(super().begin(bounds), stage="pages" if self.pages.bulk_from is None else "look")

    def fetch(self, caller: Caller, position: BulkPosition) -> Response:
        match position.stage:
            case "look":
                return self._look(caller, position)
            case "poll":
                response = caller.send(graphql(_POLL, {"id": position.operation}, points=5))
                return self._control(response, {"operation": data_of(response).get("bulkOperation")})
            case "rows":
                return self._rows(caller, position)
            case _:
                return super().fetch(caller, position)

    def smaller(self, position: BulkPosition) -> BulkPosition | None:
        return super().smaller(position) if position.stage == "pages" else None

    def beyond(self, caller: Caller, position: BulkPosition, signal: BodyTooBig) -> tuple[Response, Content]:
        if position.stage != "pages":
            raise signal
        return super().beyond(caller, position, signal)

    def read(self, response: Response) -> Content:
        content = super().read(response)
        control = self.read_page(response, facts=("keeper",)).facts["keeper"] if response.status == _OURS else None
        return replace(content, facts={**content.facts, "keeper": control})

    def decide(
        self, position: BulkPosition, content: Content
    ) -> Advance[BulkPosition] | Wait[BulkPosition] | Commit[BulkPosition]:
        control = content.facts.get("keeper")
        if control is None:
            return super().decide(position, content)
        match position.stage:
            case "look":
                return self._looked(position, control)
            case "poll":
                return self._polled(position, control.get("operation") or {})
            case _:
                return self._took_rows(position, content, control)

    def close(self, position: BulkPosition, bounds: Bounds, shown: AuditCounts) -> BulkPosition | Incomplete:
        if position.stage != "rows":
            return super().close(position, bounds, shown)
        self._forget_file()
        return next_window(self.stream, position, bounds)

    def calls_for(self, count: int, bounds: Bounds) -> int:
        """An export is looked for, started, polled a few times and proven, however many records it holds."""
        if self.pages.bulk_from is None:
            return super().calls_for(count, bounds)
        if count < self.pages.bulk_from:
            return 1 + super().calls_for(count, bounds)
        return 3 + _LIKELY_POLLS

    def fraction(self, position: BulkPosition, bounds: Bounds) -> float:
        if position.stage != "rows":
            return super().fraction(position, bounds)
        return min(1.0, position.row / position.roots) if position.roots else 1.0

    def release(self) -> None:
        if self._spool:
            self._spool.close()
            self._spool = None

    # look

    def _look(self, caller: Caller, position: BulkPosition) -> Response:
        """Count, and the newest exports; start one where it is worth it and none of ours is there."""
        query = (
            f"query KeeperLook({self._count_variable.removeprefix(', ')}) {{ {self._count_field} "
            f'bulkOperations(first: 20, reverse: true, sortKey: CREATED_AT, query: "operation_type:query") '
            f"{{ nodes {{ {_OPERATION} }} }} }}"
        ).replace("KeeperLook()", "KeeperLook")
        variables = {name: value for name, value in self._variables(position).items() if name == "all"}
        response = caller.send(graphql(query, variables, points=60))
        data = data_of(response)
        counted = int(data[self.pages.count]["count"])
        if counted < (self.pages.bulk_from or 0):
            return self._control(response, {"count": counted, "refused": ""})
        export = self._export(position)
        found = next(
            (known for known in data["bulkOperations"]["nodes"] if self._is_ours(known, export, position)), None
        )
        if found:
            return self._control(response, {"count": counted, "operation": found})
        return self._start(caller, export, counted)

    def _start(self, caller: Caller, export: str, counted: int) -> Response:
        try:
            response = caller.send(graphql(_START, {"export": export}, points=10))
        except Fatal as signal:
            if signal.code != "access_denied":
                raise
            # Bulk operations are switched on for each app, and lapse after 31 days of disuse (sheet 0.3).
            return self._control(None, {"count": counted, "refused": signal.reason})
        result = data_of(response)["bulkOperationRunQuery"]
        operation, errors = result["bulkOperation"], result["userErrors"]
        if operation:
            return self._control(response, {"count": counted, "operation": operation, "started": True})
        busy = any(error.get("code") in ("OPERATION_IN_PROGRESS", "LIMIT_REACHED") for error in errors)
        return self._control(response, {"count": counted, "busy" if busy else "refused": str(errors)[:300]})

    def _looked(self, position: BulkPosition, control: Mapping[str, Any]) -> Advance[BulkPosition] | Wait[BulkPosition]:
        position = replace(announce(self.stream, position, control["count"]), count=control["count"])
        if operation := control.get("operation"):
            asked_at = control["at"]
            # One that is taken over is ours because its time says so.
            if not control.get("started") and (made := moment_in(operation["createdAt"])):
                asked_at = (made - _CLOCKS_APART).isoformat()
            return Advance(
                position=replace(position, stage="poll", operation=operation["id"], asked_at=asked_at, polls=0)
            )
        if "busy" in control and position.busy < _MOST_BUSY:
            return Wait(
                position=replace(position, busy=position.busy + 1), reason=f"bulk: {control['busy']}", delay=_BUSY
            )
        return Advance(position=self._by_pages(position, control.get("refused") or control.get("busy") or ""))

    def _is_ours(self, known: Mapping[str, Any], export: str, position: BulkPosition) -> bool:
        """The same text, asked for after our window was frozen, and still of use."""
        if known["id"] in position.gone or known["status"] not in ("CREATED", "RUNNING", "COMPLETED"):
            return False
        asked = epoch_in(known["createdAt"])
        # Of one whose time cannot be read nobody knows that it came after our window's end.
        is_later = asked is not None and asked >= (position.until or 0)
        return is_later and _words(known["query"]) == _words(export)

    def _export(self, position: BulkPosition) -> str:
        search = orjson.dumps(self._terms(position, self.pages.time, self.pages.terms)).decode()
        return (
            f"{{ {self.pages.root}(query: {search}, sortKey: ID) {{ edges {{ node {{ {self.pages.bulk_node} }} }} }} }}"
        )

    # poll

    def _polled(
        self, position: BulkPosition, operation: Mapping[str, Any]
    ) -> Advance[BulkPosition] | Wait[BulkPosition]:
        status, objects = operation.get("status"), int(operation.get("objectCount") or 0)
        if status == "COMPLETED" and (operation.get("url") or not objects):
            roots = int(operation.get("rootObjectCount") or 0)
            return Advance(
                position=replace(position, stage="rows", url=operation.get("url") or "", objects=objects, roots=roots)
            )
        if status in ("CREATED", "RUNNING", "COMPLETED"):
            seconds = _POLLS_S[min(position.polls, len(_POLLS_S) - 1)]
            reason = f"Shopify is preparing an export ({objects} records so far)"
            return Wait(
                position=replace(position, polls=position.polls + 1), reason=reason, delay=timedelta(seconds=seconds)
            )
        return Advance(
            position=self._by_pages(position, f"the export ended as {status} {operation.get('errorCode') or ''}")
        )

    # rows

    def _rows(self, caller: Caller, position: BulkPosition) -> Response:
        """The next roots with their children; before that, the file itself, stretch by stretch."""
        spool = self._spool = self._spool or Spool(position.file)
        if not spool.whole and position.objects:
            try:
                ends_at = time.monotonic() + _FILL_S
                with caller.download(position.url, offset=spool.bytes) as pieces:
                    spool.fill(pieces, lambda: time.monotonic() >= ends_at)
            except FileGone as signal:
                return self._control(None, {"gone": signal.reason})
            if not spool.whole:
                return self._control(None, {"filling": spool.bytes})
        lines, roots = spool.count()
        if (lines, roots) != (position.objects, position.roots):
            self._forget_file()
            return self._control(None, {"cut": f"the file holds {lines} lines and {roots} records"})
        found = spool.joined(position.row, _ROOTS_A_PAGE, self.pages.nested or {})
        more = position.row + len(found) < roots
        return self._answer(
            b",".join(found), {"rows": len(found)}, datetime.fromisoformat(position.asked_at), more=more
        )

    def _took_rows(
        self, position: BulkPosition, content: Content, control: Mapping[str, Any]
    ) -> Advance[BulkPosition] | Commit[BulkPosition]:
        if "filling" in control:
            return Advance(position=position)
        if "cut" in control:
            announced = f"{position.objects} lines and {position.roots} records are announced"
            return Advance(position=self._by_pages(position, f"{control['cut']}, {announced}"))
        if "gone" in control:
            return Advance(position=self._without_file(position, control["gone"]))
        after = replace(position, row=position.row + control["rows"], pages=position.pages + 1)
        return Commit(position=after, closing=not content.facts["more"])

    def _without_file(self, position: BulkPosition, reason: str) -> BulkPosition:
        """Ask once for a fresh address; where that is dead too, export again."""
        if position.polls < 100:  # not asked since the export was ready
            return replace(position, stage="poll", polls=100)
        self._forget_file()
        gone = (*position.gone, position.operation)
        if len(gone) >= _MOST_GONE:
            return self._by_pages(position, reason)
        return replace(position, stage="look", operation="", gone=gone, row=0)

    def _forget_file(self) -> None:
        if self._spool:
            self._spool.remove()
            self._spool = None

    def _by_pages(self, position: BulkPosition, reason: str) -> BulkPosition:
        if reason:
            log.warning("bulk_not_used", stream=self.stream.name, reason=reason)
        return replace(position.restarted(), stage="pages", count=position.count)

    # what a paginator says to itself, in the shape of a page without records

    def _control(self, response: Response | None, facts: Mapping[str, Any]) -> Response:
        at = response.fetched_at if response else datetime.now(UTC)
        return self._answer(b"", {**facts, "at": at.isoformat()}, at, more=True)

    def _answer(self, records: bytes, facts: Mapping[str, Any], at: datetime, *, more: bool) -> Response:
        head = b'{"keeper":' + orjson.dumps(facts) + b',"data":{"' + self.pages.root.encode() + b'":{"nodes":['
        tail = b"]" + b',"pageInfo":{"hasNextPage":' + (b"true" if more else b"false") + b"}}}}"
        return Response(status=_OURS, body=head + records + tail, headers={}, fetched_at=at)


# The status of a page that no platform sent.
_OURS = 0


def _words(query: str) -> str:
    return "".join(query.split())
