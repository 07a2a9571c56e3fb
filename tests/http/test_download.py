"""Files that a platform prepared: streamed, from allowed hosts alone, without a token, from where it broke."""

from collections.abc import Iterator

import httpx
import pytest

from execution.errors import Fatal, FileGone, Retriable
from execution.http.transport import HttpTransport
from execution.platform_client import PlatformClient
from execution.platform_settings import PlatformSettings
from execution.platforms.shopify.platform import SHOPIFY
from tests.budget.test_day_budget import SCOPE
from tests.doubles.clocks import HandClock
from tests.test_platform_client import Tokens

FILE = bytes(range(256)) * 2000
LINK = "https://storage.googleapis.com/bucket/file.jsonl?signature=canary"


class Storage:
    """Answers with FILE, by ranges unless told otherwise; keeps what it was asked."""

    def __init__(self, *, ranges=True, status=None, headers=None, body=None):
        self.ranges, self.status, self.headers, self.body = ranges, status, headers or {}, body
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        begin = int(request.headers.get("range", "bytes=0-")[6:-1])
        if self.status:
            return httpx.Response(self.status, headers=self.headers)
        if begin and self.ranges:
            span = {"content-range": f"bytes {begin}-{len(FILE) - 1}/{len(FILE)}"}
            return httpx.Response(206, headers=span | self.headers, content=iter([FILE[begin:]]))
        return httpx.Response(200, headers=self.headers, content=iter([self.body or FILE]))


def transport_to(storage, clock=None):
    return HttpTransport(clock or HandClock(), transport=httpx.MockTransport(storage))


def whole(transport, offset=0):
    with transport.download(LINK, offset=offset) as pieces:
        return b"".join(pieces)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("offset", [0, 1, 65_536, len(FILE) - 1])
def test_a_file_goes_on_where_it_broke(ranges, offset):
    """By ranges; a server that knows none is read from its start, and what was there before is dropped."""
    assert whole(transport_to(Storage(ranges=ranges)), offset) == FILE[offset:]


def test_a_file_comes_in_small_pieces():
    """However big the file is, and however it was sent: never all of it in memory."""
    with transport_to(Storage()).download(LINK) as pieces:
        assert max(map(len, pieces)) <= 65_536


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_file_that_is_gone_is_told_from_one_that_is_late(status):
    with pytest.raises(FileGone):
        whole(transport_to(Storage(status=status)))


@pytest.mark.parametrize(
    "storage",
    [
        Storage(status=503),
        Storage(status=302, headers={"location": "http://169.254.169.254/"}),
        Storage(headers={"content-encoding": "br"}),
        Storage(headers={"content-range": "bytes 0-9/10"}),
        Storage(ranges=False, body=b"short"),
        Storage(status=416),
    ],
    ids=["busy", "redirect", "encoded", "other place", "shorter", "beyond"],
)
def test_what_is_not_the_rest_of_the_file_is_tried_again(storage):
    """Nothing else than the bytes that were asked for is ever taken for them; a redirect is not followed."""
    with pytest.raises(Retriable) as refused:
        whole(transport_to(storage), offset=700)

    assert not isinstance(refused.value, FileGone)
    assert len(storage.asked) == 1


def test_a_file_may_take_long_but_never_stands_still():
    """The deadline moves on with every stretch of bytes, and not with a drip."""
    clock = HandClock()

    def stream(size, seconds) -> Iterator[bytes]:
        for _ in range(40):
            clock.seconds += seconds
            yield b"x" * size

    steady = transport_to(lambda _: httpx.Response(200, content=stream(65_536, 5)), clock)
    assert len(whole(steady)) == 40 * 65_536

    for size, seconds in ((100, 5), (65_536, 25)):
        dripping = transport_to(
            lambda _, size=size, seconds=seconds: httpx.Response(200, content=stream(size, seconds)), clock
        )
        with pytest.raises(Retriable):
            whole(dripping)


def client(storage, **settings):
    clock = HandClock()
    return PlatformClient(
        platform=SHOPIFY,
        settings=PlatformSettings(name="shopify", client_id="id", **settings),
        scope=SCOPE,
        call_class="live",
        tokens=Tokens(),
        limiter=None,
        transport=HttpTransport(clock, transport=httpx.MockTransport(storage)),
        db_now=clock.now,
        clock=clock,
        shop_id="kiln.myshopify.com",
    )


def test_no_token_travels_to_where_files_are_kept():
    storage = Storage()

    with client(storage).download(LINK) as pieces:
        assert b"".join(pieces) == FILE

    assert "canary-access" not in str(storage.asked[0].headers.raw)
    assert "x-shopify-access-token" not in storage.asked[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.googleapis.com/f",
        "https://storage.googleapis.com:8443/f",
        "https://storage.googleapis.com.evil.example/f",
        "https://evil.example/storage.googleapis.com",
        "https://storage.googleapis.com@evil.example/f",
        "https://evil.example\\@storage.googleapis.com/f",
        "http://169.254.169.254/latest",
        "http://127.0.0.1:5432/",
        "file:///etc/passwd",
        "",
    ],
)
def test_files_come_from_allowed_hosts_alone(url):
    """The address stands in an answer, so whoever writes answers could send us anywhere (SSRF)."""
    storage = Storage()

    with pytest.raises(Fatal, match="may not name"), client(storage).download(url):
        pass

    assert storage.asked == []


def test_a_sandbox_may_keep_its_own_files():
    """The configured base URL's own scheme, host and port, and no other port of that host."""
    here = client(Storage(), api_base_url="http://127.0.0.1:4000")

    with here.download("http://127.0.0.1:4000/bulk/f") as pieces:
        assert b"".join(pieces) == FILE
    with pytest.raises(Fatal), here.download("http://127.0.0.1:4001/bulk/f"):
        pass
