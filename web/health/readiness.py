"""Is this process ready for work? Asked of the database and Valkey, answered in time whatever is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
import redis.asyncio
from redis.exceptions import RedisError

from execution.api_key import key_headers
from execution.certificates import why_unreached
from execution.schema.migration_files import known_versions
from execution.settings import Settings
from execution.trust import trusted
from execution.valkey import why_away

# A router asks every few seconds and gives up soon: an answer takes 200 ms at most, so a check gets less.
CHECK_SECONDS = 0.15


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part: whether it can be used, and if not, why."""

    name: str
    ok: bool
    reason: str = ""


class Readiness:
    """Asks the parts that every process needs. One a process; connections are kept."""

    def __init__(self, settings: Settings) -> None:
        key = settings.supabase_service_role_key.get_secret_value()
        self._known = known_versions()
        self._database = httpx.AsyncClient(
            base_url=settings.supabase_url.rstrip("/") + "/rest/v1",
            headers=key_headers(key),
            timeout=CHECK_SECONDS,
            verify=trusted(),
            trust_env=False,
        )
        self._valkey = redis.asyncio.Redis.from_url(
            settings.redis_url.get_secret_value(), socket_timeout=CHECK_SECONDS, socket_connect_timeout=CHECK_SECONDS
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._database.aclose()
        await self._valkey.aclose()

    async def checks(self) -> list[Check]:
        """Every part at once, so that the slowest decides how long it takes."""
        return list(
            await asyncio.gather(
                _in_time("database", self._ask_database()),
                _in_time("valkey", self._ask_valkey()),
            )
        )

    async def _ask_database(self) -> str:
        try:
            response = await self._database.post("/rpc/schema_version", json={"p_known": self._known})
        except httpx.TransportError as error:
            return f"does not answer ({why_unreached(error)})"
        if response.status_code in (401, 403):
            return "refuses our key: check SUPABASE_SERVICE_ROLE_KEY"
        if response.status_code == httpx.codes.NOT_FOUND:
            return "has not the schema of this code: run `keeper migrate`"
        if not response.is_success:
            return f"answers {response.status_code}"
        version = str(response.json() or "none")
        # A newer schema is fine: a release migrates before the old processes have left.
        if version < self._known[-1]:
            return f"schema is at {version}, the code needs {self._known[-1]}: run `keeper migrate`"
        return ""

    async def _ask_valkey(self) -> str:
        try:
            await self._valkey.ping()
        except (RedisError, OSError) as error:
            return why_away(error)
        return ""


async def _in_time(name: str, asking: Awaitable[str]) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            reason = await asking
    except TimeoutError:
        reason = f"does not answer within {CHECK_SECONDS * 1000:.0f} ms"
    return Check(name=name, ok=not reason, reason=reason)
