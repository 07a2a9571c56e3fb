"""What the seller's own goods cost: by the seller's word, by the platform's at the time of the sale, or not known."""

from __future__ import annotations

import itertools
import random
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.money.hand import NOON, Hand
from tests.worlds.users import make_user

Db = psycopg.Connection[Any]
DAY, FIRST = timedelta(days=1), "0001-01-01"


def cost(key: str, amount: int | None, since: str = FIRST, **fields: Any) -> dict[str, Any]:
    return {"kind": "sku", "key": key, "valid_from": since, "currency": "USD", "cost_amount": amount, **fields}


def save(db: Db, hand: Hand, *rows: dict[str, Any]) -> dict[str, Any]:
    (said,) = db.execute(
        "select public.save_goods_costs(%s, 'test', %s)", [hand.user_id, Jsonb(list(rows))]
    ).fetchone() or ({},)
    return dict(said)


def undo(db: Db, hand: Hand, save_id: str) -> None:
    db.execute("select public.undo_goods_costs(%s, %s)", [hand.user_id, save_id])


def costs_of(db: Db, hand: Hand) -> list[tuple[Any, ...]]:
    return db.execute(
        "select kind, key, connection_id, valid_from, currency, cost_amount from private.goods_costs"
        " where user_id = %s order by 1, 2, 3, 4",
        [hand.user_id],
    ).fetchall()


def sold(
    hand: Hand, sku: str | None, *, pieces: int = 1, at: datetime = NOON, platform: str = "etsy", **fields: Any
) -> str:
    """An order of one line."""
    order = hand.order(1000, at=at, item_total_amount=1000, platform=platform)
    line(hand, order, sku, pieces=pieces, platform=platform, **fields)
    return order


def line(hand: Hand, order: str, sku: str | None, *, pieces: int = 1, platform: str = "etsy", **fields: Any) -> str:
    row = {"order_platform_id": order, "quantity": pieces, "price_amount": 1000, "sku": sku, **fields}
    return hand.put("line_items", platform=platform, **row)


@pytest.fixture
def hand(db: Db, clean: None) -> Hand:
    return Hand(db, "etsy", "shopify", "printify")


def test_a_piece_costs_what_was_said_for_the_day_of_its_sale(db: Db, hand: Hand) -> None:
    for days in (0, 1, 2, 3):
        sold(hand, "MUG", pieces=2, at=NOON + days * DAY)
    save(db, hand, cost("MUG", 300), cost("MUG", 350, "2026-03-05"), cost("MUG", None, "2026-03-06"))
    save(db, hand, cost("MUG", 0, "2026-03-07"))

    found = hand.days()

    by_day = [found[date(2026, 3, day)] for day in (4, 5, 6, 7)]
    assert [one.get("cogs_goods", 0) for one in by_day] == [-600, -700, 0, 0]
    # A cost of nothing is known, and none is not.
    assert [one.get("uncosted", 0) for one in by_day] == [0, 0, 1, 0]


def test_the_day_is_the_shops(db: Db, hand: Hand) -> None:
    hand.zone("Asia/Tokyo")
    sold(hand, "MUG", at=datetime.fromisoformat("2026-03-04T16:00Z"))
    save(db, hand, cost("MUG", 300, "2026-03-05"))

    assert hand.classes()["cogs_goods"] == -300


def test_a_sku_is_of_all_shops_and_before_its_listing(db: Db, hand: Hand) -> None:
    etsy = hand.shops["etsy"]
    save(
        db, hand, cost("MUG", 300), cost("11", 500, kind="listing", connection_id=etsy),
        cost("12", 700, kind="listing", connection_id=hand.shops["shopify"]),
    )  # fmt: skip
    sold(hand, "MUG", listing_platform_id="11")
    sold(hand, None, listing_platform_id="11")
    sold(hand, None, listing_platform_id="12")
    sold(hand, "MUG", platform="shopify")

    assert (hand.classes()["cogs_goods"], hand.classes()["uncosted"]) == (-800, 1)
    assert hand.classes(platform="shopify")["cogs_goods"] == -300


def test_what_is_printed_costs_what_the_printer_took(db: Db, hand: Hand) -> None:
    order = sold(hand, "MUG")
    printed = hand.put("printify_orders", platform="printify", shop_order_id=order, ordered_at=NOON, tax_amount=0)
    hand.put("printify_line_items", platform="printify", order_platform_id=printed, cost_amount=111)
    save(db, hand, cost("MUG", 300))

    assert hand.classes()["cogs_goods"] == -111


