"""Access, price, bucket and errors of the GraphQL endpoint."""

from __future__ import annotations

import pytest

from tests.in_thread import ENDS_AT

ORDERS = "{ orders(first: %d) { nodes { id } } }"


def cost(shop, query, **variables):
    return shop.ask(query, **variables)["extensions"]["cost"]


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ("{ shop { name plan { publicDisplayName } } }", 2),
        ("{ orders(first: 1) { nodes { id name } } }", 3),
        ("{ orders(first: 10) { nodes { id } } }", 6),
        ("{ orders(first: 250) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }", 13),
        ("{ orders(last: 250) { nodes { id } } }", 13),
        ("{ orders(first: 0) { nodes { id } } }", 2),
        ("{ orders(first: 50) { nodes { id lineItems(first: 5) { nodes { id } } } } }", 2 + 7 * (1 + 2 + 3)),
        ("{ orders(first: 10) { nodes { totalPriceSet { shopMoney { amount } } customer { id } } } }", 2 + 4 * 2),
        ("{ orders(first: 10) { nodes { transactions { id } refunds(first: 9) { id } } } }", 2 + 4 * 3),
        ("{ ordersCount { count } }", 10),
        (
            '{ nodes(ids: ["gid://shopify/Order/1", "gid://shopify/Order/2"]) { ... on Order { customer { id } } } }',
            2,
        ),
    ],
)
def test_the_price_is_the_captured_formula(shop, query, points):
    """2 + max(1, floor(2 ln n)) times the node; scalars and money free, objects 1, counts 10, lists not multiplied."""
    assert cost(shop, query)["requestedQueryCost"] == points


def test_variables_are_priced_as_literals(shop):
    """`first` counts wherever it comes from, and fragments count where they are spread."""
    text = "query($n: Int!) { orders(first: $n) { nodes { ...Part } } } fragment Part on Order { id customer { id } }"

    assert cost(shop, text, n=10)["requestedQueryCost"] == 2 + 4 * 2


def test_a_mutation_costs_ten(shop):
    """What it gives back is in the price."""
    text = 'mutation { bulkOperationCancel(id: "gid://shopify/BulkOperation/1") { bulkOperation { id } } }'

    assert cost(shop, text)["requestedQueryCost"] == 10


def test_what_was_not_used_is_given_back(shop):
    """Asked for 250 customers of a tag that none has: the bucket keeps all but the actual cost."""
    found = cost(shop, '{ customers(first: 250, query: "tag:nobody") { nodes { id } } }')

    status = found["throttleStatus"]
    assert (found["requestedQueryCost"], found["actualQueryCost"]) == (13, 2)
    assert status == {"maximumAvailable": 20000.0, "currentlyAvailable": 19998, "restoreRate": 1000.0}


def test_an_empty_bucket_throttles_with_200(own):
    """No data, no actual cost, and the points of the standard plan come back at 100 a second."""
    shop = own(orders=20, plan="standard")
    shop.post(ORDERS % 250)
    shop.shopify.control("POST", "/limits/use", shop_id=shop.id, points_left=5)

    refused = shop.post(ORDERS % 250)
    shop.shopify.world.clock.advance(0.09)
    answered = shop.post(ORDERS % 250)

    body = refused.json()
    assert (refused.status_code, body["errors"][0]["message"]) == (200, "Throttled")
    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in body
    assert body["extensions"]["cost"] == {
        "requestedQueryCost": 13,
        "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 5, "restoreRate": 100},
    }
    assert answered.json()["data"]["orders"]["nodes"]


@pytest.mark.parametrize(("plan", "maximum", "rate"), [("advanced", 4000, 200), ("enterprise", 40000, 2000)])
def test_plans_have_their_buckets(own, plan, maximum, rate):
    """Twenty seconds of the restore rate."""
    status = cost(own(orders=5, plan=plan), ORDERS % 1)["throttleStatus"]

    assert (status["maximumAvailable"], status["restoreRate"]) == (maximum, rate)


def test_one_query_may_not_cost_more_than_a_thousand(shop):
    """Judged on the requested cost; nothing is taken from the bucket."""
    lines = "lineItems(first: 250) { nodes { id } }"
    text = f"{{ customers(first: 250) {{ nodes {{ orders(first: 250) {{ nodes {{ {lines} }} }} }} }} }}"

    refused = shop.ask(text)

    error = refused["errors"][0]
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert (error["extensions"]["cost"], error["extensions"]["maxCost"]) == (2 + 11 * (1 + 2 + 11 * (1 + 13)), 1000)
    assert "data" not in refused
    assert cost(shop, ORDERS % 1)["throttleStatus"]["currentlyAvailable"] >= 19_997


