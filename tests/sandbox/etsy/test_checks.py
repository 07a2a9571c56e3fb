"""Keys, bearers, scopes, owners and parameters are refused in Etsy's words and order (sheet sections 4.5, 6, 7)."""

from __future__ import annotations

import pytest

from tests.in_thread import ENDS_AT
from tests.sandbox.etsy.conftest import KEY


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({}, 401, {"error": "Missing x-api-key header."}),
        ({"x-api-key": "keystring"}, 403, {"error": "Shared secret is required in x-api-key header."}),
        (
            {"x-api-key": "keystring:"},
            403,
            {"error": "Invalid API key: should be in the format 'keystring:shared_secret'."},
        ),
        (
            {"x-api-key": "keystring:wrong"},
            403,
            {"error": "API key not found or not active, or incorrect shared secret for API key."},
        ),
        ({"x-api-key": KEY}, 403, {"error": "No user was provided as part of the bearer token."}),
        (
            {"x-api-key": KEY, "authorization": "Bearer nodot"},
            401,
            {"error": "invalid_token", "error_description": "access token is malformed"},
        ),
        (
            {"x-api-key": KEY, "authorization": "Bearer 1.unknown"},
            401,
            {"error": "invalid_token", "error_description": "access token is invalid"},
        ),
    ],
)
def test_a_bad_header_is_named(shop, headers, status, body):
    answer = shop.get("receipts", headers=headers)

    assert (answer.status_code, answer.json()) == (status, body)


def test_a_token_dies_on_time(etsy, own):
    """At the end of its life an access token is expired, and a second earlier it is not."""
    etsy.control("POST", "/clock", now=ENDS_AT)
    shop = own()

    etsy.control("POST", "/clock", advance_seconds=3599)
    before = shop.get("receipts").status_code
    etsy.control("POST", "/clock", advance_seconds=1)
    after = shop.get("receipts")

    assert before == 200
    assert after.status_code == 401
    assert after.json() == {"error": "invalid_token", "error_description": "access token is expired"}


def test_a_scope_that_was_not_given_is_missed(etsy, shop):
    made = etsy.control("POST", "/tokens", shop_id=shop.id, scopes=["shops_r"])
    headers = {**shop.headers, "authorization": f"Bearer {made['access_token']}"}

    answer = shop.get("receipts", headers=headers)

    assert answer.status_code == 403
    assert answer.json() == {"error": "insufficient_scope", "error_description": "Insufficient scope"}


def test_a_strangers_shop_stays_closed(shop, own):
    other = own(orders=5)

    answer = shop.get(f"/shops/{other.id}/receipts")

    assert (answer.status_code, answer.json()) == (403, {"error": f"User does not own Shop {other.id}"})


def test_the_order_of_checks_is_a_setting(etsy, shop):
    """With parameters first, a bad limit is reported before a missing key."""
    order = ["parameters", "key_form", "key", "rate_limit", "bearer_form", "bearer", "scope", "ownership"]
    etsy.control("POST", "/settings", check_order=order)

    assert shop.get("receipts", headers={}, limit=0).status_code == 400
    assert shop.get("receipts", headers={}, limit=1).status_code == 401


def test_unknown_paths_are_json_404s(shop):
    answer = shop.get("/shops/1/nothing")

    assert answer.status_code == 404
    assert answer.json() == {"error": "Resource not found"}


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"offset": -1},
        {"min_created": 5},
        {"sort_on": "size"},
        {"was_paid": 2},
    ],
)
def test_a_bad_parameter_is_a_400_that_names_it(shop, params):
    answer = shop.get("receipts", **params)

    assert answer.status_code == 400
    assert next(iter(params)) in answer.json()["error"]


def test_offsets_end_at_twelve_thousand(shop):
    """The cap itself is allowed and past the end of the rows; one more is refused in Etsy's words (#344)."""
    at_the_cap = shop.get("receipts", offset=12_000)
    beyond = shop.get("receipts", offset=12_001)

    assert (at_the_cap.status_code, at_the_cap.json()) == (200, {"count": 1000, "results": []})
    assert beyond.status_code == 400
    assert beyond.json() == {"error": "Offset provided is greater than the maximum offset allowed."}


def test_a_ledger_window_is_31_days_at_most(shop):
    """31 days are allowed, a second more is refused in Etsy's words, and both ends are required (#346)."""
    path = "payment-account/ledger-entries"

    exact = shop.get(path, min_created=ENDS_AT - 2_678_400, max_created=ENDS_AT)
    longer = shop.get(path, min_created=ENDS_AT - 2_678_401, max_created=ENDS_AT)
    half = shop.get(path, min_created=ENDS_AT)

    assert exact.status_code == 200
    assert longer.json() == {
        "error": "Time window between min_created and max_created must be no more than 2678400 seconds (31 days)."
    }
    assert (longer.status_code, half.status_code) == (400, 400)


def test_one_missing_listing_fails_the_whole_inventory_batch(shop):
    there = shop.truth("listings")[0]["listing_id"]

    assert shop.get("/listings/batch/inventory", listing_ids=f"{there}").status_code == 200
    assert shop.get("/listings/batch/inventory", listing_ids=f"{there},5").status_code == 404


def test_a_missing_receipt_is_told_apart(shop):
    assert shop.get("receipts/7").json() == {
        "error": f"Could not find a Shop Receipt with receipt_id = 7 associated with shop_id = {shop.id}."
    }
