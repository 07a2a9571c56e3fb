"""Both limits count exactly, by the sandbox's clock (sheet section 5)."""

from __future__ import annotations

import pytest

from tests.in_thread import ENDS_AT

HOUR = 3600
START = ENDS_AT // HOUR * HOUR


def statuses(shop, number):
    return [shop.get("/openapi-ping").status_code for _ in range(number)]


def test_the_second_has_so_many_calls(etsy, shop):
    """Ten pass, the eleventh is refused with the vendor's body, and the next second is free again."""
    etsy.control("POST", "/clock", now=START)
    etsy.control("POST", "/settings", per_second=10)

    passed = statuses(shop, 10)
    refused = shop.get("/openapi-ping")
    etsy.control("POST", "/clock", advance_seconds=1)

    assert passed == [200] * 10
    assert (refused.status_code, refused.json()) == (429, {"error": "Exceeded per second rate limit"})
    assert refused.headers["retry-after"] == "1"
    assert statuses(shop, 1) == [200]


@pytest.mark.parametrize(("window", "after_the_turn"), [("fixed", 200), ("sliding", 429)])
def test_a_second_is_the_calendars_or_the_last_one(etsy, shop, window, after_the_turn):
    """Calls at x.9 bar those at x+1.1 in a sliding window only."""
    etsy.control("POST", "/settings", per_second=3, second_window=window)
    etsy.control("POST", "/clock", now=START + 0.9)

    statuses(shop, 3)
    etsy.control("POST", "/clock", now=START + 1.1)

    assert statuses(shop, 1) == [after_the_turn]


def test_the_day_rolls_bucket_by_bucket(etsy, shop):
    """Calls of one hour drop out together, 24 hours after that hour began, and not at midnight."""
    etsy.control("POST", "/settings", per_day=5)
    etsy.control("POST", "/clock", now=START + 600)
    first = statuses(shop, 5)

    etsy.control("POST", "/clock", now=START + 700)
    refused = shop.get("/openapi-ping")
    etsy.control("DELETE", "/limits")
    etsy.control("POST", "/limits/use", today=5)
    etsy.control("POST", "/clock", now=START + 24 * HOUR - 1)
    still = statuses(shop, 1)
    etsy.control("POST", "/clock", now=START + 24 * HOUR)

    assert first == [200] * 5
    assert (refused.status_code, refused.json()) == (429, {"error": "Exceeded daily rate limit"})
    assert refused.headers["retry-after"] == str(24 * HOUR - 700)
    assert refused.headers["x-remaining-today"] == "0"
    assert still == [429]
    assert statuses(shop, 1) == [200]


def test_refused_calls_count_unless_told_otherwise(etsy, shop):
    """Three refusals use up the day as answers do; with the setting off they use up nothing."""
    etsy.control("POST", "/clock", now=START)
    etsy.control("POST", "/settings", per_second=2, per_day=100)

    statuses(shop, 5)
    etsy.control("POST", "/clock", advance_seconds=1)
    counted = shop.get("/openapi-ping").headers["x-remaining-today"]
    etsy.control("POST", "/settings", rejected_calls_count=False)
    statuses(shop, 4)
    etsy.control("POST", "/clock", advance_seconds=1)
    uncounted = shop.get("/openapi-ping").headers["x-remaining-today"]

    assert counted == "94"
    assert uncounted == "92"


def test_every_success_shows_the_four_headers(etsy, shop):
    """And the docs' misspelling of one of them on request."""
    etsy.control("POST", "/clock", now=START)
    etsy.control("POST", "/settings", per_second=150, per_day=100_000)

    headers = shop.get("receipts").headers
    etsy.control("POST", "/settings", misspell_remaining_header=True)
    misspelt = shop.get("receipts").headers

    assert headers["x-limit-per-second"] == "150"
    assert headers["x-remaining-this-second"] == "149"
    assert headers["x-limit-per-day"] == "100000"
    assert headers["x-remaining-today"] == "99999"
    assert misspelt["x-remaining-this-secon"] == "148"
    assert "x-remaining-this-second" not in misspelt
