"""Pages that lie, each in its own way, once, where a rule says; everything else goes on as it is."""

from __future__ import annotations

import httpx
import pytest

from sandbox.square.api.lists import LIST_FAULTS
from sandbox.square.data.timestamps import DAY, SECOND, parsed, precise
from tests.in_thread import ENDS_AT
from tests.sandbox.square.conftest import LONG_AGO

ALL = {"begin_time": LONG_AGO, "sort_order": "ASC", "limit": 20}


@pytest.fixture
def payments(shop):
    """Those of the main location, in order."""
    mine = [row for row in shop.truth("payments") if row["location_id"] == shop.locations[0]]
    return [row["id"] for row in sorted(mine, key=lambda row: (parsed(row["created_at"]), row["id"]))]


def read(shop, most=50):
    """As a client does that trusts what it gets; no longer than so many pages."""
    found, cursor = [], {}
    for _ in range(most):
        page = shop.get("payments", **ALL, **cursor).json()
        found += [row["id"] for row in page.get("payments", ())]
        if "cursor" not in page:
            break
        cursor = {"cursor": page["cursor"]}
    return found


def test_nothing_lies_by_itself(shop, payments):
    assert read(shop) == payments


def test_a_page_that_is_dropped(shop, payments):
    shop.fault(kind="drop_page", path="payments$", nth=2)
    assert read(shop) == payments[:20] + payments[40:]


def test_a_page_that_is_short(shop, payments):
    shop.fault(kind="short_page", path="payments$", nth=2, by=3)
    assert read(shop) == payments[:37] + payments[40:]


@pytest.mark.parametrize("nth", [1, 3])
def test_a_page_that_comes_twice(shop, payments, nth):
    shop.fault(kind="repeat_page", path="payments$", nth=nth)
    end = nth * 20
    assert read(shop) == payments[:end] + payments[end - 20 :]


def test_pages_that_end_before_their_list(shop, payments):
    shop.fault(kind="page_cap", path="payments$", nth=2)
    assert read(shop) == payments[:40]


