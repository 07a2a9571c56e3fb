"""One slice of a job: its steps in order, page by page, until the slice is over or the entity is proven complete."""

from __future__ import annotations

import calendar
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, Protocol

import orjson
import structlog

from execution import verification
from execution.errors import Fatal, Retriable, Skip, Snooze, StoreError
from execution.http.messages import Request, Response
from execution.jobs import LEASE_SECONDS, Job
from execution.pagination import page_body as pages
from execution.pagination.paginator import (
    AuditCounts,
    Bounds,
    Commit,
    Incomplete,
    Paginator,
    Position,
    ReadWindow,
    Wait,
)
from execution.pagination.registry import paginator_of
from execution.settings import HistoryWindow
from execution.store import Store
from execution.streams import Derivation, Lookup, Stream
from execution.verification import Certificate, Doubt

# The platform's clock and its index may be a little behind ours; what comes later is the incremental sync's.
FREEZE_MARGIN = timedelta(seconds=60)
_DERIVE_ROWS = 5000
_LONGEST_DOUBT = 3
# A permission that was not granted, personal data that was not approved.
_REFUSED = ("access_denied", "protected_data")
# After so many ids in a row that are gone, whole batches are taken to be: each costs a call to tell.
_MOST_GONE = 3
# SQLSTATE classes that speak of the data in a page, so that single records are to blame (see is_about_data);
# 0A000: a number that is none (NaN); 21000: one record stands in the page twice.
_ABOUT_DATA = ("0A000", "21000", "22", "23", "54000", "54001", "PT422")

log = structlog.get_logger()


class Client(Protocol):
    """What a slice needs of a platform. `sends` counts the requests that went out."""

    sends: int

    def send(self, request: Request, /) -> Response: ...
    def download(self, url: str, /, *, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]: ...


ClientOf = Callable[[Job], Client]


