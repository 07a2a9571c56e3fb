"""Own goods' costs by HTTP: said whole, listed by pages, taken out and taken back, and whose they are."""

from __future__ import annotations

import html
import re
import uuid
from typing import Any

import pytest

from tests.money.hand import Hand
from tests.web.conftest import client
from tests.worlds.users import make_user

MUG = {"kind": "sku", "key": "MUG", "currency": "USD", "cost_amount": 1250}


@pytest.fixture
def hand(db: Any, clean: None) -> Hand:
    return Hand(db, "etsy")


def test_costs_are_said_listed_removed_and_taken_back(web_url, bearer, hand):
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        said = asking.put("/goods-costs", json={"costs": [MUG, {**MUG, "key": "CUP", "valid_from": "2026-03-04"}]})
        first = asking.get("/goods-costs", params={"limit": 1}).json()
        rest = asking.get("/goods-costs", params={"after": first["next"]}).json()
        removed = asking.delete(f"/goods-costs/{first['costs'][0]['id']}")
        twice = asking.delete(f"/goods-costs/{first['costs'][0]['id']}")
        under = asking.post(f"/goods-costs/saves/{said.json()['save_id']}/undo")
        undone = [asking.post(f"/goods-costs/saves/{one.json()['save_id']}/undo") for one in (removed, said)]
        left = asking.get("/goods-costs").json()

    assert (said.status_code, said.json()["created"]) == (200, 2)
    assert [one["key"] for one in first["costs"] + rest["costs"]] == ["MUG", "CUP"]
    assert rest["next"] is None
    assert (twice.status_code, twice.json()["code"]) == (404, "no_such_cost")
    assert (under.status_code, under.json()["code"]) == (409, "costs_changed_since")
    assert [one.status_code for one in undone] == [200, 200]
    assert left == {"costs": [], "next": None}


def test_nobody_reaches_anothers(web_url, bearer, hand, db):
    other = Hand(db, "etsy", user_id=make_user(db))
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        save = asking.put("/goods-costs", json={"costs": [MUG]}).json()["save_id"]
        number = asking.get("/goods-costs").json()["costs"][0]["id"]
    with client(web_url, headers=bearer(other.user_id)) as asking:
        assert asking.get("/goods-costs").json()["costs"] == []
        assert asking.delete(f"/goods-costs/{number}").status_code == 404
        assert asking.post(f"/goods-costs/saves/{save}/undo").status_code == 404
        of_other = {**MUG, "kind": "listing", "key": "1", "connection_id": hand.shops["etsy"]}
        refused = asking.put("/goods-costs", json={"costs": [of_other]})
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_cost")
    assert db.execute("select count(*) from private.goods_costs").fetchone() == (1,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "thing"}, {"key": ""}, {"key": "a\0b"}, {"currency": "usd"}, {"currency": "QQQ"}, {"cost_amount": -1},
        {"cost_amount": 10**13}, {"valid_from": "04.03.2026"}, {"connection_id": str(uuid.UUID(int=1))},
        {"kind": "listing"}, {"more": 1}, {"cost_amount": True}, {"cost_amount": "12"}, {"cost_amount": 12.0},
        {"valid_from": 0}, {"valid_from": "0"}, {"valid_from": "1772582400"}, {"valid_from": None},
    ],
)  # fmt: skip
def test_what_is_no_cost_is_refused_and_nothing_is_saved(web_url, bearer, hand, db, wrong):
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        assert asking.put("/goods-costs", json={"costs": [{**MUG, "key": "CUP"}, MUG | wrong]}).status_code == 422

    assert db.execute("select count(*) from private.goods_costs").fetchone() == (0,)


FILE = "sku,cost,currency,valid_from\nMUG,13,USD,2026-03-04\nCUP,2,USD,\nMUG,12.50,USD,\nJUG,,,\n"
PAGE = "/reports/products/costs"


def test_a_file_is_previewed_row_by_row_and_then_applied(web_url, bearer, hand, db):
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        asking.put("/goods-costs", json={"costs": [MUG, {**MUG, "key": "CUP", "cost_amount": 100}]})
        tried = asking.post("/goods-costs/file", content=FILE).json()
        first = asking.post("/goods-costs/file", params={"limit": 2}, content=FILE).json()
        rest = asking.post("/goods-costs/file", params={"limit": 2, "after": first["next"]}, content=FILE).json()
        assert db.execute("select count(*) from private.goods_costs").fetchone() == (2,)
        applied = asking.post("/goods-costs/file", params={"apply": True}, content=FILE).json()
        assert db.execute("select count(*) from private.goods_costs").fetchone() == (3,)
        undone = asking.post(f"/goods-costs/saves/{applied['save_id']}/undo")

    told = [
        (one["row"], one["key"], one["outcome"], one["before"] and one["before"]["cost_amount"], one["cost_amount"])
        for one in tried["costs"]
    ]
    # What a piece costs from a new day on stands beside what it costs on that day until now.
    assert told == [
        (2, "MUG", "created", 1250, 1300), (3, "CUP", "changed", 100, 200), (4, "MUG", "unchanged", 1250, 1250),
    ]  # fmt: skip
    counted = {name: tried[name] for name in ("created", "changed", "unchanged", "skipped", "bad", "save_id")}
    assert counted == {"created": 1, "changed": 1, "unchanged": 1, "skipped": 1, "bad": [], "save_id": None}
    assert [one["row"] for one in first["costs"] + rest["costs"]] == [2, 3, 4]
    assert rest["next"] is None
    assert (applied["created"], applied["changed"], undone.status_code) == (1, 1, 200)


