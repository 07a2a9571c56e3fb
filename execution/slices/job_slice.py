"""What the steps of one slice share: the job, its platform and its database, and whether the time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NoReturn, Protocol

from execution.errors import Snooze
from execution.http.messages import Request, Response
from execution.jobs import Job
from execution.platforms.subscriptions import Registration
from execution.slices.cursor import Cursor
from execution.slices.doubts import DoubtWaits
from execution.slices.page_commit import PageCommitter
from execution.store import Store


class Client(Protocol):
    """What a slice needs of a platform. `sends` counts the requests that went out."""

    sends: int

    def send(self, request: Request, /) -> Response: ...
    def download(self, url: str, /, *, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]: ...
    def give_up(self, reason: str, /) -> None: ...


ClientOf = Callable[[Job], Client]


@dataclass(frozen=True, kw_only=True)
class JobSlice:
    """`pool` fetches ahead; `over` says that the slice must end after the page in hand. `hears_at`: where webhooks
    of the platform are to go; None where this process has no address of its own, or no secret for them.
    """

    store: Store
    client: Client
    pool: Executor
    job: Job
    over: Callable[[], bool]
    doubt_waits: DoubtWaits
    hears_at: Registration | None = None

    @cached_property
    def committer(self) -> PageCommitter:
        return PageCommitter(self.store, lease_id=self.job.lease_id, first_seq=self.job.page_seq)

    def send(self, request: Request, /) -> Response:
        """One call to the platform, for the job's own shop."""
        return self.client.send(replace(request, path=request.path.replace("{shop_id}", self.job.shop_id)))

    def download(self, url: str, /, *, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a file that the platform has made for this job."""
        return self.client.download(url, offset=offset)

    def save(self, cursor: Cursor) -> None:
        """Where the job stands, without a page."""
        self.store.rpc("move_cursor", p_lease_id=self.job.lease_id, p_cursor=cursor.dump())

    def put_off(self, cursor: Cursor, reason: str, *, code: str) -> NoReturn:
        """Go on from here after a wait, or give up where all waits are over (`code`)."""
        signal = self.doubt_waits.signal(cursor, reason, code=code)
        if isinstance(signal, Snooze):
            self.save(cursor.later())
        raise signal
