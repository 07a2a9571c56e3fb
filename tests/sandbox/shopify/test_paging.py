"""However it is paged, sorted and cut into windows, a shop reads back as its truth."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.shopify.data.ids import LINES, MAX_POSITION, MAX_PRODUCTS, MAX_SEED, MAX_VARIANTS, Ids
from sandbox.shopify.data.timestamps import utc
from tests.in_thread import ENDS_AT
from tests.sandbox.shopify.conftest import number, running

QUIET = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SORTS = {"CREATED_AT": "created", "UPDATED_AT": "updated", "PROCESSED_AT": "processed", "ID": "id"}


def ids_of(pages):
    return [number(node["id"]) for page in pages for node in page]


@QUIET
@given(data=st.data())
def test_any_cut_of_orders_is_the_truth(shop, data):
    """Windows and page sizes of any kind, by any time, give every order once and in order."""
    sort = data.draw(st.sampled_from(sorted(SORTS)))
    field = "created" if sort == "ID" else SORTS[sort]
    start = shop.made["created_timestamp"] - 120 * 86_400
    edges = sorted({start, *data.draw(st.lists(st.integers(start, ENDS_AT), max_size=3)), ENDS_AT + 1})

    found = []
    for low, high in pairwise(edges):
        query = f"\"{field}_at:>='{utc(low)}' {field}_at:<'{utc(high)}'\""
        first = data.draw(st.integers(100, 250))
        found.append(ids_of(shop.pages("orders", "id", first=first, sortKey=sort, query=query)))

    truth = shop.truth("orders")
    for page, (low, high) in zip(found, pairwise(edges), strict=True):
        inside = [order for order in truth if low <= order[field] < high]
        assert page == [order["id"] for order in sorted(inside, key=lambda o: (o[SORTS[sort]], o["id"]))]


@QUIET
@given(size=st.integers(9, 90), reverse=st.booleans())
def test_pages_backwards_are_pages_forwards(shop, size, reverse):
    """`last`/`before` reads the same list from its end; `reverse` turns it round."""
    flag = "true" if reverse else "false"
    window = f'"id:<={sorted(order["id"] for order in shop.truth("orders"))[199]}"'
    forward = ids_of(shop.pages("orders", "id", first=250, sortKey="CREATED_AT", reverse=flag, query=window))

    found: list[int] = []
    before = "null"
    while True:
        page = shop.data(
            f"{{ orders(last: {size}, before: {before}, sortKey: CREATED_AT, reverse: {flag}, query: {window})"
            " { nodes { id } pageInfo { hasPreviousPage startCursor } } }"
        )["orders"]
        found = [number(node["id"]) for node in page["nodes"]] + found
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = f'"{page["pageInfo"]["startCursor"]}"'

    assert len(forward) == 200
    assert found == forward


def test_a_cursor_stays_when_rows_come_and_go(own):
    """Cursors name a row by its id and value: what is inserted or removed meanwhile neither doubles nor hides rows."""
    shop = own(orders=60)
    truth = [order["id"] for order in shop.truth("orders")]
    pages = shop.pages("orders", "id", first=10, sortKey="CREATED_AT")

    seen = [number(node["id"]) for node in next(pages)]
    shop.mutate("remove_order", order_id=seen[-1])
    shop.mutate("new_order", at=shop.made["created_timestamp"])
    shop.mutate("remove_order", order_id=truth[30])
    seen += ids_of(pages)

    assert seen == [order for order in truth if order != truth[30]]


def test_lines_of_a_long_order_need_pages_of_their_own(shop):
    """Nested connections say that there is more; plain lists cut at `first` do not."""
    truth = max(shop.truth("orders"), key=lambda order: order["lines"])
    gid = f"gid://shopify/Order/{truth['id']}"
    query = """query($id: ID!, $a: String) { order(id: $id) { lineItems(first: 50, after: $a) {
      nodes { id } pageInfo { hasNextPage endCursor } } } }"""

    seen, after = [], None
    while True:
        page = shop.data(query, id=gid, a=after)["order"]["lineItems"]
        seen += [number(node["id"]) for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert truth["lines"] >= 60
    assert seen == [line["id"] for line in shop.truth("line_items") if line["order_id"] == truth["id"]]


def test_every_variant_of_the_widest_product(shop):
    """2,048 variants of one product, over pages."""
    widest = max(shop.truth("products"), key=lambda product: product["variants"])
    query = f'"product_id:{widest["id"]}"'

    found = ids_of(shop.pages("productVariants", "id", first=250, query=query))

    assert len(found) == widest["variants"] == MAX_VARIANTS
    assert found == [v["id"] for v in shop.truth("variants") if v["product_id"] == widest["id"]]


def test_other_lists_are_their_truth(shop):
    """Customers, products of every status, inventory items and locations."""
    for root, kind in (("customers", "customers"), ("products", "products"), ("inventoryItems", "variants")):
        key = "inventory_item_id" if root == "inventoryItems" else "id"
        assert ids_of(shop.pages(root, "id", first=250)) == [record[key] for record in shop.truth(kind)], root
    found = shop.data(
        "{ locations(first: 9) { nodes { name } }"
        " all: locations(first: 9, includeInactive: true) { nodes { name isActive } } }"
    )
    assert [place["name"] for place in found["locations"]["nodes"]] == ["Market stall", "Workshop"]
    assert {place["isActive"] for place in found["all"]["nodes"]} == {True, False}


def test_paging_ends_at_its_limit(shop):
    """After so many objects (25,000 in life) there is no next page, though there are rows; or an error, if so set."""
    shop.shopify.control("POST", "/settings", most_paged=120)
    found = ids_of(shop.pages("orders", "id", first=50, sortKey="ID"))
    shop.shopify.control("POST", "/settings", past_most_paged="error")
    seen = shop.data("{ orders(first: 120, sortKey: ID) { pageInfo { endCursor } } }")["orders"]["pageInfo"]

    refused = shop.ask(f'{{ orders(first: 9, sortKey: ID, after: "{seen["endCursor"]}") {{ nodes {{ id }} }} }}')

    assert len(found) == 120
    assert refused["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_money_adds_up(shop):
    """Lines, discounts, shipping, tax and tip are the total in both currencies; no more is given back than taken."""
    lines: dict[int, list[dict]] = {}
    for line in shop.truth("line_items"):
        lines.setdefault(line["order_id"], []).append(line)
    moved: dict[int, list[dict]] = {}
    for each in shop.truth("transactions"):
        moved.setdefault(each["order_id"], []).append(each)

    orders = shop.truth("orders")
    for order in orders:
        for side in (0, 1):
            bought = [line for line in lines[order["id"]] if line["added"] is None]
            goods = sum(line["price"][side] * line["quantity"] for line in bought)
            assert order["subtotal"][side] == goods - order["discounts"][side]
            parts = ("subtotal", "shipping", "tax", "tip")
            assert order["total"][side] == sum(order[part][side] for part in parts)
            good = [each for each in moved.get(order["id"], []) if each["status"] == "SUCCESS"]
            took = sum(each["amount"][side] for each in good if each["kind"] in ("SALE", "CAPTURE"))
            gave = sum(each["amount"][side] for each in good if each["kind"] == "REFUND")
            assert (order["received"][side], order["refunded"][side]) == (took, gave)
            assert 0 <= gave <= took
    assert {order["presentment_currency"] for order in orders} > {"USD", "EUR"}


def test_a_shop_looks_lived_in(shop):
    """Every kind of order, product and buyer that a reader must cope with is there."""
    orders, products = shop.truth("orders"), shop.truth("products")
    names = "".join(c["last_name"] or "" for c in shop.truth("customers"))

    assert {o["financial"] for o in orders} >= {
        "PAID",
        "PENDING",
        "REFUNDED",
        "PARTIALLY_REFUNDED",
        "VOIDED",
        "AUTHORIZED",
        "PARTIALLY_PAID",
    }
    assert {o["fulfillment"] for o in orders} == {"FULFILLED", "PARTIALLY_FULFILLED", "UNFULFILLED"}
    assert {t["kind"] for t in shop.truth("transactions")} == {"SALE", "AUTHORIZATION", "CAPTURE", "VOID", "REFUND"}
    assert {t["status"] for t in shop.truth("transactions")} == {"SUCCESS", "FAILURE", "PENDING"}
    assert {p["status"] for p in products} == {"ACTIVE", "ARCHIVED", "DRAFT", "UNLISTED"}
    assert any(o["customer_id"] is None for o in orders)
    assert any(o["processed"] < o["created"] for o in orders)
    assert any(line["product_id"] is None for line in shop.truth("line_items"))
    assert max(o["refunds"] for o in orders) > 1
    assert any(level["available"] < 0 for level in shop.truth("inventory_levels"))
    assert all(any(low <= c <= high for c in names) for low, high in ("Ѐӿ", "一鿿", "؀ۿ", ["à", "ÿ"]))


def test_the_same_seed_is_the_same_shop(own, tmp_path):
    """Another sandbox makes the same records of every kind, whatever else it holds."""
    plan = {"seed": 4242, "orders": 90, "currency": "GBP"}
    one = own(**plan)

    with running(tmp_path) as other:
        two = other.shop(**plan)
        for kind in ("orders", "line_items", "transactions", "refunds", "customers", "variants", "inventory_levels"):
            assert one.truth(kind) == two.truth(kind)


@given(
    seed=st.integers(0, MAX_SEED),
    pos=st.integers(0, MAX_POSITION),
    line=st.integers(0, LINES - 1),
    product=st.integers(0, MAX_PRODUCTS - 1),
    variation=st.integers(0, MAX_VARIANTS - 1),
)
def test_ids_lead_back_and_never_meet(seed, pos, line, product, variation):
    """An id finds its own record and none of the neighbour's shop, and is small enough for a float of JavaScript."""
    ids, neighbour = Ids(seed), Ids(seed + 1)

    assert ids.order_position(ids.order(pos)) == ids.orders_from(ids.order(pos)) == pos
    assert ids.orders_from(ids.order(pos) + 1) == pos + 1
    assert ids.line_place(ids.line(pos, line)) == (pos, line)
    assert ids.part_place(ids.part(pos, line)) == (pos, line)
    assert ids.variant_place(ids.variant(product, variation)) == (product, variation)
    assert ids.item_place(ids.item(product, variation)) == (product, variation)
    assert ids.product_number(ids.product(product)) == product
    assert neighbour.order_position(ids.order(pos)) is None
    assert neighbour.line_place(ids.line(pos, line)) is None
    assert neighbour.variant_place(ids.variant(product, variation)) is None
    assert ids.order(pos) < ids.order(pos + 1) < 2**53
    assert ids.part(pos, line) < 2**53
