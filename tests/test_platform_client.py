"""The client of a platform: what goes out, what comes back, and what each kind of answer tells the runner to do."""

import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog

from execution.errors import Fatal, Refusal, Retriable, Skip, Snooze
from execution.http.transport import HttpTransport
from execution.platform_client import PlatformClient
from execution.platforms.etsy.platform import ETSY
from execution.rate_limiter import RateLimiter
from tests.budget.test_day_budget import SCOPE, booked, budget, spend
from tests.doubles.clocks import HandClock
from tests.doubles.transports import HandEtsy, by_hand, etsy_settings

DB_NOW = datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
PAGE = {"count": 0, "results": []}
EXPIRED = httpx.Response(401, json={"error": "invalid_token", "error_description": "access token is expired"})


class Tokens:
    """A token source that keeps what it was asked."""

    def __init__(self):
        self.renewed, self.given_up = [], []

    def access_token(self):
        return "40010002.canary-access"

    def renew(self, rejected):
        self.renewed.append(rejected)
        return "40010002.canary-newer"

    def give_up(self, reason):
        self.given_up.append(reason)


class HandClient:
    """A client over hand-made answers and the real limiter."""

    def __init__(self, rpc, *answers, **settings):
        self.etsy, self.tokens, clock = HandEtsy(answers=list(answers)), Tokens(), HandClock()
        self.limiter = RateLimiter(rpc, None, budget(block_calls=1), clock)
        self.client = PlatformClient(
            platform=ETSY,
            settings=etsy_settings(**settings),
            scope=SCOPE,
            call_class="live",
            tokens=self.tokens,
            limiter=self.limiter,
            transport=HttpTransport(clock, transport=by_hand(self.etsy)),
            db_now=lambda: DB_NOW,
            clock=clock,
        )

    def get(self, path="/shops/1/receipts", params=None):
        return self.client.get(path, params)


@pytest.fixture
def client(rpc):
    return lambda *answers, **settings: HandClient(rpc, *answers, **settings)


def test_an_answer_is_the_bytes_and_the_databases_time(client):
    """The body is not parsed; `fetched_at` is the database's clock before the request."""
    answer = client(httpx.Response(200, content=b'{"count": 1.0,"x":"\\u0000"}')).get()

    assert answer.body == b'{"count": 1.0,"x":"\\u0000"}'
    assert (answer.status, answer.fetched_at) == (200, DB_NOW)


def test_what_goes_out(client):
    """Vendor's path, parameters as Etsy reads them, both headers."""
    client = client(httpx.Response(200, json=PAGE), api_base_url="http://127.0.0.1:9000")

    client.get(
        "/shops/1/receipts", {"was_paid": True, "ids": [1, 2, 3], "limit": 100, "none": None, "sort_on": "a b&c"}
    )

    request = client.etsy.asked[0]
    assert str(request.url) == (
        "http://127.0.0.1:9000/v3/application/shops/1/receipts?was_paid=true&ids=1,2,3&limit=100&sort_on=a+b%26c"
    )
    assert request.headers["x-api-key"] == "keystring:shared-secret"
    assert request.headers["authorization"] == "Bearer 40010002.canary-access"


@pytest.mark.parametrize(
    "path", ["//evil.test/x", "/../x", "/a/../../b", "http://evil.test/", "/a?b=c", "/a b", "", "/a#b", "/@evil"]
)
def test_a_path_cannot_lead_elsewhere(client, path):
    """Neither another host, nor a way up, nor a query of its own."""
    client = client(httpx.Response(200, json=PAGE))

    with pytest.raises(ValueError, match="not a path"):
        client.get(path)

    assert client.etsy.asked == []


def test_an_expired_token_is_renewed_once_and_the_call_repeated_once(client, db):
    """401, refresh, again: two requests, two permits."""
    client = client(EXPIRED, httpx.Response(200, json=PAGE))

    client.get()

    assert client.tokens.renewed == ["40010002.canary-access"]
    assert [request.headers["authorization"] for request in client.etsy.asked] == [
        "Bearer 40010002.canary-access",
        "Bearer 40010002.canary-newer",
    ]
    assert booked(db) == 2


def test_a_fresh_token_that_is_rejected_too_ends_it(client):
    """No second refresh, no third request: the seller must reconnect."""
    client = client(EXPIRED)

    with pytest.raises(Fatal) as raised:
        client.get()

    assert raised.value.code == "reconnect_needed"
    assert len(client.etsy.asked) == 2
    assert isinstance(raised.value, Refusal)
    # Whoever hears it a second time ends the connection.
    assert (len(client.tokens.renewed), client.tokens.given_up) == (1, [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"<html><body>captcha</body></html>",
        b"null",
        b"true",
        b'"text"',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'{"error": "Server Error"}',
        b"12",
    ],
)
def test_a_200_that_is_no_answer_is_tried_again(client, body):
    """HTML, nothing, null, an error in disguise, another encoding: never taken for `no more pages` (rows 33, 34)."""
    client = client(httpx.Response(200, content=body))

    with pytest.raises(Retriable):
        client.get()

    assert len(client.etsy.asked) == 1


