"""The oracle's book of each shop of a world, from the stand-ins' truth, beside what the product stored and tells."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg.types.json import Jsonb

from tests.money.oracle import etsy, printify, shopify, square
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


def sold(shop: ConnectedShop, fees_until: float = float("inf")) -> tuple[dict[str, int], list[Event]]:
    """When each order was, and everything that happened at a channel, without what it cost to make."""

    def truth(kind: str) -> list[Any]:
        return shop.stand_in.truth(shop.shop, kind)

    if shop.platform == "etsy":
        receipts = truth("receipts")
        return etsy.made(receipts), list(etsy.events(receipts, truth("ledger"), truth("payments")))
    if shop.platform == "square":
        orders = truth("orders")
        more = {"disputes": truth("disputes"), "payouts": truth("payouts")}
        return square.made(orders), list(square.events(orders, truth("payments"), truth("refunds"), **more))
    orders = truth("orders")
    # As far as it was shown: a stand-in books an entry when it is asked for.
    account = truth("balance_transactions")
    found = shopify.events(
        orders,
        truth("sales"),
        truth("transactions"),
        disputes=truth("disputes"),
        account=account,
        fees_until=fees_until,
    )
    return shopify.made(orders), list(found)


def books(world: World, *zones: tuple[float, str], fees_until: float = float("inf")) -> dict[str, Book]:
    """By connection; the printers' orders belong to whichever shop has the order."""
    printers = [shop for shop in world.shops if shop.platform == "printify"]
    costs = [cost for shop in printers for cost in costs_of(shop)]
    found: dict[str, Book] = {}
    known: set[str] = set()
    for shop in world.shops:
        if shop.platform == "printify":
            continue
        book = found[shop.connection_id] = Book(*zones)
        made, events = sold(shop, fees_until)
        known |= made.keys()
        book.add(events)
        book.add(printify.events_of_orders(made, [event for event in events if event.name == "order"], costs))
    for shop in printers:
        book = found[shop.connection_id] = Book(*zones)
        book.add(event for cost in costs_of(shop) if cost.order not in known for event in cost.events(cost.at))
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


def told(shop: ConnectedShop) -> dict[Key, int]:
    """Every figure of every day, as people are told it."""
    found: dict[Key, int] = {}
    after: Any = None
    while True:
        (row,) = shop.world.rows(
            "select public.money_days_of(%s, null, null, array[%s]::uuid[], %s::jsonb, 500) as page",
            shop.world.user_id, shop.connection_id, after,
        )  # fmt: skip
        for day in row["page"]["days"]:
            for currency, sums in day["currencies"].items():
                for name, amount in (("profit", sums["profit"]), *sums["figures"].items()):
                    if amount is None:
                        assert name in ("profit", "disputes")
                        assert sums["missing"] == ["disputes"]
                        continue
                    found[date.fromisoformat(day["day"]), currency, name] = int(amount)
        if row["page"]["next"] is None:
            return {key: amount for key, amount in found.items() if amount}
        after = Jsonb(row["page"]["next"])


def told_by_month(shop: ConnectedShop) -> dict[Key, int]:
    """The same by months."""
    (row,) = shop.world.rows(
        "select public.money_months(%s, '1900-01-01', '2100-01-01', %s) as told",
        shop.world.user_id, Jsonb({"connections": [shop.connection_id]}),
    )  # fmt: skip
    found: dict[Key, int] = {}
    for one in row["told"]["sums"]:
        key = date.fromisoformat(one["month"]), one["currency"]
        amount = one["events"] if one["part"] == "counted" else one["amount"]
        for name in (one["figure"], *(("profit",) if one["part"] == "profit" else ())):
            found[*key, name] = found.get((*key, name), 0) + int(amount)
    return {key: amount for key, amount in found.items() if amount}


def differing(found: dict[Key, int], wanted: dict[Key, int]) -> dict[str, tuple[int | None, int | None]]:
    """What is stored and what should be, where they differ."""
    keys = sorted(found.keys() | wanted.keys())
    return {
        " ".join(map(str, key)): (found.get(key), wanted.get(key)) for key in keys if found.get(key) != wanted.get(key)
    }
