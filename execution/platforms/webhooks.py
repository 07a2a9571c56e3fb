"""A platform's webhooks as data: how a delivery is proven, and what it asks for. Nothing of a body but ids is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from execution.http.signatures import Delivery
from execution.platforms.subscriptions import Subscriptions

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SHOP = re.compile(r"[A-Za-z0-9._-]{1,120}", re.ASCII)
_TOPIC = re.compile(r"[a-z_:./-]{1,80}", re.ASCII)

Effect = Literal["read", "gone", "rights", "disconnect", "redact_customer", "redact_shop", "request"]


class NotAnEvent(ValueError):
    """The body is not one that this platform sends."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a delivery asks for. `effect` is one of accept_platform_event's."""

    delivery: str
    shop_id: str
    topic: str
    effect: Effect
    kind: str | None = None
    object_ids: tuple[str, ...] = ()
    happened_at: datetime | None = None
    subject: Mapping[str, Any] = field(default_factory=dict)
    # Of whom to forget: handed on to find them by, and kept nowhere.
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Webhooks:
    """How one platform's deliveries are proven and read.

    `prove` raises NotSigned for what is not the platform's own: it is given the secrets, of which any may have signed,
    and the time. `read` answers None for what does not concern us; it raises NotAnEvent for what the platform does not
    send, and NotSigned where a header is missing that no honest delivery lacks. `about` and `sent_as` are for the
    document of our own API. `subscriptions`: how we ask for them; without, somebody has to by hand, as `by_hand` says.
    """

    prove: Callable[[Delivery, Sequence[str], float], None]
    read: Callable[[Delivery], Event | None]
    about: str
    sent_as: str
    subscriptions: Subscriptions | None = None
    by_hand: str = ""


def body_of(delivery: Delivery) -> dict[str, Any]:
    """The body as an object."""
    try:
        event = orjson.loads(delivery.body)
    except orjson.JSONDecodeError:
        raise NotAnEvent from None
    if not isinstance(event, dict):
        raise NotAnEvent
    return event


def id_in(value: object) -> str:
    return _text(value, _ID)


def shop_in(value: object) -> str:
    return _text(value, _SHOP)


def topic_in(value: object) -> str:
    return _text(value, _TOPIC)


def _text(value: object, form: re.Pattern[str]) -> str:
    """An id in the form that ids have; a signature does not make a string harmless."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not form.fullmatch(text):
        raise NotAnEvent
    return text
