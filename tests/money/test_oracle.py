"""Every figure of every day, beside the oracle's; whatever comes first, and built anew from nothing."""

from __future__ import annotations

import os
import random
import time
from datetime import datetime
from typing import Any

import pytest

from execution import daily_financial_roll
from tests.money import oracle
from tests.worlds.world import make_world

SHOPS = int(os.environ.get("KEEPER_MONEY_SHOPS", "2"))
ZONES = ("America/Denver", "Europe/Berlin", "Pacific/Apia", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe")
ENDS_AT = int(time.time()) - 3600


def told(db: Any, connection: str) -> tuple[oracle.Days, dict[Any, int]]:
    """Days as they are stored."""
    rows = db.execute(
        "select day, currency, class, amount, events, of_sales from public.money_days where connection_id = %s",
        [connection],
    ).fetchall()
    days = {(d, c, name): (amount, events) for d, c, name, amount, events, _ in rows if events or amount}
    return days, {(d, c, name): of_sales for d, c, name, *_, of_sales in rows if of_sales}


def say_zone(db: Any, shop: Any, zone: str) -> None:
    db.execute(
        "insert into public.shop_time_zones (connection_id, user_id, valid_from, zone, said_by)"
        " values (%s, %s, '-infinity', %s, 'seller')",
        [shop.connection_id, shop.world.user_id, zone],
    )


def costs_of(platforms: Any, seller: Any) -> tuple[oracle.CostsOf, list[tuple[datetime, oracle.Cost]]]:
    """The printer's orders by the order that our links say they belong to, and those that belong to none."""
    truth = {order["id"]: order for order in platforms.printify.truth(seller.of("printify").shop, "orders")}
    of: dict[str, list[oracle.Cost]] = {}
    alone = []
    rows = seller.db.execute(
        "select source_id, state, order_platform_id, ordered_at from public.order_costs where user_id = %s",
        [seller.user_id],
    )
    for source_id, state, order, at in rows:
        cost = oracle.Cost(truth[source_id])
        if state == "linked":
            of.setdefault(order, []).append(cost)
        else:
            alone.append((at, cost))
    return (lambda order: of.get(order, [])), alone


def expected(platforms: Any, shop: Any, zone: str, costs: oracle.CostsOf) -> oracle.Book:
    book = oracle.Book(zone)
    truth = {kind: platforms.etsy.truth(shop.shop, kind) for kind in ("receipts", "ledger", "payments")}
    oracle.etsy(truth["receipts"], truth["ledger"], truth["payments"], costs, book)
    return book


@pytest.mark.parametrize("number", range(SHOPS))
def test_every_figure_of_every_day_is_the_oracles(platforms, app, db, number):
    """Random shops in random zones, with a printer, in whatever order their platforms are read."""
    dice = random.Random(number)
    zone = dice.choice(ZONES)
    seed = platforms.etsy.seeds.draw()
    sold = (platforms.etsy, platforms.etsy.shop(dice.choice((40, 120)), seed=seed, ends_at=ENDS_AT))
    printed = (platforms.printify, platforms.printify.printer(sold, seed=seed))
    seller = make_world(app, db, sold, printed, expires_in=3600)
    for shop in seller.shops:
        say_zone(db, shop, zone)
    for platform in dice.sample(("etsy", "printify"), 2):
        seller.of(platform).run()

    shop, printer = seller.of("etsy"), seller.of("printify")
    costs, alone = costs_of(platforms, seller)
    book = expected(platforms, shop, zone, costs)
    first = told(db, shop.connection_id)
    assert first == (book.days(), {key: amount for key, amount in book.of_sales.items() if amount})
    own = oracle.Book(zone)
    oracle.printer(alone, own)
    assert told(db, printer.connection_id)[0] == own.days()
    _nothing_is_left(db, seller)

    db.execute("delete from public.money_days where user_id = %s", [seller.user_id])
    daily_financial_roll.rebuild(app.store, seller.user_id)

    assert told(db, shop.connection_id) == first
    assert daily_financial_roll.certificates(app.store, seller.user_id, rows=60)["differing"] == []


def _nothing_is_left(db, seller):
    ids = [shop.connection_id for shop in seller.shops]
    for table in ("money_marks", "money_touched"):
        (left,) = db.execute(f"select count(*) from private.{table} where connection_id = any (%s)", [ids]).fetchone()
        assert left == 0
