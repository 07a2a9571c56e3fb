"""Each fault does what docs/sandbox-etsy.md says, and strikes whom its rule names."""

from __future__ import annotations

import gzip
import http.client
import json

import httpx
import pytest


def page(shop, **params):
    return shop.get("receipts", limit=10, sort_order="asc", **params)


def ids(answer):
    return [r["receipt_id"] for r in answer.json()["results"]]


def raw(shop, read):
    """One request on a connection of its own, read by `read`."""
    host = shop.etsy.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("GET", f"/v3/application/shops/{shop.id}/receipts?limit=5", headers=shop.headers)
        return read(connection.getresponse())
    finally:
        connection.close()


def test_rules_choose_their_requests(shop):
    """Nth counts matching requests alone; times limits strikes; a path that does not match is left alone."""
    shop.fault(kind="status", status=502, path="receipts$", nth=[2])
    shop.fault(kind="status", status=503, path="listings$", every=2, times=1)

    receipts = [shop.get(path).status_code for path in ("receipts", "transactions", "receipts", "receipts")]
    listings = [shop.get("listings").status_code for _ in range(4)]
    rules = shop.etsy.control("GET", "/faults")["results"]

    assert receipts == [200, 200, 502, 200]
    assert listings == [200, 503, 200, 200]
    assert [rule["struck"] for rule in rules] == [1, 1]


def test_chance_can_be_told_again(etsy, shop):
    """The same seed of chance strikes the same requests."""

    def struck():
        etsy.world.chance.seed(7)
        etsy.control("DELETE", "/faults")
        shop.fault(kind="status", status=500, probability=0.5)
        return [shop.get("/openapi-ping").status_code for _ in range(20)]

    first = struck()

    assert first == struck()
    assert set(first) == {200, 500}


def test_a_502_comes_as_html(shop):
    shop.fault(kind="status", status=502)

    answer = page(shop)

    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert "<html>" in answer.text


def test_an_answer_of_choice(shop):
    shop.fault(kind="status", status=403, body={"error": "no"}, headers={"X-Why": "test"})

    answer = page(shop)

    assert (answer.status_code, answer.json(), answer.headers["x-why"]) == (403, {"error": "no"}, "test")


@pytest.mark.parametrize(("which", "retry"), [("second", "1"), ("day", "86400")])
def test_both_kinds_of_429_can_be_planted(shop, which, retry):
    shop.fault(kind="rate_limit", which=which)

    answer = page(shop)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, retry)


