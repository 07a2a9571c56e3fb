"""Random shops, read by the product's own parts: every figure of every day is the oracle's, to the cent."""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from execution import daily_financial_roll
from tests.money.books import books, differing, say_zone, stored, stored_by_sale
from tests.money.oracle import etsy
from tests.money.oracle.book import Book, Key
from tests.worlds.world import World, make_world

# How many shops of each kind; 200 take a while.
SHOPS = int(os.environ.get("KEEPER_HISTORIES", "2"))
# Clocks that are turned, at midnight too, by half an hour, and none; and a day that once was left out.
ZONES = ("America/Denver", "Europe/Berlin", "Pacific/Apia", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe")
ENDS_AT = int(time.time()) - 3600


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What one number comes to: the zone, and currencies of the shop and of its account."""

    dice: random.Random
    zone: str
    currency: str
    payout: str

    @classmethod
    def of(cls, number: int) -> Draw:
        dice = random.Random(f"shop {number}")
        currency = ("USD", "EUR", "JPY", "GBP", "AUD", "CAD")[number % 6]
        payout = currency if dice.random() < 0.7 else dice.choice(("USD", "EUR", "JPY"))
        return cls(dice=dice, zone=dice.choice(ZONES), currency=currency, payout=payout)


def wrong(world: World, zone: str) -> dict[str, Any]:
    """All differences between what is stored and the oracle's books, by platform and by which day is meant."""
    found: dict[str, Any] = {}
    for platform, book in books(world, (float("-inf"), zone)).items():
        shop = world.of(platform)
        found[platform] = differing(stored(shop), book.days())
        found[f"{platform} of sales"] = differing(stored_by_sale(shop), book.sale_days())
    return {name: differences for name, differences in found.items() if differences}


def everything(world: World) -> dict[str, list[dict[Key, int]]]:
    return {shop.connection_id: [stored(shop), stored_by_sale(shop)] for shop in world.shops}


@pytest.mark.parametrize("number", range(SHOPS))
def test_a_shop_of_etsys_with_its_printer(platforms: Any, app: Any, db: Any, number: int) -> None:
    draw = Draw.of(number)
    seed = platforms.etsy.seeds.draw()
    plan = {"seed": seed, "ends_at": ENDS_AT, "currency": draw.currency, "payout_currency": draw.payout}
    sold = (platforms.etsy, platforms.etsy.shop(draw.dice.choice((30, 110)), **plan))
    printed = (platforms.printify, platforms.printify.printer(sold, seed=seed))
    world = make_world(app, db, sold, printed, expires_in=3600)
    for shop in world.shops:
        say_zone(shop, draw.zone)
    # In whatever order the platforms are read.
    for platform in draw.dice.sample(("etsy", "printify"), 2):
        world.of(platform).run()

    assert wrong(world, draw.zone) == {}
    assert unbalanced(world.of("etsy"), draw.zone) == {}
    _built_anew(app, world)


@pytest.mark.parametrize("number", range(SHOPS))
def test_a_shop_of_shopifys(platforms: Any, app: Any, db: Any, number: int) -> None:
    """By its journal of sales: edits, exchanges, returns with a fee, refunds without goods and of shipping alone."""
    draw = Draw.of(number)
    shop = platforms.shopify.shop(90, ends_at=ENDS_AT, currency=draw.currency)
    rare_turns(platforms.shopify, shop, draw.dice)
    world = make_world(app, db, (platforms.shopify, shop))
    platforms.shopify.mutate(shop, "set_zone", zone=draw.zone)
    say_zone(world.only, draw.zone, said_by="platform")
    world.run("orders")

    assert wrong(world, draw.zone) == {}
    _built_anew(app, world)


def rare_turns(shopify: Any, shop: Any, dice: random.Random) -> None:
    """What seldom befalls an order befalls one of this shop, whatever its lots were."""
    fresh = [shopify.mutate(shop, "new_order", at=ENDS_AT - 86_400, lines=2)["result"]["order_id"] for _ in range(7)]
    turns: list[tuple[str, dict[str, Any]]] = [
        ("exchange_order", {}),
        ("edit_order", {"lines": [[0, 0]]}),
        ("refund_order", {"amount": dice.randrange(1, 300)}),
        ("refund_order", {"lines": [[0, 1]], "fee": 100}),
        ("refund_order", {"shipping": True}),
        ("update_order", {"fields": {"test": True}}),
        ("dispute_order", {"as": "CHARGEBACK", "status": dice.choice(("WON", "LOST"))}),
    ]
    for order, (kind, fields) in zip(fresh, turns, strict=True):
        shopify.mutate(shop, kind, order_id=order, at=ENDS_AT - dice.randrange(3600, 40_000), **fields)


def unbalanced(shop: Any, zone: str) -> dict[Any, tuple[int, int]]:
    """Days on which the classes of the ledger come to something else than the balance changed by."""
    classes = {etsy.class_of(kind) for kind in etsy.KINDS} | {"unclassified"}
    found: dict[Any, int] = defaultdict(int)
    for (day, currency, name), amount in stored(shop).items():
        if name in classes:
            found[day, currency] += amount
    book, changed, before = Book((float("-inf"), zone)), defaultdict[Any, int](int), 0
    for entry in shop.stand_in.truth(shop.shop, "ledger"):
        balance = etsy.ledger_amount(entry, "balance")
        changed[book.day(entry["created_timestamp"]), entry["currency"]] += balance - before
        before = balance
    return {
        key: (found[key], changed[key])
        for key in found.keys() | changed.keys()
        if found.get(key, 0) != changed.get(key, 0)
    }


def _built_anew(app: Any, world: World) -> None:
    before = everything(world)
    world.db.execute("delete from public.money_days where user_id = %s", [world.user_id])
    daily_financial_roll.rebuild(app.store, world.user_id)
    assert everything(world) == before
