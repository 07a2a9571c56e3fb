"""What is committed with a page, in one transaction: its records, cursor, counters and audit (SQL: `commit_page`).

The page travels as the bytes that came. Where a single record is poison it is sent once more, cut into its records:
the database then keeps the bad ones aside, with their reasons, and lands the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from execution.errors import StoreError
from execution.http.messages import Response
from execution.jobs import LEASE_SECONDS
from execution.pagination import page_body
from execution.pagination.page_body import Content, RawRecord
from execution.pagination.paginator import AuditCounts
from execution.slices.cursor import Cursor
from execution.store import Store
from execution.streams import Lookup, Stream

# SQLSTATE classes that speak of the data in a page, so that single records are to blame (SQL: is_about_data);
# 0A000: a number that is none (NaN); 21000: one record stands in the page twice.
_ABOUT_DATA = ("0A000", "21000", "22", "23", "54000", "54001", "PT422")


@dataclass(frozen=True, kw_only=True)
class PageCommit:
    """A page with all that goes with it. `cursor`: where the job stands once it is committed.

    `index`: where the page stands inside its window, for the audit. `closing`: it is the last of its window's pass, and
    the audit is counted. `total` and `fraction` are for those who watch.
    """

    step: Stream | Lookup
    response: Response
    content: Content
    records_at: str
    cursor: Cursor
    part: int = 0
    pass_no: int = 1
    index: int = 0
    window_start: int | None = None
    window_end: int | None = None
    closing: bool = False
    total: int | None = None
    fraction: float | None = None

    def envelope(self, *, lease_id: str, seq: int) -> bytes:
        """What `commit_page` is told beside the page; its id makes a second sending of it harmless."""
        return orjson.dumps(
            {
                "lease_id": lease_id,
                "lease_seconds": LEASE_SECONDS,
                "page_id": str(uuid.uuid4()),
                "seq": seq,
                "stream": self.step.name,
                "shape": self.step.records.name,
                "part": self.part,
                "pass": self.pass_no,
                "position": self.index,
                "window_start": self.window_start,
                "window_end": self.window_end,
                "provider_count": self.content.count,
                "records_at": self.records_at,
                "fetched_at": self.response.fetched_at,
                "cursor": self.cursor.dump(),
                "closing": self.closing,
                "total": self.total,
                "fraction": self.fraction,
            }
        )

    def as_it_came(self, envelope: bytes) -> tuple[bytes, ...]:
        return b'{"page":', self.response.body, b',"envelope":', envelope, b"}"

    def record_by_record(self, envelope: bytes) -> tuple[bytes, ...]:
        in_place = self.content.in_place
        records = [in_place] if in_place else self._split()
        return b'{"records":', page_body.as_json(records), b',"envelope":', envelope, b"}"

    def _split(self) -> list[RawRecord]:
        return page_body.split_records(self.response.body, self.records_at, self.step.records)


class PageCommitter:
    """Commits the pages of one slice under its lease, numbered without a gap. `pages`: how many so far."""

    def __init__(self, store: Store, *, lease_id: str, first_seq: int) -> None:
        self._store = store
        self._lease_id = lease_id
        self._first_seq = first_seq
        self.pages = 0

    def commit(self, page: PageCommit, sent: Callable[[], None] = lambda: None) -> AuditCounts | None:
        """The audit's counts after a closing page. `sent` is called once the page's bytes have left this process."""
        envelope, answer = page.envelope(lease_id=self._lease_id, seq=self._first_seq + self.pages), None
        if not page.content.single:
            try:
                answer = self._store.commit_page(page.as_it_came(envelope), sent)
            except StoreError as error:
                if not error.sqlstate.startswith(_ABOUT_DATA):
                    raise
        if answer is None:
            answer = self._store.commit_page(page.record_by_record(envelope), sent)
        self.pages += 1
        return AuditCounts(pass_keys=answer["pass_keys"], window_keys=answer["window_keys"]) if page.closing else None