def test_lines_without_a_cost_are_named_and_their_order_is_counted_once(db: Db, hand: Hand) -> None:
    order = sold(hand, "MUG", pieces=2, listing_platform_id="11")
    lacking = [line(hand, order, sku, pieces=3, listing_platform_id="12") for sku in ("CUP", None)]
    save(db, hand, cost("MUG", 300))

    found = hand.classes()

    assert (found["uncosted"], found["cogs_goods"]) == (1, -600)
    pieces = db.execute("select listing_platform_id, pieces from public.money_products where class = 'uncosted'")
    assert {name: number for name, number in pieces if number} == {"12": 6}
    (told,) = db.execute(
        "select e.detail from private.order_events_etsy(%s, %s) as e where e.class = 'uncosted'",
        [hand.shops["etsy"], [order]],
    ).fetchall()
    assert told[0].split(",") == sorted(lacking)


def test_a_platforms_cost_counts_from_when_it_was_seen_until_another_was(db: Db, hand: Hand) -> None:
    def told(amount: int, at: datetime) -> None:
        hand.change("delete from public.listing_variants where platform_id = '5'")
        hand.put(
            "listing_variants", platform="shopify", platform_id="5", unit_cost_amount=amount, unit_cost_currency="USD",
            fetched_at=at, price_amount=1, listing_platform_id="1",
        )  # fmt: skip

    for days in (0, 1, 3):
        sold(hand, "MUG", at=NOON + days * DAY, platform="shopify", product_platform_id="5")
    hand.days(platform="shopify")
    told(200, NOON + DAY / 2)
    told(250, NOON + 2 * DAY)

    found = hand.days(platform="shopify")

    by_day = [found[date(2026, 3, day)] for day in (4, 5, 7)]
    assert [one.get("cogs_goods") for one in by_day] == [None, -200, -250]
    assert [one.get("uncosted") for one in by_day] == [1, None, None]
    save(db, hand, cost("MUG", 300))
    assert hand.classes(platform="shopify")["cogs_goods"] == -900


@pytest.mark.parametrize(("kind", "comes_back"), [("return", True), ("cancel", True), ("no_restock", False)])
def test_what_came_back_into_stock_is_no_cost_from_its_refund_on(
    db: Db, hand: Hand, kind: str, *, comes_back: bool
) -> None:
    order = hand.order(3000, platform="shopify", item_total_amount=3000)
    of = line(hand, order, "MUG", pieces=3, platform="shopify")
    refund = hand.refund(order, 1000, platform="shopify", at=NOON + DAY)
    hand.put(
        "order_refund_lines", platform="shopify", refund_platform_id=refund, line_item_platform_id=of, quantity=1,
        restock_type=kind, subtotal_amount=1000,
    )  # fmt: skip
    save(db, hand, cost("MUG", 300))

    found = hand.days(platform="shopify")

    assert found[date(2026, 3, 4)]["cogs_goods"] == -900
    assert found[date(2026, 3, 5)].get("cogs_goods") == (300 if comes_back else None)


def test_what_an_edit_took_out_of_an_order_cost_nothing(db: Db, hand: Hand) -> None:
    """Of five pieces two were taken out and one came back: three were sold."""
    order = hand.order(3000, platform="shopify", item_total_amount=3000)
    of = line(hand, order, "MUG", pieces=5, platform="shopify", current_quantity=2)
    line(hand, order, "CUP", pieces=1, platform="shopify", current_quantity=0)
    refund = hand.refund(order, 1000, platform="shopify", at=NOON + DAY)
    hand.put(
        "order_refund_lines", platform="shopify", refund_platform_id=refund, line_item_platform_id=of, quantity=1,
        restock_type="return", subtotal_amount=1000,
    )  # fmt: skip
    save(db, hand, cost("MUG", 300))

    found = hand.days(platform="shopify")

    assert found[date(2026, 3, 4)]["cogs_goods"] == -900
    assert "uncosted" not in found[date(2026, 3, 4)]
    assert found[date(2026, 3, 5)]["cogs_goods"] == 300


def test_a_later_word_restates_the_days_that_it_is_about_and_no_other(db: Db, clean: None) -> None:
    """With the cause on record, and taken back as they were."""
    hand = Hand(db, "etsy")
    sold(hand, "MUG")
    sold(hand, "CUP", at=NOON + DAY)
    hand.prove()
    before = hand.days()
    assert {state for state, _ in hand.states().values()} == {"closed"}

    saved = save(db, hand, cost("MUG", 300))
    after = hand.days()

    expected = {**before[date(2026, 3, 4)], "cogs_goods": -300}
    del expected["uncosted"]
    assert after[date(2026, 3, 4)] == expected
    assert after[date(2026, 3, 5)] == before[date(2026, 3, 5)]
    causes = db.execute("select day, causes from private.money_journal where kind = 'restated'").fetchall()
    assert [(day, [one["table"] for one in cause]) for day, cause in causes] == [(date(2026, 3, 4), ["goods_costs"])]
    undo(db, hand, saved["save_id"])
    assert hand.days() == before


