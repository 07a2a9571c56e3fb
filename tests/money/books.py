"""The oracle's book of each shop of a world, from the stand-ins' truth, beside what the product stored."""

from __future__ import annotations

from typing import Any

from tests.money.oracle import etsy, printify, shopify
from tests.money.oracle.book import COUNTED, Book, Event, Key
from tests.worlds.world import ConnectedShop, World


def say_zone(shop: ConnectedShop, zone: str, since: str = "-infinity", said_by: str = "seller") -> None:
    shop.world.db.execute(
        "insert into public.shop_time_zones (connection_id, user_id, valid_from, zone, said_by)"
        " values (%s, %s, %s, %s, %s)"
        " on conflict (connection_id, said_by, valid_from) do update set zone = excluded.zone",
        [shop.connection_id, shop.world.user_id, since, zone, said_by],
    )


def costs_of(shop: ConnectedShop) -> list[printify.Cost]:
    """The printer's orders, each with the sale that it is of."""
    truth = shop.stand_in.truth(shop.shop, "costs")
    sale_of = {cost["order_id"]: cost["channel_order_id"] for cost in truth}
    orders = shop.stand_in.truth(shop.shop, "orders")
    return [printify.cost_of(o, None if sale_of[o["id"]] is None else str(sale_of[o["id"]])) for o in orders]


def sold(shop: ConnectedShop) -> list[Event]:
    """Everything that happened at a channel, without what it cost to make."""

    def truth(kind: str) -> list[Any]:
        return shop.stand_in.truth(shop.shop, kind)

    if shop.platform == "etsy":
        return list(etsy.events(truth("receipts"), truth("ledger"), truth("payments")))
    return list(shopify.events(truth("orders"), truth("sales"), truth("transactions")))


def books(world: World, *zones: tuple[float, str]) -> dict[str, Book]:
    """By platform, one shop of each."""
    printers = [shop for shop in world.shops if shop.platform == "printify"]
    costs = [cost for shop in printers for cost in costs_of(shop)]
    found, known = {}, set()
    for shop in world.shops:
        if shop.platform == "printify":
            continue
        book = found[shop.platform] = Book(*zones)
        book.add(sold(shop))
        sales = [event for event in book.events if event.name == "order"]
        known |= {sale.order for sale in sales}
        book.add(list(printify.events_of_sales(sales, costs)))
    for shop in printers:
        book = found[shop.platform] = Book(*zones)
        book.add(event for cost in costs if cost.order not in known for event in cost.events(cost.at))
    return found


def stored_by_sale(shop: ConnectedShop) -> dict[Key, int]:
    """What was taken back, by the day of its sale."""
    rows = shop.world.rows("select * from public.money_days where connection_id = %s", shop.connection_id)
    return {(row["day"], row["currency"], row["class"]): row["of_sales"] for row in rows if row["of_sales"]}


def stored(shop: ConnectedShop) -> dict[Key, int]:
    """Days as they are in the table; of what is counted, how often it happened."""
    rows = shop.world.rows("select * from public.money_days where connection_id = %s", shop.connection_id)
    found = {
        (row["day"], row["currency"], row["class"]): row["events" if row["class"] in COUNTED else "amount"]
        for row in rows
    }
    return {key: amount for key, amount in found.items() if amount}


def differing(found: dict[Key, int], wanted: dict[Key, int]) -> dict[str, tuple[int | None, int | None]]:
    """What is stored and what should be, where they differ."""
    keys = sorted(found.keys() | wanted.keys())
    return {
        " ".join(map(str, key)): (found.get(key), wanted.get(key)) for key in keys if found.get(key) != wanted.get(key)
    }
