"""Defaults that cut history, limits by endpoint, windows, orders and cursors: as the platform sheet has them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.square.data.timestamps import DAY, SECOND, parsed, precise
from tests.in_thread import ENDS_AT
from tests.sandbox.square.conftest import LONG_AGO, OLD_VERSION

NOW = datetime.fromtimestamp(ENDS_AT, UTC)
YEAR_AGO = precise(ENDS_AT * SECOND - 365 * DAY)


def code(answer):
    assert answer.status_code == 400, answer.text
    return answer.json()["errors"][0]["code"]


def at(**ago):
    return (NOW - timedelta(**ago)).isoformat().replace("+00:00", "Z")


# --- defaults that cut --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "kind"), [("payments", "payments"), ("refunds", "refunds"), ("payouts", "payouts")])
def test_without_a_beginning_a_year_comes(shop, path, kind):
    """Two years are there; nothing says that one is left out."""
    place = {} if path == "refunds" else {"location_id": shop.locations[0]}
    truth = [row for row in shop.truth(kind) if not place or row["location_id"] == shop.locations[0]]

    young = shop.walk("GET", path, path, **place)
    everything = shop.walk("GET", path, path, begin_time=LONG_AGO, **place)

    assert {row["id"] for row in young} == {row["id"] for row in truth if row["created_at"] >= YEAR_AGO}
    assert len(young) < len(everything) == len(truth)


@pytest.mark.parametrize(("path", "all_places"), [("payments", False), ("payouts", False), ("refunds", True)])
def test_without_a_location_the_main_one_comes(shop, path, all_places):
    """But of refunds every location's."""
    found = {row["location_id"] for row in shop.walk("GET", path, path, begin_time=LONG_AGO)}

    assert found == (set(shop.locations) if all_places else {shop.locations[0]})


def test_changes_alone_are_cut_by_the_same_year(square, shop):
    """Whether they are in life is not known: a setting says."""
    asked = {"updated_at_begin_time": LONG_AGO, "sort_field": "UPDATED_AT"}
    cut = shop.walk("GET", "payments", "payments", **asked)
    square.control("POST", "/settings", updated_window="free")
    whole = shop.walk("GET", "payments", "payments", **asked)

    assert min(row["created_at"] for row in cut) >= YEAR_AGO
    assert len(whole) > len(cut)


def test_bookings_begin_now_and_end_in_a_month(salon):
    """Without times none of the past comes."""
    truth = salon.truth("bookings")
    found = salon.walk("GET", "bookings", "bookings")
    first, last = at(), at(days=-31)

    assert {row["id"] for row in found} == {row["id"] for row in truth if first <= row["start_at"] <= last}
    assert len(truth) > len(found) > 0


def test_a_window_of_bookings_is_at_most_31_days(salon):
    assert salon.get("bookings", start_at_min=at(days=31), start_at_max=at()).status_code == 200
    assert code(salon.get("bookings", start_at_min=at(days=31, seconds=1), start_at_max=at())) == "INVALID_TIME_RANGE"
    assert code(salon.get("bookings", start_at_min=at(), start_at_max=at(days=1))) == "INVALID_TIME_RANGE"


def test_there_is_no_search_of_bookings(salon):
    assert salon.post("bookings/search").status_code == 404


def test_the_buyers_level_sees_what_the_application_made(square, salon):
    """Without the seller's scope, or on the free plan; who made it is not told."""
    token = square.control("POST", "/tokens", shop_id=salon.id, scopes=["APPOINTMENTS_READ"])["access_token"]
    headers, window = {"authorization": f"Bearer {token}"}, {"start_at_min": at(days=31), "limit": 1000}
    all_of_them = salon.get("bookings", **window).json()["bookings"]
    few = salon.get("bookings", headers=headers, **window).json()["bookings"]
    square.control("POST", "/settings", appointments_plan="free")

    assert {row["id"] for row in few} == {row["id"] for row in all_of_them if row["source"] == "API"}
    assert all("source" not in row and "creator_details" not in row for row in few)
    assert salon.get("bookings", **window).json()["bookings"] == few
    hidden = next(row["id"] for row in all_of_them if row["source"] != "API")
    assert salon.get(f"bookings/{hidden}").status_code == 404


# --- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "fields", "rows", "size"),
    [("payments", {"begin_time": LONG_AGO}, "payments", 100), ("refunds", {"begin_time": LONG_AGO}, "refunds", None)],
)
def test_a_limit_that_is_too_large_is_ignored_or_brought_down(shop, path, fields, rows, size):
    page = shop.get(path, limit=500, **fields).json()[rows]
    assert len(page) == (size or min(100, len(shop.truth(rows))))


