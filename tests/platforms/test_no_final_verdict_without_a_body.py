"""Of every platform: an answer that does not speak its language (a firewall's page, nothing at all) is never final."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from execution.catalog import PLATFORMS
from execution.platforms.api import ResponseKind

FINAL = {
    ResponseKind.ACCESS_REFUSED,
    ResponseKind.GONE,
    ResponseKind.KEY_REFUSED,
    ResponseKind.REQUEST_WRONG,
    ResponseKind.TOKEN_REJECTED,
}
STRANGE = [
    b"",
    b"<html><h1>403 Forbidden</h1></html>",
    b"{}",
    b"[]",
    b'{"blocked":true}',
    b'"no"',
    b'{"err',
    b"\xff\xfe",
]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 406, 409, 410, 422, 423, 451, 499])
@pytest.mark.parametrize("name", PLATFORMS)
def test_what_does_not_speak_the_platforms_language_is_not_final(name: str, status: int) -> None:
    classify = PLATFORMS[name].api.classify

    kinds = {body: classify(status, httpx.Headers(), body, datetime.now(UTC)).kind for body in STRANGE}

    assert {body: kind for body, kind in kinds.items() if kind in FINAL} == {}
