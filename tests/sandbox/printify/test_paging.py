"""Lists that move while they are read, page caps, filters, and pages that lie."""

from __future__ import annotations

import pytest

from tests.sandbox.printify.conftest import running


def _ids(rows):
    return [row["id"] for row in rows]


def test_a_walk_over_a_shop_that_stands_still_brings_every_order_once(shop):
    """Newest first, ten a page, as many as `total` says."""
    truth = shop.truth("orders")

    walked = shop.walk(limit=10)

    assert walked == truth[::-1]
    assert shop.get("orders.json").json()["total"] == len(truth)
    assert [order["created_at"] for order in walked] == sorted((o["created_at"] for o in truth), reverse=True)


def test_new_orders_shift_the_list_and_a_walk_meets_rows_twice(own):
    """A new order at every second request: nothing is lost, some rows come twice, and the newest are not seen."""
    shop = own(orders=60)
    before = _ids(shop.truth("orders"))
    shop.mutate("new_order", every={"requests": 2, "path": "orders.json", "times": 3})

    walked = _ids(shop.walk())

    assert set(walked) == set(before)
    assert len(walked) == len(before) + 3
    assert len(shop.truth("orders")) == len(before) + 3


def test_a_removed_row_is_skipped_by_a_walk(own):
    """What moves from page two to page one while page one is read is never seen."""
    shop = own(orders=30)
    newest_first = _ids(shop.truth("orders"))[::-1]
    shop.mutate("remove_order", order_id="last", after={"requests": 1, "path": "orders.json"})

    walked = _ids(shop.walk())

    assert newest_first[10] not in walked
    assert set(newest_first) - set(walked) == {newest_first[10]}


def test_removed_products_are_gone_and_shift_the_others(own):
    """Products are paged by fifty, newest first; one at random goes with every request."""
    shop = own(listings=150)
    before = _ids(shop.truth("products"))
    shop.mutate("remove_product", product_id="random", every={"requests": 1, "path": "products.json", "times": 2})

    walked = _ids(shop.walk("products.json", limit=50))

    assert len(before) > 100
    assert len(_ids(shop.truth("products"))) == len(before) - 2
    assert set(walked) <= set(before)


@pytest.mark.parametrize(("over", "status", "rows"), [("clamp", 200, 10), ("error", 400, 0)])
def test_orders_are_ten_a_page_at_most(printify, shop, over, status, rows):
    """What happens above the cap is a setting, because it is not known."""
    printify.control("POST", "/settings", orders_over_maximum=over)

    answer = shop.get("orders.json", limit=11)

    assert answer.status_code == status
    assert len(answer.json().get("data", [])) == rows
    assert answer.json().get("per_page", 10) == 10


def test_products_are_fifty_a_page_at_most(printify, shop):
    """A larger limit is refused with code 8150; a setting clamps it."""
    refused = shop.get("products.json", limit=51)
    printify.control("POST", "/settings", products_over_maximum="clamp")
    clamped = shop.get("products.json", limit=51)

    assert (refused.status_code, refused.json()["code"]) == (400, 8150)
    assert len(clamped.json()["data"]) == 50


@pytest.mark.parametrize("params", [{"page": 0}, {"page": "x"}, {"limit": 0}, {"limit": -1}, {"page": "1" * 30}])
def test_nonsense_in_parameters_is_refused(shop, params):
    """With the vendor's code for validation."""
    answer = shop.get("orders.json", **params)

    assert (answer.status_code, answer.json()["code"]) == (400, 8150)


def test_a_page_past_the_end_is_empty(shop):
    """200 without rows; `from`, `to` and the next page are null."""
    doc = shop.get("orders.json", page=100_000).json()

    assert (doc["data"], doc["from"], doc["to"], doc["next_page_url"]) == ([], None, None, None)


def test_the_short_envelope_has_rows_alone(printify, shop):
    """As the docs' examples show it."""
    printify.control("POST", "/settings", envelope="short")

    assert set(shop.get("orders.json").json()) == {"current_page", "data"}


def test_filters_leave_what_they_name(own):
    """`status` and `sku`; the total is that of the filter, and follows changes."""
    shop = own(orders=80)
    truth = shop.truth("orders")
    sku = truth[0]["line_items"][0]["metadata"]["sku"] if truth[0]["line_items"] else truth[1]["line_items"][0]
    fulfilled = [order for order in truth if order["status"] == "fulfilled"]

    by_status = shop.walk(status="fulfilled")
    by_sku = shop.walk(sku=sku)
    shop.mutate("cancel", order_id=fulfilled[0]["id"])

    assert by_status == fulfilled[::-1]
    assert by_sku == [o for o in truth[::-1] if any(line["metadata"]["sku"] == sku for line in o["line_items"])]
    assert shop.get("orders.json", status="fulfilled").json()["total"] == len(fulfilled) - 1


def test_an_exact_number_of_orders_is_an_exact_number(own):
    """Cut off, or filled up beyond what the channel has."""
    few = own(orders=37, channel_shop={"seed": 7, "orders": 300, "ends_at": 1_790_000_000})
    many = own(orders=90, channel_shop={"seed": 7, "orders": 40, "ends_at": 1_790_000_000})

    assert (few.made["orders"], len(few.truth("orders"))) == (37, 37)
    assert (many.made["orders"], len(many.truth("orders"))) == (90, 90)


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ({"kind": "wrong_count", "by": 3}, {"total": 48}),
        ({"kind": "empty_page"}, {"data": []}),
        ({"kind": "short_page", "by": 2}, {"rows": 8}),
        ({"kind": "repeat_page"}, {"first": 0}),
        ({"kind": "shift", "by": 1}, {"first": 11}),
    ],
    ids=lambda value: value.get("kind", ""),
)
def test_pages_lie_on_request(printify, own, rule, seen):
    """Each kind of lie does what its name says, to the second page."""
    shop = own(orders=45)
    newest_first = _ids(shop.truth("orders"))[::-1]
    printify.control("POST", "/faults", path="orders.json", **rule)

    doc = shop.get("orders.json", page=2).json()

    assert doc["total"] == seen.get("total", 45)
    assert len(doc["data"]) == seen.get("rows", 0 if "data" in seen else 10)
    if "first" in seen:
        assert doc["data"][0]["id"] == newest_first[seen["first"]]


def test_an_endless_list_never_says_that_it_ends(printify, own):
    """Past the end it begins again, and every page names a next one."""
    shop = own(orders=15)
    printify.control("POST", "/faults", kind="endless", path="orders.json")

    pages = [shop.get("orders.json", page=page).json() for page in (1, 2, 3, 9)]

    assert all(page["next_page_url"] and page["data"] for page in pages)


def test_the_same_seed_makes_the_same_shop(printify, own, tmp_path):
    """Byte for byte, in another sandbox of the same day; other seeds share no id."""
    plan = {"seed": 4242, "orders": 60, "ends_at": 1_790_000_000}
    here = printify.shop(**plan).truth("orders")
    other = own(orders=60).truth("orders")

    with running(tmp_path) as twin:
        there = twin.shop(**plan).truth("orders")

    assert here == there
    assert not set(_ids(here)) & set(_ids(other))
