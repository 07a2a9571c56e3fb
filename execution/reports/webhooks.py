"""How the webhooks of shops stand, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from execution.connections.choice import origins
from execution.connections.registration import WORDS
from execution.terminal import moment_text

_FINE = ("working", "by_hand", "disconnected")


def all_work(facts: Sequence[Mapping[str, Any]]) -> bool:
    """Of those that are connected, and that we can see to."""
    return all(one["state"] in _FINE for one in facts)


def as_text(facts: Sequence[Mapping[str, Any]]) -> str:
    origin = origins(facts)
    return "\n".join(f"{origin(one)}: {_told(one)}" for one in facts) or "No shop is connected that sends webhooks."


def _told(one: Mapping[str, Any]) -> str:
    parts = [WORDS[one["state"]]]
    if one["missing"]:
        parts[0] = f"{WORDS['right_missing']}: {', '.join(one['missing'])}"
    if one["topics"]:
        parts.append(f"{one['topics']} topics")
    if one["reason"]:
        parts.append(str(one["reason"]).rstrip("."))
    if one["checked_at"]:
        parts.append(f"looked at {moment_text(datetime.fromisoformat(one['checked_at']))}")
    if one["mended_at"]:
        parts.append(f"last mended {moment_text(datetime.fromisoformat(one['mended_at']))}")
    return "; ".join(parts)
