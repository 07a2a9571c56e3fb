"""What Etsy's answers mean (sheet, sections 4.5, 5 and 10)."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from execution.http.retry_after import LONGEST_DAY, retry_after
from execution.platforms.api import ResponseKind
from execution.platforms.etsy.platform import ETSY
from execution.seller_messages import OTHER
from tests.doubles.transports import etsy_settings
from tests.doubles.verdicts import words_of

KEY = ResponseKind.KEY_REFUSED, "platform_key_refused"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def classify(status, error=None, headers=None, description=None):
    body = {"error": error} | ({"error_description": description} if description else {})
    return ETSY.api.classify(status, headers or {}, json.dumps(body).encode() if error is not None else b"", NOW)


@pytest.mark.parametrize(
    ("status", "error", "outcome", "code"),
    [
        (403, "Shared secret is required in x-api-key header.", *KEY),
        (403, "Invalid API key: should be in the format 'keystring:shared_secret'.", *KEY),
        (403, "API key not found or not active, or incorrect shared secret for API key.", *KEY),
        (401, "Missing x-api-key header", *KEY),
        (401, "invalid_token", ResponseKind.TOKEN_REJECTED, "reconnect_needed"),
        (403, "insufficient_scope", ResponseKind.ACCESS_REFUSED, "right_missing"),
        (401, "insufficient_scope", ResponseKind.ACCESS_REFUSED, "right_missing"),
        (403, "No user was provided as part of the bearer token.", ResponseKind.ACCESS_REFUSED, "reconnect_needed"),
        (403, "User does not own Shop 123", ResponseKind.ACCESS_REFUSED, "not_your_shop"),
        (403, "something new", ResponseKind.ACCESS_REFUSED, "reconnect_needed"),
        (404, "Resource not found", ResponseKind.GONE, ""),
        (
            400,
            "Offset provided is greater than the maximum offset allowed.",
            ResponseKind.REQUEST_WRONG,
            "request_wrong",
        ),
        (409, "conflict", ResponseKind.REQUEST_WRONG, "request_wrong"),
        (429, "Exceeded per second rate limit", ResponseKind.THROTTLED, ""),
        (429, "Exceeded daily rate limit", ResponseKind.DAY_USED_UP, ""),
        (500, "Server Error", ResponseKind.TRY_AGAIN, ""),
        (200, "Server Error", ResponseKind.TRY_AGAIN, ""),
    ],
)
def test_every_refusal_has_its_own_outcome(status, error, outcome, code):
    """Status first, text second; only an expired token is worth a refresh (row 44)."""
    verdict = classify(status, error)

    assert (verdict.kind, verdict.code) == (outcome, code)
    # Which right is missing stands in the declaration of what was read.
    assert not code or code == "right_missing" or words_of(verdict, ETSY) != OTHER


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, "invalid_token", "Etsy no longer accepts our access. Please reconnect your shop."),
        (
            403,
            "User does not own Shop 123",
            "This Etsy shop belongs to another Etsy account. Please reconnect with the account that owns it.",
        ),
        (409, "no", "Something is wrong on our side. Our engineers have been told; you need not do anything."),
    ],
)
def test_a_seller_reads_what_they_can_do(status, error, words):
    assert words_of(classify(status, error), ETSY) == words


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 500, 502, 503, 504])
def test_an_answer_of_the_edge_is_tried_again(status):
    """Without Etsy's own error body a refusal comes from a proxy or a captcha, and ends no job."""
    verdict = ETSY.api.classify(status, {"content-type": "text/html"}, b"<html>Bad Gateway</html>", NOW)

    assert verdict.kind is ResponseKind.TRY_AGAIN


def test_a_429_without_a_body_is_told_by_its_headers():
    """Nothing left today: the day. Otherwise: the second."""
    assert classify(429, headers={"x-remaining-today": "0"}).kind is ResponseKind.DAY_USED_UP
    assert classify(429, headers={"x-remaining-today": "17"}).kind is ResponseKind.THROTTLED
    assert classify(429, "Exceeded per second rate limit", {"x-remaining-today": "0"}).kind is ResponseKind.THROTTLED


