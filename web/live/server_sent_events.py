"""Server-sent events as bytes, and how long a stream of them stays open."""

from __future__ import annotations

import re
import time

MEDIA_TYPE = "text/event-stream"
# A proxy that collects an answer before it passes it on would hold every event back.
HEADERS = {"X-Accel-Buffering": "no"}
# How soon a browser takes up a stream that ended.
RETRY = b"retry: 2000\n\n"
# A comment: nobody reads it, and it keeps the connection from looking dead.
HEARTBEAT = b": still here\n\n"
# What a browser takes for the end of a line; no other character is one.
_LINE_END = re.compile(r"\r\n|\r|\n")
# Then the browser connects again by itself, and whether it is still signed in is seen.
LONGEST_STREAM_S = 900.0


def event(name: str, data: str, *, event_id: str = "") -> bytes:
    """One event; a line of data each."""
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(data))
    number = f"id: {event_id}\n" if event_id else ""
    return f"{number}event: {name}\n{lines}\n".encode()


def stream_end(token_expires_at: float) -> float:
    """When a stream that begins now ends: in a quarter of an hour, or with the sign-in."""
    return min(time.time() + LONGEST_STREAM_S, token_expires_at)