@pytest.mark.parametrize("value", ["", "shpat_unknown"])
def test_no_token_or_an_unknown_one_is_401(shop, value):
    """The body is the vendor's."""
    shop.headers = {**shop.headers, "x-shopify-access-token": value}
    try:
        refused = shop.post(ORDERS % 1)
    finally:
        shop.headers = {
            "x-shopify-access-token": shop.shopify.control("POST", "/tokens", shop_id=shop.id, expiring=False)[
                "access_token"
            ]
        }

    assert refused.status_code == 401
    assert refused.json() == {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}


def test_a_token_of_another_shop_does_not_open_this_one(own):
    """Host and path prefix name the shop; a token that belongs elsewhere is refused."""
    one, two = own(orders=3), own(orders=3)
    http, body = one.shopify.http, {"query": ORDERS % 1}
    path = f"/shops/{two.domain}/admin/api/2026-07/graphql.json"

    by_prefix = http.post(path, json=body, headers=one.headers)
    by_host = http.post("/admin/api/2026-07/graphql.json", json=body, headers={**one.headers, "host": two.domain})
    right = http.post(path, json=body, headers=two.headers)

    assert (by_prefix.status_code, by_host.status_code, right.status_code) == (401, 401, 200)


@pytest.mark.parametrize(
    ("scopes", "query", "missing"),
    [
        (["read_products"], "{ orders(first: 1) { nodes { id } } }", "read_orders"),
        (["read_orders"], "{ products(first: 1) { nodes { id } } }", "read_products"),
        (["read_orders"], "{ customers(first: 1) { nodes { id } } }", "read_customers"),
        (["read_products"], "{ inventoryItems(first: 1) { nodes { id } } }", "read_inventory"),
    ],
)
def test_a_missing_scope_is_named(shop, scopes, query, missing):
    """ACCESS_DENIED at the field, and null up to the next nullable place: here the whole data."""
    refused = shop.scoped(*scopes).ask(query)

    assert refused["data"] is None
    assert refused["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert f"`{missing}`" in refused["errors"][0]["message"]


def test_write_scopes_imply_reading(shop):
    """`write_orders` opens what `read_orders` does."""
    assert shop.scoped("write_orders", "read_all_orders").data(ORDERS % 1)["orders"]["nodes"]


def test_orders_older_than_sixty_days_are_hidden_in_silence(shop):
    """Without `read_all_orders` old orders are absent from lists, counts and ids, and no word is said."""
    old, limited = shop.truth("orders")[0], shop.scoped("read_orders", "read_customers")
    young = [o for o in shop.truth("orders") if o["created"] >= ENDS_AT - 60 * 86_400]

    found = limited.ask(
        "query($id: ID!) { orders(first: 250) { nodes { id } } ordersCount { count } order(id: $id) { id } }",
        id=f"gid://shopify/Order/{old['id']}",
    )

    assert "errors" not in found
    assert len(found["data"]["orders"]["nodes"]) == found["data"]["ordersCount"]["count"] == len(young) > 0
    assert found["data"]["order"] is None


def test_protected_customer_data(shop):
    """Redacted: personal fields come back empty. Denied: objects fail, the order around them does not."""
    fields = "id email customer { id firstName } shippingAddress { city }"
    text = f'{{ orders(first: 3, query: "source_name:web") {{ nodes {{ {fields} }} }} }}'
    shop.shopify.control("POST", "/settings", customer_data="redacted")
    redacted = shop.data(text)["orders"]["nodes"]
    shop.shopify.control("POST", "/settings", customer_data="denied")

    denied, customers = shop.ask(text), shop.ask("{ customers(first: 1) { nodes { id } } }")

    assert all(o["email"] is o["shippingAddress"] is o["customer"]["firstName"] is None for o in redacted)
    assert all(o["customer"]["id"] for o in redacted)
    assert [o["customer"] for o in denied["data"]["orders"]["nodes"]] == [None, None, None]
    assert denied["errors"][1]["path"] == ["orders", "nodes", 1, "customer"]
    assert "not approved to access the Customer object" in denied["errors"][0]["message"]
    assert customers["data"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ orders { nodes { id } } }", "BAD_REQUEST"),
        ("{ orders(first: 1, last: 1) { nodes { id } } }", "BAD_REQUEST"),
        ("{ orders(first: 251) { nodes { id } } }", "BAD_REQUEST"),
        ('{ orders(first: 1, after: "nonsense") { nodes { id } } }', "BAD_REQUEST"),
        ("{ orders(first: 1) { nodes { colour } } }", "undefinedField"),
        ('{ order(id: "1234") { id } }', "argumentLiteralsIncompatible"),
    ],
)
def test_a_wrong_query_is_an_error_with_200(shop, query, code):
    """Errors, no data."""
    refused = shop.ask(query)

    assert refused["errors"][0]["extensions"]["code"] == code
    assert refused.get("data") is None