def test_a_file_with_a_bad_row_is_told_and_never_applied(web_url, bearer, hand, db):
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        tried = asking.post("/goods-costs/file", content=FILE + "POT,1.234.5,USD,\n")
        refused = asking.post("/goods-costs/file", params={"apply": True}, content=FILE + "POT,1.234.5,USD,\n")
        empty = asking.post("/goods-costs/file", params={"apply": True}, content="sku,cost\n")
        no_table = asking.post("/goods-costs/file", content="nothing")
        large = asking.post("/goods-costs/file", content=b"x" * 5_000_001)
        large_elsewhere = asking.put("/goods-costs", content=b"x" * 100_000)
    with client(web_url) as asking:
        stranger = asking.post("/goods-costs/file", content=FILE)

    assert (tried.status_code, [(one["row"], one["column"]) for one in tried.json()["bad"]]) == (200, [(6, "cost")])
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_cost_rows")
    assert [one["at"] for one in refused.json()["errors"]] == ["row 6, cost"]
    assert (empty.status_code, empty.json()["code"]) == (422, "no_costs")
    assert (no_table.status_code, no_table.json()["code"]) == (422, "no_cost_columns")
    assert [one.status_code for one in (large, large_elsewhere, stranger)] == [413, 413, 401]
    assert db.execute("select count(*) from private.goods_costs").fetchone() == (0,)


def test_a_file_may_be_larger_than_a_form(web_url, bearer, hand):
    rows = "".join(f"SKU-{number:06},1,USD,\n" for number in range(8000))
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        tried = asking.post("/goods-costs/file", content="sku,cost,currency,valid_from\n" + rows)

    assert (tried.status_code, tried.json()["created"], len(tried.json()["costs"])) == (200, 8000, 200)


def test_a_pasted_table_shows_what_each_row_changes_before_it_is_saved(sign_in, hand, db):
    page = sign_in(hand.user_id)
    form = {"csrf_token": page.headers["X-CSRF-Token"], "rows": FILE}
    checked = page.post(PAGE, data=form)
    assert checked.status_code == 200
    assert re.search(r"<td>2</td><th scope=\"row\">MUG.*?nothing.*?\$13\.00", checked.text, re.DOTALL)
    assert db.execute("select count(*) from private.goods_costs").fetchone() == (0,)
    saved = page.post(PAGE, data={**form, "action": "save"})
    assert (saved.status_code, db.execute("select count(*) from private.goods_costs").fetchone()) == (303, (3,))


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"key": ""}, "key"), ({"cost": "1,234"}, "cost"), ({"currency": "QQQ"}, "currency"), ({"cost": ""}, "cost"),
        ({"valid_from": "0"}, "valid_from"), ({"kind": "listing", "shop": "no such"}, "shop"),
    ],
)  # fmt: skip
def test_a_mistake_of_a_single_cost_stands_at_its_field(sign_in, hand, db, typed, field):
    page = sign_in(hand.user_id)
    form = {"csrf_token": page.headers["X-CSRF-Token"], "kind": "sku", "key": "A<b>", "cost": "2.50", "currency": "usd"}
    refused = page.post(f"{PAGE}/one", data=form | typed)

    assert refused.status_code == 422
    assert re.findall(r'id="one-(\w+)-mistake"', refused.text) == [field]
    if field != "shop":
        assert f'aria-describedby="one-{field}-mistake"' in refused.text
    assert "A<b>" not in refused.text
    assert db.execute("select count(*) from private.goods_costs").fetchone() == (0,)
    assert page.post(f"{PAGE}/one", data=form).status_code == 303
    assert db.execute("select key, cost_amount, currency from private.goods_costs").fetchall() == [("A<b>", 250, "USD")]


def test_more_of_a_search_is_a_link_that_keeps_it(sign_in, hand, web_url, bearer):
    many = [{**MUG, "key": f"A&after=9 #{number}"} for number in range(101)]
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        asking.put("/goods-costs", json={"costs": many})
    page = sign_in(hand.user_id)
    first = page.get(PAGE, params={"search": "A&after=9 #"})
    (more,) = re.findall(r'href="([^"]+)"[^>]*>Show more', first.text)
    rest = page.get(html.unescape(more))

    assert "A&amp;after=9 #99" in first.text
    assert "A&amp;after=9 #100" not in first.text
    assert re.findall(r'scope="row">([^<]+)', rest.text) == ["A&amp;after=9 #100"]
