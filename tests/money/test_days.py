"""How days stand, why closed ones change, and that neither depends on what came first."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from execution.daily_financial_roll import MoneyRules
from tests.money.shop import Db, HandShop, hand_shop

DAY, NOON = "2026-03-04", "2026-03-04T12:00Z"


@pytest.fixture
def shop(db: Db, clean: None) -> HandShop:
    return hand_shop(db)


def sold(shop: HandShop) -> str:
    """A day on which everything is known."""
    order = shop.sell(NOON, 5000, tax=400)
    shop.pay(order, NOON, 5400, tax=400)
    shop.book(NOON, "transaction", -325, order)
    return order


def journal(shop: HandShop) -> list[tuple[Any, ...]]:
    return shop.db.execute(
        "select day::text, kind, before, after, causes from private.money_journal where connection_id = %s order by id",
        [shop.id],
    ).fetchall()


def test_the_tables_hold_what_the_directive_declares(db: Db) -> None:
    rules = MoneyRules.load()

    kinds = db.execute("select platform, source, kind, class from private.money_kinds").fetchall()
    classes = db.execute("select class, figure, part, waits from private.money_classes").fetchall()
    streams = db.execute("select platform, entity from private.money_streams").fetchall()

    assert set(kinds) == {tuple(row.values()) for row in rules.kind_rows()}
    assert set(classes) == {
        (row["class"], row["figure"], row["part"], rules.waits.get(row["class"])) for row in rules.classes()
    }
    assert set(streams) == {(platform, entity) for platform, named in rules.streams.items() for entity in named}


def test_what_is_written_as_events_is_read_from_watched_tables(db: Db) -> None:
    """Each synced table that an event comes from marks what is touched: else a day would stay as it was, unseen."""
    sources = {
        name
        for (source,) in db.execute(
            "select prosrc from pg_proc where proname like 'money\\_events\\_%' or proname like 'money\\_reversals\\_%'"
            " or proname in ('sale_events', 'sold_cost_events', 'unsold_cost_events', 'etsy_ledger')"
        )
        for name in re.findall(r"(?:from|join) public\.(\w+)", source)
    }
    watched = {
        name
        for (name,) in db.execute(
            "select tgrelid::regclass::text from pg_trigger where tgname like 'mark\\_money\\_%'"
            " group by 1 having count(*) = 3"
        )
    }

    assert {name.removeprefix("public.") for name in watched} >= sources - {"profiles", "connected_accounts"}


def test_a_day_says_what_is_still_to_come_and_closes_then(shop: HandShop) -> None:
    order = shop.sell(NOON, 5000)
    shop.roll()
    unproven = shop.told(DAY)
    shop.prove()
    shop.roll()
    proven = shop.told(DAY)
    shop.pay(order, NOON, 5000)
    shop.roll()

    # Long after the day: what was waited for long enough is not to be had, and is told.
    assert (unproven["state"], unproven["waits"]) == ("open", {"not_proven": 1})
    assert (proven["state"], proven["waits"], proven["absent"]) == ("closed", {}, {"uncosted": 1, "fees_unknown": 1})
    assert (shop.told(DAY)["state"], shop.told(DAY)["absent"]) == ("restated", {"uncosted": 1})


def test_a_day_of_today_waits_for_its_fees_and_its_end(shop: HandShop) -> None:
    ((today, now),) = shop.db.execute("select (now() at time zone 'UTC')::date::text, now()::text").fetchall()
    shop.sell(now, 5000)
    shop.prove()
    shop.roll()

    assert shop.told(today)["waits"] == {"day_not_over": 1, "fees_unknown": 1}


def unclassified(shop: HandShop) -> int:
    """As /health tells it."""
    (facts,) = shop.db.execute("select public.pipeline_health()").fetchone() or ({},)
    return int(facts["money_unclassified"])


def test_an_unknown_kind_keeps_its_day_open_until_the_directive_names_it(shop: HandShop) -> None:
    """No call is made: the rows are here. The edit is the cause on record."""
    sold(shop)
    shop.book(NOON, "climate_fee", -20)
    shop.prove()
    shop.roll()
    before, profit = shop.told(DAY), shop.profit(DAY)
    assert unclassified(shop) == 1
    said = MoneyRules.load().as_json()
    said["kinds"].append({"platform": "etsy", "source": "ledger", "kind": "climate_fee", "class": "fee_other"})
    changed = shop.db.execute("select public.declare_money(%s)", [Jsonb(said)]).fetchone()
    shop.roll()
    after = shop.told(DAY)
    shop.db.execute("select public.declare_money(%s)", [Jsonb(MoneyRules.load().as_json())])

    assert (before["state"], before["waits"]) == ("open", {"unclassified": 1})
    assert before["currencies"]["USD"]["figures"]["unclassified"] == -20
    assert changed == ([{"platform": "etsy", "source": "ledger", "kind": "climate_fee"}],)
    assert (after["state"], after["currencies"]["USD"]["profit"]) == ("closed", profit - 20)
    assert unclassified(shop) == 0


def test_a_change_of_a_closed_day_is_on_record_with_what_did_it(shop: HandShop) -> None:
    order = sold(shop)
    shop.prove()
    shop.roll()
    run = shop.db.execute(
        "insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)"
        " values (gen_random_uuid(), %s, %s, 'incremental', 'round') returning id",
        [shop.id, shop.user],
    ).fetchone()
    assert run is not None
    (closed_at,) = shop.db.execute("select clock_timestamp()").fetchone() or (None,)
    shop.db.execute(
        "update public.orders set item_total_amount = 4000, total_amount = 4400, sync_run_id = %s"
        " where connection_id = %s and platform_id = %s",
        [run[0], shop.id, order],
    )
    shop.roll()

    (_, (day, kind, before, after, causes)) = journal(shop)
    assert (day, kind) == (DAY, "restated")
    assert (before["USD"]["gross_sales"][0], after["USD"]["gross_sales"][0]) == (5000, 4000)
    assert causes == [{"table": "orders", "run_id": str(run[0])}]
    (told,) = (shop.db.execute("select public.money_why(%s, %s)", [shop.user, DAY]).fetchone() or ([],))[0]
    (first, second) = told["changes"]
    assert (first["kind"], second["kind"]) == ("closed", "restated")
    assert second["classes"]["USD"]["gross_sales"] == [5000, 4000]
    (row,) = second["causes"][0]["rows"]
    assert (row["key"], row["before"]["item_total_amount"], row["after"]["item_total_amount"]) == (order, 5000, 4000)
    ((then,),) = shop.db.execute("select public.money_why(%s, %s, %s)", [shop.user, DAY, closed_at]).fetchall()
    assert then[0]["currencies"]["USD"]["figures"]["gross_sales"] == 5000


def test_a_sale_that_moves_from_day_to_day_leaves_the_one_it_was_on(shop: HandShop) -> None:
    order = sold(shop)
    shop.roll()
    shop.db.execute(
        "update public.orders set ordered_at = '2026-03-06T12:00Z' where connection_id = %s and platform_id = %s",
        [shop.id, order],
    )
    shop.roll()

    assert "order" not in shop.day(DAY)
    assert shop.day("2026-03-06")["order"] == 1


def test_an_entry_of_another_day_is_heard_on_the_day_of_its_order(shop: HandShop) -> None:
    """Bought before midnight, booked after it: whose tax it is stands with the sale."""
    order = shop.sell(f"{DAY}T23:59Z", 5000, tax=400)
    shop.roll()
    shop.pay(order, "2026-03-05T00:10Z", 5400, tax=400)
    shop.roll()

    assert shop.day(DAY)["tax_platform"] == 400
    assert "tax_unknown" not in shop.day(DAY)


def test_what_changes_nothing_restates_nothing(shop: HandShop) -> None:
    sold(shop)
    shop.prove()
    shop.roll()
    shop.db.execute("update public.orders set order_number = 'other' where connection_id = %s", [shop.id])
    shop.roll()
    shop.db.execute("select public.rebuild_money(%s)", [shop.user])
    shop.roll()

    assert [kind for _, kind, *_ in journal(shop)] == ["closed"]
    assert shop.told(DAY)["state"] == "closed"


def test_the_balance_of_a_day_is_proven_or_the_entry_is_named(shop: HandShop) -> None:
    order = shop.sell(NOON, 5000)
    shop.book(NOON, "PAYMENT_GROSS", 5000, order, sequence_number=101, balance_amount=5000)
    wrong = shop.book(NOON, "transaction", -325, order, sequence_number=102, balance_amount=4670)
    shop.prove()
    shop.roll()

    ((found,),) = shop.db.execute("select public.money_certificates(%s)", [shop.user]).fetchall()

    (differing,) = found["differing"]
    (check,) = differing["checks"]
    assert (check["check"], check["opening"], check["closing"]) == ("balance", 0, 4670)
    assert check["rows"] == [{"entry": wrong, "expected": 4675, "found": 4670}]
    shop.db.execute("update public.payments set entry_amount = -330 where platform_id = %s and connection_id = %s",
                    [wrong, shop.id])  # fmt: skip
    shop.roll()
    ((found,),) = shop.db.execute("select public.money_certificates(%s)", [shop.user]).fetchall()
    assert (found["days"], found["differing"]) == (1, [])


def test_what_came_in_is_what_the_order_was_made_of_or_it_is_named(shop: HandShop) -> None:
    order = shop.sell(NOON, 5000)
    shop.book(NOON, "PAYMENT_GROSS", 4900, order, sequence_number=101, balance_amount=4900)
    shop.prove()
    shop.roll()

    ((found,),) = shop.db.execute("select public.money_certificates(%s)", [shop.user]).fetchall()
    assert found["differing"][0]["checks"][0]["rows"] == [{"order": order, "expected": 5000, "found": 4900}]


def arrived(shop: HandShop, dice: random.Random) -> list[tuple[Any, ...]]:
    """A shop's days, its rows in the order of the dice."""
    steps: list[Callable[[], object]] = [
        lambda: shop.sell(NOON, 9000, tax=700, platform_id="o1"),
        lambda: shop.sell("2026-03-05T23:30Z", 4000, platform_id="o2"),
        lambda: shop.book(NOON, "PAYMENT_GROSS", 9700, "o1", platform_id="e1"),
        lambda: shop.book(NOON, "sales_tax", -700, "o1", platform_id="e2"),
        lambda: shop.refund("o1", "2026-03-07T10:00Z", 3000, platform_id="r1"),
        lambda: shop.refund("o1", "2026-03-09T10:00Z", 6700, platform_id="r2"),
        lambda: shop.book("2026-03-07T10:00Z", "sales_tax_refund", 250, "o1", platform_id="e3"),
        lambda: shop.book("2026-03-09T10:00Z", "sales_tax_refund", 450, "o1", platform_id="e4"),
        lambda: shop.book("2026-03-06T00:30Z", "PAYMENT_GROSS", 4000, "o2", platform_id="e5"),
        lambda: shop.zone("America/Denver"),
    ]
    dice.shuffle(steps)
    for step in steps:
        step()
        if dice.random() < 0.4:
            shop.roll()
    shop.roll()
    query = "select day, class, amount, events, of_sales from public.money_days where connection_id = %s order by 1, 2"
    return shop.db.execute(query.encode(), [shop.id]).fetchall()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_first_the_days_are_the_same(db: Db, clean: None, seed: int) -> None:
    """The same rows in another order, with the roll-up in between wherever it may be."""
    first, second = (arrived(hand_shop(db), random.Random(dice)) for dice in (0, seed + 1))

    assert first == second


def test_another_users_days_are_never_told(shop: HandShop, db: Db) -> None:
    sold(shop)
    other = hand_shop(db)
    shop.roll()

    ((found,),) = db.execute("select public.money_days_of(%s)", [other.user]).fetchall()
    assert found["days"] == []
    with pytest.raises(Exception, match="not_connected"):
        db.execute("select public.money_events_of(%s, %s, %s)", [other.user, shop.id, DAY])


def test_pages_of_events_are_all_of_a_day_once(shop: HandShop) -> None:
    sold(shop)
    shop.roll()
    seen, after = [], None
    while True:
        ((page,),) = shop.db.execute(
            "select public.money_events_of(%s, %s, %s, null, %s, 2)", [shop.user, shop.id, DAY, after]
        ).fetchall()
        seen += page["events"]
        after = page["next"]
        if after is None:
            break

    sums: dict[str, int] = {}
    for event in seen:
        sums[event["class"]] = sums.get(event["class"], 0) + event["amount"]
    assert {name: amount for name, amount in sums.items() if amount} == {
        name: amount for name, amount in shop.day(DAY).items() if name not in ("order", "uncosted", "fees_unknown")
    }
    assert len({(e["source_table"], e["source_id"], e["class"]) for e in seen}) == len(seen)
