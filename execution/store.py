"""The database, over PostgREST: one way for every call, with its faults sorted into what the caller should do.

Every function called here may be called twice: an answer can be lost after the commit. The ones that hold a lease
refuse a second ending; `commit_page` and `claim_job` return what they returned before.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
import orjson
from postgrest import SyncPostgrestClient
from pydantic import SecretStr

from execution import traces
from execution.api_key import key_headers
from execution.certificates import why_unreached
from execution.clock import Clock, SystemClock
from execution.errors import LeaseLost, StoreError, StoreUnavailable
from execution.trust import trusted

_ATTEMPTS = 6
_LONGEST_WAIT_S = 2.0
# A statement ends after 50 seconds at the latest (docs/decisions/027); the rest is for its way here and back.
_ANSWER_S = 55.0
# Deadlock, serialization failure, lock timeout, too many connections, shutdown and start-up, and PostgREST's own:
# no connection (000-003), schema cache not reloaded yet after a migration (202).
_PASSING = ("40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03", "08", "PGRST00", "PGRST202")
_WORD = re.compile(r"[a-z][a-z_]*")
# PostgREST answers at most 1,000 rows on hosted Supabase: reads go in key order, a page at a time.
_READ_ROWS = 1000


class Rpc(Protocol):
    """The part of the store that most of its users need."""

    def rpc(self, function: str, /, **args: Any) -> Any: ...


class Access(Protocol):
    """Where the database is asked, and with which key."""

    @property
    def supabase_url(self) -> str: ...
    @property
    def supabase_service_role_key(self) -> SecretStr: ...


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a process waits for the database: a worker as long as it takes, a web request as long as a person."""

    attempts: int = _ATTEMPTS
    answer_s: float = _ANSWER_S


AS_LONG_AS_IT_TAKES = Patience()
IN_PASSING = Patience(attempts=1, answer_s=2.0)


