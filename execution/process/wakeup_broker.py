"""Dramatiq's broker for messages that carry nothing: one that Valkey loses, or never hears of, is let go.

Dramatiq waits without end for a Valkey that hangs, tries without end to acknowledge a message, and a worker process
that cannot put its messages back dies with an error before its slices have ended. A bell is worth none of this: the
clock rings again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
import structlog
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed

from execution.valkey import why_away

# Between two looks for a bell, at most (milliseconds).
_LISTENS_MS = 250

log = structlog.get_logger()


class BellConsumer(_RedisConsumer):
    """Hears bells. Only fetching tells that Valkey is away: then Dramatiq tries again after some seconds."""

    def __next__(self) -> Any:
        try:
            return super().__next__()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            raise ConnectionClosed(why_away(error)) from None  # type: ignore[no-untyped-call]

    def ack(self, message: Any) -> None:
        with _let_go("answered"):
            super().ack(message)  # type: ignore[no-untyped-call]

    def nack(self, message: Any) -> None:
        with _let_go("refused"):
            super().nack(message)  # type: ignore[no-untyped-call]

    def requeue(self, messages: Iterable[Any]) -> None:
        with _let_go("put back"):
            super().requeue(messages)  # type: ignore[no-untyped-call]


class WakeupBroker(RedisBroker):
    """A RedisBroker whose consumers are BellConsumers."""

    def consume(self, queue_name: str, prefetch: int = 2, timeout: int = _LISTENS_MS) -> Any:
        """Dramatiq fetches two for each thread: a bell that waits in a busy process is heard by no idle one."""
        return super().consume(queue_name, max(1, prefetch // 2), min(timeout, _LISTENS_MS))

    @property
    def consumer_class(self) -> type[BellConsumer]:
        return BellConsumer


@contextmanager
def _let_go(what: str) -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, ConnectionClosed) as error:
        log.warning("bell_let_go", not_done=what, error=why_away(error))
