"""A platform's subscriptions to webhooks as data: which topics we want, and how they are listed, made and ended.

What is to be done about those that there are is worked out here (`plan`); `slices/upkeep_step.py` does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from execution.errors import Skip
from execution.http.messages import Send


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """One that the platform lists: notices of a topic go to an address."""

    id: str
    topic: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One that is to be made. `secret`: what its deliveries are to be signed with, where each is given one."""

    topic: str
    address: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Subscriptions:
    """How one platform's are had. The calls are given the shop's id; `{shop_id}` in a path stands for it as well.

    `topics`: what we want to hear of, and the rights that each needs. `needs`: the rights that all of it needs.
    `make` answers the new one's id. `signs_each`: each is made with a secret, which nobody is shown again.
    """

    topics: Mapping[str, tuple[str, ...]]
    listed: Callable[[Send, str], Sequence[Subscription]]
    make: Callable[[Send, str, Wanted], str]
    end: Callable[[Send, str, Subscription], None]
    needs: tuple[str, ...] = ()
    signs_each: bool = False


@dataclass(frozen=True, kw_only=True)
class Registration:
    """Where our deliveries go, what they are signed with, and a mark by which that secret is known again."""

    address: str
    secret: str = field(default="", repr=False)
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """One that we made, as we noted it."""

    id: str
    topic: str
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is as it should be, what is to be made, and what of our own is to end."""

    keep: Mapping[str, Subscription]
    make: tuple[str, ...]
    end: tuple[Subscription, ...]


def plan(
    listed: Sequence[Subscription], ours: Sequence[Registered], topics: Sequence[str], there: Registration
) -> Plan:
    """Ours are those that we noted, and those of a wanted topic at our very address. All others are somebody else's.

    One that leads elsewhere, is signed with another secret, or is there twice is made anew, or ends.
    """
    marks = {one.id: one.mark for one in ours}
    keep: dict[str, Subscription] = {}
    end: list[Subscription] = []
    for one in listed:
        at_ours = one.address == there.address and one.topic in topics
        if not at_ours and one.id not in marks:
            continue
        # Whatever signs with the application's own secret has no mark.
        if at_ours and one.topic not in keep and (not there.mark or marks.get(one.id) == there.mark):
            keep[one.topic] = one
        else:
            end.append(one)
    return Plan(keep=keep, make=tuple(topic for topic in topics if topic not in keep), end=tuple(end))


def noted(rows: Sequence[Mapping[str, Any]]) -> list[Registered]:
    """What we noted as ours, as the database gives it back."""
    return [Registered(id=row["id"], topic=row["topic"], mark=row["mark"]) for row in rows]


def end(how: Subscriptions, send: Send, shop_id: str, one: Subscription) -> None:
    """One that is gone already is as was wanted."""
    with suppress(Skip):
        how.end(send, shop_id, one)


def leaving(listed: Sequence[Subscription], ours: Sequence[Registered], address: str) -> tuple[Subscription, ...]:
    """What of our own there is to end when the last connection of a shop goes."""
    known = {one.id for one in ours}
    return tuple(one for one in listed if one.id in known or one.address == address)
