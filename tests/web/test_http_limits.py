"""Requests that are never whole: heads without end, bodies by the drop, lines on which nothing comes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import wait_for
from web import http_limits
from web.http_limits import BodyLimit
from web.problems import Problem

PIECE = b"a" * 8000
ENDLESS = {
    "one header": [b"x-a: ", *[PIECE] * 40],
    "many headers": [b"x-%d: %b\r\n" % (number, PIECE) for number in range(40)],
    "the address": [b"", *[PIECE] * 40],
}


@pytest.fixture
def connect(web_url):
    """A line to the web process, as bytes."""
    opened = []

    def make(url=web_url):
        parts = urlsplit(url)
        opened.append(socket.create_connection((parts.hostname, parts.port), timeout=20))
        return opened[-1]

    yield make
    for line in opened:
        line.close()


def everything_from(line):
    """Everything that comes until the other side ends the line."""
    answer = b""
    try:
        while piece := line.recv(65536):
            answer += piece
    except ConnectionError:
        pass
    return answer


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_head_without_end_is_cut_before_it_fills_the_memory(connect, kind):
    line, sent = connect(), 0
    line.sendall(b"GET /" if kind == "the address" else b"GET /health/live HTTP/1.1\r\nHost: x\r\n")

    try:
        for piece in ENDLESS[kind] * 20:
            line.sendall(piece)
            sent += len(piece)
    except ConnectionError:
        pass

    assert sent < 20 * 40 * len(PIECE)
    assert everything_from(line)[:12] in (b"", b"HTTP/1.1 431")


def test_a_large_head_that_ends_is_answered(connect):
    line = connect()

    line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: a=" + PIECE * 4 + b"\r\n\r\n")

    assert everything_from(line).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-"])
def test_a_line_on_which_no_request_comes_is_given_up(connect, monkeypatch, sent):
    monkeypatch.setattr(http_limits, "HEAD_S", 0.1)
    line = connect()

    line.sendall(sent)

    assert everything_from(line) == b""


def test_a_body_by_the_drop_is_given_up_and_a_reader_is_not():
    """The last question to a line is whether the reader is still there, and that may take hours."""

    async def reading(scope, receive, send):
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        scope["gone"] = await receive()

    def sender(*messages):
        waiting = list(messages)

        async def receive():
            if waiting:
                return waiting.pop(0)
            await asyncio.sleep(0.2)
            return {"type": "http.disconnect"}

        return receive

    def drop(*, more):
        return {"type": "http.request", "body": b"x", "more_body": more}

    async def send(_):
        pass

    limited, slow, whole = BodyLimit(reading, longest_s=0.05), {"type": "http", "headers": []}, {}
    whole |= slow

    with pytest.raises(Problem) as given_up:
        asyncio.run(limited(slow, sender(drop(more=True)), send))
    asyncio.run(limited(whole, sender(drop(more=True), drop(more=False)), send))

    assert given_up.value.status_code == 408
    assert whole["gone"] == {"type": "http.disconnect"}


def test_what_the_server_itself_logs_is_one_line_of_json(connect, web_env):
    """Row 71: it does not know our logs, and would write what it met in lines of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "web", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(argv, env={**os.environ, **web_env}, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(f"http://127.0.0.1:{port}", tries=3000)
        line = connect(f"http://127.0.0.1:{port}")
        line.sendall(b"NONSENSE\r\n\x1b[31m\r\n\r\n")
        answer = everything_from(line)
    finally:
        process.terminate()
        written = process.communicate(timeout=30)[1]

    assert answer.startswith(b"HTTP/1.1 400")
    events = [json.loads(text) for text in written.splitlines()]
    assert "Invalid HTTP request received." in [event["event"] for event in events]
