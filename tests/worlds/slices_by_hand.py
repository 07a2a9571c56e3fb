"""Slices worked by hand, with a word of the test's at every call, and notices as the web process keeps them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from execution.http.messages import Request, Response, Send
from execution.job_runner import SliceOutcome
from execution.slices.job_slice import Client
from tests.worlds.world import World

# What becomes of a call: it is sent, or it is not, and whatever happens before or after.
Through = Callable[[Send, Request], Response]


class _Client:
    """A job's own client, but for what `through` makes of its calls."""

    def __init__(self, client: Client, through: Through) -> None:
        self._client = client
        self._through = through
        self.download = client.download
        self.give_up = client.give_up

    @property
    def sends(self) -> int:
        return self._client.sends

    def send(self, request: Request, /) -> Response:
        return self._through(self._client.send, request)


def work_due(world: World, through: Through = lambda send, request: send(request)) -> None:
    """Work slices until nothing is due: what is parked stays parked."""
    runner = replace(world.app.runner(), client_of=lambda job: _Client(world.app.client_of(job), through))
    while runner.work_one() is not SliceOutcome.IDLE:
        pass


def interrupt(world: World, between: Callable[[], None], *, answer: int = 1) -> None:
    """Work what is due; `between` happens once, after so many answers have come and before the last is committed."""
    happens: list[Callable[[], None]] = [between, *[lambda: None] * (answer - 1)]

    def interrupted(send: Send, request: Request) -> Response:
        answer = send(request)
        if happens:
            happens.pop()()
        return answer

    work_due(world, interrupted)


def notify(world: World, topic: str, effect: str, *object_ids: str, **more: Any) -> None:
    """As the web process keeps a webhook of the world's only platform."""
    (shop,) = world.shops
    world.app.store.rpc(
        "accept_platform_event",
        p_platform=shop.platform,
        p_delivery_id=str(uuid.uuid4()),
        p_shop_id=shop.shop.id,
        p_topic=topic,
        p_effect=effect,
        p_object_ids=object_ids,
        **more,
    )
