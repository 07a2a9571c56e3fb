"""The second's budget: slots handed out by Valkey, or by Postgres while Valkey is away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import redis
import structlog
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from execution.clock import Clock

LONGEST_WAIT_S = 2.0
_VALKEY_REST_S = 5.0
_LIMIT_KEPT_S = 3600
_SCRIPT = Path(__file__).with_name("pacing.lua")

log = structlog.get_logger()


class Rpc(Protocol):
    """The part of the store that budgets and tokens use."""

    def rpc(self, function: str, /, **args: Any) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Slot:
    """`booked`: go after `wait_s`. Otherwise nothing is booked: come back after about `wait_s`."""

    booked: bool
    wait_s: float


def connect_valkey(url: str) -> redis.Redis:
    """A client that gives up soon: a hanging Valkey must not hold a worker, Postgres can pace as well."""
    # One repeat mends a connection that idled too long; the library's own default holds the caller for seconds.
    repeat = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=repeat)


class Pacer:
    """Hands out slots of the second. Never fails because Valkey is away."""

    def __init__(self, store: Rpc, valkey: redis.Redis | None, clock: Clock) -> None:
        self._store = store
        self._valkey = valkey
        self._clock = clock
        self._script = valkey.register_script(_SCRIPT.read_text()) if valkey is not None else None
        self._valkey_rests_until = float("-inf")

    def slot(self, scope: str, *, per_second: int, safety_margin: float) -> Slot:
        """Book the next slot, unless it is more than LONGEST_WAIT_S away."""
        if self._script is not None and self._clock.monotonic() >= self._valkey_rests_until:
            try:
                args = [per_second, safety_margin, int(LONGEST_WAIT_S * 1e6)]
                booked, wait_us = cast("list[int]", self._script(keys=_keys(scope), args=args))
                return Slot(booked=bool(booked), wait_s=wait_us / 1e6)
            except RedisError as error:
                self._rest(error)
        answer = self._store.rpc(
            "pace_call",
            p_scope=scope,
            p_per_second=per_second,
            p_safety_margin=safety_margin,
            p_longest_wait_seconds=LONGEST_WAIT_S,
        )
        return Slot(booked=answer["booked"], wait_s=answer["wait_seconds"])

    def tell_limit(self, scope: str, per_second: int) -> None:
        """Let every process pace by the limit that the platform just told."""
        self._set(_keys(scope)[1], str(per_second), seconds=_LIMIT_KEPT_S)

    def hold(self, scope: str, seconds: float) -> None:
        """No slot for anyone for so long; the block in Postgres is what lasts longer."""
        self._set(_keys(scope)[2], "1", seconds=min(seconds, 300.0))

    def _set(self, key: str, value: str, *, seconds: float) -> None:
        if self._valkey is None or self._clock.monotonic() < self._valkey_rests_until:
            return
        try:
            self._valkey.set(key, value, px=max(1, int(seconds * 1000)))
        except RedisError as error:
            self._rest(error)

    def _rest(self, error: RedisError) -> None:
        self._valkey_rests_until = self._clock.monotonic() + _VALKEY_REST_S
        log.warning("valkey_away", error=type(error).__name__, pacing="postgres", again_in_s=_VALKEY_REST_S)


def _keys(scope: str) -> list[str]:
    # One hash tag, so that a clustered Valkey keeps the three together.
    return [f"keeper:{{{scope}}}:{name}" for name in ("used", "limit", "hold")]
