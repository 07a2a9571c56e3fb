"""Search strings: what they find, what they ignore, and who is told."""

from __future__ import annotations

import pytest

from sandbox.shopify.data.timestamps import utc
from tests.sandbox.shopify.conftest import number

FOUND = "query($q: String) { orders(first: 250, query: $q, sortKey: ID) { nodes { id } } }"


def found(shop, query):
    answer = shop.ask(FOUND, q=query)
    warned = [w["field"] for each in answer["extensions"].get("search", []) for w in each["warnings"]]
    return [number(node["id"]) for node in answer["data"]["orders"]["nodes"]], warned


def kept(shop, keep):
    return [order["id"] for order in sorted(shop.truth("orders"), key=lambda o: o["id"]) if keep(order)][:250]


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ("financial_status:refunded", lambda o: o["financial"] == "REFUNDED"),
        ("financial_status:refunded,pending", lambda o: o["financial"] in ("REFUNDED", "PENDING")),
        ("-financial_status:paid", lambda o: o["financial"] != "PAID"),
        ("NOT financial_status:paid", lambda o: o["financial"] != "PAID"),
        ("status:cancelled", lambda o: o["cancelled"]),
        ("status:not_closed", lambda o: not o["closed"]),
        ("status:open", lambda o: not o["closed"] and not o["cancelled"]),
        ("fulfillment_status:partial", lambda o: o["fulfillment"] == "PARTIALLY_FULFILLED"),
        ("return_status:returned", lambda o: o["returned"] == "RETURNED"),
        ("source_name:pos test:false", lambda o: o["source"] == "pos" and not o["test"]),
        ("tag:gift", lambda o: "gift" in o["tags"]),
        ("tag_not:gift source_name:iphone", lambda o: "gift" not in o["tags"] and o["source"] == "iphone"),
        ("discount_code:'Ostern 25'", lambda o: "Ostern 25" in o["codes"]),
        ("name:1005", lambda o: o["name"] == "#1005"),
        ("'#1005'", lambda o: o["name"] == "#1005"),
        ("name:1005 OR name:1007", lambda o: o["name"] in ("#1005", "#1007")),
        ("(name:1005 OR name:1007) AND test:false", lambda o: o["name"] in ("#1005", "#1007") and not o["test"]),
        ("tag:gift OR tag:b2b test:false", lambda o: "gift" in o["tags"] or ("b2b" in o["tags"] and not o["test"])),
        ("current_total_price:>=100", lambda o: o["current_total"][0] >= 10_000),
    ],
)
def test_a_filter_is_the_truths(shop, query, keep):
    """Fields, lists, signs, brackets and connectives find what they should, without a warning."""
    assert found(shop, query) == (kept(shop, keep), [])


@pytest.mark.parametrize("comparator", [">", ">=", "<", "<=", ""])
def test_comparators_of_ids_and_times(shop, comparator):
    """Ranges of ids and of quoted times are exact, ties and gaps included."""
    middle = shop.truth("orders")[450]
    holds = {">": int.__gt__, ">=": int.__ge__, "<": int.__lt__, "<=": int.__le__, "": int.__eq__}[comparator]

    by_id = found(shop, f"id:{comparator}{middle['id']}")
    by_gid = found(shop, f"id:{comparator}'gid://shopify/Order/{middle['id'] + 1}'")
    by_time = found(shop, f"created_at:{comparator}'{utc(middle['created'])}'")

    assert by_id == (kept(shop, lambda o: holds(o["id"], middle["id"])), [])
    assert by_gid == (kept(shop, lambda o: holds(o["id"], middle["id"] + 1)), [])
    assert by_time == (kept(shop, lambda o: holds(o["created"], middle["created"])), [])


def test_a_day_is_a_day_of_the_shop(shop):
    """A date without a time is the whole day in the shop's zone (seven hours behind UTC)."""
    day = 1_780_000_000 // 86_400 * 86_400 + 7 * 3600

    days = found(shop, f"created_at:{utc(day)[:10]}")

    assert days == (kept(shop, lambda o: day <= o["created"] < day + 86_400), [])


def test_a_misspelt_field_matches_everything(shop):
    """The filter is ignored, and only a warning says so."""
    ids, warned = found(shop, "finacial_status:refunded")

    assert ids == kept(shop, lambda _: True)
    assert warned == ["finacial_status"]


def test_an_unquoted_time_breaks_at_its_colon(shop):
    """Cut to the hour and read in the shop's zone, with a warning about a field named 00."""
    cut = 1_780_000_000 // 3600 * 3600
    there = cut + 7 * 3600

    ids, warned = found(shop, f"updated_at:>={utc(cut)}")

    assert ids == kept(shop, lambda o: o["updated"] >= there)
    assert warned == ["00"]


def test_a_value_that_is_no_time_is_ignored_aloud(shop):
    """A bad value warns under the field's name, and the filter counts for nothing."""
    ids, warned = found(shop, "updated_at:>=yesterdayish")

    assert ids == kept(shop, lambda _: True)
    assert warned == ["updated_at"]


def test_a_filter_that_is_not_held_is_an_error(shop):
    """The vendor's filters that the stand-in lacks never match everything in silence."""
    answer = shop.ask(FOUND, q="risk_level:high")

    assert answer["errors"][0]["extensions"]["code"] == "SANDBOX_UNSUPPORTED"
    assert answer["data"] is None


def test_customers_know_no_created_at_but_their_count_does(shop):
    """It is `customer_date` in the list; the count knows `created_at`, `id` and `updated_at` only."""
    text = "query($q: String) { customers(first: 250, query: $q) { nodes { id } } customersCount(query: $q) { count } }"
    middle = shop.truth("customers")[300]["created"]

    by_list = shop.ask(text, q=f"customer_date:>='{utc(middle)}'")
    by_count = shop.ask(text, q=f"created_at:>='{utc(middle)}'")

    newer = [c["id"] for c in shop.truth("customers") if c["created"] >= middle]
    assert [number(n["id"]) for n in by_list["data"]["customers"]["nodes"]] == newer[:250]
    assert by_list["extensions"]["search"][0]["path"] == ["customersCount"]
    assert by_count["data"]["customersCount"]["count"] == len(newer)
    assert by_count["extensions"]["search"][0]["path"] == ["customers"]


def test_updated_at_of_customers_matches_whole_days(shop):
    """A time in the middle of a day counts from that day's beginning, in the shop's zone."""
    # A second after somebody's last change: an exact reading would leave this customer out.
    at = next(c["updated"] for c in shop.truth("customers")[:50] if (c["updated"] - 7 * 3600) % 86_400 < 86_000) + 1
    day = (at - 7 * 3600) // 86_400 * 86_400 + 7 * 3600

    answer = shop.data(
        "query($q: String) { customers(first: 250, query: $q) { nodes { id } } }", q=f"updated_at:>='{utc(at)}'"
    )

    assert [number(n["id"]) for n in answer["customers"]["nodes"]] == [
        c["id"] for c in shop.truth("customers") if c["updated"] >= day
    ][:250]


def test_counts_are_exact_up_to_their_limit(shop):
    """Beyond `limit` a count says at least."""
    counts = shop.data("{ a: ordersCount { count precision } b: ordersCount(limit: 100) { count precision } }")

    assert counts == {"a": {"count": 900, "precision": "EXACT"}, "b": {"count": 100, "precision": "AT_LEAST"}}