class Store:
    """One process's connection to the database. Safe to share between threads."""

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        transport: httpx.BaseTransport | None = None,
        patience: Patience = AS_LONG_AS_IT_TAKES,
    ) -> None:
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()  # noqa: S311  jitter is no secret
        self._attempts = patience.attempts
        key = access.supabase_service_role_key.get_secret_value()
        url = access.supabase_url.rstrip("/") + "/rest/v1"
        self._functions = url + "/rpc/"
        self._transport = transport or httpx.HTTPTransport(verify=trusted(), trust_env=False)
        self._http = httpx.Client(
            base_url=url,
            headers=key_headers(key),
            timeout=httpx.Timeout(patience.answer_s, connect=min(5.0, patience.answer_s)),
            transport=self._transport,
            trust_env=False,
        )
        self._headers = dict(self._http.headers)
        self._tables = SyncPostgrestClient(url, headers=self._headers, http_client=self._http, retry_enabled=False)
        # The database's clock minus ours; fetch times and waits are on the database's clock.
        self._clock_offset = timedelta()

    def rpc(self, function: str, /, **args: Any) -> Any:
        """Call a function with named arguments and answer its JSON value.

        Raises LeaseLost, StoreUnavailable (may be repeated) or StoreError (by its `code`).
        """
        body = orjson.dumps(args, default=str)
        answer = self._call(function, lambda: body, "application/json")
        if isinstance(answer, dict) and "run_ids" in answer:
            # Whoever asked for runs is found again from their jobs.
            traces.note(run_ids=answer["run_ids"])
        return answer

    def commit_page(self, parts: tuple[bytes, ...], sent: Callable[[], None]) -> dict[str, Any]:
        """Send a page as the bytes that came; `sent` is called once they have left this process.

        From then on the commit happens even if this process dies, so the next page may be fetched.
        """
        size = str(sum(map(len, parts)))

        def stream() -> Iterator[bytes]:
            yield from parts
            sent()

        answer: dict[str, Any] = self._call("commit_page", stream, "text/plain", {"Content-Length": size})
        return answer

    def read(self, table: str, columns: str, key: str, **equals: str) -> Iterator[dict[str, Any]]:
        """Every row of a table in the order of `key`, however many there are."""
        last: Any = None
        while True:
            query = self._tables.from_(table).select(columns)
            for name, value in equals.items():
                query = query.eq(name, value)
            if last is not None:
                query = query.gt(key, last)
            rows: list[Any] = query.order(key).limit(_READ_ROWS).execute().data
            yield from rows
            if len(rows) < _READ_ROWS:
                return
            last = rows[-1][key]

    def now(self) -> datetime:
        """The database's clock, as well as we know it: the offset is learned with every claim."""
        return self._clock.now() + self._clock_offset

    def learn_now(self, moment: str) -> None:
        """`moment` is the database's time in an answer that has just come."""
        self._clock_offset = datetime.fromisoformat(moment).astimezone(UTC) - self._clock.now()

    def close(self) -> None:
        self._http.close()

    def _call(
        self,
        function: str,
        content: Callable[[], bytes | Iterator[bytes]],
        content_type: str,
        headers: dict[str, str] | None = None,
    ) -> Any:
        for attempt in range(1, self._attempts + 1):
            try:
                response = self._post(function, content(), {"Content-Type": content_type, **(headers or {})})
            except httpx.TransportError as error:
                failure: StoreError = StoreUnavailable(
                    f"The database does not answer ({why_unreached(error)}).", hint="Check SUPABASE_URL."
                )
            else:
                if response.is_success:
                    return orjson.loads(response.content) if response.content else None
                failure = _failure(function, response)
            if attempt == self._attempts or not isinstance(failure, StoreUnavailable):
                raise failure
            self._clock.sleep(self._rng.uniform(0.05, min(_LONGEST_WAIT_S, 0.1 * 2**attempt)))
        raise AssertionError("unreachable")

    def _post(self, function: str, content: bytes | Iterator[bytes], headers: dict[str, str]) -> httpx.Response:
        # Not through the client: redirects, cookies and authentication flows, of which there are none here, cost a
        # third of a call.
        request = httpx.Request(
            "POST",
            self._functions + function,
            headers={**self._headers, **headers},
            content=content,
            extensions={"timeout": self._http.timeout.as_dict()},
        )
        with closing(self._transport.handle_request(request)) as response:
            response.read()
            return response


def _failure(function: str, response: httpx.Response) -> StoreError:
    """What the caller should do about an answer that is none. Raises LeaseLost."""
    try:
        fault = orjson.loads(response.content)
        sqlstate, message = str(fault.get("code") or ""), str(fault.get("message") or "")
        hint = str(fault.get("hint") or fault.get("details") or "")
    except (orjson.JSONDecodeError, AttributeError):
        sqlstate, message, hint = "", "", ""
    code = stable_word(sqlstate, message)
    if code == "lease_lost":
        raise LeaseLost(f"{function}: the lease is gone.")
    if response.status_code in (502, 503, 504) or sqlstate.startswith(_PASSING):
        return StoreUnavailable(f"The database is busy ({response.status_code} {sqlstate}).", sqlstate=sqlstate)
    if response.status_code in (401, 403):
        return StoreError(
            f"The database refused our key ({response.status_code}).",
            code="key_refused",
            sqlstate=sqlstate,
            hint="Check SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY.",
        )
    if sqlstate in ("PGRST204", "42883"):
        return StoreError(
            f"The database has no function {function}.",
            code="no_function",
            sqlstate=sqlstate,
            hint="Run `keeper migrate`.",
        )
    return StoreError(f"{function}: {message or response.status_code}", code=code, sqlstate=sqlstate, hint=hint)


def stable_word(sqlstate: str, message: str) -> str:
    """What our own functions raise: an SQLSTATE of class PT, which PostgREST makes a status of, and a word for it."""
    return message if sqlstate.startswith("PT") and _WORD.fullmatch(message) else ""
