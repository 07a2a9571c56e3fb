"""Faults strike whom they should, as they should; changes come while someone pages."""

from __future__ import annotations

import httpx
import pytest

from tests.sandbox.shopify.conftest import number
from tests.sandbox.shopify.test_bulk import ended, start

PAGE = "{ orders(first: 10, sortKey: ID) { nodes { id name } pageInfo { hasNextPage } } ordersCount { count } }"


@pytest.mark.parametrize(
    ("kind", "code"),
    [("throttled", "THROTTLED"), ("internal_error", "INTERNAL_SERVER_ERROR"), ("access_denied", "ACCESS_DENIED")],
)
def test_errors_with_200(shop, kind, code):
    """A burst of so many, then well again."""
    shop.fault(kind=kind, times=3)

    answers = [shop.post(PAGE) for _ in range(4)]

    assert [a.status_code for a in answers] == [200] * 4
    assert [a.json()["errors"][0]["extensions"]["code"] for a in answers[:3]] == [code] * 3
    assert len(answers[3].json()["data"]["orders"]["nodes"]) == 10


def test_lies_of_a_page(shop):
    """A wrong count, a page too short, an empty one that goes on, one without end, one with a hole and an error."""
    lied = {}
    for rule in (
        {"kind": "wrong_count", "by": -7},
        {"kind": "short_page", "by": 4},
        {"kind": "empty_page"},
        {"kind": "partial_data"},
    ):
        shop.fault(**rule, times=1)
        lied[rule["kind"]] = shop.ask(PAGE)
    shop.fault(kind="endless")
    endless = shop.ask('{ orders(first: 10, query: "tag:nobody") { nodes { id } pageInfo { hasNextPage } } }')

    assert lied["wrong_count"]["data"]["ordersCount"]["count"] == 893
    assert len(lied["short_page"]["data"]["orders"]["nodes"]) == 6
    assert lied["empty_page"]["data"]["orders"] == {"nodes": [], "pageInfo": {"hasNextPage": True}}
    assert endless["data"]["orders"] == {"nodes": [], "pageInfo": {"hasNextPage": True}}
    assert lied["partial_data"]["errors"]
    assert lied["partial_data"]["data"]["orders"]["nodes"][-1] is None


