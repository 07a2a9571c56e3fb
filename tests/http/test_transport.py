"""One request, one deadline, one whole body, or a signal; on real sockets where the wire matters."""

import gzip
import json
import socket
import threading
import time
import tracemalloc
from contextlib import contextmanager

import httpx
import pytest

from execution.clock import SystemClock
from execution.errors import Retriable
from execution.http.body_reader import BodyReader
from execution.http.transport import HttpTransport, ResponseLost
from tests.doubles.clocks import HandClock
from tests.doubles.transports import HandEtsy, by_hand

BODY = json.dumps({"count": 2, "results": [{"receipt_id": 1, "title": "fox"}, {"receipt_id": 2}]}).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@contextmanager
def server(*pieces, gap=0.0, hold=False):
    """Answers every connection with these pieces, `gap` seconds apart, then closes (or holds on)."""
    done = threading.Event()

    def answer(connection):
        with connection:
            try:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)
                    if gap and done.wait(gap):
                        return
                if hold:
                    done.wait(30)
            except OSError:
                pass

    def accept():
        while not done.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            done.set()
            listening.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@pytest.fixture
def transport():
    transport = HttpTransport(SystemClock())
    yield transport
    transport.close()


def get(transport, url, **more):
    return transport.send("GET", url, headers={}, **more)


def drips(data):
    return [data[i : i + 1] for i in range(len(data))] * 50


@pytest.mark.parametrize(
    ("pieces", "gap", "hold"),
    [
        (drips(b"x-a: b\r\n"), 0.05, False),
        ([HEAD + b"content-length: 10000\r\n\r\n", *drips(b" ")], 0.05, False),
        ([HEAD + b"transfer-encoding: chunked\r\n\r\n", *drips(b"1\r\n \r\n")], 0.05, False),
        ([], 0, True),
        ([HEAD], 0, True),
    ],
    ids=["headers drip", "body drips", "chunks drip", "silence", "half a head"],
)
def test_a_deadline_ends_everything(transport, pieces, gap, hold):
    """Bytes that keep coming, one by one, do not keep the call alive (row 31)."""
    first = [HEAD, *pieces] if gap and not pieces[0].startswith(b"HTTP") else pieces
    with server(*first, gap=gap, hold=hold) as url:
        started = time.monotonic()

        with pytest.raises(ResponseLost):
            get(transport, url, deadline_s=0.4)

        # Each of these would go on for fifteen seconds and more.
        assert time.monotonic() - started < 5


def test_the_deadline_is_on_the_clock_that_was_passed_in():
    """Thirty seconds of that clock, also with a transport that has no sockets."""
    clock = HandClock()

    class Slow(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(100):
                clock.seconds += 1
                yield b" "

    transport = HttpTransport(clock, transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Slow())))

    with pytest.raises(ResponseLost):
        get(transport, "http://x/")

    assert 29 <= clock.seconds <= 31


def test_a_refused_connection_was_never_sent(transport):
    """Nobody listens: Retriable, and not an answer that was lost."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"

        with pytest.raises(Retriable) as raised:
            get(transport, url)

    assert not isinstance(raised.value, ResponseLost)


def test_a_whole_body_arrives_in_every_framing(transport):
    """Content-Length, chunks, end of connection, gzip: the same bytes."""
    zipped = gzip.compress(BODY)
    framings = [
        HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY,
        HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
        HEAD + b"\r\n" + BODY,
        HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(zipped) + zipped,
        HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(BODY[:20]) + gzip.compress(BODY[20:]),
    ]

    for framing in framings:
        with server(framing) as url:
            assert get(transport, url).body == BODY


@pytest.mark.parametrize("framing", ["length", "chunked", "close", "gzip length", "gzip close"])
def test_a_cut_body_is_never_an_answer(transport, framing):
    """Cut at every seventh byte, whatever framing: a signal, never half a page (row 32)."""
    body = gzip.compress(BODY) if "gzip" in framing else BODY
    encoding = b"content-encoding: gzip\r\n" if "gzip" in framing else b""
    length = b"content-length: %d\r\n" % len(body) if "length" in framing else b""
    if framing == "chunked":
        encoding, body = b"transfer-encoding: chunked\r\n", b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"

    for cut in range(1, len(body) - 1, 7):
        with server(HEAD + encoding + length + b"\r\n" + body[:cut]) as url, pytest.raises(Retriable):
            get(transport, url)


def test_a_small_body_that_unpacks_to_much_is_stopped():
    """A bomb of 100 MB in 100 kB costs about the cap in memory, and ends in a signal (finding 7)."""
    bomb = gzip.compress(bytes(100 * 2**20), compresslevel=1)
    reader = BodyReader(httpx.Headers({"content-encoding": "gzip"}), max_bytes=2**20)
    tracemalloc.start()

    with pytest.raises(Retriable, match="bigger than"):
        reader.feed(bomb)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_body_of_exactly_the_cap_is_whole():
    """The cap itself is allowed; one byte more is not."""
    for size, encoding in ((1000, {}), (1000, {"content-encoding": "gzip"})):
        raw = b"[" + b" " * (size - 2) + b"]"
        data = gzip.compress(raw) if encoding else raw
        fits, tight = (BodyReader(httpx.Headers(encoding), max_bytes=cap) for cap in (size, size - 1))

        fits.feed(data)
        assert fits.finish() == raw
        with pytest.raises(Retriable, match="bigger than"):
            tight.feed(data)


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding):
    """We ask for gzip alone."""
    with pytest.raises(Retriable, match="not asked for"):
        BodyReader(httpx.Headers({"content-encoding": encoding}))


def test_broken_compression_is_a_signal():
    """Bytes that are no gzip, and a flipped byte inside one."""
    flipped = bytearray(gzip.compress(BODY))
    flipped[-6] ^= 1
    for data in (b"plain text", bytes(flipped)):
        reader = BodyReader(httpx.Headers({"content-encoding": "gzip"}))
        with pytest.raises(Retriable, match="compression is broken"):
            reader.feed(data)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    """The answer is handed out as it is; no second request leaves, with or without a token (row 43)."""
    etsy = HandEtsy(answers=[httpx.Response(status, headers={"location": "http://169.254.169.254/"})])
    transport = HttpTransport(HandClock(), transport=by_hand(etsy))

    answer = transport.send("GET", "http://etsy.test/", headers={"authorization": "Bearer canary"})

    assert answer.status == status
    assert len(etsy.asked) == 1


def test_cookies_do_not_travel_between_sellers():
    """A cookie from one answer is in no later request."""
    etsy = HandEtsy(answers=[httpx.Response(200, headers={"set-cookie": "session=seller-a; Path=/"}, json={})])
    transport = HttpTransport(HandClock(), transport=by_hand(etsy))

    for _ in range(2):
        get(transport, "http://etsy.test/")

    assert "cookie" not in etsy.asked[1].headers


def test_a_proxy_of_the_machine_is_not_used(monkeypatch):
    """An environment variable cannot send tokens elsewhere: neither the client nor its transport looks at it."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    bypassing = HttpTransport(SystemClock())

    with server(HEAD + b"content-length: 2\r\n\r\n{}") as url:
        answer = get(bypassing, url)

    bypassing.close()
    assert answer.body == b"{}"
