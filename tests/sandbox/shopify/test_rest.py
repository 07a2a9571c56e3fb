"""The legacy REST API: paging by link and by id, filters with their traps, the bucket of calls."""

from __future__ import annotations

import pytest


def linked(shop, path, **params):
    """Follow `rel="next"` as it stands."""
    answer = shop.rest(path, **params)
    while True:
        shop.shopify.world.calls.forget()
        assert answer.status_code == 200, answer.text
        yield answer
        if "next" not in answer.links:
            return
        answer = shop.rest(answer.links["next"]["url"])


def ids(answers, name):
    return [record["id"] for answer in answers for record in answer.json()[name]]


@pytest.mark.parametrize(("name", "params"), [("orders", {"status": "any"}), ("products", {}), ("customers", {})])
@pytest.mark.parametrize("limit", [37, 250])
def test_links_lead_through_everything(shop, name, params, limit):
    """Every record once; the way back is the way there."""
    answers = list(linked(shop, name, limit=limit, **params))

    found = ids(answers, name)
    assert sorted(found) == sorted(record["id"] for record in shop.truth(name))
    assert "previous" not in answers[0].links
    if len(answers) > 1:
        back = shop.rest(answers[-1].links["previous"]["url"]).json()[name]
        assert [record["id"] for record in back] == [record["id"] for record in answers[-2].json()[name]]


@pytest.mark.parametrize(("name", "params"), [("orders", {"status": "any"}), ("products", {}), ("customers", {})])
def test_since_id_leads_through_everything(shop, name, params):
    """Ids rise; any position can be taken up again, also one that no record has."""
    found, since = [], 1
    while page := shop.rest(name, limit=111, since_id=since, **params).json()[name]:
        shop.shopify.world.calls.forget()
        found += [record["id"] for record in page]
        since = found[-1]

    assert found == sorted(record["id"] for record in shop.truth(name))


def test_only_limit_and_fields_go_with_page_info(shop):
    """Every other filter is in the cursor already, and refused beside it."""
    page = shop.rest("orders", limit=5, status="any")
    url = page.links["next"]["url"]

    refused = shop.rest(f"{url}&status=any")
    fewer = shop.rest(f"{url}&fields=id,name").json()["orders"]

    assert refused.status_code == 400
    assert "status" in refused.json()["errors"]
    assert set(fewer[0]) == {"id", "name"}
    assert shop.rest("orders", page_info="nonsense").status_code == 400


def test_the_status_is_open_unless_told(shop):
    """Closed and canceled orders are missing from a plain list; `Any` is not `any`; other filters know no `any`."""
    truth = shop.truth("orders")
    count = {"open": sum(not o["closed"] and not o["cancelled"] for o in truth), "any": len(truth)}

    assert shop.rest("orders/count").json() == {"count": count["open"]}
    assert shop.rest("orders/count", status="any").json() == {"count": count["any"]}
    assert shop.rest("orders/count", status="Any").json() == {"count": count["open"]}
    assert shop.rest("orders/count", status="any", financial_status="any").json() == {"count": 0}
    assert shop.rest("orders/count", status="any", financial_status="refunded").json() == {
        "count": sum(o["financial"] == "REFUNDED" for o in truth)
    }


def test_windows_are_inclusive(shop):
    """`updated_at_min` and `_max` both include their second; times carry the shop's offset."""
    order = shop.truth("orders")[450]
    one = shop.rest(f"orders/{order['id']}").json()["order"]

    found = shop.rest(
        "orders", status="any", updated_at_min=one["updated_at"], updated_at_max=one["updated_at"]
    ).json()["orders"]

    assert one["updated_at"].endswith("-07:00")
    assert order["id"] in [o["id"] for o in found]
    assert {o["updated_at"] for o in found} == {one["updated_at"]}


def test_a_record_is_the_truth(shop):
    """Totals, lines, transactions, refunds and fulfillments of an order that has them all."""
    order = next(o for o in shop.truth("orders") if o["refunds"] and o["fulfillments"])

    found = shop.rest(f"orders/{order['id']}").json()["order"]
    moved = shop.rest(f"orders/{order['id']}/transactions").json()["transactions"]

    assert found["total_price"] == f"{order['total'][0] / 100:.2f}"
    assert found["name"] == order["name"]
    assert found["financial_status"] == order["financial"].lower()
    assert [line["id"] for line in found["line_items"]] == [
        line["id"] for line in shop.truth("line_items") if line["order_id"] == order["id"]
    ]
    assert [t["id"] for t in moved] == [t["id"] for t in shop.truth("transactions") if t["order_id"] == order["id"]]
    assert len(found["refunds"]) == order["refunds"]
    assert shop.rest("orders/1").status_code == 404


def test_rest_products_do_not_cope_with_many_variants(shop):
    """A hundred at most, whatever the product has; and the answer says that it is deprecated."""
    widest = max(shop.truth("products"), key=lambda product: product["variants"])

    answer = shop.rest(f"products/{widest['id']}")

    assert len(answer.json()["product"]["variants"]) == 100
    assert "x-shopify-api-deprecated-reason" in answer.headers


def test_inventory_and_places(shop):
    """Levels and items are asked by their ids; locations come whole."""
    level = shop.truth("inventory_levels")[0]

    levels = shop.rest("inventory_levels", inventory_item_ids=level["inventory_item_id"]).json()["inventory_levels"]
    items = shop.rest("inventory_items", ids=level["inventory_item_id"]).json()["inventory_items"]

    assert (levels[0]["location_id"], levels[0]["available"]) == (level["location_id"], level["available"])
    assert items[0]["id"] == level["inventory_item_id"]
    assert shop.rest("inventory_items").status_code == 422
    assert len(shop.rest("locations").json()["locations"]) == 4
    assert shop.rest("shop").json()["shop"]["myshopify_domain"] == shop.domain


def test_the_bucket_of_calls(own):
    """Forty at once, two a second; then 429 with the seconds to wait."""
    shop = own(orders=3, plan="standard")

    answers = [shop.rest("shop") for _ in range(41)]
    shop.shopify.world.clock.advance(float(answers[-1].headers["retry-after"]))

    assert [a.headers["x-shopify-shop-api-call-limit"] for a in answers[:2]] == ["1/40", "2/40"]
    assert [a.status_code for a in answers] == [200] * 40 + [429]
    assert answers[-1].json()["errors"].startswith("Exceeded 2 calls per second")
    assert shop.rest("shop").status_code == 200


def test_scopes_and_approvals_hold_in_rest(shop):
    """403 with the scope's name; old orders hidden; personal fields empty."""
    limited = shop.scoped("read_orders")
    shop.shopify.control("POST", "/settings", customer_data="redacted")

    refused, orders = limited.rest("products"), limited.rest("orders", status="any", limit=250).json()["orders"]

    assert (refused.status_code, "read_products" in refused.json()["errors"]) == (403, True)
    assert 0 < len(orders) < 250
    assert all(order["email"] == "" and "billing_address" not in order for order in orders)