def test_a_limit_of_the_catalog_is_advice(square, shop):
    """Above a thousand, or none at all, it is not heard."""
    body = {"object_types": ["ITEM", "ITEM_VARIATION"]}
    whole = len(shop.post("catalog/search", **body).json()["objects"])

    assert len(shop.post("catalog/search", limit=5000, **body).json()["objects"]) == whole
    assert len(shop.post("catalog/search", limit=0, **body).json()["objects"]) == whole
    assert len(shop.post("catalog/search", limit=7, **body).json()["objects"]) == 7
    assert len(shop.get("catalog/list", types="ITEM,ITEM_VARIATION,CATEGORY,MODIFIER").json()["objects"]) <= 100


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("customers/search", 100),
        ("team-members/search", 200),
        ("loyalty/accounts/search", 200),
        ("loyalty/events/search", 30),
        ("inventory/counts/batch-retrieve", 1000),
        ("inventory/changes/batch-retrieve", 1000),
    ],
)
def test_a_limit_that_is_refused(shop, path, most):
    assert shop.post(path, limit=most).status_code == 200
    assert code(shop.post(path, limit=most + 1)) == "VALUE_TOO_HIGH"
    assert code(shop.post(path, limit=0)) == "VALUE_TOO_LOW"
    assert code(shop.post(path, limit="7")) == "EXPECTED_INTEGER"


# --- orders -------------------------------------------------------------------------------------------------


def search(shop, **body):
    return shop.post("orders/search", **{"location_ids": shop.locations, **body})


def by(field, start=None, end=None, sort=None, **more):
    window = {"start_at": start or LONG_AGO, **({"end_at": end} if end else {})}
    sort_field = {"sort_field": sort or field.upper(), "sort_order": "ASC"}
    return {"query": {"filter": {"date_time_filter": {field: window}, **more}, "sort": sort_field}}


def test_a_search_of_orders_names_one_to_ten_locations(square, shop, own):
    wide = own(orders=30, locations=11)

    assert code(shop.post("orders/search")) == "MISSING_REQUIRED_PARAMETER"
    assert code(wide.post("orders/search", location_ids=wide.locations)) == "ARRAY_LENGTH_TOO_LONG"
    assert code(search(shop, location_ids=wide.locations[:1])) == "INVALID_VALUE"
    found = {
        row["location_id"] for row in wide.post("orders/search", location_ids=wide.locations[:10]).json()["orders"]
    }
    assert wide.locations[10] not in found


def test_orders_are_sorted_by_what_they_are_filtered_by(shop):
    """Also where no sort is given: then it is by creation."""
    unsorted = by("updated_at")
    del unsorted["query"]["sort"]

    assert search(shop, **by("updated_at")).status_code == 200
    assert code(search(shop, **by("updated_at", sort="CREATED_AT"))) == "BAD_REQUEST"
    assert code(search(shop, **unsorted)) == "BAD_REQUEST"
    both = by("updated_at")
    both["query"]["filter"]["date_time_filter"]["created_at"] = {"start_at": LONG_AGO}
    assert code(search(shop, **both)) == "BAD_REQUEST"
    assert code(search(shop, **by("closed_at"))) == "BAD_REQUEST"
    closed = search(shop, **by("closed_at", state_filter={"states": ["COMPLETED", "CANCELED"]})).json()["orders"]
    assert {row["state"] for row in closed} == {"COMPLETED", "CANCELED"}


def test_orders_come_newest_first_by_default(shop):
    page = search(shop).json()["orders"]

    assert [row["created_at"] for row in page] == sorted((row["created_at"] for row in page), reverse=True)
    assert len(page) == min(500, len(shop.truth("orders")))


def test_both_ends_of_a_window_of_orders_are_inside(shop):
    one = shop.truth("orders")[17]
    window = by("updated_at", one["updated_at"], one["updated_at"])

    assert one["id"] in {row["id"] for row in search(shop, **window).json()["orders"]}


def test_orders_filtered(shop):
    """By state, source, customer and fulfillment; entries instead of orders."""
    truth = shop.truth("orders")

    def found(**wish):
        return {row["id"] for row in search(shop, query={"filter": wish}, limit=1000).json().get("orders", [])}

    def wanted(test):
        return {row["id"] for row in truth if test(row)}

    online = wanted(lambda row: row["source"]["name"] == "Square Online")
    kinds = wanted(lambda row: any(part["type"] == "PICKUP" for part in row.get("fulfillments", ())))
    customer = next(row["customer_id"] for row in truth if "customer_id" in row)
    assert found(state_filter={"states": ["DRAFT"]}) == wanted(lambda row: row["state"] == "DRAFT")
    assert found(source_filter={"source_names": ["Square Online"]}) == online
    assert found(fulfillment_filter={"fulfillment_types": ["PICKUP"]}) == kinds
    assert found(customer_filter={"customer_ids": [customer]}) == wanted(lambda row: row.get("customer_id") == customer)
    entries = search(shop, return_entries=True, limit=3).json()["order_entries"]
    assert [set(entry) - {"version"} for entry in entries] == [{"order_id", "location_id"}] * 3


