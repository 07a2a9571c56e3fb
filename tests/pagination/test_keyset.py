"""Pages by rising ids: a page that is too much is asked for in halves, a platform that is away is not asked again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from execution.errors import Fatal, Retriable
from execution.http.messages import Request, Response
from execution.http.transport import ResponseLost
from execution.platforms.shopify.bulk import BulkPaginator, BulkPosition
from execution.platforms.shopify.streams import CUSTOMERS

PAGE = BulkPosition(stage="pages", pages=1)


class Platform:
    """Fails as told, each time after so many seconds; then it answers. `sizes`: how much it was asked for."""

    def __init__(self, *failures: Exception, seconds: float = 0.0) -> None:
        self.now = 0.0
        self.sizes: list[int] = []
        self._failures = list(failures)
        self._seconds = seconds

    def send(self, request: Request, /) -> Response:
        self.now += self._seconds
        self.sizes.append(orjson.loads(request.body or b"")["variables"]["first"])
        if self._failures:
            raise self._failures.pop(0)
        return Response(status=200, body=b"{}", headers={}, fetched_at=datetime.now(UTC))

    download: Callable[..., object]


def fetch(platform: Platform) -> Response:
    paginator = BulkPaginator(CUSTOMERS)
    paginator.monotonic = lambda: platform.now
    return paginator.fetch(platform, PAGE)  # type: ignore[arg-type]  # no file is read


@pytest.mark.parametrize(
    "failure", [Fatal("dear", code="page_too_big"), Retriable("internal error"), ResponseLost("cut")]
)
def test_a_page_that_is_too_much_is_asked_for_in_halves(failure: Exception) -> None:
    platform = Platform(failure, failure)

    fetch(platform)

    assert platform.sizes == [250, 125, 62]


def test_a_platform_that_is_away_is_not_asked_again() -> None:
    """Four times fifteen seconds without an answer are a lease: the job's third such slice would be its third death."""
    platform = Platform(*[ResponseLost("no whole answer")] * 4, seconds=15.0)

    with pytest.raises(ResponseLost):
        fetch(platform)

    assert platform.sizes == [250]


def test_a_platform_that_says_when_to_come_again_is_not_asked_before() -> None:
    platform = Platform(Retriable("503", after=timedelta(seconds=30)))

    with pytest.raises(Retriable):
        fetch(platform)

    assert platform.sizes == [250]