def test_faults_of_http(shop):
    """502 with a page of HTML, REST's 429, a redirect, another version in the header, JSON that breaks off."""
    shop.fault(kind="status", status=502, nth=1)
    shop.fault(kind="fall_forward", version="2025-04", times=1)
    shop.fault(kind="bad_json", flavour="truncated", times=1)
    shop.fault(kind="rate_limit", which="calls", retry_after=3, path="orders.json")
    shop.fault(kind="redirect", path="products.json", location="https://renamed.example/")

    html, fallen, broken = shop.post(PAGE), shop.post(PAGE), shop.post(PAGE)
    limited, moved = shop.rest("orders"), shop.rest("products")

    assert (html.status_code, html.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert fallen.headers["x-shopify-api-version"] == "2025-04"
    with pytest.raises(ValueError, match=r"delimiter|Expecting|Unterminated"):
        broken.json()
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3.0")
    assert (moved.status_code, moved.headers["location"]) == (302, "https://renamed.example/")


def test_a_rule_can_name_the_query(shop):
    """`query` is searched in the words of a GraphQL query, so that one root is struck and no other."""
    shop.fault(kind="internal_error", query="ordersCount")

    assert "errors" in shop.ask("{ ordersCount { count } }")
    assert "errors" not in shop.ask("{ productsCount { count } }")


def test_faults_of_the_wire(shop):
    """Slow, cut and reset, on pages and on files of bulk operations."""
    url = ended(shop, start(shop))["url"]
    size = len(shop.shopify.http.get(url).content)
    shop.fault(kind="slow", seconds=7, times=1)
    shop.post(PAGE)
    shop.fault(kind="cut", at_bytes=100, path="graphql", times=1)
    shop.fault(kind="reset", path="graphql", times=1)
    shop.fault(kind="cut", at_bytes=size // 2, path="bulk-storage", times=1)

    with pytest.raises(httpx.HTTPError):
        shop.post(PAGE)
    with pytest.raises(httpx.HTTPError):
        shop.post(PAGE)
    with pytest.raises(httpx.HTTPError):
        shop.shopify.http.get(url)

    assert shop.shopify.slept == [7]
    assert len(shop.shopify.http.get(url).content) == size


def test_changes_come_while_someone_pages(own):
    """After so many requests an order is placed, one removed, one refunded: the pages and the truth agree."""
    shop = own(orders=60)
    truth = [o["id"] for o in shop.truth("orders")]
    for kind, order in (("remove_order", truth[-2]), ("refund_order", truth[40]), ("new_order", None)):
        fields = {"order_id": order} if order else {"count": 2}
        shop.mutate(kind, after={"requests": 2, "path": "graphql"}, **fields)

    found = [number(node["id"]) for page in shop.pages("orders", "id", first=9, sortKey="ID") for node in page]

    assert found == [o["id"] for o in sorted(shop.truth("orders"), key=lambda o: o["id"])]
    assert len(found) == 61
    assert truth[-2] not in found


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("refund_order", {}, {"financial": "REFUNDED", "refunds": 1}),
        ("refund_order", {"amount": 100}, {"financial": "PARTIALLY_REFUNDED", "refunds": 1}),
        ("refund_order", {"lines": [[0, 1]], "note": "chipped"}, {"refunds": 1}),
        ("cancel_order", {"reason": "FRAUD"}, {"financial": "REFUNDED", "cancel_reason": "FRAUD"}),
        ("fulfill_order", {}, {"fulfillment": "FULFILLED", "fulfillments": 1}),
        ("close_order", {}, {"refunds": 0}),
        ("update_order", {"fields": {"note": "new"}}, {"note": "new"}),
    ],
)
def test_a_mutation_moves_the_order(own, kind, fields, expected):
    """What changed shows in the record; `updatedAt` is the moment of the change; sums follow."""
    shop = own(orders=3)
    made = shop.mutate("new_order", lines=3)["result"]["order_id"]
    shop.shopify.world.clock.advance(500)

    shop.mutate(kind, order_id=made, **fields)

    order = next(o for o in shop.truth("orders") if o["id"] == made)
    assert {name: order[name] for name in expected} == expected
    assert order["updated"] == shop.shopify.world.clock.seconds()
    assert order["current_total"][0] <= order["total"][0]


def test_products_stock_and_customers_change(own):
    """Edits, counts and removals show at once, in lists and by id."""
    shop = own(orders=30)
    customer = shop.truth("customers")[0]["id"]

    product = shop.mutate("edit_product", product_id="first", fields={"title": "Renamed"})["result"]["product_id"]
    item = shop.mutate("set_stock", product_id="first", quantity=-5)["result"]["inventory_item_id"]
    shop.mutate("edit_customer", customer_id=customer, fields={"first": "Zoë"})
    gone = shop.mutate("remove_product", product_id="last")["result"]["product_id"]

    found = shop.data(
        "query($p: ID!, $g: ID!) { product(id: $p) { title } gone: product(id: $g) { id }"
        ' products(first: 9, query: "title:Renamed") { nodes { title } } }',
        p=f"gid://shopify/Product/{product}",
        g=f"gid://shopify/Product/{gone}",
    )
    assert found == {"product": {"title": "Renamed"}, "gone": None, "products": {"nodes": [{"title": "Renamed"}]}}
    levels = [each for each in shop.truth("inventory_levels") if each["inventory_item_id"] == item]
    assert levels[0]["available"] == -5
    assert next(c for c in shop.truth("customers") if c["id"] == customer)["first_name"] == "Zoë"
    assert not [v for v in shop.truth("variants") if v["product_id"] == gone]
