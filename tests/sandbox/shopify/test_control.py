"""The process and its control plane."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"seed": -1}, "seed"),
        ({"orders": 3_000_001}, "orders"),
        ({"currency": "XXX"}, "currency"),
        ({"plan": "free"}, "plan"),
        ({"years": 0}, "years"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_shop_that_makes_no_sense_is_refused(shopify, wanted, word):
    """One line that names the field; nothing is made."""
    before = shopify.control("GET", "/shops")["count"]

    answer = shopify.http.post("/_sandbox/shops", json=wanted)

    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert shopify.control("GET", "/shops")["count"] == before


def test_mistakes_are_one_line(shop):
    """Unknown shop, kind, setting, order, product, field: 400 or 404, and words."""
    http, here = shop.shopify.http, f"/_sandbox/shops/{shop.id}"
    answers = [
        http.post(here.replace(str(shop.id), "1") + "/mutations", json={"kind": "new_order"}),
        http.get(f"{here}/truth/colours"),
        http.post(f"{here}/mutations", json={"kind": "paint"}),
        http.post(f"{here}/mutations", json={"kind": "remove_order", "order_id": 5}),
        http.post(f"{here}/mutations", json={"kind": "edit_product", "product_id": "first", "fields": {"x": 1}}),
        http.post("/_sandbox/settings", json={"bulk_order": "sideways"}),
        http.post("/_sandbox/settings", json={"colour": 1}),
        http.post("/_sandbox/faults", json={"kind": "rain"}),
        http.post("/_sandbox/bulk/fail", json={"error_code": "TIRED"}),
        http.post(f"{here}/webhooks", json={"topic": "orders/create"}),
    ]

    assert {answer.status_code for answer in answers} == {400, 404}
    assert all(set(answer.json()) == {"error"} for answer in answers)


def test_two_shops_cannot_share_a_seed(own):
    """They would have the same ids."""
    shop = own(orders=1)

    assert shop.shopify.http.post("/_sandbox/shops", json={"seed": shop.made["seed"]}).status_code == 409


def test_tokens_are_revoked_and_narrowed(own):
    """A merchant's change of scopes holds for tokens that are out already."""
    shop = own(orders=3)
    shop.shopify.control("POST", "/tokens/scopes", shop_id=shop.id, scopes=["read_products"])
    narrowed = shop.ask("{ orders(first: 1) { nodes { id } } }")

    shop.shopify.control("POST", "/tokens/revoke", shop_id=shop.id)

    assert narrowed["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert shop.post("{ shop { id } }").status_code == 401


def test_the_process_says_where_it_is_and_goes(tmp_path):
    """The ready file holds the environment of a client; SIGTERM ends it and leaves nothing."""
    ready = tmp_path / "ready.json"
    state = tmp_path / "tmp"
    state.mkdir()
    argv = [sys.executable, "-m", "sandbox.shopify", "--ready-file", str(ready)]
    process = subprocess.Popen(argv, env={**os.environ, "TMPDIR": str(state)})
    try:
        for _ in range(3000):
            if ready.exists() or process.poll() is not None:
                break
            time.sleep(0.01)
        facts = json.loads(ready.read_text())
        env = facts["env"]
        made = httpx.post(f"{facts['url']}/_sandbox/shops", json={"orders": 5}, trust_env=False, timeout=30).json()
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=20)

    names = ("API_BASE_URL", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "ALL_ORDERS")
    assert set(env) == {f"SHOPIFY_{name}" for name in names}
    assert env["SHOPIFY_CLIENT_SECRET"] == made["client_secret"]
    assert status == 0
    assert list(state.iterdir()) == []
