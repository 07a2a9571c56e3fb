"""Senders of HTTP that mean harm: each line plays one kind, drawn by a seed, until it is closed on them.

A kind is pieces of bytes and pauses between them; what has no end is cut off by who is attacked, or by the attack's.
Run beside who asks how the process is doing: `python -m tests.web.hostile_http URL SEED SECONDS LINES`.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

# Bytes to send, or seconds to say nothing.
Step = bytes | float
Kind = Callable[[random.Random], Iterator[Step]]

_PATHS = ("/health/live", "/settings/backfill", "/webhooks/onboarding", "/static/keeper.css", "/nowhere", "/dashboard")
_FILL = 16 * 1024
# One line sends at most so much: what an answer of 2 GB a second would prove nothing more.
_MOST_BYTES = 200 * 1024 * 1024


def _head(rng: random.Random, method: str | None = None, *fields: str) -> bytes:
    method = method or rng.choice(("GET", "POST", "HEAD", "PUT"))
    return "\r\n".join([f"{method} {rng.choice(_PATHS)} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


def _drops(rng: random.Random, pieces: Iterator[bytes]) -> Iterator[Step]:
    """The same, slowly: a few bytes and a pause."""
    for piece in pieces:
        yield piece
        yield rng.uniform(0.05, 0.4)


def endless_head(rng: random.Random) -> Iterator[Step]:
    yield _head(rng)[:-2]
    line = rng.choice((b"x: " + b"a" * 200 + b"\r\n", b"a:b\r\n", b"cookie: a=b\r\n"))
    yield from itertools.repeat(line * (_FILL // len(line)))


def endless_address(rng: random.Random) -> Iterator[Step]:
    yield b"GET /?"
    yield from itertools.repeat(b"a=%d&" % rng.randrange(10) * (_FILL // 4))


def many_fields(rng: random.Random) -> Iterator[Step]:
    while True:
        yield _head(rng, None, *(f"x{n % 7}: {n}" for n in range(rng.randrange(100, 6000))))


def endless_blank(rng: random.Random) -> Iterator[Step]:
    """A parser skips blank lines before a message."""
    if rng.random() < 0.7:
        yield _head(rng, "GET")
    yield from itertools.repeat(b"\r\n" * (_FILL // 2))


def trailers(rng: random.Random) -> Iterator[Step]:
    yield _head(rng, "POST", "Transfer-Encoding: chunked") + b"0\r\n"
    line = rng.choice((b"x: " + b"t" * 3000 + b"\r\n", b"t:t\r\n"))
    yield from itertools.repeat(line * max(1, _FILL // len(line)))


def chunk_extensions(rng: random.Random) -> Iterator[Step]:
    yield _head(rng, "POST", "Transfer-Encoding: chunked")
    if rng.random() < 0.5:
        yield b"1;"
        yield from itertools.repeat(b"e=" + b"v" * _FILL)
    yield from itertools.repeat((b"1;a=" + b"b" * 60 + b"\r\nx\r\n") * 200)


def one_byte_chunks(rng: random.Random) -> Iterator[Step]:
    yield _head(rng, "POST", "Transfer-Encoding: chunked", "Content-Type: application/json")
    yield from itertools.repeat(b"1\r\n[\r\n" * 2000)


def large_bodies(rng: random.Random) -> Iterator[Step]:
    """As large as may be, unsigned, held back by their last byte."""
    size = rng.choice((60_000, 2_000_000, 2 * 1024 * 1024))
    yield _head(rng, "POST", f"Content-Length: {size}", "Content-Type: application/json")
    yield from itertools.repeat(b"[" * _FILL, (size - 1) // _FILL)
    yield rng.uniform(0.5, 30)
    yield b"]" * _FILL


def after_the_answer(rng: random.Random) -> Iterator[Step]:
    """Refused by its head alone, and it sends on."""
    yield _head(rng, "GET", "Content-Length: 209715200")
    yield from itertools.repeat(b"b" * 65536)


def after_the_end(rng: random.Random) -> Iterator[Step]:
    yield _head(rng, "GET", rng.choice(("Connection: close", "Connection: upgrade\r\nUpgrade: h2c")))
    yield from itertools.repeat(rng.choice((b"\x00" * _FILL, b"nonsense\r\n" * 1600)))


def pipelining(rng: random.Random) -> Iterator[Step]:
    """Asks on and on, and reads nothing of what is answered."""
    yield from itertools.repeat(_head(rng, "GET") * rng.randrange(1, 400))


def slow_head(rng: random.Random) -> Iterator[Step]:
    yield _head(rng)[:-2]
    yield from _drops(rng, itertools.repeat(b"x"))


def slow_body(rng: random.Random) -> Iterator[Step]:
    yield _head(rng, "POST", "Content-Length: 1000000")
    yield from _drops(rng, itertools.repeat(b"x"))


def slow_trailers(rng: random.Random) -> Iterator[Step]:
    yield _head(rng, "POST", "Transfer-Encoding: chunked") + b"0\r\n"
    yield from _drops(rng, itertools.repeat(b"t:t\r\n"))


def silent(rng: random.Random) -> Iterator[Step]:
    if rng.random() < 0.5:
        yield _head(rng, "GET")
    yield 3600.0


def cut_off(rng: random.Random) -> Iterator[Step]:
    yield _head(rng, "POST", "Content-Length: 1000") + b"x" * rng.randrange(1000)


def nonsense(rng: random.Random) -> Iterator[Step]:
    yield rng.choice((b"", _head(rng)[: rng.randrange(20)])) + rng.randbytes(rng.randrange(1, 4000))


KINDS: tuple[Kind, ...] = (
    endless_head,
    endless_address,
    many_fields,
    endless_blank,
    trailers,
    chunk_extensions,
    one_byte_chunks,
    large_bodies,
    after_the_answer,
    after_the_end,
    pipelining,
    slow_head,
    slow_body,
    slow_trailers,
    silent,
    cut_off,
    nonsense,
)


async def attack(url: str, *, seed: str, seconds: float, lines: int) -> collections.Counter[str]:
    """So many lines at a time, each as its kind wishes. Answers how many of each kind were played."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    ends, played = time.monotonic() + seconds, collections.Counter[str]()

    async def play(number: int) -> None:
        rng = random.Random(f"{seed}:{number}")
        while time.monotonic() < ends:
            kind = rng.choice(KINDS)
            played[kind.__name__] += 1
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + ends - time.monotonic()):
                    reader, writer = await asyncio.open_connection(host, port)
                    try:
                        await _send(kind(rng), reader, writer, reads=rng.random() < 0.5)
                    finally:
                        writer.transport.abort()

    await asyncio.gather(*(play(number) for number in range(lines)))
    return played


async def _send(
    steps: Iterator[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, reads: bool
) -> None:
    """Until the steps are over or the line is closed on us."""
    sent = 0
    reading = asyncio.create_task(_swallow(reader)) if reads else None
    try:
        for step in steps:
            if isinstance(step, float):
                await _pause(step, reading)
            else:
                writer.write(step)
                sent += len(step)
                await writer.drain()
                await asyncio.sleep(0)
            if sent > _MOST_BYTES or (reading is not None and reading.done()):
                return
    finally:
        if reading is not None:
            reading.cancel()


async def _pause(seconds: float, reading: asyncio.Task[None] | None) -> None:
    if reading is None:
        await asyncio.sleep(seconds)
    else:
        await asyncio.wait([reading], timeout=seconds)


async def _swallow(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(65536):
            pass


if __name__ == "__main__":
    _, url_, seed_, seconds_, lines_ = sys.argv
    print(dict(asyncio.run(attack(url_, seed=seed_, seconds=float(seconds_), lines=int(lines_)))))
