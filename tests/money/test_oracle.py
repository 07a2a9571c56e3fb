"""Random shops, read by the product's own parts: every figure of every day is the oracle's, to the cent.

`KEEPER_HISTORIES=200` plays so many shops of each kind, and the demo's sellers in their full size; with
`KEEPER_ORACLE_LOG`, how much was compared is added to that file.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from execution import daily_financial_roll
from tests.money.books import books, differing, say_zone, stored, stored_by_sale, told, told_by_month
from tests.money.oracle import etsy
from tests.money.oracle.book import Book, Key
from tests.money.oracle.figures import figures, known
from tests.money.turns import borders, turns_at_etsys, turns_at_shopifys
from tests.worlds.waits import forget_limits
from tests.worlds.world import World, make_world

# Which shops of each kind, "40:80" or how many; 200 take a while.
_FROM, _, _TO = os.environ.get("KEEPER_HISTORIES", "2").rpartition(":")
SHOPS = range(int(_FROM or 0), int(_TO))
IS_FULL = len(SHOPS) > 10
# Clocks that are turned, at midnight too, by half an hour, and none; and a day that once was left out.
ZONES = (
    "America/Denver", "Europe/Berlin", "Pacific/Apia", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Asia/Beirut", "America/Santiago",
)  # fmt: skip
ENDS_AT = int(time.time()) - 3600
# What has to be in a shop's book, or the stand-in shows less than it did.
ETSYS = {
    "order", "gross_sales", "shipping", "payment", "refund_paid", "transfer", "reversal_goods", "fee_selling", "label",
    "ads", "unclassified", "credit", "tax_passed",
}  # fmt: skip
SHOPIFYS = {
    "order", "gross_sales", "shipping", "tip", "gift_card", "other_income", "payment", "refund_paid", "fee_payment",
    "fees_unknown", "reversal_goods", "reversal_shipping", "reversal_adjustment", "uncosted",
}  # fmt: skip
# Where the payment account is shown, and where it is not.
ACCOUNT, UNTOLD = {"dispute", "dispute_fee", "transfer"}, {"disputes_unknown"}
SCOPES = ("read_orders", "read_all_orders", "read_products", "read_customers", "read_inventory", "read_locations")
PAYMENTS = ("read_shopify_payments_accounts", "read_shopify_payments_payouts")
COSTS = {"cogs_goods", "cogs_shipping", "cogs_tax"}
# As far behind the demo's own as keeps clear of shops that were made without one: those get the first that are free.
_DEMO_SEED = 990_007


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What one number comes to: zones since when, and currencies of the shop and of its account."""

    dice: random.Random
    zones: tuple[tuple[float, str], ...]
    currency: str
    payout: str

    @classmethod
    def of(cls, number: int, currencies: tuple[str, ...] = ("USD", "EUR", "JPY", "GBP", "AUD", "CAD")) -> Draw:
        dice = random.Random(f"shop {number}")
        currency = currencies[number % len(currencies)]
        payout = currency if dice.random() < 0.7 else dice.choice(("USD", "EUR", "JPY"))
        zones: list[tuple[float, str]] = [(float("-inf"), dice.choice(ZONES))]
        # One in four has moved.
        if dice.random() < 0.25:
            zones.append((ENDS_AT - dice.randrange(20, 200) * 86_400, dice.choice(ZONES)))
        return cls(dice=dice, zones=tuple(zones), currency=currency, payout=payout)

    def borders(self) -> list[int]:
        found = [second for _, zone in self.zones for second in borders(zone, ENDS_AT, self.dice)]
        moved = [int(since) + step for since, _ in self.zones[1:] for step in (-1, 0, 40_000)]
        return sorted({*self.dice.sample(found, min(len(found), 5)), *moved})

    def say(self, world: World) -> None:
        for shop in world.shops:
            said_by = "platform" if shop.platform == "shopify" else "seller"
            for since, zone in self.zones:
                begins = "-infinity" if since == float("-inf") else datetime.fromtimestamp(since, UTC).isoformat()
                say_zone(shop, zone, begins, said_by)
            if shop.platform == "shopify":
                shop.stand_in.mutate(shop.shop, "set_zone", zone=self.zones[-1][1])