# --- catalog and stock --------------------------------------------------------------------------------------


def test_the_beginning_of_a_catalog_search_is_left_out(square):
    """And what was deleted comes only where it is asked for."""
    shop = square.kept(seed=61_005, orders=5, variations=300)
    truth = sorted(shop.truth("items"), key=lambda row: parsed(row["updated_at"]))
    middle = truth[len(truth) // 2]["updated_at"]
    body = {"object_types": ["ITEM"], "begin_time": middle}

    alive = {row["id"] for row in shop.walk("POST", "catalog/search", "objects", **body)}
    all_of_them = {
        row["id"] for row in shop.walk("POST", "catalog/search", "objects", include_deleted_objects=True, **body)
    }

    after = {row["id"]: row["is_deleted"] for row in truth if parsed(row["updated_at"]) > parsed(middle)}
    assert all_of_them == set(after)
    assert alive == {key for key, deleted in after.items() if not deleted}
    assert len(alive) < len(all_of_them)


def test_a_search_tells_the_catalogs_last_change(shop):
    latest = max((row["updated_at"] for row in shop.truth("catalog")), key=parsed)
    assert shop.post("catalog/search", limit=1).json()["latest_time"] == latest
    empty = shop.post("catalog/search", begin_time=latest).json()
    assert empty == {"latest_time": latest}


def test_the_catalogs_times_have_as_many_digits_as_they_need(shop):
    """From none to three."""
    digits = {len(row["updated_at"].partition(".")[2].rstrip("Z")) for row in shop.truth("catalog")}
    assert digits >= {2, 3}
    assert all(not row["updated_at"].endswith("0Z") for row in shop.truth("catalog") if "." in row["updated_at"])


def test_nested_kinds_come_where_they_are_named(shop):
    types = {row["type"] for row in shop.walk("POST", "catalog/search", "objects")}
    assert types == {"ITEM", "CATEGORY", "TAX", "DISCOUNT", "MODIFIER_LIST", "MEASUREMENT_UNIT"}
    assert {row["type"] for row in shop.get("catalog/list", types="item_variation").json()["objects"]} == {
        "ITEM_VARIATION"
    }


def test_deleted_objects_and_paths_exclude_each_other(shop):
    both = {"include_deleted_objects": True, "include_category_path_to_root": True}
    assert code(shop.post("catalog/search", **both)) == "CONFLICTING_PARAMETERS"
    category = shop.post("catalog/search", object_types=["CATEGORY"], include_category_path_to_root=True).json()[
        "objects"
    ]
    assert any("path_to_root" in row["category_data"] for row in category)


def test_counts_come_newest_first(shop):
    """Sold pieces are no state that is counted."""
    rows = shop.walk("POST", "inventory/counts/batch-retrieve", "counts", limit=50)
    times = [parsed(row["calculated_at"]) for row in rows]

    assert times == sorted(times, reverse=True)
    assert len(rows) == len(shop.truth("counts"))
    newest = shop.post("inventory/counts/batch-retrieve", updated_after=rows[5]["calculated_at"]).json()["counts"]
    assert {row["calculated_at"] for row in newest} == {row["calculated_at"] for row in rows} & {
        row["calculated_at"] for row in rows if row["calculated_at"] > rows[5]["calculated_at"]
    }
    assert len(shop.post("inventory/counts/batch-retrieve", states=["SOLD"], limit=1000).json()["counts"]) == len(rows)


def test_changes_add_up_to_counts(shop):
    """A count, and what moved since: the counts are that."""
    stock: dict[tuple[str, str], float] = {}
    for change in shop.walk("POST", "inventory/changes/batch-retrieve", "changes", limit=1000):
        told = change.get("physical_count") or change["adjustment"]
        if change["type"] == "PHYSICAL_COUNT":
            stock[told["catalog_object_id"], told["location_id"]] = float(told["quantity"])
        else:
            sign = 1 if told["to_state"] == "IN_STOCK" else -1
            stock[told["catalog_object_id"], told["to_location_id"]] += sign * float(told["quantity"])

    counts = {(row["catalog_object_id"], row["location_id"]): float(row["quantity"]) for row in shop.truth("counts")}
    assert {key: round(value, 2) for key, value in stock.items()} == counts


def test_every_sale_since_the_stocktake_moves_its_stock(shop):
    """Each line whose stock is counted where it was sold, by its quantity; others move nothing."""
    counted = {(row["catalog_object_id"], row["location_id"]) for row in shop.truth("counts")}
    changes = shop.truth("changes")
    stocktake = min(row["physical_count"]["occurred_at"] for row in changes if "physical_count" in row)
    wanted, found = Counter(), Counter()
    for order in shop.truth("orders"):
        for line in order.get("line_items", ()):
            sold = order["state"] == "COMPLETED" and order["created_at"] >= stocktake
            if sold and (line.get("catalog_object_id"), order["location_id"]) in counted:
                wanted[order["id"], line["catalog_object_id"], line["quantity"]] += 1
    for row in changes:
        if row.get("adjustment", {}).get("to_state") == "SOLD":
            told = row["adjustment"]
            found[told["transaction_id"], told["catalog_object_id"], told["quantity"]] += 1

    assert found == wanted
    assert found


def test_an_adjustment_has_both_shapes_by_version(shop):
    """One location before, two since; nor did the catalog know of vendors."""
    old = {**shop.headers, "square-version": OLD_VERSION}
    body = {"types": ["ADJUSTMENT"], "limit": 1}
    before = shop.post("inventory/changes/batch-retrieve", headers=old, **body).json()["changes"][0]["adjustment"]
    after = shop.post("inventory/changes/batch-retrieve", **body).json()["changes"][0]["adjustment"]

    assert before["location_id"] == after["to_location_id"] == after["from_location_id"]
    assert "to_location_id" not in before
    body = {"object_types": ["ITEM_VARIATION"]}
    assert b"vendor_information" in shop.post("catalog/search", **body).content
    assert b"vendor_information" not in shop.post("catalog/search", headers=old, **body).content


# --- people -------------------------------------------------------------------------------------------------


def test_customers_by_their_changes(shop):
    """Ranges of changes; they cannot be sorted by them."""
    truth = shop.truth("customers")
    first, last = at(days=200), at(days=100)
    query = {"filter": {"updated_at": {"start_at": first, "end_at": last}}}
    found = shop.walk("POST", "customers/search", "customers", query=query, limit=7)

    assert {row["id"] for row in found} == {row["id"] for row in truth if first <= row["updated_at"] <= last}
    assert code(shop.post("customers/search", query={"sort": {"field": "UPDATED_AT"}})) == "INVALID_ENUM_VALUE"
    assert shop.get("customers", count="true").json()["count"] == len(truth)


def test_those_who_left_come_without_a_status(shop):
    everybody = shop.post("team-members/search").json()["team_members"]
    active = shop.post("team-members/search", query={"filter": {"status": "ACTIVE"}}).json()["team_members"]

    assert {row["status"] for row in everybody} == {"ACTIVE", "INACTIVE"}
    assert {row["status"] for row in active} == {"ACTIVE"}


# --- pages --------------------------------------------------------------------------------------------------


def test_nothing_at_all_is_an_empty_object(shop):
    assert shop.get("payments", begin_time=LONG_AGO, end_time=LONG_AGO).json() == {}
    assert shop.post("loyalty/accounts/search", query={"customer_ids": ["nobody"]}).json() == {}


def test_a_cursor_dies_five_minutes_after_it_was_given_out(square, shop):
    """Each page gives a fresh one, so a list that is read steadily lives on."""
    page = shop.get("payments", begin_time=LONG_AGO, limit=5).json()
    for _ in range(3):
        square.control("POST", "/clock", advance_seconds=200)
        page = shop.get("payments", begin_time=LONG_AGO, limit=5, cursor=page["cursor"]).json()
    square.control("POST", "/clock", advance_seconds=301)

    assert code(shop.get("payments", begin_time=LONG_AGO, limit=5, cursor=page["cursor"])) == "INVALID_CURSOR"


def test_a_cursor_belongs_to_its_query(shop):
    """Another page size is the same query; another filter is not; nor is a cursor of another list, or a made-up one."""
    cursor = shop.get("payments", begin_time=LONG_AGO, limit=5).json()["cursor"]

    assert shop.get("payments", begin_time=LONG_AGO, limit=9, cursor=cursor).status_code == 200
    assert code(shop.get("payments", begin_time=LONG_AGO, sort_order="ASC", cursor=cursor)) == "INVALID_CURSOR"
    assert code(shop.get("refunds", begin_time=LONG_AGO, cursor=cursor)) == "INVALID_CURSOR"
    assert code(shop.get("payments", begin_time=LONG_AGO, cursor=cursor[:-3] + "abc")) == "INVALID_CURSOR"
    assert code(shop.get("payments", begin_time=LONG_AGO, cursor="x")) == "INVALID_CURSOR"


def test_an_open_end_is_the_moment_of_the_first_page(square, own):
    """What comes while a list is read is not in it, though it would sort last."""
    seller = own(orders=60)
    first = search(seller, limit=20, **by("updated_at")).json()
    square.control("POST", "/clock", advance_seconds=60)
    new = seller.mutate("new_order")["result"]["order_id"]
    found = {row["id"] for row in first["orders"]}
    cursor = first["cursor"]
    while cursor:
        page = search(seller, limit=20, cursor=cursor, **by("updated_at")).json()
        found |= {row["id"] for row in page["orders"]}
        cursor = page.get("cursor")

    assert new not in found
    assert new in {row["id"] for row in search(seller, limit=1000, **by("updated_at")).json()["orders"]}


# --- what is refused ----------------------------------------------------------------------------------------


def test_bad_words_are_refused_by_name(shop):
    cases = [
        (shop.get("payments", begin_time="yesterday"), "INVALID_TIME", "begin_time"),
        (shop.get("payments", begin_time="2026-01-01"), "INVALID_TIME", "begin_time"),
        (shop.get("payments", begin_time=at(), end_time=at(days=1)), "INVALID_TIME_RANGE", "begin_time"),
        (shop.get("payments", sort_order="UP"), "INVALID_ENUM_VALUE", "sort_order"),
        (shop.get("payments", since=LONG_AGO), "UNKNOWN_QUERY_PARAMETER", "since"),
        (shop.get("payments", location_id="LNONE"), "INVALID_VALUE", "location_id"),
        (shop.post("catalog/search", end_time=LONG_AGO), "UNKNOWN_BODY_PARAMETER", "end_time"),
        (shop.post("catalog/search", object_types=["THING"]), "INVALID_ENUM_VALUE", "object_types"),
        (shop.post("vendors/search"), "MISSING_REQUIRED_PARAMETER", "filter"),
        (shop.post("orders/batch-retrieve", order_ids=["x"] * 101), "ARRAY_LENGTH_TOO_LONG", "order_ids"),
    ]
    for answer, wanted, field in cases:
        assert (code(answer), answer.json()["errors"][0]["field"]) == (wanted, field)


def test_versions(square, shop):
    """A date, or it is refused; without one the application's."""
    headers = {**shop.headers, "square-version": "newest"}
    assert code(shop.get("locations", headers=headers)) == "INVALID_SQUARE_VERSION_FORMAT"
    assert (
        code(shop.get("locations", headers={**shop.headers, "square-version": "2016-01-01"}))
        == "API_VERSION_INCOMPATIBLE"
    )
    assert shop.get("locations").headers["square-version"] == "2026-09-16"
    square.control("POST", "/settings", default_version=OLD_VERSION)
    assert shop.get("locations").headers["square-version"] == OLD_VERSION


def test_too_many_calls_a_second(square, shop):
    """The body that was seen in life; when to come again is told only if a setting says so."""
    square.control("POST", "/settings", per_second=3)
    answers = [shop.get("locations") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json() == {
        "errors": [
            {
                "category": "RATE_LIMIT_ERROR",
                "code": "RATE_LIMITED",
                "detail": "This request was rate limited. Please retry later.",
            }
        ]
    }
    assert "retry-after" not in answers[-1].headers
    square.control("POST", "/settings", retry_after=7)
    assert shop.get("locations").headers["retry-after"] == "7"
    square.control("POST", "/clock", advance_seconds=1)
    assert shop.get("locations").status_code == 200


def test_each_call_asks_its_scope(square, shop):
    from sandbox.square.api.operations import OPERATIONS  # noqa: PLC0415 - the table in question
    from sandbox.square.tokens import SCOPES  # noqa: PLC0415

    assert {operation.scope for operation in OPERATIONS} <= set(SCOPES)
    for operation in OPERATIONS[::6]:
        others = [scope for scope in SCOPES if scope != operation.scope]
        token = square.control("POST", "/tokens", shop_id=shop.id, scopes=others)["access_token"]
        path = operation.path.removeprefix("/v2/").replace("{", "").replace("}", "")
        ask = shop.get if operation.method == "GET" else shop.post
        answer = ask(path, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 403, operation.name
        assert answer.json()["errors"][0]["code"] == "INSUFFICIENT_SCOPES"
        assert operation.scope in answer.json()["errors"][0]["detail"]
