"""A page that is bigger than a body may be is read in smaller ones; of one record that is, its place is kept."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from execution.app import App
from execution.clock import SystemClock
from execution.http.transport import HttpTransport
from execution.settings import Settings
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.stand_in import StandIn
from tests.worlds.world import make_world

# Above each page of these shops, below one record that is big.
CAP = 1_000_000
BIG = CAP + 1


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    is_rest = "shopify_rest" in request.node.name
    return settings.model_copy(update={"shopify_read": "rest"}) if is_rest else settings


# The place of the big record in the list as it is read: first, on a page's edge, amid, last.
@pytest.mark.parametrize("place", [0, 99, -1])
@pytest.mark.parametrize("platform", ["etsy", "printify", "shopify", "shopify_rest"])
def test_all_but_the_big_record_land_and_it_is_rejected(  # noqa: PLR0917  one stand-in a platform
    platform: str,
    place: int,
    app: App,
    db: psycopg.Connection[Any],
    etsy: Etsy,
    printify: Printify,
    shopify: Shopify,
) -> None:
    made: dict[str, tuple[StandIn, str, str]] = {
        "etsy": (etsy, "receipts$", "orders"),
        "printify": (printify, "orders.json$", "printify_orders"),
        "shopify": (shopify, "graphql.json$", "orders"),
        "shopify_rest": (shopify, "orders.json$", "orders"),
    }
    # Our process, with a cap that a test can reach in little time.
    app.__dict__["transport"] = HttpTransport(SystemClock(), max_body_bytes=CAP)
    stand_in, path, table = made[platform]
    shop = stand_in.shop(130)
    world = make_world(app, db, (stand_in, shop))
    truth = sorted(world.only.expected().tables[table], key=lambda key: (len(key), key))
    big = truth[place]
    stand_in.fault("bad_json", flavour="big", path=path, key=big, bytes=BIG)

    world.run("orders")

    assert world.job("orders")["status"] == "completed", world.job("orders")["error"]
    landed = world.stored(table)
    assert set(truth) - set(landed) == {big}
    assert world.only.certificate("orders")["rejected"] == 1
    (rejected,) = world.rejected()
    assert "bigger than" in rejected["reason"]


def test_one_that_is_asked_for_by_its_number_takes_no_other_along(
    app: App, db: psycopg.Connection[Any], etsy: Etsy
) -> None:
    app.__dict__["transport"] = HttpTransport(SystemClock(), max_body_bytes=CAP)
    world = make_world(app, db, (etsy, etsy.shop(30)))
    truth = sorted(world.only.expected().tables["order_payments"])
    etsy.fault("bad_json", flavour="big", path="payments$", field="currency", key=truth[7], bytes=BIG)

    world.run("payments")

    assert world.job("payments")["status"] == "completed", world.job("payments")["error"]
    assert set(truth) - set(world.stored("order_payments")) == {truth[7]}
    (rejected,) = world.rejected()
    assert (rejected["platform_id"], rejected["reason"].startswith("the body is bigger")) == (truth[7], True)