def wrong(world: World, found: dict[str, Book]) -> dict[str, Any]:
    """All differences between what is stored and told and the oracle's books, by shop and by what is compared."""
    differences: dict[str, Any] = {}
    compared: dict[str, int] = defaultdict(int)
    for shop in world.shops:
        days = found[shop.connection_id].days()
        for what, has, wanted in (
            ("classes", stored(shop), days),
            ("of sales", stored_by_sale(shop), found[shop.connection_id].sale_days()),
            ("figures", told(shop), known(figures(days))),
            ("months", told_by_month(shop), figures(days, lambda day: day.replace(day=1))),
        ):
            differences[f"{shop.platform} {shop.shop.id}: {what}"] = differing(has, wanted)
            compared[what] += len(wanted)
        compared["shops"] += 1
        compared["days"] += len({day for day, _, _ in days})
    _log(compared)
    return {name: each for name, each in differences.items() if each}


def _log(compared: dict[str, int]) -> None:
    if path := os.environ.get("KEEPER_ORACLE_LOG"):
        with Path(path).open("a") as file:
            file.write(json.dumps(compared) + "\n")


def names(book: Book) -> set[str]:
    return {event.name for event in book.events}


def everything(world: World) -> dict[str, list[dict[Key, int]]]:
    return {shop.connection_id: [stored(shop), stored_by_sale(shop)] for shop in world.shops}


@pytest.mark.parametrize("number", SHOPS)
def test_a_shop_of_etsys_with_its_printer(platforms: Any, app: Any, db: Any, number: int) -> None:
    draw = Draw.of(number)
    seed = platforms.etsy.seeds.draw()
    plan = {"seed": seed, "ends_at": ENDS_AT, "currency": draw.currency, "payout_currency": draw.payout}
    sold = (platforms.etsy, platforms.etsy.shop(draw.dice.choice((30, 110)), **plan))
    printed = (platforms.printify, platforms.printify.printer(sold, seed=platforms.printify.seeds.draw()))
    turns_at_etsys(platforms.etsy, sold[1], draw.dice, ENDS_AT, draw.borders())
    world = make_world(app, db, sold, printed, expires_in=3600)
    draw.say(world)
    # In whatever order the platforms are read.
    for platform in draw.dice.sample(("etsy", "printify"), 2):
        world.of(platform).run()

    found = books(world, *draw.zones)
    assert wrong(world, found) == {}
    assert unbalanced(world.of("etsy"), draw.zones) == {}
    assert names(found[world.of("etsy").connection_id]) >= ETSYS | COSTS
    _built_anew(app, world)


@pytest.mark.parametrize("number", SHOPS)
def test_a_shop_of_shopifys_with_its_printer(platforms: Any, app: Any, db: Any, number: int) -> None:
    """By its journal of sales: edits, exchanges, returns with a fee, refunds without goods and of shipping alone."""
    # Of no decimals and of three; taxes inside the prices in five of them.
    draw = Draw.of(number, ("BHD", "USD", "JPY", "EUR", "GBP", "AUD", "CAD"))
    seed = platforms.shopify.seeds.draw()
    # Every other seller shows the payment account.
    shows = bool(number % 2)
    scopes = sorted({*SCOPES, *(PAYMENTS if shows else ())})
    plan = {"seed": seed, "ends_at": ENDS_AT, "currency": draw.currency, "scopes": scopes}
    sold = (platforms.shopify, platforms.shopify.shop(90, **plan))
    printed = (platforms.printify, platforms.printify.printer(sold, seed=platforms.printify.seeds.draw()))
    turns_at_shopifys(platforms.shopify, sold[1], draw.dice, ENDS_AT, draw.borders())
    # Fees of the last weeks are told late.
    late = 0 if draw.dice.random() < 0.5 else 40 * 86_400
    platforms.shopify.settings(fees_after_seconds=late)
    world = make_world(app, db, sold, printed, expires_in=3600)
    draw.say(world)
    fees_until = time.time() - late
    for platform in draw.dice.sample(("shopify", "printify"), 2):
        world.of(platform).run("orders")

    found = books(world, *draw.zones, fees_until=fees_until)
    assert wrong(world, found) == {}
    assert names(found[world.of("shopify").connection_id]) >= SHOPIFYS | COSTS | (ACCOUNT if shows else UNTOLD)
    assert not shows or unpaid(world.of("shopify")) == {}
    if late:
        platforms.shopify.settings(fees_after_seconds=0)
        world.of("shopify").run("orders", again=True)
        assert wrong(world, books(world, *draw.zones)) == {}
    _built_anew(app, world)


