"""What the tests of the door share: a clock that is moved by hand, a seller with a leased job, an Etsy by hand."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from execution.errors import Fatal, LeaseLost, StoreError, StoreUnavailable
from execution.keyring import AssociatedData, Keyring
from execution.platform_settings import PlatformSettings
from execution.platforms.api import Verdict
from execution.platforms.platform import Platform
from execution.seller_messages import message_of
from execution.store import stable_word

RING = "k1:" + "A" * 42 + "E"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


class HandClock:
    """Time that stands still until it is slept away or moved. `on_sleep` sees every sleep."""

    def __init__(self, on_sleep: Callable[[float], None] = lambda _: None) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self._on_sleep = on_sleep

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        self._on_sleep(seconds)


def words_of(verdict: Verdict, platform: Platform) -> str:
    """What a seller reads where this ends a job."""
    return message_of(Fatal("x", code=verdict.code, words=verdict.words, facts=verdict.facts), platform)


class DirectRpc:
    """The functions of the migrations as the worker's role, over plain connections: one a thread.

    Dates and errors come as the store over PostgREST gives them.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._threads = threading.local()
        self._open: list[psycopg.Connection[Any]] = []

    def rpc(self, function: str, /, **args: Any) -> Any:
        call = sql.SQL("select to_jsonb({}({}))").format(
            sql.Identifier("public", function),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(name), sql.Literal(_plain(value)))
                for name, value in args.items()
            ),
        )
        try:
            row = self._connection().execute(call).fetchone()
        except psycopg.OperationalError as error:
            raise StoreUnavailable(str(error)) from error
        except psycopg.Error as error:
            if error.diag.message_primary == "lease_lost":
                raise LeaseLost("lease_lost") from error
            message, sqlstate = error.diag.message_primary or "", error.sqlstate or ""
            code = stable_word(sqlstate, message)
            raise StoreError(f"{function}: {message}", code=code, sqlstate=sqlstate) from error
        return row[0] if row else None

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def _connection(self) -> psycopg.Connection[Any]:
        if not hasattr(self._threads, "connection"):
            connection = self._threads.connection = psycopg.connect(self._url, autocommit=True)
            connection.execute("set role service_role")
            self._open.append(connection)
        return self._threads.connection


def _plain(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value


@dataclass(kw_only=True)
class Seller:
    """A connected seller whose job is leased to us."""

    user_id: str
    account_id: str
    lease_id: str
    shop_id: str


def connect_seller(
    db: psycopg.Connection[Any],
    store: Any,
    keyring: Keyring,
    *,
    access: str = "40010002.first",
    refresh: str | None = "40010002.refresh-1",
    expires_in: timedelta | None = timedelta(hours=1),
) -> Seller:
    user_id, account_id, lease_id = (str(uuid.uuid4()) for _ in range(3))
    shop_id = str(random.randrange(10**6, 10**9))
    db.execute("insert into auth.users (id, email) values (%s, %s)", (user_id, f"{user_id}@example.com"))

    def sealed(secret: str | None, name: Any) -> str | None:
        place = AssociatedData(user_id=user_id, platform="etsy", account_id=account_id, field=name)
        return None if secret is None else keyring.encrypt(secret, place)

    store.rpc(
        "connect_account",
        p_account_id=account_id,
        p_user_id=user_id,
        p_platform="etsy",
        p_shop_id=shop_id,
        p_shop_name="Fox",
        p_currency="USD",
        p_shop_created_at="2024-01-01T00:00:00Z",
        p_access_token=sealed(access, "access_token"),
        p_refresh_token=sealed(refresh, "refresh_token"),
        p_expires_at=None if expires_in is None else (datetime.now(UTC) + expires_in).isoformat(),
    )
    lease_job(db, user_id, account_id, lease_id)
    return Seller(user_id=user_id, account_id=account_id, lease_id=lease_id, shop_id=shop_id)


def lease_job(db: psycopg.Connection[Any], user_id: str, account_id: str, lease_id: str) -> None:
    run_id = str(uuid.uuid4())
    db.execute(
        "insert into public.sync_runs (id, user_id, job_type, trigger) values (%s, %s, 'backfill', 'test')",
        (run_id, user_id),
    )
    db.execute(
        "insert into public.sync_jobs (user_id, account_id, run_id, platform, entity, job_type, status, lease_id,"
        " lease_expires_at)"
        " values (%s, %s, %s, 'etsy', 'orders', 'backfill', 'running', %s, now() + interval '1 hour')",
        (user_id, account_id, run_id, lease_id),
    )


def etsy_settings(**changes: Any) -> PlatformSettings:
    fields: dict[str, Any] = {"name": "etsy", "client_id": "keystring", "client_secret": SecretStr("shared-secret")}
    return PlatformSettings(**(fields | changes))


@dataclass(kw_only=True)
class HandEtsy:
    """Answers by hand, in order; the last one stays. Keeps what it was asked."""

    answers: list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]]
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def by_hand(handler: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """A transport over a handler. Answers arrive unread, as from a wire: httpx reads those made of bytes at once."""

    def unread(request: httpx.Request) -> httpx.Response:
        answer = handler(request)
        if isinstance(answer.stream, httpx.ByteStream):
            return httpx.Response(answer.status_code, headers=answer.headers, stream=Wire(b"".join(answer.stream)))
        return answer

    return httpx.MockTransport(unread)


class Wire(httpx.SyncByteStream):
    """Chunks as they would come off a wire."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks


class TokenServer:
    """A token endpoint with rotation: a refresh token that is used twice is dead, as is its whole family."""

    def __init__(self, refresh: str = "40010002.refresh-1") -> None:
        self.good = refresh
        self.used: list[str] = []
        self.issued = 0
        self.access = ""
        self._lock = threading.Lock()
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        from urllib.parse import parse_qs  # noqa: PLC0415

        form = parse_qs(request.read().decode())
        self.before()
        with self._lock:
            given = form["refresh_token"][0]
            self.used.append(given)
            if given != self.good:
                self.good = ""
                refused = {"error": "invalid_grant", "error_description": "refresh_token is revoked"}
                return httpx.Response(400, json=refused)
            self.issued += 1
            self.access, self.good = f"40010002.access-{self.issued}", f"40010002.next-{self.issued}"
            answer = {
                "access_token": self.access,
                "refresh_token": self.good,
                "expires_in": 3600,
                "token_type": "Bearer",
            }
        self.after()
        return httpx.Response(200, json=answer)


@contextmanager
def many(count: int, work: Callable[[int], Any]) -> Iterator[list[Any]]:
    """Run `work(0..count-1)` in threads that start together; the list holds results or exceptions, in order."""
    results: list[Any] = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001 (the test looks at it)
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield results


def until_it_waits(db: psycopg.Connection[Any], function: str) -> None:
    """Return when a call of this function waits for a lock of somebody else's."""
    deadline = time.monotonic() + 20
    waits = "select from pg_stat_activity where wait_event_type = 'Lock' and query like %s"
    while db.execute(waits, (f"%{function}%",)).fetchone() is None:
        assert time.monotonic() < deadline, f"{function} waits for nobody"
        time.sleep(0.02)
