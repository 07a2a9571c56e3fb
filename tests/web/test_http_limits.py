"""Requests that are never whole: heads without end, bodies by the drop, lines on which nothing comes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import structlog
from fastapi import FastAPI
from starlette.responses import Response, StreamingResponse

from tests.in_thread import serving
from tests.web.conftest import client, wait_for
from web import http_lines, problems
from web.http_limits import UVICORN_OPTIONS, BodyLimit
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


CHUNKED = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
# What begins a message, and what then comes without end.
PHASES = {
    "trailers": (CHUNKED + b"0\r\n", b"x: " + PIECE + b"\r\n"),
    "small trailers": (CHUNKED + b"0\r\n", b"x:y\r\n" * 2000),
    "one extension of a chunk": (CHUNKED + b"1;", b"a=" + PIECE),
    "extensions of chunks": (CHUNKED, b"1;a=bbbbbbbbbbbbbbbbbbb\r\nx\r\n" * 400),
    "small chunks": (CHUNKED, b"1\r\nx\r\n" * 1500),
    "a body after its answer": (b"GET /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000000\r\n\r\n", PIECE * 8),
    "chunks after their answer": (
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1f40\r\n" + PIECE + b"\r\n",
    ),
    "blank lines": (b"", b"\r\n" * 4000),
    "blank lines after an answer": (GET, b"\r\n" * 4000),
    "what no parser reads": (GET.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), PIECE),
    "requests": (b"", GET * 300),
    "fields": (GET[:-2], b"a:b\r\n" * 1000),
}
STALLS = {
    "an unfinished head": GET[:-2],
    "a body": b"POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
    "an answered body": b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
    "trailers": CHUNKED + b"0\r\nx: y\r\n",
    "a blank line after an answer": GET + b"\r\n",
}


@pytest.mark.parametrize("phase", PHASES)
def test_no_phase_of_a_message_is_without_end(connect, phase):
    line, sent = connect(), 0
    begin, more = PHASES[phase]

    try:
        line.sendall(begin)
        # Beyond what the limits and the buffers of the two ends can hold together.
        while sent < 40_000_000:
            line.sendall(more)
            sent += len(more)
    except ConnectionError:
        pass

    assert sent < 40_000_000


@pytest.mark.parametrize("phase", STALLS)
def test_a_line_that_stalls_is_given_up_in_every_phase(connect, monkeypatch, phase):
    for name in ("HEAD_S", "LONGEST_BODY_S", "LINGER_S"):
        monkeypatch.setattr(http_lines, name, 0.2)
    line = connect()

    line.sendall(STALLS[phase])

    everything_from(line)  # a line that stays open ends this in an error of its own time


def test_who_does_not_read_is_given_up(web_url, monkeypatch):
    """An answer that cannot be sent stays in memory with its line."""
    monkeypatch.setattr(http_lines, "STALLED_S", 0.2)
    monkeypatch.setattr(http_lines, "MOST_PIPELINED", 500)
    ended = threading.Event()
    lost = http_lines.LimitedHttp.connection_lost
    monkeypatch.setattr(http_lines.LimitedHttp, "connection_lost", lambda *args: (lost(*args), ended.set()))
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((urlsplit(web_url).hostname, urlsplit(web_url).port))
        line.sendall(GET.replace(b"/health/live", b"/openapi.json") * 500)

        assert ended.wait(20)
        assert everything_from(line).count(b"HTTP/1.1 200") < 500


def test_when_all_lines_are_taken_the_longest_waiting_makes_room(connect, monkeypatch):
    monkeypatch.setattr(http_lines, "MOST_LINES", 5)
    waiting = [connect() for _ in range(8)]

    newest = connect()
    newest.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    assert everything_from(newest).startswith(b"HTTP/1.1 200")
    assert everything_from(waiting[0]) == b""


def test_bodies_in_hand_have_a_ceiling_and_a_small_one_its_place():
    """Unsigned bodies that wait for their last byte: beyond the ceiling the next large one is refused, no small one."""

    async def play():
        held = asyncio.Event()

        async def reading(scope, receive, send):
            while (await receive())["more_body"]:
                pass

        limited = BodyLimit(reading, most_in_hand=150_000)

        def bringing(size):
            messages = [{"type": "http.request", "body": b"x" * size, "more_body": True}]

            async def receive():
                if messages:
                    return messages.pop()
                await held.wait()
                return {"type": "http.request", "body": b"", "more_body": False}

            return asyncio.create_task(limited({"type": "http", "path": "/webhooks/x", "headers": []}, receive, None))

        first, second, third, small = bringing(100_000), bringing(100_000), bringing(100_000), bringing(20_000)
        await asyncio.sleep(0)
        await asyncio.wait([third])
        held.set()
        await asyncio.gather(first, second, small)
        await bringing(100_000)
        return third.exception()

    refused = asyncio.run(play())

    assert (refused.status_code, refused.code) == (503, "bodies_take_all")


def test_only_a_delivery_may_be_large(connect):
    for path, status in ((b"/webhooks/onboarding", b"401"), (b"/settings/backfill", b"413")):
        line = connect()
        line.sendall(
            b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100000\r\n\r\n" + b" " * 100_000
        )
        assert everything_from(line)[9:12] == status


@pytest.mark.parametrize("path", ["/webhooks/onboarding", "/settings/backfill"])
def test_a_body_that_is_cut_off_is_no_fault_of_ours(connect, web_url, path):
    line = connect()
    counted = f'keeper_http_answers_total{{method="POST",route="{path}",status="499"}}'

    with structlog.testing.capture_logs() as logs, client(web_url) as asking:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nxx".encode())
        line.close()
        seen = (counted in asking.get("/metrics").text for _ in range(2000))
        assert any(seen)

    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def begins_too_late(scope, receive, send):
    """As whoever sends a file: it answers and listens at once, and both happen in one moment."""
    try:
        while True:
            await receive()
    except Problem:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise


@contextmanager
def answering(route, connections):
    """A line to a web process of one route, below all that every request goes through; and what it logs as an error."""
    api = FastAPI()
    api.add_api_route("/", route, methods=["POST"])
    api.mount("/late", begins_too_late)
    problems.install(api)
    api.add_middleware(BodyLimit)
    with structlog.testing.capture_logs() as logs, socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        with serving(api, listening, timeout_graceful_shutdown=2, **UVICORN_OPTIONS) as server:
            logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
            connections.append(server.server_state.connections)
            with socket.create_connection(address, timeout=20) as line:
                yield line, logs


def errors_in(logs, caplog):
    return [entry for entry in logs if entry["log_level"] == "error"], [r.getMessage() for r in caplog.records]


BEHIND = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("behind", [b"", BEHIND], ids=["alone", "with another behind it"])
@pytest.mark.parametrize("when", ["before the answer", "after its head", "between two parts"])
def test_a_line_that_ends_under_an_answer_is_no_fault_of_ours(caplog, when, behind):
    """The loop refuses every word on it, and the server tells only the last request of a line."""
    lines = []

    async def end():
        while lines[0]:
            for one in list(lines[0]):
                one.transport.abort()
            await asyncio.sleep(0)

    async def route():
        async def parts():
            if when == "after its head":
                await end()
            yield b"a part"
            if when == "between two parts":
                await end()
            yield b"another"

        if when == "before the answer":
            await end()
            return Response(b"whole")
        return StreamingResponse(parts())

    with answering(route, lines) as (line, logs):
        line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + behind)
        everything_from(line)

    assert errors_in(logs, caplog) == ([], [])


def test_who_leaves_in_the_moment_of_the_answer_is_no_fault_of_ours(caplog):
    async def route():
        pass

    with answering(route, []) as (line, logs):
        line.sendall(b"POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
        line.close()

    assert errors_in(logs, caplog) == ([], [])


@pytest.mark.parametrize(
    "rest",
    [b"", b"0\r\n\r\n", b"0\r\n\r\n" + BEHIND, (b"2000\r\n" + b"x" * 0x2000 + b"\r\n") * 40],
    ids=["cut off", "whole", "with another behind it", "too large"],
)
def test_whoever_leaves_under_an_answer_ends_it_without_a_word(caplog, rest):
    """Who streams an answer listens whether its reader is there, and what comes may be the rest of a body."""

    async def route():
        async def parts():
            yield b"begun"
            await asyncio.Event().wait()

        return StreamingResponse(parts())

    with answering(route, []) as (line, logs):
        line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n")
        seen = b""
        while b"begun" not in seen:
            seen += line.recv(65536)
        line.sendall(rest)
        line.close()

    assert errors_in(logs, caplog) == ([], [])


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
    monkeypatch.setattr(http_lines, "HEAD_S", 0.1)
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

    limited, slow, whole = BodyLimit(reading, longest_s=0.05), {"type": "http", "headers": [], "path": "/"}, {}
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