@pytest.mark.parametrize(
    ("text", "second", "day"),
    [
        ("7", 7, 7),
        ("0", 1, 1),
        ("-1", 1, 1),
        ("1.5", 1.5, 1.5),
        ("1e9", 3600, 86400),
        ("1000000000", 3600, 86400),
        ("86400", 3600, 86400),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30, 30),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1, 1),
        ("Fri, 22 Nov 2126 12:00:00 GMT", 3600, 86400),
        ("soon", 1, 3600),
        ("NaN", 1, 3600),
        ("１２", 1, 3600),
        ("9" * 400, 1, 3600),
        ("Sun, 99 Nov 2026 99:00:30 GMT", 1, 3600),
        (None, 1, 3600),
    ],
)
def test_every_retry_after_becomes_a_sane_wait(text, second, day):
    """Seconds, dates, nothing, mad numbers and garbage: one second to one hour, a day for the day's limit (row 28)."""
    headers = {} if text is None else {"retry-after": text}

    per_second = classify(429, "Exceeded per second rate limit", headers)
    per_day = classify(429, "Exceeded daily rate limit", headers)

    assert per_second.wait == timedelta(seconds=second)
    assert per_day.wait == timedelta(seconds=day)


def test_a_date_is_compared_with_the_platforms_own_clock():
    """Our clock may be wrong by an hour: the answer's Date header is what the platform meant."""
    headers = {"retry-after": "Sun, 22 Nov 2026 13:00:30 GMT", "date": "Sun, 22 Nov 2026 13:00:00 GMT"}

    assert retry_after(headers, NOW, default=None, longest=LONGEST_DAY) == timedelta(seconds=30)


def test_a_5xx_may_say_when_to_come_back():
    """503 with Retry-After is obeyed; without it the job's own backoff decides."""
    assert classify(503, "busy", {"retry-after": "90"}).wait == timedelta(seconds=90)
    assert classify(503, "busy").wait is None


def test_limits_are_read_from_headers_also_from_the_misspelt_one():
    """The docs print `x-remaining-this-secon`; both are understood, nonsense is not."""
    right = ETSY.api.limits(
        {
            "x-limit-per-second": "150",
            "x-remaining-this-second": "149",
            "x-limit-per-day": "100000",
            "x-remaining-today": "0",
        }
    )
    wrong = ETSY.api.limits(
        {"x-remaining-this-secon": "3", "x-limit-per-day": "many", "x-limit-per-second": "0", "x-remaining-today": "-5"}
    )

    assert (right.per_second, right.remaining_this_second, right.per_day, right.remaining_today) == (
        150,
        149,
        100000,
        0,
    )
    assert (wrong.per_second, wrong.remaining_this_second, wrong.per_day, wrong.remaining_today) == (
        None,
        3,
        None,
        None,
    )


def test_the_api_key_has_two_parts():
    """Since February 2026 the keystring alone gives 403; a refresh sends the keystring and no secret."""
    headers = ETSY.api.headers(etsy_settings(), "40010002.abc")
    asked = ETSY.tokens.refresh(etsy_settings(), "40010002.xyz")

    assert headers == {"x-api-key": "keystring:shared-secret", "authorization": "Bearer 40010002.abc"}
    assert asked.fields == {"grant_type": "refresh_token", "client_id": "keystring", "refresh_token": "40010002.xyz"}


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"[" * 60_000, b'{"error":' + b"9" * 5000 + b"}", b"\xff\xfe{", b"null"]
)
def test_a_hostile_error_body_cannot_break_the_classification(body):
    """Deep nesting, huge numbers, other encodings: an answer to try again, never an exception (row 34)."""
    assert ETSY.api.classify(400, {}, body, NOW).kind is ResponseKind.TRY_AGAIN
