"""The control plane: accounts at a wish, the truth about them, and what was really asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import orjson
import pytest

from sandbox.square.api.lists import LIST_FAULTS
from sandbox.square.data.ground_truth import GROUND_TRUTHS
from sandbox.square.mutations.kinds import MUTATIONS
from sandbox.square.settings import Settings
from tests.in_thread import ENDS_AT
from tests.sandbox.square.conftest import LONG_AGO


def test_an_account_is_told_with_its_tokens(square, own):
    made = own(orders=20, kind="salon", currency="EUR", locations=2, inactive_locations=1).made
    listed = square.http.get("/_sandbox/shops").json()["results"]

    assert (made["kind"], made["currency"], made["orders"], made["bookings"], made["ends_at"]) == (
        "salon", "EUR", 20, 20, ENDS_AT,
    )  # fmt: skip
    assert made["expires_at"] == ENDS_AT + 30 * 86_400
    mine = next(row for row in listed if row["shop_id"] == made["shop_id"])
    assert not {"access_token", "refresh_token"} & set(mine)


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"kind": "bar"}, "kind must be one of shop, salon"),
        ({"currency": "BHD"}, "currency must be one of"),
        ({"locations": 2, "inactive_locations": 2}, "inactive_locations must be a whole number from 0 to 1"),
        ({"lines": 0}, "lines must be a number from 1 to 20"),
        ({"colour": "red"}, "unknown field colour"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(square, wish, why):
    answer = square.http.post("/_sandbox/shops", json=wish)
    assert answer.status_code == 400
    assert why in answer.json()["error"]


def test_two_accounts_of_one_seed_cannot_be(square, own):
    made = own(orders=1).made
    assert square.http.post("/_sandbox/shops", json={"seed": made["seed"], "orders": 1}).status_code == 409


def test_a_location_that_was_closed_keeps_its_history(own):
    seller = own(orders=200, locations=3, inactive_locations=1)
    places = {row["id"]: row["status"] for row in seller.get("locations").json()["locations"]}
    closed = seller.locations[2]
    orders = [row for row in seller.truth("orders") if row["location_id"] == closed and "returns" not in row]

    assert places[closed] == "INACTIVE"
    assert orders
    assert max(row["created_at"] for row in orders) < max(row["created_at"] for row in seller.truth("orders"))


def test_the_truth_is_what_the_api_answers(shop):
    """Every kind of it; parts of orders are those of the orders."""
    assert {row["id"] for row in shop.all_orders()} == {row["id"] for row in shop.truth("orders")}
    orders = shop.truth("orders")
    parts = {
        "order_line_items": "line_items",
        "order_fulfillments": "fulfillments",
        "order_returns": "returns",
        "order_refunds": "refunds",
        "tenders": "tenders",
    }
    for kind, name in parts.items():
        assert len(shop.truth(kind)) == sum(len(order.get(name, ())) for order in orders) > 0
    assert sum(row["is_present"] for row in shop.truth("catalog_location_availability")) > 0
    assert {row["vendor_id"] for row in shop.truth("catalog_vendor_info")} <= {
        row["id"] for row in shop.truth("vendors")
    }
    for kind in GROUND_TRUTHS:
        assert isinstance(shop.truth(kind), list)


def test_where_something_can_be_sold_follows_presence_and_overrides(shop):
    items = {row["id"]: row for row in shop.truth("items")}
    variations = {row["id"]: row for row in shop.truth("variations")}
    seen = set()
    for row in shop.truth("catalog_location_availability"):
        variation = variations[row["catalog_object_id"]]
        item = items[variation["item_variation_data"]["item_id"]]
        everywhere = item["present_at_all_locations"]
        named = item.get("absent_at_location_ids" if everywhere else "present_at_location_ids", ())
        assert row["is_present"] == ((row["location_id"] in named) != everywhere)
        own = [
            told for told in variation["item_variation_data"].get("location_overrides", ())
            if told["location_id"] == row["location_id"]
        ]  # fmt: skip
        seen |= {*(own[0] if own else ())} - {"location_id"}
        assert row["sold_out"] == any(told.get("sold_out") for told in own)
    assert seen >= {"price_money", "sold_out"}


def test_stock_lies_where_it_can_be_sold(shop):
    present = {
        (row["catalog_object_id"], row["location_id"])
        for row in shop.truth("catalog_location_availability")
        if row["is_present"]
    }
    counts = {(row["catalog_object_id"], row["location_id"]) for row in shop.truth("counts")}
    assert counts
    assert counts <= present
    assert {place for _, place in counts} == set(shop.locations)


def test_requests_are_told_without_secrets(square, shop):
    shop.get("payments", begin_time=LONG_AGO)
    shop.post("orders/search", location_ids=shop.locations)
    shop.get("locations", headers={"authorization": "Bearer nobody"})
    square.http.post("/oauth2/token", json={"client_id": "x", "grant_type": "refresh_token", "client_secret": "hidden"})
    lines = square.ndjson("/ledger")
    summary = square.http.get("/_sandbox/ledger/summary").json()

    assert [line["operation"] for line in lines] == [
        "ListPayments",
        "SearchOrders",
        "ListLocations",
        "token:refresh_token",
    ]
    assert [line["token"] for line in lines] == ["valid", "valid", "unknown", "none"]
    assert [line["shop_id"] for line in lines] == [shop.id, shop.id, None, None]
    assert orjson.loads(lines[1]["body"]) == {"location_ids": shop.locations}
    assert b"hidden" not in orjson.dumps(lines)
    assert summary["by_rate"] == {"counted": 2, "uncounted": 1, "free": 1}


def test_settings_that_make_no_sense_are_refused(square):
    for wish in ({"default_version": "now"}, {"retry_after": -1}, {"catalog_page": 1001}, {"consent": "perhaps"}):
        assert square.http.post("/_sandbox/settings", json=wish).status_code == 400


def test_limits_are_used_up_and_forgotten(square, shop):
    square.control("POST", "/settings", per_second=5)
    square.control("POST", "/limits/use", shop_id=shop.id, this_second=5)
    assert shop.get("locations").status_code == 429
    square.control("DELETE", "/limits")
    assert shop.get("locations").status_code == 200


def test_it_is_a_process_of_its_own(tmp_path):
    """It says where it listens and what leads a client there, and goes at SIGTERM with all of its files."""
    ready, state = tmp_path / "ready.json", tmp_path / "state"
    argv = [sys.executable, "-m", "sandbox.square", "--ready-file", str(ready), "--state-dir", str(state)]
    process = subprocess.Popen(argv)
    try:
        while not ready.exists():
            assert process.poll() is None
        told = orjson.loads(ready.read_bytes())
        clock = httpx.get(f"{told['url']}/_sandbox/clock", trust_env=False).json()
    finally:
        process.terminate()
        assert process.wait(10) == 0
    assert clock["mode"] == "real"
    assert told["env"]["SQUARE_API_BASE_URL"] == told["url"]
    assert told["env"]["SQUARE_TOKEN_URL"] == told["url"] + "/oauth2/token"
    assert set(told["env"]) == {
        "SQUARE_API_BASE_URL", "SQUARE_TOKEN_URL", "SQUARE_APP_ID", "SQUARE_APP_SECRET", "SQUARE_ACCESS_TOKEN",
    }  # fmt: skip
    assert list(state.iterdir()) == []


def test_the_page_names_everything_that_can_be_asked_for():
    """Settings, faults, mutations and kinds of truth, each in its table of docs/sandbox-square.md."""
    page = (Path(__file__).resolve().parents[3] / "docs/sandbox-square.md").read_text()
    names = {*vars(Settings()), *LIST_FAULTS, *MUTATIONS, *GROUND_TRUTHS}
    assert {name for name in names if f"`{name}`" not in page} == set()
