"""The product told where to tell: a listener on this machine, and who sends to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from execution.app import App
from execution.clock import SystemClock
from execution.events.addresses import AddressRule
from execution.events.endpoint import Endpoint
from execution.events.schedule import Schedule
from execution.events.sender import Sender
from execution.http.transport import HttpTransport
from tests.events.listener import SECRET, Listener, listening

SCHEDULE = Schedule.load()
DEVELOPMENT = AddressRule(private=False, loopback=True)
MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as one:
        yield one


@pytest.fixture
def endpoint_at() -> Iterator[MakeEndpoint]:
    """An endpoint at an address, as a process makes it."""
    made: list[HttpTransport] = []

    def make(url: str, *, rule: AddressRule = DEVELOPMENT, secrets: tuple[str, ...] = (SECRET,)) -> Endpoint:
        made.append(HttpTransport(SystemClock(), resolve=rule.resolved))
        return Endpoint(
            url=url,
            secrets=secrets,
            transport=made[-1],
            timeout=SCHEDULE.timeout,
            longest_wait=SCHEDULE.longest,
        )

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def sender(app: App, listener: Listener, endpoint_at: MakeEndpoint) -> Sender:
    return Sender(store=app.store, endpoint=endpoint_at(listener.url), schedule=SCHEDULE, rng=random.Random(1))
