"""Orders, countries and products: the same events as the days, and what is not known said so."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.money.hand import NOON, Hand
from tests.worlds.users import make_user

Db = psycopg.Connection[Any]
_BY_ORDER = (
    "order",
    "uncosted",
    "gross_sales",
    "discount",
    "reversal_goods",
    "cogs_goods",
    "cogs_shipping",
    "cogs_tax",
)


def two_channels(db: Db, seed: int) -> Hand:
    """Etsy and Shopify with a printer: lines of the same value and of none, refunds, fees, journals of some orders."""
    dice, hand = random.Random(seed), Hand(db, "etsy", "shopify", "printify")
    for n in range(14):
        platform, at = ("etsy", "shopify")[n % 2], NOON + timedelta(hours=dice.randrange(70))
        goods, discount = dice.randrange(1, 9000), dice.choice((0, 0, 333))
        order = hand.order(
            goods - discount + 490, at=at, platform=platform, item_total_amount=goods, discount_amount=discount,
            shipping_amount=490, country=dice.choice((None, "US", "DE")), is_test=n == 12,
        )  # fmt: skip
        prices = dice.choice(([1, 1, 1], [700, 0], [0, 0], []))
        lines = [
            hand.put(
                "line_items", platform=platform, order_platform_id=order, quantity=dice.randrange(1, 4),
                price_amount=price, listing_platform_id=dice.choice((None, "11", "12")), title="Mug",
                product_platform_id=dice.choice(("1", "2")),
            )
            for price in prices
        ]  # fmt: skip
        if platform == "shopify" and lines and dice.random() < 0.6:
            hand.put("order_journals", platform=platform, platform_id=order)
            for line in lines:
                hand.sale(order, "product order", goods // len(lines), at=at, line_platform_id=line, discount_amount=7)
            hand.sale(order, "product return", -goods // 3, at=at + timedelta(days=40), line_platform_id=lines[0])
        elif dice.random() < 0.6:
            hand.refund(order, goods // 2, at=at + timedelta(days=dice.randrange(60)), platform=platform)
        if platform == "shopify":
            hand.moved(order, "sale", goods, at=at, gateway="shopify_payments", fees_amount=dice.choice((None, 31)))
        else:
            hand.entry("PAYMENT_GROSS", goods, order, at=at + timedelta(days=1))
            hand.entry("transaction", -65, order, at=at + timedelta(days=1))
        if dice.random() < 0.5:
            _print(hand, order, dice.randrange(1, 900))
    hand.days()
    return hand


def _print(hand: Hand, order: str, cost: int) -> None:
    printed = hand.put("printify_orders", platform="printify", shop_order_id=order, ordered_at=NOON, tax_amount=10)
    hand.put(
        "printify_line_items", platform="printify", order_platform_id=printed, cost_amount=cost, shipping_cost_amount=90
    )


def counted(db: Db, query: str, *args: Any) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row) for row in db.execute(query, args))


@pytest.mark.parametrize("seed", range(2))
def test_parts_add_up_to_their_days_and_orders_to_their_events(db: Db, clean: None, seed: int) -> None:
    hand = two_channels(db, seed)
    shops = list(hand.shops.values())

    # Every event that is an order's is told of it, and no other.
    events = "select e.* from unnest(%s::uuid[]) as s, private.{} as e where e.order_platform_id is not null"
    of_orders = counted(db, events.format(
        "order_events(s, array(select platform_id from public.orders where connection_id = s))"), shops)  # fmt: skip
    of_times = counted(db, events.format("money_events(s, '-infinity', 'infinity')"), shops)
    assert of_orders == of_times
    assert len(of_times) > 60

    days = (
        "select connection_id, day, currency, class, {} from public.{} where connection_id = any (%s) {}"
        " group by 1, 2, 3, 4"
    )
    whole = counted(db, days.format("sum(amount), sum(events)", "money_days", "and events > 0"), shops)
    assert counted(db, days.format("sum(amount), sum(events)", "money_countries", ""), shops) == whole
    goods = f"and class = any (array{list(_BY_ORDER)!r}) and events > 0"
    shared = counted(db, days.format("sum(amount)", "money_products", ""), shops)
    assert shared == counted(db, days.format("sum(amount)", "money_days", f"{goods} and platform <> 'printify'"), shops)

    hand.rebuild()
    assert counted(db, days.format("sum(amount)", "money_products", ""), shops) == shared


def _orders(db: Db, user: str, after: Any = None, limit: int = 100, **chosen: Any) -> dict[str, Any]:
    (found,) = db.execute(
        "select public.orders_of(%s, %s, %s, %s)", [user, Jsonb(chosen), after and Jsonb(after), limit]
    ).fetchone() or ({},)
    return dict(found)


def test_orders_are_paged_and_filtered_over_all_shops(db: Db, clean: None) -> None:
    hand = two_channels(db, 5)
    whole = _orders(db, hand.user_id)["orders"]
    paged: list[Any] = []
    after = None
    while True:
        page = _orders(db, hand.user_id, after, 4)
        paged, after = paged + page["orders"], page["next"]
        if after is None:
            break

    assert paged == whole
    assert [o["ordered_at"] for o in whole] == sorted((o["ordered_at"] for o in whole), reverse=True)
    assert len(whole) == 14
    for chosen, kept in (
        ({"platforms": ["shopify"]}, lambda o: o["platform"] == "shopify"),
        ({"countries": ["DE", ""]}, lambda o: o["country"] in ("DE", None)),
        ({"connections": [hand.shops["etsy"]]}, lambda o: o["platform"] == "etsy"),
        ({"first": "2026-03-05", "last": "2026-03-05"}, lambda o: o["day"] == "2026-03-05"),
        ({"search": "mUg"}, lambda o: o["items"]),
        ({"listing": "11"}, lambda o: any(i["listing_platform_id"] == "11" for i in o["items"])),
        ({"search": whole[3]["platform_id"]}, lambda o: o["platform_id"] == whole[3]["platform_id"]),
    ):
        assert _orders(db, hand.user_id, **chosen)["orders"] == [o for o in whole if kept(o)], chosen
    assert _orders(db, make_user(db))["orders"] == []


def test_a_number_is_found_whatever_else_is_asked_and_days_are_the_shops(db: Db, clean: None) -> None:
    hand = Hand(db, "etsy")
    hand.order(100, order_number="#1001", item_total_amount=100)
    hand.order(100, order_number="10011", item_total_amount=100, at=NOON + timedelta(hours=6))
    hand.zone("Asia/Tokyo")
    hand.days()

    assert [o["order_number"] for o in _orders(db, hand.user_id, search="1001")["orders"]] == ["#1001"]
    assert [o["order_number"] for o in _orders(db, hand.user_id, search="100")["orders"]] == ["10011", "#1001"]
    assert [o["day"] for o in _orders(db, hand.user_id)["orders"]] == ["2026-03-05", "2026-03-04"]
    assert [o["day"] for o in _orders(db, hand.user_id, first="2026-03-05", last="2026-03-05")["orders"]] == [
        "2026-03-05"
    ]


def test_a_search_looks_through_so_many_and_says_where_it_goes_on(db: Db, clean: None) -> None:
    hand = Hand(db, "etsy")
    db.execute(
        "insert into public.orders (connection_id, user_id, platform, platform_id, currency, raw, content_hash,"
        " source_updated_at, fetched_at, sync_run_id, ordered_at, total_amount, item_total_amount, country)"
        " select %s, %s, 'etsy', 'n' || n, 'USD', '{}', 1, now(), now(), gen_random_uuid(), '2026-01-01'::timestamptz"
        " - n * interval '1 minute', 5, 5, case when n > 5000 then 'JP' end from generate_series(1, 5003) as n",
        [hand.shops["etsy"], hand.user_id],
    )

    first = _orders(db, hand.user_id, countries=["JP"])
    second = _orders(db, hand.user_id, first["next"], countries=["JP"])

    assert (first["orders"], first["looked_until"][:16]) == ([], "2025-12-28T12:40")
    assert [o["platform_id"] for o in second["orders"]] == ["n5001", "n5002", "n5003"]
    assert second["next"] is None


def _products(db: Db, user: str, **chosen: Any) -> list[dict[str, Any]]:
    (found,) = db.execute("select public.products_of(%s, %s)", [user, Jsonb(chosen)]).fetchone() or ({},)
    return list(found["products"])


def test_a_product_whose_cost_is_not_known_has_no_margin(db: Db, clean: None) -> None:
    """Two of one, one of another in one order; of a second order nobody tells the cost. A refund is shared out."""
    hand = Hand(db, "etsy", "printify")
    first = hand.order(4000, item_total_amount=4000)
    for listing, quantity, price in (("11", 2, 1500), ("12", 1, 1000)):
        hand.put("line_items", order_platform_id=first, quantity=quantity, price_amount=price,
                 listing_platform_id=listing, product_platform_id=f"{listing}a", title=f"T{listing}",
                 sku=f"S{listing}")  # fmt: skip
    _print(hand, first, 800)
    second = hand.order(1000, item_total_amount=1000)
    hand.put(
        "line_items", order_platform_id=second, quantity=1, price_amount=1000, listing_platform_id="12", title="T12"
    )
    hand.refund(first, 2000, at=NOON + timedelta(days=9))
    hand.days()

    told = [
        tuple(p[name] for name in ("listing_platform_id", "units", "revenue", "refunds", "cost_of_goods",
                                   "uncosted_units", "margin", "missing"))
        for p in _products(db, hand.user_id)
    ]  # fmt: skip
    assert told == [
        ("11", 2, 3000, -1500, -608, 0, 892, []),
        ("12", 2, 2000, -500, -202, 1, None, ["cost"]),
    ]
    assert [p["variant_platform_id"] for p in _products(db, hand.user_id, by="variant")] == ["11a", "12a", None]
    assert [p["sku"] for p in _products(db, hand.user_id, search="s11")] == ["S11"]
    assert _products(db, hand.user_id, last="2026-03-03") == []
    assert _products(db, make_user(db)) == []


def test_lines_that_come_after_their_order_change_its_products(db: Db, clean: None) -> None:
    hand = Hand(db, "etsy")
    order = hand.order(1000, item_total_amount=1000)
    hand.days()
    assert [p["product"] for p in _products(db, hand.user_id)] == [""]

    hand.put("line_items", order_platform_id=order, quantity=1, price_amount=1000, listing_platform_id="12",
             fetched_at=NOON + timedelta(minutes=1))  # fmt: skip
    hand.days()

    assert [p["product"] for p in _products(db, hand.user_id)] == ["12"]


def test_the_record_behind_an_event_is_its_owners_alone(db: Db, clean: None) -> None:
    hand, other = Hand(db, "etsy", "printify"), Hand(db, "etsy")
    order = hand.order(4000, item_total_amount=4000, raw=Jsonb({"receipt_id": 5}))
    _print(hand, order, 800)
    hand.days()

    def record(user: str, shop: str, table: str, row: str) -> Any:
        return (db.execute("select public.money_record(%s, %s, %s, %s)", [user, shop, table, row]).fetchone() or (0,))[
            0
        ]

    etsy = hand.shops["etsy"]
    assert record(hand.user_id, etsy, "orders", order)["raw"] == {"receipt_id": 5}
    (cost,) = db.execute("select source_id from public.order_costs where user_id = %s", [hand.user_id]).fetchone() or (
        "",
    )
    assert record(hand.user_id, etsy, "order_costs", cost)["production_amount"] == 800
    assert "raw" in record(hand.user_id, etsy, "order_costs", cost)
    for table, row in (("connected_accounts", etsy), ("private.platform_tokens", etsy), ("orders", "none")):
        assert record(hand.user_id, etsy, table, row) is None
    assert record(other.user_id, other.shops["etsy"], "orders", order) is None
    assert record(other.user_id, other.shops["etsy"], "order_costs", cost) is None
    with pytest.raises(psycopg.Error, match="not_connected"):
        record(other.user_id, etsy, "orders", order)
    with pytest.raises(psycopg.Error, match="not_connected"):
        db.execute("select public.order_of(%s, %s, %s)", [other.user_id, etsy, order])
