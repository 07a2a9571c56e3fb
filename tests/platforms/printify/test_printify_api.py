"""What each answer of Printify's means, and which shop a token is asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from execution.errors import Fatal, Retriable
from execution.http.messages import Response
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ResponseKind, ShopIdentity
from execution.platforms.printify.api import error_text, shops
from execution.platforms.printify.platform import PRINTIFY
from execution.seller_messages import OTHER, message_of
from tests.doubles.verdicts import words_of

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FORM_A = b'{"status":"error","code":8150,"message":"Validation failed.","errors":{"reason":"limit","code":8150}}'
FORM_B = b'{"error":"Unauthenticated","request_id":"1789735516@6b0f"}'
SHOPS = [{"id": 5432101, "title": "Fox & Friends", "sales_channel": "etsy"}, {"id": 5432103, "title": "Old shop"}]

MEANINGS = [
    (200, b"{}", ResponseKind.ACCEPTED, ""),
    (400, FORM_A, ResponseKind.REQUEST_WRONG, "request_wrong"),
    (401, FORM_B, ResponseKind.TOKEN_REJECTED, "reconnect_needed"),
    (402, b'{"error":"Payment required"}', ResponseKind.ACCESS_REFUSED, "payment_needed"),
    (403, b'{"error":"Forbidden"}', ResponseKind.ACCESS_REFUSED, "right_missing"),
    (403, b'{"error":"Access is suspended: too many failed requests"}', ResponseKind.SHOP_PAUSED, ""),
    (404, b'{"error":"Not found"}', ResponseKind.GONE, ""),
    (422, FORM_A, ResponseKind.REQUEST_WRONG, "request_wrong"),
    (429, b"", ResponseKind.THROTTLED, ""),
    (500, b"<html>", ResponseKind.TRY_AGAIN, ""),
    (502, b"", ResponseKind.TRY_AGAIN, ""),
    (403, b"<html>captcha</html>", ResponseKind.TRY_AGAIN, ""),
]


@pytest.mark.parametrize(("status", "body", "outcome", "code"), MEANINGS)
def test_each_status_has_its_meaning(status: int, body: bytes, outcome: ResponseKind, code: str) -> None:
    verdict = PRINTIFY.api.classify(status, {}, body, NOW)

    assert (verdict.kind, verdict.code) == (outcome, code)
    # Which right is missing stands in the declaration of what was read.
    assert not code or code == "right_missing" or words_of(verdict, PRINTIFY) != OTHER


def test_too_many_calls_wait_a_minute_unless_told_otherwise() -> None:
    """No header says when to come back; one that does is believed."""
    silent, result = (PRINTIFY.api.classify(429, headers, b"", NOW).wait for headers in ({}, {"retry-after": "7"}))

    assert (silent, result) == (timedelta(minutes=1), timedelta(seconds=7))


def test_the_forms_of_errors_are_read_in_one_line() -> None:
    assert error_text(FORM_A) == "Validation failed.: limit: code 8150"
    assert error_text(FORM_B) == "Unauthenticated"
    assert error_text(b'{"error":"invalid","error_description":"no  such\\ncode"}') == "invalid: no such code"
    assert error_text(b"[1]") == error_text(b"<html>") == ""


def test_every_call_names_the_app() -> None:
    """A call without User-Agent is refused."""
    headers = PRINTIFY.api.headers(PlatformSettings(name="printify", client_id="app"), "token")

    assert headers == {"authorization": "Bearer token", "user-agent": "keeper/1.0"}


def ask(body: bytes, shop_id: str) -> ShopIdentity:
    return PRINTIFY.api.identify(lambda _: Response(status=200, body=body, headers={}, fetched_at=NOW), shop_id, "")


def test_the_shop_that_is_asked_for_is_found_among_the_accounts() -> None:
    """The disconnected one too: its old orders are still costs."""
    found = ask(json.dumps(SHOPS).encode(), "5432103")

    assert (found.shop_id, found.name, found.currency) == ("5432103", "Old shop", None)


@pytest.mark.parametrize("wanted", ["7", ""])
def test_another_shop_is_refused_with_the_names_of_those_there_are(wanted: str) -> None:
    with pytest.raises(Fatal, match="5432101 Fox & Friends, 5432103 Old shop") as refused:
        ask(json.dumps(SHOPS).encode(), wanted)

    assert refused.value.code == "not_your_shop"
    assert message_of(refused.value, PRINTIFY) == (
        "Please choose one of your Printify shops: 5432101 Fox & Friends, 5432103 Old shop."
    )


def test_the_only_shop_needs_no_naming() -> None:
    assert ask(json.dumps(SHOPS[:1]).encode(), "").shop_id == "5432101"


@pytest.mark.parametrize("body", [b'{"data": []}', b"[1]", b'[{"id": "x"}]', b"[", b"[" * 100_000])
def test_no_list_of_shops_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(Retriable):
        shops(lambda _: Response(status=200, body=body, headers={}, fetched_at=NOW))