def test_pages_without_end(shop, payments):
    shop.fault(kind="endless", path="payments$")
    found = read(shop, most=2 * (len(payments) // 20 + 1))
    assert found[len(payments) :] == payments


def test_a_page_without_rows_that_goes_on(shop, payments):
    """No lie: a page may be empty while a cursor is there."""
    shop.fault(kind="empty_page", path="payments$", nth=[1, 3])
    assert read(shop) == payments


def test_a_page_in_reverse(shop, payments):
    shop.fault(kind="reversed_page", path="payments$", nth=1)
    assert read(shop) == payments[19::-1] + payments[20:]


def test_a_cursor_that_is_dead(shop):
    shop.fault(kind="dead_cursor", path="payments$", nth=2)
    page = shop.get("payments", **ALL).json()
    dead = shop.get("payments", **ALL, cursor=page["cursor"])
    assert (dead.status_code, dead.json()["errors"][0]["code"]) == (400, "INVALID_CURSOR")
    assert shop.get("payments", **ALL, cursor=page["cursor"]).status_code == 200


def test_lists_inside_of_records_that_are_cut(shop):
    """Lines of orders, variations of items; what a record has beside them stays."""
    order = max(shop.truth("orders"), key=lambda row: len(row.get("line_items", ())))
    shop.fault(kind="nested_cut", path="orders/batch-retrieve|orders/search")
    body = {"location_ids": shop.locations, "query": {"filter": {}}, "limit": 1000}
    cut = {row["id"]: row for row in shop.post("orders/search", **body).json()["orders"]}[order["id"]]
    assert cut == {**order, "line_items": order["line_items"][:1]}
    shop.fault(kind="nested_cut", path="catalog/search", keep=0)
    items = shop.post("catalog/search", object_types=["ITEM"]).json()["objects"]
    assert {len(item["item_data"]["variations"]) for item in items} == {0}


def test_a_window_whose_end_is_left_out(shop):
    """Off by the smallest unit, at either end."""
    order = shop.truth("orders")[30]
    window = {"start_at": order["updated_at"], "end_at": order["updated_at"]}
    query = {"filter": {"date_time_filter": {"updated_at": window}}, "sort": {"sort_field": "UPDATED_AT"}}
    body = {"location_ids": shop.locations, "query": query}
    assert order["id"] in {row["id"] for row in shop.post("orders/search", **body).json()["orders"]}
    for bound in ("start", "end"):
        shop.fault(kind="narrow_window", path="orders/search", bound=bound, nth=1)
        assert shop.post("orders/search", **body).json() == {}
        shop.plane.control("DELETE", "/faults")


def test_a_time_filter_that_is_not_heard(shop, payments):
    shop.fault(kind="default_window", path="payments$")
    year_ago = precise(ENDS_AT * SECOND - 365 * DAY)
    young = [row["id"] for row in shop.truth("payments") if row["created_at"] >= year_ago]
    assert read(shop) == [key for key in payments if key in young]
    assert len(read(shop)) < len(payments)


def test_places_that_are_not_heard(shop):
    """The main location alone, or all but one of those that were asked for."""
    body = {"location_ids": shop.locations, "limit": 1000}
    shop.fault(kind="main_location", path="orders/search", nth=1)
    assert {row["location_id"] for row in shop.post("orders/search", **body).json()["orders"]} == {shop.locations[0]}
    shop.plane.control("DELETE", "/faults")
    shop.fault(kind="lost_location", path="orders/search", location_id=shop.locations[1])
    found = {row["location_id"] for row in shop.post("orders/search", **body).json()["orders"]}
    assert found == {shop.locations[0], shop.locations[2]}
    shop.plane.control("DELETE", "/faults")
    shop.fault(kind="lost_location", path="locations$", location_id=shop.locations[1])
    assert len(shop.get("locations").json()["locations"]) == 2


def test_rows_of_one_time_that_are_torn_apart(shop):
    """Two tills sold in one millisecond, and the page ends between them."""
    orders = sorted(shop.truth("orders"), key=lambda row: (parsed(row["created_at"]), row["id"]))
    place = next(i for i in range(1, len(orders)) if orders[i]["created_at"] == orders[i - 1]["created_at"])
    sort = {"sort_field": "CREATED_AT", "sort_order": "ASC"}
    body = {"location_ids": shop.locations, "query": {"sort": sort}, "limit": place}
    whole = shop.walk("POST", "orders/search", "orders", **body)
    shop.fault(kind="skipped_ties", path="orders/search", nth=1)
    torn = shop.walk("POST", "orders/search", "orders", **body)

    assert [row["id"] for row in whole] == [row["id"] for row in orders]
    assert [row["id"] for row in torn] == [row["id"] for row in orders if row["id"] != orders[place]["id"]]


def test_members_that_no_document_names(shop, payments):
    """No lie either: what is unknown stands beside what is known."""
    shop.fault(kind="unknown_member", path="payments$")
    rows = shop.get("payments", **ALL).json()["payments"]
    assert all("client_hint" in row for row in rows)
    assert read(shop) == payments


def test_what_is_not_there_yet(square, shop, payments):
    """Lists are eventually consistent: what just came is seen a little later."""
    shop.fault(kind="lag", path="payments$", seconds=40 * 86_400)
    seen = [
        row["id"] for row in shop.truth("payments") if row["created_at"] <= precise((ENDS_AT - 40 * 86_400) * SECOND)
    ]
    assert read(shop) == [key for key in payments if key in seen]
    assert len(read(shop)) < len(payments)


def test_a_version_that_goes_back(salon):
    booking = next(row for row in salon.truth("bookings") if row["version"])
    window = {"start_at_min": booking["start_at"], "limit": 1}
    salon.fault(kind="old_version", path="bookings$", nth=1)
    old = salon.get("bookings", **window).json()["bookings"][0]
    new = salon.get("bookings", **window).json()["bookings"][0]
    assert new["version"] - old["version"] == (1 if new["version"] else 0)
    assert parsed(new["updated_at"]) - parsed(old["updated_at"]) == DAY


def test_each_way_of_lying_has_its_test():
    """Those above are all that there are."""
    named = {
        "drop_page",
        "short_page",
        "repeat_page",
        "page_cap",
        "endless",
        "empty_page",
        "reversed_page",
        "dead_cursor",
    }
    named |= {
        "nested_cut",
        "narrow_window",
        "default_window",
        "main_location",
        "lost_location",
        "old_version",
        "skipped_ties",
        "lag",
        "unknown_member",
    }
    assert named == set(LIST_FAULTS)


def test_the_faults_of_every_stand_in(square, shop):
    """Statuses, throttling, broken records, connections that end: as at the others."""
    shop.fault(kind="status", status=503, path="locations$", nth=1)
    shop.fault(kind="rate_limit", path="locations$", nth=1, retry_after=9)
    shop.fault(kind="bad_json", flavour="missing_key", path="locations$", nth=1, field="timezone")
    shop.fault(kind="reset", path="locations$", nth=1)
    broken, throttled, bad = (shop.get("locations") for _ in range(3))

    assert broken.status_code == 503
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "9")
    assert sum("timezone" in row for row in bad.json()["locations"]) == 2
    with pytest.raises(httpx.TransportError):
        shop.get("locations")
    assert shop.get("locations").status_code == 200
    struck = [line["status"] for line in square.ndjson("/ledger", path="locations$")]
    assert struck == [503, 429, 200, 0, 200]


def test_a_rule_is_searched_in_the_body_of_a_post(shop):
    shop.fault(kind="status", status=500, path="orders/search", query='"UPDATED_AT"')
    query = {
        "filter": {"date_time_filter": {"updated_at": {"start_at": LONG_AGO}}},
        "sort": {"sort_field": "UPDATED_AT"},
    }
    assert shop.post("orders/search", location_ids=shop.locations, query=query).status_code == 500
    assert shop.post("orders/search", location_ids=shop.locations).status_code == 200


def test_a_rule_that_makes_no_sense_is_refused(shop):
    def refused(**rule):
        answer = shop.plane.http.post("/_sandbox/faults", json=rule)
        assert answer.status_code == 400
        return answer.json()["error"]

    assert "kind must be one of" in refused(kind="shift")
    assert "needs location_id" in refused(kind="lost_location")
    assert "takes no field" in refused(kind="page_cap", pages=3)
