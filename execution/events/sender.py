"""Sends what is due, in threads of the clock's process, so that an endpoint that hangs holds nothing else.

    claim (at most one event a tenant) ──▶ POST ──▶ settle: received, or when it is tried again

Whoever dies in between leaves a lease that lapses, and the event is sent once more under the same id. Where nobody
listens, one event at a time asks whether somebody does again.
"""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from execution.errors import KeeperError
from execution.events.endpoint import Endpoint, Verdict
from execution.events.message import Message
from execution.events.schedule import Schedule
from execution.store import Rpc

_AT_ONCE = 4
_LOOK_EVERY_S = 1.0
# While nobody listens: the first look after that, and the longest time without one.
_AWAY_FIRST_S, _AWAY_LONGEST_S = 1.0, 30.0
# Beside the time that an answer may take: the way to the database and back.
_LEASE_EXTRA_S = 60.0

log = structlog.get_logger()


class Sender:
    """One a process that sends. Two processes do no harm: each takes what the other has not."""

    def __init__(self, *, store: Rpc, endpoint: Endpoint, schedule: Schedule, rng: random.Random) -> None:
        self._store = store
        self._endpoint = endpoint
        self._schedule = schedule
        self._rng = rng
        # How often in a row nobody listened.
        self._away = 0

    def once(self) -> int:
        """Send what is due now, some of it at once. Answers how many were tried."""
        claimed: list[dict[str, Any]] = self._store.rpc(
            "claim_events",
            p_limit=1 if self._away else _AT_ONCE,
            p_lease_seconds=self._schedule.timeout.total_seconds() + _LEASE_EXTRA_S,
            p_give_up_seconds=self._schedule.give_up.total_seconds(),
        )
        messages = [Message.of(row) for row in claimed]
        if messages:
            with ThreadPoolExecutor(max_workers=len(messages), thread_name_prefix="event") as pool:
                verdicts = list(pool.map(self._try, messages))
            self._away = self._away + 1 if any(verdict.is_away for verdict in verdicts) else 0
        return len(messages)

    def until(self, stop: threading.Event) -> None:
        """Send until the process ends. What fails is logged, and tried again."""
        while not stop.is_set():
            tried = 0
            try:
                tried = self.once()
            except KeeperError as error:
                log.warning("events_not_sent", error=str(error))
            except Exception:
                # Nobody starts this thread again, and nobody would be told anything any more.
                log.exception("events_broke")
            stop.wait(self._pause(tried))

    def _pause(self, tried: int) -> float:
        if self._away:
            longest = min(_AWAY_FIRST_S * 2 ** (self._away - 1), _AWAY_LONGEST_S)
            return self._rng.uniform(longest / 2, longest)
        return 0.0 if tried else _LOOK_EVERY_S

    def _try(self, message: Message) -> Verdict:
        verdict = self._endpoint.send(message)
        settled = partial(self._store.rpc, "settle_event", p_id=message.id, p_attempt=message.attempt)
        if verdict.failure is None:
            settled()
        else:
            about = {"event_id": message.id, "type": message.type, "user_id": message.user_id}
            log.warning("event_not_received", **about, failure=verdict.failure)
            delay = max(self._jittered(self._schedule.wait(message.failures)), verdict.wait or timedelta())
            settled(p_failure=verdict.failure, p_delay_seconds=delay.total_seconds(), p_is_away=verdict.is_away)
        return verdict

    def _jittered(self, wait: timedelta) -> timedelta:
        return wait * self._rng.uniform(0.8, 1.2)
