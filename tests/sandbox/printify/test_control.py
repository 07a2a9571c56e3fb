"""Mutations, faults and the process itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest


@pytest.fixture
def shop(own):
    return own(orders=25)


def order(shop, order_id):
    return shop.get(f"orders/{order_id}.json").json()


def test_a_new_order_is_as_it_was_asked_for(shop):
    """Reference, cost and status; at the head of the list."""
    made = shop.mutate("new_order", shop_order_id=77, shop_order_label="#77", cost=500, shipping_cost=40, quantity=2)

    head = shop.get("orders.json").json()["data"][0]
    assert head["id"] == made["result"]["order_id"]
    assert head["metadata"] == {"order_type": "external", "shop_order_id": 77, "shop_order_label": "#77"}
    assert [(line["quantity"], line["cost"], line["shipping_cost"]) for line in head["line_items"]] == [(2, 500, 40)]


def test_references_change_and_go(shop):
    """What is not given, goes."""
    order_id = shop.mutate("new_order", shop_order_id=77)["result"]["order_id"]
    shop.mutate("set_reference", order_id=order_id, shop_order_label="#9")
    with_label = order(shop, order_id)["metadata"]
    shop.mutate("set_reference", order_id=order_id)

    assert with_label == {"order_type": "external", "shop_order_label": "#9"}
    assert order(shop, order_id)["metadata"] == {"order_type": "external"}


def test_costs_change_and_lines_are_replaced(shop):
    """A canceled line stays beside its replacement; truth counts the replacement alone."""
    order_id = shop.mutate("new_order", cost=500, shipping_cost=40)["result"]["order_id"]
    shop.mutate("set_cost", order_id=order_id, cost=450)
    shop.mutate("reroute", order_id=order_id, cost=600)

    lines = order(shop, order_id)["line_items"]
    (cost,) = [c for c in shop.truth("costs") if c["order_id"] == order_id]
    assert [(line["status"] == "canceled", line["cost"]) for line in lines] == [(True, 450), (False, 600)]
    assert (cost["production_cost"] // lines[1]["quantity"], cost["shipping_cost"]) == (600, 40)


def test_a_reprint_names_its_first_order(shop):
    """Each names the other; without a reference of its own, only that name is left."""
    first = shop.mutate("new_order", shop_order_id=77, cost=500)["result"]["order_id"]

    again = shop.mutate("reprint", order_id=first, reference=False)["result"]["order_id"]

    about = order(shop, again)["metadata"]
    assert about["reprinted_order_ids"] == [first]
    assert "shop_order_id" not in about
    assert order(shop, first)["metadata"]["child_reprinted_order_ids"] == [again]


@pytest.mark.parametrize("which", ["first", "last", "random", {"index": 3}])
def test_orders_are_named_by_place(shop, which):
    """The answer names the id; a removed order is gone."""
    order_id = shop.mutate("remove_order", order_id=which)["result"]["order_id"]

    assert shop.get(f"orders/{order_id}.json").status_code == 404
    assert len(shop.truth("orders")) == 24


def test_products_are_added_and_edited(shop):
    """At the head of their list; the time of change moves."""
    product_id = shop.mutate("new_product", title="A cup")["result"]["product_id"]
    shop.mutate("edit_product", product_id=product_id, fields={"title": "A bowl"}, at=1_790_000_500)

    head = shop.get("products.json").json()["data"][0]
    assert (head["id"], head["title"], head["updated_at"]) == (product_id, "A bowl", "2026-09-21 14:21:40+00:00")


@pytest.mark.parametrize(
    "wanted",
    [{"kind": "nope"}, {"kind": "cancel", "order_id": "0" * 24}, {"kind": "new_order", "every": {"requests": 0}}],
)
def test_a_mutation_that_makes_no_sense_is_one_line(printify, shop, wanted):
    """400 with what is wrong."""
    answer = printify.http.post(f"/_sandbox/shops/{shop.id}/mutations", json=wanted)

    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"seed": -1},
        {"channel": "ebay"},
        {"order_ids": ["x"]},
        {"orders": -3},
        {"coverage": 2},
        {"nope": 1},
        {"years": 0},
    ],
)
def test_a_shop_that_makes_no_sense_is_one_line(printify, wanted):
    """400, and no shop."""
    before = printify.control("GET", "/shops")["count"]
    answer = printify.http.post("/_sandbox/shops", json=wanted)

    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
    assert printify.control("GET", "/shops")["count"] == before


def test_two_shops_cannot_share_a_seed(printify, shop):
    """409: they would have the same ids."""
    assert printify.http.post("/_sandbox/shops", json={"seed": shop.made["seed"]}).status_code == 409


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"kind": "status", "status": 503}, 503),
        ({"kind": "rate_limit"}, 429),
        ({"kind": "redirect"}, 302),
        ({"kind": "slow", "seconds": 3}, 200),
    ],
    ids=lambda value: str(value.get("kind")) if isinstance(value, dict) else "",
)
def test_faults_strike_whom_they_name(printify, shop, rule, status):
    """The second request of the path; each answer keeps its correlation id."""
    printify.control("POST", "/faults", path="orders.json", nth=2, **rule)

    answers = [shop.get("orders.json") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, status, 200]
    assert all("x-pfy-correlation-id" in answer.headers for answer in answers)
    assert printify.slept == ([3] if rule["kind"] == "slow" else [])


def test_a_record_breaks_on_request(printify, shop):
    """NUL in a title of a product; the rest of the page is whole."""
    printify.control("POST", "/faults", kind="bad_json", flavour="nul", record=1, path="products.json")

    body = shop.get("products.json").content

    assert b"\\u0000" in body
    assert json.loads(body)["data"][1]["title"].startswith("mug\0")


def test_the_token_endpoint_meets_faults_too(printify, shop):
    """And is not counted against any limit."""
    printify.control("POST", "/faults", kind="status", status=502, path="oauth")

    answer = printify.http.post("/v1/app/oauth/tokens/refresh", json={"app_id": "app-1", "refresh_token": "x"})

    assert answer.status_code == 502
    assert printify.ndjson("/ledger")[-1]["rate"] == "free"


def test_the_process_tells_where_it_is_and_goes_at_sigterm(tmp_path):
    """The ready file holds the environment; its folder goes with it."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "sandbox.printify", "--ready-file", str(ready), "--app-id", "a"]
    child = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert time.monotonic() < deadline
            assert child.poll() is None
        result = json.loads(ready.read_text())
        url = result["url"]
        with httpx.Client(base_url=url, trust_env=False) as client:
            made = client.post("/_sandbox/shops", json={"orders": 5}).json()
    finally:
        child.send_signal(signal.SIGTERM)
        status = child.wait(10)

    assert result["env"] == {
        "PRINTIFY_API_BASE_URL": url,
        "PRINTIFY_TOKEN_URL": f"{url}/v1/app/oauth/tokens/refresh",
        "PRINTIFY_APP_ID": "a",
    }
    assert (made["orders"], status) == (5, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]
