"""Records that are asked for by id, because another stream only named them.

That one is gone is believed when it is said twice, with time between: what was said once is remembered by the cursor
and asked for again at the end, one by one where a whole call is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, cast

import orjson
import structlog

from execution import traces
from execution.errors import SAID_AGAIN_AFTER, BodyTooBig, Fatal, Retriable, Skip, Snooze
from execution.http.messages import Response
from execution.pagination import page_body
from execution.pagination.page_body import Content
from execution.platforms.rights import NOT_APPROVED, RIGHT_MISSING
from execution.slices.cursor import Cursor
from execution.slices.job_slice import JobSlice
from execution.slices.page_commit import PageCommit
from execution.streams import Lookup

# After so many ids in a row that are said to be gone, whole batches are taken to be said so, and are asked for again.
_MOST_GONE = 3
# After so many, they are asked for again before anything else is.
_MOST_REMEMBERED = 500

log = structlog.get_logger()


class LookupStep:
    """One lookup, from the last id that is done, in batches that fit the platform."""

    def __init__(self, in_slice: JobSlice, lookup: Lookup, cursor: Cursor) -> None:
        self._slice = in_slice
        self._lookup = lookup
        self._cursor = cursor
        self._batch = lookup.batch if cursor.batch is None else cursor.batch

    def run(self) -> Cursor | None:
        """Where the job stands afterwards; None when the slice is over before."""
        limit, gone = self._batch, 0
        while not self._slice.over():
            ids = self._pending(limit)
            if not ids and not self._cursor.gone:
                return self._cursor.next_step()
            if not ids:
                self._slice.save(self._cursor.asking_again())
                reason = f"{self._lookup.name}: {len(self._cursor.gone)} were said to be gone"
                raise Snooze(reason, SAID_AGAIN_AFTER, code="refused_once")
            try:
                with traces.span("page", lookup=self._lookup.name):
                    response, content = self._ask(ids)
                    following = self._past(ids, self._absent(ids, content))
                    with traces.span("commit"):
                        self._slice.committer.commit(self._page(response, content, following))
            except (BodyTooBig, Skip) as signal:
                is_gone = isinstance(signal, Skip)
                if len(ids) > 1 and (not is_gone or gone < _MOST_GONE or self._cursor.again):
                    # One that is gone, or too big, must not take the others of its batch along.
                    limit = len(ids) // 2
                    continue
                gone += is_gone
                following = self._without(ids, signal)
            except Fatal as signal:
                if self._may_go_without(signal):
                    return self._cursor.next_step()
                limit = self._batch = self._smaller(signal)
                continue
            else:
                gone = 0
            self._cursor, limit = following, min(self._batch, 2 * limit)
        return None

    def _pending(self, limit: int) -> Sequence[str]:
        if self._cursor.again:
            return self._cursor.gone[:limit]
        if len(self._cursor.gone) >= _MOST_REMEMBERED:
            return ()
        ids = self._slice.store.rpc(
            "next_lookups",
            p_lease_id=self._slice.job.lease_id,
            p_name=self._lookup.pending or self._lookup.name,
            p_after=self._cursor.after,
            p_limit=limit,
        )
        return cast("Sequence[str]", ids)

    def _ask(self, ids: Sequence[str]) -> tuple[Response, Content]:
        """What the platform shows of these ids. Raises Skip where they are gone."""
        lookup = self._lookup
        response = as_list(lookup, ids, self._slice.send(lookup.request(lookup, ids)))
        return response, page_body.read_records(response.body, lookup.records_at, lookup.records)

    def _page(self, response: Response, content: Content, following: Cursor) -> PageCommit:
        lookup = self._lookup
        return PageCommit(
            step=lookup, response=response, content=content, records_at=lookup.records_at, cursor=following
        )

    def _without(self, ids: Sequence[str], signal: BodyTooBig | Skip) -> Cursor:
        """Where the job stands once these are passed over: they are gone, or the one is rejected as too big."""
        if isinstance(signal, Skip) or signal.fetched_at is None:
            following = self._past(ids, ids)
            self._slice.save(following)
            return following
        following, one = self._past(ids, ()), ids[0]
        response = Response(status=0, body=b"", headers={}, fetched_at=signal.fetched_at)
        content = page_body.in_place_of(signal.reason, {"key": one}, key=one)
        self._slice.committer.commit(self._page(response, content, following))
        return following

    def _absent(self, ids: Sequence[str], content: Content) -> Sequence[str]:
        """The ids of which an answer shows nothing. Ids that are no keys are asked for one by one."""
        if self._lookup.by_key:
            return [one for one in ids if one not in content.keys]
        return ids if self._lookup.null_is_gone and not content.keys else ()

    def _past(self, ids: Sequence[str], absent: Sequence[str]) -> Cursor:
        """Where the job stands once these have been asked for, and these of them were said to be gone."""
        closed = self._close(absent)
        if self._cursor.again:
            # Said twice: the certificate counts what stays unresolved.
            return self._cursor.answered(ids)
        following = self._cursor.past(ids[-1], batch=self._batch)
        return following.said_gone([one for one in absent if one not in closed])

    def _close(self, absent: Collection[str]) -> Collection[str]:
        """What a webhook said to be deleted, and the platform shows no more, is gone. Twice is as good as once."""
        closed: Collection[str] = ()
        if absent and self._lookup.named_by_events:
            closed = self._slice.store.rpc(
                "close_gone",
                p_lease_id=self._slice.job.lease_id,
                p_kind=self._lookup.named_by_events,
                p_table=self._lookup.records.table,
                p_object_ids=sorted(absent),
            )
        return closed

    def _may_go_without(self, signal: Fatal) -> bool:
        # Said twice, as every refusal.
        is_believed = self._slice.job.refused_code == signal.code
        # Whoever reads the whole tells the seller of a right that is missing, and reads it once the right is there.
        of_events = signal.code == RIGHT_MISSING and bool(self._lookup.named_by_events)
        may_be = of_events or (self._lookup.may_be_refused and signal.code in NOT_APPROVED)
        if not (may_be and is_believed):
            return False
        log.warning("lookup_refused", job_id=self._slice.job.id, lookup=self._lookup.name, reason=signal.reason)
        return True

    def _smaller(self, signal: Fatal) -> int:
        """The batch that a platform takes that did not take this one. Raises the signal where there is none."""
        if signal.code != "request_wrong" or self._batch <= self._lookup.fallback:
            raise signal
        return self._lookup.fallback


def as_list(lookup: Lookup, ids: Sequence[str], response: Response) -> Response:
    """The response with its records in a list where they are looked for: one that came alone, none that is null, and
    in each what was asked for, where that is wanted.
    """
    if lookup.inside or lookup.single:
        return replace(response, body=b'{"%b":[%b]}' % (lookup.records_at.encode(), _alone(lookup, response.body)))
    if lookup.none_is_null and b"null" in response.body:
        return _with_list(lookup, response)
    if lookup.omits_empty and response.body.split() == [b"{}"]:
        return replace(response, body=b'{"%b":[]}' % lookup.records_at.encode())
    if not lookup.asked_at and (not lookup.null_is_gone or b"null" not in response.body):
        return response
    document = orjson.loads(response.body)
    *way, last = lookup.records_at.split(".")
    parent = reduce(dict.__getitem__, way, document)
    if None not in parent[last] and not lookup.asked_at:
        return response
    asked = {lookup.asked_at: ids[0]} if lookup.asked_at else {}
    parent[last] = [_with(record, asked) for record in parent[last] if record is not None]
    return replace(response, body=orjson.dumps(document))


def _alone(lookup: Lookup, body: bytes) -> bytes:
    """The one record that an answer is, or has as a member."""
    if not lookup.inside:
        if not body.lstrip().startswith(b"{"):
            raise Retriable("the answer is no record")
        return body
    try:
        return orjson.dumps(orjson.loads(body)[lookup.inside])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Retriable("the answer has no record") from None


def _with_list(lookup: Lookup, response: Response) -> Response:
    """The same with an empty list, where null stands in place of it or of what holds it. What lacks it stays so."""
    document = orjson.loads(response.body)
    *way, last = lookup.records_at.split(".")
    held = document
    for place, name in enumerate((*way, last)):
        if not isinstance(held, dict) or name not in held:
            return response
        if held[name] is None:
            rest = (*way[place + 1 :], last) if place < len(way) else ()
            held[name] = reduce(lambda inside, outer: {outer: inside}, reversed(rest), cast("Any", []))
            return replace(response, body=orjson.dumps(document))
        held = held[name]
    return response


def _with(record: Any, members: Mapping[str, str]) -> Any:
    return {**record, **members} if isinstance(record, dict) else record