def test_a_real_answer_may_speak_of_errors(client):
    """Only an object with an `error` text of its own is an error."""
    assert client(httpx.Response(200, content=b'{"count":0,"results":[{"error":"x"}]}')).get().status == 200


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_leaks_nothing(client, status):
    """Not followed; tried again later (row 43)."""
    client = client(httpx.Response(status, headers={"location": "http://169.254.169.254/latest"}, json={}))

    with pytest.raises(Retriable, match="sent to another address"):
        client.get()

    assert [request.url.host for request in client.etsy.asked] == ["api.etsy.com"]


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("cut"),
        httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] canary"),
        httpx.WriteError("x"),
        httpx.Response(502, text="<html>Bad Gateway</html>"),
        httpx.Response(500, json={"error": "Server Error"}),
    ],
)
def test_a_fault_of_the_network_is_retriable_and_counted(client, db, fault):
    """Sent once, counted as a call, tried again by the runner (rows 29, 30)."""
    client = client(fault)

    with pytest.raises(Retriable) as raised:
        client.get()

    assert len(client.etsy.asked) == 1
    assert booked(db) == 1
    assert "canary" not in raised.value.reason


def test_a_throttled_second_parks_briefly(client, db):
    """One request, then a wait as long as Etsy asks."""
    client = client(httpx.Response(429, headers={"retry-after": "3"}, json={"error": "Exceeded per second rate limit"}))

    with pytest.raises(Snooze) as raised:
        client.get()

    assert raised.value.delay == timedelta(seconds=3)
    assert len(client.etsy.asked) == booked(db) == 1


def test_a_used_up_day_stops_every_job_of_the_key(client, rpc):
    """After a daily 429 not one more request leaves, from any process, until Etsy's own time (B7)."""
    told_off = httpx.Response(
        429,
        headers={"retry-after": "7200", "x-limit-per-day": "100", "x-remaining-today": "0"},
        json={"error": "Exceeded daily rate limit"},
    )
    first, others = client(told_off), client(httpx.Response(200, json=PAGE))

    with pytest.raises(Snooze) as raised:
        first.get()
    with pytest.raises(Snooze) as waiting:
        others.get()

    assert raised.value.delay == timedelta(hours=2)
    assert timedelta(minutes=119) < waiting.value.delay <= timedelta(hours=2)
    assert others.etsy.asked == []


def test_headers_of_every_answer_are_obeyed(client, rpc):
    """The limit that an answer tells holds for the next permit of any process."""
    client(httpx.Response(200, headers={"x-limit-per-day": "3", "x-remaining-today": "2"}, json=PAGE)).get()

    assert spend(RateLimiter(rpc, None, budget(), HandClock()))[0] == 2


def test_a_refused_key_is_an_operators_alarm(client):
    """All shops stand still: an error for the operator, calm words for the seller, no mark on the connection."""
    client = client(
        httpx.Response(403, json={"error": "API key not found or not active, or incorrect shared secret for API key."})
    )

    with structlog.testing.capture_logs() as logs, pytest.raises(Fatal) as raised:
        client.get()

    assert raised.value.code == "platform_key_refused"
    assert client.tokens.given_up == []
    assert client.tokens.renewed == []
    assert [event["event"] for event in logs if event["log_level"] == "error"] == ["platform_key_refused"]


def test_a_missing_scope_asks_the_seller(client):
    """Fatal for what needs it, and for that alone; a refresh would not widen the scopes."""
    client = client(
        httpx.Response(403, json={"error": "insufficient_scope", "error_description": "Insufficient scope"})
    )

    with pytest.raises(Fatal) as raised:
        client.get()

    assert raised.value.code == "right_missing"
    assert isinstance(raised.value, Refusal)
    assert client.tokens.given_up == []
    assert client.tokens.renewed == []


def test_someone_elses_shop_is_fatal(client):
    """The text names the shop; no refresh, no mark."""
    client = client(httpx.Response(403, json={"error": "User does not own Shop 123"}))

    with pytest.raises(Fatal, match="Shop 123") as raised:
        client.get()

    assert raised.value.code == "not_your_shop"
    assert client.tokens.given_up == []


def test_a_missing_object_is_skipped_and_a_wrong_request_is_ours(client):
    """404 drops one lookup; 400 ends the job: asking again unchanged cannot help."""
    with pytest.raises(Skip):
        client(httpx.Response(404, json={"error": "Resource not found"})).get()
    with pytest.raises(Fatal) as raised:
        client(httpx.Response(400, json={"error": "Invalid value for limit"})).get()

    assert raised.value.code == "request_wrong"


def test_no_request_leaves_without_a_permit(client, rpc):
    """A used-up budget: nothing is sent."""
    spend(RateLimiter(rpc, None, budget(), HandClock()))
    client = client(httpx.Response(200, json=PAGE))

    with pytest.raises(Snooze):
        client.get()

    assert client.etsy.asked == []


def test_logs_hold_no_token_no_key_and_no_query(client, caplog):
    """One event an answer, with the platform's trace id; httpx itself is silent (row 70)."""
    caplog.set_level(logging.DEBUG)
    client = client(
        httpx.ReadError("canary"), httpx.Response(200, headers={"x-etsy-request-uuid": "trace-1"}, json=PAGE)
    )

    with structlog.testing.capture_logs() as logs:
        with pytest.raises(Retriable):
            client.get(params={"buyer_email": "canary@example.com"})
        client.get(params={"buyer_email": "canary@example.com"})

    result = str(logs) + caplog.text
    assert {"event": "platform_answered", "request_id": "trace-1"}.items() <= logs[-1].items()
    assert not [word for word in ("canary", "shared-secret", "keystring", "buyer_email") if word in result]