def test_a_save_is_whole_or_nothing_and_says_what_it_did(db: Db, hand: Hand) -> None:
    first = save(db, hand, cost("MUG", 300), cost("CUP", 200))
    again = save(db, hand, cost("MUG", 300), cost("CUP", 250), cost("JUG", 1))

    assert [first[name] for name in ("created", "changed", "unchanged")] == [2, 0, 0]
    assert [again[name] for name in ("created", "changed", "unchanged")] == [1, 1, 1]
    before = costs_of(db, hand)
    other = Hand(db, "etsy", user_id=make_user(db))
    for wrong in (
        cost("", 1), cost("A", -1), cost("A", 1, currency="ZZZ"), cost("A", 1, kind="listing"), cost("A", 1, kind="x"),
        cost("A", 1, None), cost("A", 1, kind="listing", connection_id=other.shops["etsy"]), cost("A" * 201, 1),
        cost("A", 1, connection_id=hand.shops["etsy"]), cost("A", 10**13),
    ):  # fmt: skip
        with pytest.raises(psycopg.Error, match="bad_cost"):
            save(db, hand, cost("NEW", 1), wrong)
    with pytest.raises(psycopg.Error, match="doubled_cost"):
        save(db, hand, cost("NEW", 1), cost("NEW", 2))
    assert costs_of(db, hand) == before


def test_saves_are_taken_back_from_the_last_to_the_first(db: Db, hand: Hand) -> None:
    """Any history of saves and removals, backwards, shows every state again; never one under a later one."""
    dice = random.Random(15)
    states, saves = [costs_of(db, hand)], []
    for _ in range(8):
        rows = [cost(sku, dice.randrange(3), f"2026-03-0{day}") for sku, day in itertools.product("ABC", (1, 2))]
        said = save(db, hand, *dice.sample(rows, 3))
        ids = [number for (number,) in db.execute("select id from private.goods_costs order by id")]
        (removed,) = db.execute(
            "select public.remove_goods_costs(%s, 'test', %s)", [hand.user_id, dice.sample(ids, 1)]
        ).fetchone() or ({},)
        saves += [said["save_id"], removed["save_id"]]
        states.append(costs_of(db, hand))
    with pytest.raises(psycopg.Error, match="costs_changed_since"):
        undo(db, hand, saves[0])

    for state in reversed(states):
        assert costs_of(db, hand) == state
        for _ in range(2):
            if saves:
                undo(db, hand, saves.pop())


def test_what_was_said_anew_is_not_written_over_by_an_undo(db: Db, hand: Hand) -> None:
    save(db, hand, cost("MUG", 300), cost("CUP", 100))
    ids = [number for (number,) in db.execute("select id from private.goods_costs")]
    (removed,) = db.execute("select public.remove_goods_costs(%s, 'x', %s)", [hand.user_id, ids]).fetchone() or ({},)
    again = save(db, hand, cost("MUG", 400))
    before = costs_of(db, hand)

    with pytest.raises(psycopg.Error, match="costs_changed_since"):
        undo(db, hand, removed["save_id"])

    assert costs_of(db, hand) == before
    undo(db, hand, again["save_id"])
    undo(db, hand, removed["save_id"])
    assert [row[5] for row in costs_of(db, hand)] == [100, 300]


def test_what_belonged_to_a_shop_that_is_gone_does_not_come_back(db: Db, hand: Hand) -> None:
    gone = hand.shops["shopify"]
    save(db, hand, cost("11", 500, kind="listing", connection_id=gone), cost("MUG", 300))
    ids = [number for (number,) in db.execute("select id from private.goods_costs")]
    (removed,) = db.execute("select public.remove_goods_costs(%s, 'x', %s)", [hand.user_id, ids]).fetchone() or ({},)
    db.execute("delete from public.connected_accounts where id = %s", [gone])

    with pytest.raises(psycopg.Error, match="costs_changed_since"):
        undo(db, hand, removed["save_id"])

    assert costs_of(db, hand) == []


def test_another_sellers_costs_are_nobody_elses(db: Db, hand: Hand) -> None:
    other = Hand(db, "etsy", user_id=make_user(db))
    said = save(db, hand, cost("MUG", 300))
    sold(other, "MUG")
    save(db, other, cost("CUP", 100))

    assert other.classes()["uncosted"] == 1
    (told,) = db.execute("select public.goods_costs_of(%s)", [other.user_id]).fetchone() or ([],)
    assert [one["key"] for one in told] == ["CUP"]
    ids = [number for (number,) in db.execute("select id from private.goods_costs where key = 'MUG'")]
    (removed,) = db.execute("select public.remove_goods_costs(%s, 'x', %s)", [other.user_id, ids]).fetchone() or ({},)
    assert removed["removed"] == 0
    with pytest.raises(psycopg.Error, match="no_such_save"):
        undo(db, other, said["save_id"])
    assert len(costs_of(db, hand)) == 1
