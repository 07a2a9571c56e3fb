"""Times as platforms write them. What is written there may be anything: a time that cannot be read is unknown."""

from __future__ import annotations

from datetime import datetime


def moment_in(text: object) -> datetime | None:
    """A time that says its offset; None for every other value."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def epoch_in(text: object) -> float | None:
    """The same in Unix seconds."""
    moment = moment_in(text)
    return None if moment is None else moment.timestamp()