class SliceWork:
    """The work of one slice. `calls` and `pages` tell what it cost and what it brought."""

    def __init__(
        self,
        *,
        store: Store,
        client: Client,
        pool: Executor,
        job: Job,
        history: HistoryWindow,
        over: Callable[[], bool],
    ) -> None:
        self._store = store
        self._client = client
        self._pool = pool
        self._job = job
        self._history = history
        self._over = over
        self._seq = job.page_seq
        self.pages = 0

    @property
    def calls(self) -> int:
        return self._client.sends

    def run(self) -> Certificate | None:
        """The certificate when the entity is complete and proven; None when the slice is over before."""
        window = self._freeze()
        cursor = dict(self._job.cursor)
        while True:
            for index in range(cursor.get("step", 0), len(self._job.entity.steps)):
                if cursor.get("step", 0) != index:
                    cursor = {"step": index, "round": cursor.get("round", 0)}
                if not self._step(index, cursor, window):
                    return None
            finding = verification.verify(self._store, self._job, self.send, window)
            if isinstance(finding, Certificate):
                return finding
            cursor = self._doubt(finding, cursor.get("round", 0) + 1)

    def _doubt(self, doubt: Doubt, round_no: int) -> dict[str, Any]:
        """Read again what is doubtful; after some rounds fail loudly, with numbers."""
        if round_no > _LONGEST_DOUBT or not (doubt.windows or doubt.lookups):
            raise Fatal(
                doubt.reason,
                code="incomplete",
                seller_message="We could not prove that everything was copied. Our engineers have been told.",
            )
        rereads = [[w.part, w.start, w.end, w.passes] for w in doubt.windows]
        cursor = {"step": doubt.step, "round": round_no, "reason": doubt.reason} | (
            {"legs": rereads} if rereads else {}
        )
        self._save(cursor)
        return cursor

    def _freeze(self) -> Bounds:
        """The window of this job, fixed at its first slice: from the history's start to a moment ago."""
        start, end = self._job.window_start, self._job.window_end
        if start is None or end is None:
            now = self._store.now()
            begins = self._history.start(before=now) or datetime(2000, 1, 1, tzinfo=UTC)
            frozen = self._store.rpc(
                "freeze_window",
                p_lease_id=self._job.lease_id,
                p_start=begins.isoformat(),
                p_end=(now - FREEZE_MARGIN).isoformat(),
            )
            start, end = (datetime.fromisoformat(frozen[name]) for name in ("window_start", "window_end"))
        return Bounds(start=_seconds(start), end=_seconds(end))

    def _step(self, index: int, cursor: dict[str, Any], window: Bounds) -> bool:
        """Work one step to its end; False when the slice is over before."""
        step = self._job.entity.steps[index]
        if isinstance(step, Lookup):
            return self._look_up(index, step, cursor)
        if isinstance(step, Derivation):
            return self._derive(index, step, cursor)
        bounds = verification.stream_bounds(step, self._job.shop_created_at, window)
        if bounds.end < bounds.start:
            return True
        paginator = paginator_of(step)
        try:
            if "legs" in cursor:
                return self._reread(paginator, bounds, cursor)
            position = paginator.load(cursor["place"]) if "place" in cursor else paginator.begin(bounds)
            return self._paginate(paginator, position, bounds, cursor)
        finally:
            paginator.release()

    def _reread(self, paginator: Paginator[Any], whole: Bounds, cursor: dict[str, Any]) -> bool:
        """Second readings of doubtful windows, one after the other."""
        while cursor["legs"]:
            part, start, end, passes = cursor["legs"][0]
            bounds = whole if start is None else Bounds(start=start, end=end)
            doubtful = ReadWindow(part=part, start=start, end=end, passes=passes)
            position = paginator.load(cursor["place"]) if cursor.get("place") else paginator.reread(doubtful, bounds)
            if not self._paginate(paginator, position, bounds, cursor):
                return False
            cursor |= {"legs": cursor["legs"][1:], "place": None}
            self._save(cursor)
        return True

    def _paginate(self, paginator: Paginator[Any], position: Position, bounds: Bounds, cursor: dict[str, Any]) -> bool:
        """Read pages until the bounds are read. The next page is fetched while this one commits."""
        ahead: Future[Response] | None = None
        while not position.done:
            if ahead is None and self._over():
                return False
            response = ahead.result() if ahead else paginator.fetch(self, position)
            ahead = None
            content = paginator.read(response)
            decision = paginator.decide(position, content)
            if not isinstance(decision, Commit):
                position = decision.position
                self._save(cursor | {"place": position.dump()})
                if isinstance(decision, Wait):
                    raise Snooze(decision.reason, decision.delay)
                continue
            told, ahead = self._commit_ahead(paginator, response, content, position, decision, bounds, cursor)
            position = decision.position
            if decision.closing:
                position = self._close(paginator, position, bounds, told, cursor)
        return True

    def _commit_ahead(  # noqa: PLR0917  a page with all that goes with it
        self,
        paginator: Paginator[Any],
        response: Response,
        content: pages.Content,
        position: Position,
        decision: Commit[Any],
        bounds: Bounds,
        cursor: dict[str, Any],
    ) -> tuple[dict[str, Any], Future[Response] | None]:
        """Commit a page; once its bytes have left, ask for the next one (docs/decisions/006)."""
        following: list[Future[Response]] = []
        after, go_on = decision.position, not decision.closing and not self._over()

        def sent() -> None:
            if go_on and not following:
                following.append(self._pool.submit(paginator.fetch, self, after))

        told = self._commit(
            paginator.stream,
            response,
            content,
            sent,
            cursor | {"place": after.dump()},
            records_at=paginator.records_at,
            part=position.part,
            pass_no=position.pass_no,
            position=position.index,
            closing=decision.closing,
            window=(position.window_start, position.window_end),
            total=after.total,
            fraction=paginator.fraction(after, bounds),
        )
        return told, following[0] if following else None

    def _close(
        self,
        paginator: Paginator[Any],
        position: Position,
        bounds: Bounds,
        told: dict[str, Any],
        cursor: dict[str, Any],
    ) -> Position:
        known = AuditCounts(pass_keys=told["pass_keys"], window_keys=told["window_keys"])
        following: Position | Incomplete = paginator.close(position, bounds, known)
        if isinstance(following, Incomplete):
            raise Fatal(
                following.reason,
                code="incomplete",
                seller_message="The platform did not show us everything that it announces. You can start this again.",
            )
        self._save(cursor | {"place": following.dump()})
        return following

    def _look_up(self, index: int, lookup: Lookup, cursor: dict[str, Any]) -> bool:
        after, batch = cursor.get("after", ""), cursor.get("batch", lookup.batch)
        limit, gone = batch, 0
        while not self._over():
            ids = self._store.rpc(
                "next_lookups",
                p_lease_id=self._job.lease_id,
                p_name=lookup.pending or lookup.name,
                p_after=after,
                p_limit=limit,
            )
            if not ids:
                return True
            following = {"step": index, "after": ids[-1], "batch": batch, "round": cursor.get("round", 0)}
            try:
                response = _as_list(lookup, self.send(lookup.request(lookup, ids)))
                content = pages.read_records(response.body, lookup.records_at, lookup.records)
                self._commit(lookup, response, content, lambda: None, following)
            except Skip:
                if len(ids) > 1 and gone < _MOST_GONE:
                    # One that is gone must not take the others of its batch along.
                    limit = len(ids) // 2
                    continue
                # Gone on the platform: the certificate counts what stays unresolved.
                gone += 1
                self._save(following)
            except Fatal as signal:
                if lookup.may_be_refused and signal.code in _REFUSED:
                    log.warning("lookup_refused", job_id=self._job.id, lookup=lookup.name, reason=signal.reason)
                    return True
                if signal.code != "request_wrong" or batch <= lookup.fallback:
                    raise
                limit = batch = lookup.fallback
                continue
            else:
                gone = 0
            after, limit = ids[-1], min(batch, 2 * limit)
        return False

    def _derive(self, index: int, derivation: Derivation, cursor: dict[str, Any]) -> bool:
        after = cursor.get("after", "")
        while not self._over():
            told = self._store.rpc(
                "derive", p_lease_id=self._job.lease_id, p_name=derivation.name, p_after=after, p_limit=_DERIVE_ROWS
            )
            if not told["rows"]:
                return True
            after = told["after"]
            self._save({"step": index, "after": after, "round": cursor.get("round", 0)})
        return False

    def send(self, request: Request, /) -> Response:
        """One call to the platform, for the job's own shop."""
        return self._client.send(replace(request, path=request.path.replace("{shop_id}", self._job.shop_id)))

    def download(self, url: str, /, *, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a file that the platform has made for this job."""
        return self._client.download(url, offset=offset)

    def _commit(
        self,
        step: Stream | Lookup,
        response: Response,
        content: pages.Content,
        sent: Callable[[], None],
        cursor: dict[str, Any],
        *,
        records_at: str = "",
        part: int = 0,
        pass_no: int = 1,
        position: int = 0,
        closing: bool = False,
        window: tuple[int | None, int | None] = (None, None),
        total: int | None = None,
        fraction: float | None = None,
    ) -> dict[str, Any]:
        """The page and everything that goes with it, in one transaction; record by record where one is poison."""
        records_at = records_at or step.records_at
        envelope = orjson.dumps(
            {
                "lease_id": self._job.lease_id,
                "lease_seconds": LEASE_SECONDS,
                "page_id": str(uuid.uuid4()),
                "seq": self._seq,
                "stream": step.name,
                "shape": step.records.name,
                "part": part,
                "pass": pass_no,
                "position": position,
                "window_start": window[0],
                "window_end": window[1],
                "provider_count": content.count,
                "records_at": records_at,
                "fetched_at": response.fetched_at,
                "cursor": cursor,
                "closing": closing,
                "total": total,
                "fraction": fraction,
            }
        )
        told = None
        if not content.single:
            try:
                told = self._store.commit_page((b'{"page":', response.body, b',"envelope":', envelope, b"}"), sent)
            except StoreError as error:
                if not error.code.startswith(_ABOUT_DATA):
                    raise
        if told is None:
            records = pages.split_records(response.body, records_at, step.records)
            singles = pages.as_json(records)
            told = self._store.commit_page((b'{"records":', singles, b',"envelope":', envelope, b"}"), sent)
        self._seq += 1
        self.pages += 1
        return told

    def _save(self, cursor: dict[str, Any]) -> None:
        self._store.rpc("move_cursor", p_lease_id=self._job.lease_id, p_cursor=cursor)


def _seconds(moment: datetime) -> int:
    return calendar.timegm(moment.utctimetuple())


def _as_list(lookup: Lookup, response: Response) -> Response:
    """The answer with its records in a list where they are looked for: one that came alone, and none that is null."""
    if lookup.single:
        if not response.body.lstrip().startswith(b"{"):
            raise Retriable("the answer is no record")
        return replace(response, body=b'{"%b":[%b]}' % (lookup.records_at.encode(), response.body))
    if not lookup.null_is_gone or b"null" not in response.body:
        return response
    document = orjson.loads(response.body)
    *way, last = lookup.records_at.split(".")
    parent = reduce(dict.__getitem__, way, document)
    if None not in parent[last]:
        return response
    parent[last] = [record for record in parent[last] if record is not None]
    return replace(response, body=orjson.dumps(document))