def test_a_bad_id_in_a_variable_and_an_unknown_one(shop):
    """A malformed id is an error; a well-formed one of nothing is null."""
    text = "query($id: ID!) { order(id: $id) { id } }"

    assert shop.ask(text, id="nonsense")["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
    assert shop.data(text, id="gid://shopify/Order/1") == {"order": None}
    assert shop.data(text, id="gid://shopify/Product/8500000000000") == {"order": None}


def test_syntax_errors_are_told(shop):
    """A query that is none, and a body that is none."""
    broken = shop.ask("{ orders(first: 1) { nodes {")
    http = shop.shopify.http
    nothing = http.post("/admin/api/2026-07/graphql.json", content=b"{", headers=shop.headers)

    assert broken["errors"][0]["message"].startswith("syntax error")
    assert nothing.json()["errors"]


def test_fragments_aliases_and_directives(shop):
    """Named and inline fragments merge, aliases rename, `@include` and `@skip` decide."""
    text = """query($yes: Boolean!, $no: Boolean!) {
      first: orders(first: 1, sortKey: ID) { nodes { ...Part
        ... on Order { total: totalPriceSet { shopMoney { amount } } }
        ... @include(if: $no) { note } ... on Node { __typename } } }
    }
    fragment Part on Order { id total: totalPriceSet { presentmentMoney { currencyCode } } name @skip(if: $yes) }"""

    found = shop.data(text, yes=True, no=False)["first"]["nodes"][0]

    assert set(found) == {"id", "total", "__typename"}
    assert set(found["total"]) == {"shopMoney", "presentmentMoney"}
    assert found["__typename"] == "Order"


def test_nodes_of_all_kinds(shop):
    """`nodes` answers in order, null where there is nothing."""
    order = next(o for o in shop.truth("orders") if o["refunds"])
    refund = next(r for r in shop.truth("refunds") if r["order_id"] == order["id"])
    level = shop.truth("inventory_levels")[0]
    ids = [
        f"gid://shopify/Order/{order['id']}",
        f"gid://shopify/Refund/{refund['id']}",
        f"gid://shopify/Customer/{shop.truth('customers')[0]['id']}",
        f"gid://shopify/ProductVariant/{shop.truth('variants')[0]['id']}",
        f"gid://shopify/InventoryLevel/{level['location_id']}?inventory_item_id={level['inventory_item_id']}",
        "gid://shopify/Order/1",
    ]

    found = shop.data("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids)["nodes"]

    assert [node and node["id"] for node in found] == [*ids[:-1], None]
    assert [node["__typename"] for node in found[:2]] == ["Order", "Refund"]


def test_versions_fall_forward(shop):
    """A version that is gone is served by the oldest that is not, and the header says so; a future one is not there."""
    versions = shop.data("{ publicApiVersions { handle supported } }")["publicApiVersions"]

    served = {
        wanted: shop.post(ORDERS % 1, version=wanted) for wanted in ("2024-01", "2026-07", "2026-10", "2031-01", "x")
    }

    assert [v["handle"] for v in versions] == ["2025-10", "2026-01", "2026-04", "2026-07", "2026-10", "unstable"]
    assert [v["supported"] for v in versions] == [True] * 4 + [False] * 2
    assert [served[v].headers.get("x-shopify-api-version") for v in served] == [
        "2025-10",
        "2026-07",
        "2026-10",
        None,
        None,
    ]
    assert served["2031-01"].status_code == served["x"].status_code == 404


def test_the_ledger_knows_the_cost(shop):
    """Each call with what it was, what it asked for and what it cost."""
    shop.ask(ORDERS % 10)

    line = shop.shopify.ndjson("/ledger")[-1]

    assert line["operation"] == "graphql:orders"
    assert (line["requested"], line["cost"], line["rate"], line["token"]) == (6, 6, "counted", "valid")