def test_slow_and_drip_wait(etsy, shop):
    """The waiting is asked of the clock that tests pass in; the body is whole in the end."""
    whole = page(shop).content
    shop.fault(kind="slow", seconds=9, times=1)
    slow = page(shop).content
    shop.fault(kind="drip", bytes=5000, every_seconds=0.5, times=1)

    drip = page(shop).content

    assert slow == drip == whole
    assert etsy.slept == [9] + [0.5] * -(-len(whole) // 5000)


def test_cut_closes_in_mid_body(shop):
    """With a length the client misses bytes; without one the last chunk never comes."""
    shop.fault(kind="cut", at_bytes=100, times=1)
    with pytest.raises(http.client.IncompleteRead) as cut:
        raw(shop, lambda answer: answer.read())
    shop.fault(kind="cut", at_bytes=100, content_length=False, times=1)
    with pytest.raises(http.client.IncompleteRead):
        raw(shop, lambda answer: answer.read())

    assert len(cut.value.partial) == 100


def test_reset_and_hang_give_no_byte(etsy, shop):
    """A reset connection and one that closes after a silence; both are in the ledger with status 0."""
    shop.fault(kind="reset", times=1)
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        raw(shop, lambda answer: answer.read())
    shop.fault(kind="hang", seconds=3, times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        raw(shop, lambda answer: answer.read())

    assert [line["status"] for line in etsy.ndjson("/ledger")] == [0, 0]
    assert etsy.slept == [3]


def test_hang_waits_for_the_client(shop):
    shop.fault(kind="hang", times=1)

    with pytest.raises(httpx.ReadTimeout):
        shop.etsy.http.get(f"/v3/application/shops/{shop.id}", headers=shop.headers, timeout=0.05)


def test_pages_lie_about_count_and_place(shop):
    """Each lie changes one thing and leaves the rest."""
    zero, one = page(shop), page(shop, offset=10)
    truth = {"count": one.json()["count"], "ids": ids(one)}

    def lie(**rule):
        shop.fault(**rule, times=1)
        answer = page(shop, offset=10)
        return answer.json()["count"], ids(answer)

    assert lie(kind="wrong_count", by=-3) == (truth["count"] - 3, truth["ids"])
    assert lie(kind="repeat_page") == (truth["count"], ids(zero))
    assert lie(kind="shift", by=-2) == (truth["count"], ids(zero)[-2:] + truth["ids"][:-2])
    assert lie(kind="empty_page") == (truth["count"], [])
    assert lie(kind="short_page", by=4) == (truth["count"], truth["ids"][:-4])


def test_endless_pages_never_run_dry(shop):
    """Past the end pages begin again, and count runs ahead of the reader."""
    shop.fault(kind="endless")

    beyond = page(shop, offset=3010)

    assert len(ids(beyond)) == 10
    assert beyond.json()["count"] == 3030


def test_gzip_without_being_asked(shop):
    plain = page(shop).content
    shop.fault(kind="gzip", times=1)

    body = raw(shop, lambda answer: (answer.headers["content-encoding"], gzip.decompress(answer.read())))

    assert body[0] == "gzip"
    assert json.loads(body[1])["count"] == json.loads(plain)["count"]


def test_gzip_on_request(etsy, shop):
    etsy.control("POST", "/settings", gzip=True)

    asked = shop.get("receipts", headers={**shop.headers, "accept-encoding": "gzip"})
    unasked = shop.get("receipts", headers={**shop.headers, "accept-encoding": "identity"})

    assert asked.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in unasked.headers
    assert asked.json() == unasked.json()


def test_redirects_leave_the_host(shop):
    shop.fault(kind="redirect", location="http://elsewhere.invalid/x")

    answer = page(shop)

    assert (answer.status_code, answer.headers["location"]) == (302, "http://elsewhere.invalid/x")


@pytest.mark.parametrize(
    ("flavour", "mark"),
    [
        ("nan", b'"updated_timestamp":NaN'),
        ("lone_surrogate", rb"\ud800"),
        ("nul", rb"\u0000"),
        ("bigint", b"99999999999999999999999"),
        ("wrong_type", b'"not a number"'),
        ("deep_nesting", b"[" * 100_000),
        ("latin1", b"caf\xe9"),
        ("bom", b"\xef\xbb\xbf{"),
    ],
)
def test_a_record_is_broken_in_its_way(shop, flavour, mark):
    """The mark is in the body once, and the page's other records are as they were."""
    shop.fault(kind="bad_json", flavour=flavour, record=3)

    body = page(shop).content

    assert body.count(mark) == 1
    assert body.count(b'"receipt_id"') > 10


def test_keys_go_missing_or_come_twice(shop):
    plain = page(shop).content
    shop.fault(kind="bad_json", flavour="missing_key", record=1, times=1)
    missing = page(shop).json()["results"]
    shop.fault(kind="bad_json", flavour="duplicate_key", record=1, times=1)
    doubled = page(shop).content
    shop.fault(kind="bad_json", flavour="truncated", times=1)
    half = page(shop).content

    assert ["receipt_id" in record for record in missing[:3]] == [True, False, True]
    assert doubled.count(b'"receipt_id"') == plain.count(b'"receipt_id"') + 1
    assert half == plain[: len(plain) // 2]


def test_a_field_deep_inside_can_be_named(shop):
    shop.fault(kind="bad_json", flavour="wrong_type", field="transactions.0.price.amount", value="12.50")

    assert page(shop).json()["results"][0]["transactions"][0]["price"]["amount"] == "12.50"


def test_the_token_endpoint_can_be_struck(etsy, shop):
    shop.fault(kind="status", status=503, path="oauth/token")

    assert etsy.http.post("/v3/public/oauth/token", data={}).status_code == 503


@pytest.mark.parametrize(
    "rule", [{}, {"kind": "rain"}, {"kind": "slow"}, {"kind": "slow", "secs": 1}, {"kind": "reset", "path": "("}]
)
def test_a_rule_that_makes_no_sense_is_refused(etsy, rule):
    """One line, status 400, and no rule is left behind."""
    answer = etsy.http.post("/_sandbox/faults", json=rule)

    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
    assert etsy.control("GET", "/faults")["count"] == 0
