"""The control plane: shops on wish, the ledger of requests, settings that refuse nonsense, and the process itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.in_thread import ENDS_AT

ROOT = Path(__file__).resolve().parents[3]


def test_the_ledger_knows_every_request(etsy, shop):
    """Method, path, status, class of token, fault and limit of each; control calls are not in it."""
    shop.fault(kind="status", status=502, path="listings")
    shop.get("receipts", limit=3)
    shop.get("receipts", headers={"x-api-key": "keystring:secret", "authorization": "Bearer 1.x"})
    shop.get("listings")
    shop.get("/nowhere")

    lines = etsy.ndjson("/ledger")
    summary = etsy.control("GET", "/ledger/summary")

    assert [line["status"] for line in lines] == [200, 401, 502, 404]
    assert [line["token"] for line in lines] == ["valid", "unknown", "valid", "none"]
    assert [line["rate"] for line in lines] == ["counted", "counted", "counted", "uncounted"]
    assert lines[0]["query"] == "limit=3"
    assert lines[2]["fault"] is not None
    assert summary["requests"] == 4
    assert summary["by_operation"] == {"getShopReceipts": 2, "getListingsByShop": 1, "unknown": 1}
    assert [line["path"] for line in etsy.ndjson("/ledger?path=receipts&status=200")] == [lines[0]["path"]]


def test_the_ledger_can_be_emptied(etsy, shop):
    shop.get("receipts")

    etsy.control("DELETE", "/ledger")
    shop.get("listings")

    assert [line["operation"] for line in etsy.ndjson("/ledger")] == ["getListingsByShop"]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"orders": -1}, 400),
        ({"currency": "XYZ"}, 400),
        ({"colour": "red"}, 400),
        ({"years": 0}, 400),
        ({"seed": "seven"}, 400),
    ],
)
def test_an_impossible_shop_is_refused(etsy, wanted, status):
    answer = etsy.http.post("/_sandbox/shops", json=wanted)

    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]


def test_a_seed_is_taken_once(etsy, shop):
    answer = etsy.http.post("/_sandbox/shops", json={"seed": shop.made["seed"]})

    assert answer.status_code == 409


def test_a_shop_without_orders_answers_too(own):
    shop = own(orders=0)

    assert shop.get("receipts").json() == {"count": 0, "results": []}
    assert shop.truth("receipts") == []


@pytest.mark.parametrize(
    "wanted", [{"per_second": 0}, {"colour": 1}, {"gzip": "yes"}, {"check_order": ["key"]}, {"day_bucket_seconds": 7}]
)
def test_a_bad_setting_changes_nothing(etsy, wanted):
    before = etsy.control("GET", "/settings")

    answer = etsy.http.post("/_sandbox/settings", json={"per_day": 5, **wanted})

    assert answer.status_code == 400
    assert etsy.control("GET", "/settings") == before


def test_an_unknown_shop_is_a_404(etsy):
    assert etsy.http.get("/_sandbox/shops/5/truth/receipts").status_code == 404


def test_the_process_says_when_it_is_ready_and_leaves_nothing(tmp_path):
    """The ready file names a server that answers; SIGTERM ends it with status 0 and its files go."""
    ready = tmp_path / "ready.json"
    folder = tmp_path / "state"
    folder.mkdir()
    command = [sys.executable, "-m", "sandbox.etsy", "--ready-file", str(ready), "--keystring", "k"]
    process = subprocess.Popen([*command, "--shared-secret", "s", "--state-dir", str(folder)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < deadline:
            assert process.poll() is None
        result = json.loads(ready.read_bytes())
        with httpx.Client(base_url=result["url"], trust_env=False) as client:
            made = client.post("/_sandbox/shops", json={"orders": 20, "ends_at": ENDS_AT}).json()
            headers = {"x-api-key": "k:s", "authorization": f"Bearer {made['access_token']}"}
            answer = client.get(f"/v3/application/shops/{made['shop_id']}/receipts", headers=headers)
    finally:
        process.terminate()
        status = process.wait(10)

    assert result["env"] == {
        "ETSY_API_BASE_URL": result["url"],
        "ETSY_TOKEN_URL": result["url"] + "/v3/public/oauth/token",
        "ETSY_KEYSTRING": "k",
        "ETSY_SHARED_SECRET": "s",
    }
    assert answer.json()["count"] == 20
    assert status == 0
    assert list(folder.iterdir()) == []
