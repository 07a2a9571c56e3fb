"""The second's budget: slots and bucket costs handed out by Valkey, or by Postgres while Valkey is away.

Only one of the two hands out a scope's slots at any time: Postgres leases that right to Valkey for some seconds.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import structlog
from redis.exceptions import RedisError

from execution.budget.budgets import Bucket
from execution.clock import Clock
from execution.errors import StoreError
from execution.store import Rpc
from execution.valkey import Valkey, why_away

LONGEST_WAIT_S = 2.0
LEASE_S = 5.0
_VALKEY_REST_S = 5.0
_LIMIT_KEPT_S = 3600
# Processes that start together ask for the first lease together: the one that was granted it without a quiet time takes
# it within so long, and the others need not quieten everybody.
_FIRST_TAKES_S = 0.25
_PAUSE = "the platform asked for a pause"
_HERE = Path(__file__).parent

BucketKind = Literal["points", "calls"]

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Slot:
    """`booked`: go after `wait_s`. Otherwise nothing is booked: come back after about `wait_s`.

    `call_id` names a bucket's cost until an answer settles it.
    """

    booked: bool
    wait_s: float
    call_id: str = ""


def _scripts() -> dict[str, str]:
    text = {path.stem: path.read_text() for path in _HERE.glob("*.lua")}
    gate = text.pop("gate")
    return text | {name: gate + text[name] for name in ("pacing", "bucket")}


class Pacer:
    """Hands out slots of the second. Never fails because Valkey is away."""

    def __init__(self, store: Rpc, valkey: Valkey | None, clock: Clock) -> None:
        self._store = store
        self._valkey = valkey
        self._clock = clock
        self._scripts = {name: valkey.register_script(text) for name, text in _scripts().items() if valkey}
        self._valkey_rests_until = float("-inf")

    def slot(
        self, scope: str, *, per_second: float, safety_margin: float, longest_wait_s: float = LONGEST_WAIT_S
    ) -> Slot:
        """Book the next slot, unless it is more than `longest_wait_s` away."""
        keys = self._keys(scope, "lease", "hold", "used", "limit")
        args = [_us(LEASE_S), per_second, safety_margin, _us(longest_wait_s), _us(LONGEST_WAIT_S)]
        slot = self._ask_valkey(scope, "pacing", keys, args)
        if slot is not None:
            return slot
        answer = self._store.rpc(
            "pace_call",
            p_scope=scope,
            p_per_second=per_second,
            p_safety_margin=safety_margin,
            p_longest_wait_seconds=longest_wait_s,
        )
        return Slot(booked=answer["booked"], wait_s=answer["wait_seconds"])

    def draw(
        self, scope: str, kind: BucketKind, bucket: Bucket, cost: float, *, keep: float, longest_wait_s: float
    ) -> Slot:
        """Book `cost` out of a bucket, of which the share `keep` stays; unless it takes too long to fill."""
        call_id = uuid.uuid4().hex
        keys = self._keys(scope, "lease", "hold", kind, f"{kind}-unsettled")
        args = [_us(LEASE_S), bucket.maximum, bucket.restore_per_s, cost, keep, _us(longest_wait_s), call_id]
        slot = self._ask_valkey(scope, "bucket", keys, args)
        if slot is not None:
            return Slot(booked=slot.booked, wait_s=slot.wait_s, call_id=call_id)
        answer = self._store.rpc(
            "pace_cost",
            p_scope=scope,
            p_kind=kind,
            p_maximum=bucket.maximum,
            p_restore=bucket.restore_per_s,
            p_cost=cost,
            p_keep=keep * bucket.maximum,
            p_longest_wait_seconds=longest_wait_s,
        )
        return Slot(booked=answer["booked"], wait_s=answer["wait_seconds"])

    def settle(self, scope: str, kind: BucketKind, bucket: Bucket, available: float, call_id: str) -> None:
        """Let every process know how full the platform's bucket is, now that the call `call_id` is answered."""
        keys = self._keys(scope, kind, f"{kind}-unsettled")
        script = self._scripts.get("bucket_seen")
        if not (script and self._try(lambda _: script(keys=keys, args=[available, *_sizes(bucket), call_id]))):
            self._store.rpc("bucket_seen", p_scope=scope, p_kind=kind, p_available=available)

    def tell_limit(self, scope: str, per_second: float) -> None:
        """Let every process pace by the limit that the platform just named."""
        self._set(scope, "limit", str(per_second), seconds=_LIMIT_KEPT_S)

    def hold(self, scope: str, seconds: float) -> None:
        """No slot for anyone for so long, whoever paces; a block in Postgres is what lasts longer. Never fails."""
        seconds = min(seconds, 300.0)
        if self._set(scope, "hold", "1", seconds=seconds):
            return
        try:
            self._store.rpc("block_scope", p_scope=scope, p_seconds=seconds, p_reason=_PAUSE)
        except StoreError as error:
            log.warning("scope_not_held", scope=scope, error=error.message)

    def _ask_valkey(self, scope: str, script: str, keys: list[str], args: list[Any]) -> Slot | None:
        """A slot of Valkey's, or None where Postgres must hand it out."""
        for _ in range(2):
            answer = self._try(lambda _: self._scripts[script](keys=keys, args=args))
            if answer is None:
                return None
            verdict, number, more = cast("list[int]", answer)
            if verdict < 0 or more:
                now_us, kept = (number, bool(more)) if verdict < 0 else (None, True)
                self._take_lease(scope, now_us, state_kept=kept)
            if verdict >= 0:
                return Slot(booked=bool(verdict), wait_s=number / 1e6)
        return None

    def _take_lease(self, scope: str, asked_at_us: int | None, *, state_kept: bool) -> None:
        """Ask Postgres for the right to pace. It counts from before the question, on Valkey's own clock."""
        renews = asked_at_us is None
        if asked_at_us is None:
            seconds, micros = cast("tuple[int, int]", self._try(lambda valkey: valkey.time()) or (0, 0))
            asked_at_us = seconds * 1_000_000 + micros
        granted = self._store.rpc("lease_pacing", p_scope=scope, p_seconds=LEASE_S, p_state_kept=state_kept)
        # A renewal keeps what it has: while a lease lasts, Postgres draws nothing.
        state_kept = state_kept and (renews or not granted["buckets_drawn"])
        quiet_ms = int(granted["quiet_seconds"] * 1000) + (granted["quiet_seconds"] > 0)
        keys = self._keys(scope, "lease", "hold", "used", "points", "points-unsettled", "calls", "calls-unsettled")
        args = [asked_at_us, _us(LEASE_S), quiet_ms, int(state_kept)]
        if quiet_ms and not state_kept:
            self._clock.sleep(_FIRST_TAKES_S)
        self._try(lambda _: self._scripts["lease"](keys=keys, args=args))

    def _set(self, scope: str, name: str, value: str, *, seconds: float) -> bool:
        return bool(
            self._try(
                lambda valkey: valkey.set(valkey.key(f"{{{scope}}}:{name}"), value, px=max(1, int(seconds * 1000)))
            )
        )

    def _keys(self, scope: str, *names: str) -> list[str]:
        if self._valkey is None:
            return []
        # One hash tag, so that a clustered Valkey keeps them together.
        return [self._valkey.key(f"{{{scope}}}:{name}") for name in names]

    def _try(self, ask: Callable[[Valkey], Any]) -> Any | None:
        """What Valkey answers; None while it is away, which is tried again after some seconds."""
        if self._valkey is None or self._clock.monotonic() < self._valkey_rests_until:
            return None
        try:
            return ask(self._valkey)
        except RedisError as error:
            self._valkey_rests_until = self._clock.monotonic() + _VALKEY_REST_S
            log.warning("valkey_away", error=why_away(error), pacing="postgres", again_in_s=_VALKEY_REST_S)
            return None


def _us(seconds: float) -> int:
    return int(seconds * 1e6)


def _sizes(bucket: Bucket) -> tuple[float, float]:
    return bucket.maximum, bucket.restore_per_s
