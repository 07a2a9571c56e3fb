"""The address that events go to, and one attempt: signed, within its time, to nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from execution.clock import Clock
from execution.errors import Retriable
from execution.events.addresses import AddressRefused, AddressRule
from execution.events.message import Message
from execution.http.retry_after import retry_after
from execution.http.signatures import standard_headers
from execution.http.transport import HttpTransport, ResponseLost
from execution.settings import Settings

_AWAY = {408, 425, 429}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of an attempt. `failure`: the stable word of why, None for a receipt. `is_away`: nobody listens, and
    that says nothing of this event.
    """

    failure: str | None = None
    is_away: bool = False
    wait: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where events go, with every secret that they are signed with: several while one is rotated out."""

    url: str
    secrets: Sequence[str] = field(repr=False)
    transport: HttpTransport
    timeout: timedelta
    longest_wait: timedelta
    now: Callable[[], float] = time.time

    def send(self, message: Message) -> Verdict:
        """One attempt. Nothing raises: whatever went wrong is a failure of this attempt."""
        headers = {"content-type": "application/json"}
        headers |= standard_headers(self.secrets, message.id, int(self.now()), message.body)
        try:
            answer = self.transport.head_of(
                "POST", self.url, headers=headers, body=message.body, deadline_s=self.timeout.total_seconds()
            )
        except AddressRefused:
            return Verdict(failure="address_refused", is_away=True)
        except ResponseLost:
            return Verdict(failure="no_answer", is_away=True)
        except Retriable:
            return Verdict(failure="no_connection", is_away=True)
        if 200 <= answer.status < 300:
            return Verdict()
        wait = retry_after(answer.headers, datetime.now(UTC), default=None, longest=self.longest_wait)
        return Verdict(
            failure=f"status_{answer.status}", is_away=answer.status >= 500 or answer.status in _AWAY, wait=wait
        )


def endpoint_of(settings: Settings, clock: Clock, *, timeout: timedelta, longest_wait: timedelta) -> Endpoint | None:
    """The endpoint that the environment names; None for none. Raises UserError for half a one."""
    declared = settings.events()
    if declared is None:
        return None
    rule = AddressRule(private=declared.allow_private, loopback=declared.is_development)
    transport = HttpTransport(clock, resolve=rule.resolved)
    return Endpoint(
        url=declared.url, secrets=declared.secrets, transport=transport, timeout=timeout, longest_wait=longest_wait
    )
