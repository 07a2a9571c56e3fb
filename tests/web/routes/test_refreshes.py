"""A shop read anew, by HTTP: begun by its name, watched, cancelled, taken back, and whose it is."""

from __future__ import annotations

import uuid

import pytest

from tests.web.conftest import client
from tests.worlds.refreshes import settle, shop_name
from tests.worlds.users import make_user

HERE = "/settings/refreshes"


@pytest.fixture
def shop(world_of, etsy):
    """One that is loaded and proven."""
    world = world_of(etsy.shop(orders=6, listings=5))
    world.run()
    return world.shops[0]


def test_it_is_begun_by_its_name_watched_and_taken_back(web_url, bearer, shop, db):
    world = shop.world
    with client(web_url, headers=bearer(world.user_id)) as asking:
        assert asking.get(HERE).json() == []
        refused = asking.post(HERE, json={"confirm": "another shop"})
        assert (refused.status_code, refused.json()["code"]) == (422, "wrong_shop_name")
        assert db.execute("select count(*) from private.full_refreshes").fetchone() == (0,)

        db.execute("update public.orders set total_amount = 1")
        begun = asking.post(HERE, json={"confirm": shop_name(shop)})
        assert (begun.status_code, begun.json()["outcome"]) == (202, "queued")
        assert begun.json()["left_out"] == []
        run = begun.json()["run_id"]
        assert asking.post(HERE, json={"confirm": shop_name(shop)}).json()["outcome"] == "already_running"
        (stands,) = asking.get(HERE).json()
        assert (stands["run_id"], stands["status"], stands["tables"]) == (run, "reading", None)
        early = asking.post(f"{HERE}/{run}/undo")
        assert (early.status_code, early.json()["code"]) == (409, "run_is_open")

        world.drain()
        settle(world)
        (stands,) = asking.get(HERE).json()
        assert (stands["status"], stands["fraction"]) == ("swapped", 1.0)
        assert stands["tables"]["orders"] == {"created": 0, "changed": 6, "deleted": 0}
        assert asking.post(f"{HERE}/{run}/cancel").status_code == 404
        undone = asking.post(f"{HERE}/{run}/undo")
        assert (undone.status_code, undone.json()["undone"]) == (200, [run])
        assert db.execute("select count(*) from public.orders where total_amount = 1").fetchone() == (6,)
        assert asking.post(f"{HERE}/{run}/undo").json()["code"] == "already_undone"


def test_one_that_is_cancelled_changes_nothing_and_nobody_reaches_anothers(web_url, bearer, shop, db):
    world, other = shop.world, make_user(db)
    with client(web_url, headers=bearer(world.user_id)) as asking:
        run = asking.post(HERE, json={"confirm": shop_name(shop)}).json()["run_id"]
        with client(web_url, headers=bearer(other)) as stranger:
            assert stranger.get(HERE).status_code == 404
            assert stranger.post(HERE, json={"confirm": shop_name(shop)}).status_code == 404
            assert stranger.post(f"{HERE}/{run}/cancel").status_code == 404
            assert stranger.post(f"{HERE}/{run}/undo").status_code == 404
        assert asking.get(HERE).json()[0]["status"] == "reading"
        assert asking.post(f"{HERE}/{run}/cancel").json() == {"cancelled": True}
        assert asking.get(HERE).json()[0]["status"] == "cancelled"
        assert asking.post(f"{HERE}/{run}/cancel").status_code == 404


def test_what_was_never_loaded_is_not_read_anew(api, make_seller, bearer, db):
    user = make_seller("etsy")
    name = db.execute(
        "select coalesce(nullif(shop_name, ''), shop_id) from public.connected_accounts where user_id = %s", [user]
    ).fetchone()
    refused = api.post(HERE, json={"confirm": name[0]}, headers=bearer(user))
    assert (refused.status_code, refused.json()["code"]) == (409, "not_loaded")


@pytest.mark.parametrize("body", [{}, {"confirm": 7}, {"confirm": "x", "full": True}, {"confirm": "x" * 201}])
def test_what_is_no_question_is_refused(api, make_seller, bearer, body):
    assert api.post(HERE, json=body, headers=bearer(make_seller("etsy"))).status_code == 422


def test_nobody_begins_one_without_signing_in(api):
    assert api.post(HERE, json={"confirm": "x"}).status_code == 401
    assert api.post(f"{HERE}/{uuid.uuid4()}/undo").status_code == 401
