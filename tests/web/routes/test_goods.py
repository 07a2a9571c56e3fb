"""Own goods' costs by HTTP: said whole, listed by pages, taken out and taken back, and whose they are."""

from __future__ import annotations

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
        {"kind": "listing"}, {"more": 1},
    ],
)  # fmt: skip
def test_what_is_no_cost_is_refused_and_nothing_is_saved(web_url, bearer, hand, db, wrong):
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        assert asking.put("/goods-costs", json={"costs": [{**MUG, "key": "CUP"}, MUG | wrong]}).status_code == 422

    assert db.execute("select count(*) from private.goods_costs").fetchone() == (0,)