def test_the_sellers_of_the_demo(platforms: Any, app: Any, db: Any) -> None:
    """Ada sells at Etsy and with a shop of her own, and one printer prints for both; the other seller at Etsy alone."""
    orders = 1200 if IS_FULL else 60
    common = {"years": 3, "ends_at": ENDS_AT // 86_400 * 86_400}
    sold = (platforms.etsy, platforms.etsy.shop(orders, seed=_DEMO_SEED, **common))
    own = (platforms.shopify, platforms.shopify.shop(orders // 4, seed=_DEMO_SEED, **common))
    channels = [{"channel": stand_in.platform, **shop.facts} for stand_in, shop in (sold, own)]
    printed = platforms.printify.made({"seed": _DEMO_SEED, "channel_shops": channels, "coverage": 0.8})
    ada = make_world(app, db, sold, own, (platforms.printify, printed), expires_in=3600)
    other = make_world(app, db, (platforms.etsy, platforms.etsy.shop(orders // 4, seed=_DEMO_SEED + 1, **common)))
    for world in (ada, other):
        for shop in world.shops:
            say_zone(shop, "America/Phoenix", said_by="platform" if shop.platform == "shopify" else "seller")
        # Of hundreds of pages none waits for a minute's limits.
        world.after_slice = lambda _: forget_limits(app, db)
        world.run()

        assert wrong(world, books(world, (float("-inf"), "America/Phoenix"))) == {}


def unbalanced(shop: Any, zones: tuple[tuple[float, str], ...]) -> dict[Any, tuple[int, int]]:
    """Days on which the classes of the ledger come to something else than the balance changed by."""
    classes = {etsy.class_of(kind) for kind in etsy.KINDS} | {"unclassified"}
    found: dict[Any, int] = defaultdict(int)
    for (day, currency, name), amount in stored(shop).items():
        if name in classes:
            found[day, currency] += amount
    book, changed, before = Book(*zones), defaultdict[Any, int](int), 0
    for entry in shop.stand_in.truth(shop.shop, "ledger"):
        balance = etsy.ledger_amount(entry, "balance")
        changed[book.day(entry["created_timestamp"]), entry["currency"]] += balance - before
        before = balance
    return {
        key: (found[key], changed[key])
        for key in found.keys() | changed.keys()
        if found.get(key, 0) != changed.get(key, 0)
    }


def unpaid(shop: Any) -> dict[Any, tuple[int, int]]:
    """Payouts that are not what the entries that they took along come to."""
    parts: dict[Any, int] = defaultdict(int)
    made: dict[Any, int] = {}
    for row in shop.world.rows(
        "select * from public.balance_transactions where connection_id = %s and payout_platform_id is not null",
        shop.connection_id,
    ):
        if row["entry_type"] == "transfer":
            made[row["payout_platform_id"]] = -row["net_amount"]
        else:
            parts[row["payout_platform_id"]] += row["net_amount"]
    assert made
    return {one: (made.get(one, 0), parts[one]) for one in made.keys() | parts.keys() if made.get(one) != parts[one]}


def _built_anew(app: Any, world: World) -> None:
    before = everything(world)
    world.db.execute("delete from public.money_days where user_id = %s", [world.user_id])
    daily_financial_roll.rebuild(app.store, world.user_id)
    assert everything(world) == before
