"""What a page marks as touched, when days of it are rolled up, and in which zone they are."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from sandbox.stack import Stack
from tests.money.hand import NOON, Hand
from tests.worlds.leased import lease_job

DAY = date(2026, 3, 4)

pytestmark = pytest.mark.usefixtures("clean")


def marks(db: psycopg.Connection[Any]) -> list[tuple[str, int]]:
    return db.execute(
        "select table_name, coalesce(cardinality(hours), 0) from private.money_marks order by id"
    ).fetchall()


def steps(db: psycopg.Connection[Any], hand: Hand, *, whole: bool = False) -> None:
    query = "select public.roll_money(%s, 62, %s)"
    while any((db.execute(query, [hand.user_id, whole]).fetchone() or ({},))[0].values()):
        pass


def test_a_first_reading_marks_its_shop_once(db: psycopg.Connection[Any]) -> None:
    hand = Hand(db, "etsy")
    for number in range(3):
        order = hand.order(1000, at=NOON - timedelta(days=number))
        hand.refund(order, 100)

    assert marks(db) == [("history", 0)]
    assert {day: found["order"] for day, found in hand.days().items()} == {DAY - timedelta(days=n): 1 for n in range(3)}


def test_once_it_was_rolled_up_the_hours_of_what_changes_are_marked(db: psycopg.Connection[Any]) -> None:
    """Of an order those of its refunds as well: what it is decides what they are."""
    hand = Hand(db, "etsy")
    order = hand.order(1000)
    hand.refund(order, 100, at=NOON + timedelta(days=2))
    hand.days()

    hand.change("update public.orders set total_amount = 2000 where platform_id = %s", order)

    assert marks(db) == [("orders", 2)]


def test_a_mark_that_a_page_relies_on_stays_until_the_page_is_there(db: psycopg.Connection[Any], stack: Stack) -> None:
    hand = Hand(db, "etsy")
    hand.order(1000)
    with psycopg.connect(stack.env["DATABASE_URL"]) as page:
        hand.by(page).order(500, at=NOON + timedelta(days=9))
        # Who rolls up now sees nothing of the page.
        db.execute("select public.roll_money(%s, 62)", [hand.user_id])

    assert {day: found["order"] for day, found in hand.days().items()} == {DAY: 1, DAY + timedelta(days=9): 1}


def test_a_page_waits_for_nobody_who_rolls_up(db: psycopg.Connection[Any], stack: Stack) -> None:
    hand = Hand(db, "etsy")
    hand.order(1000)
    with psycopg.connect(stack.env["DATABASE_URL"]) as rolling:
        rolling.execute("select public.roll_money(%s, 62)", [hand.user_id])
        db.execute("set lock_timeout = '2s'")
        hand.order(500, at=NOON + timedelta(days=9))

    assert {day: found["order"] for day, found in hand.days().items()} == {DAY: 1, DAY + timedelta(days=9): 1}


def test_days_of_a_history_that_is_being_read_wait_until_it_is_whole(db: psycopg.Connection[Any]) -> None:
    hand = Hand(db, "etsy")
    hand.order(1000)
    lease_job(db, hand.user_id, hand.shops["etsy"], str(uuid.uuid4()))
    steps(db, hand, whole=True)
    assert db.execute("select from public.money_days").fetchall() == []

    db.execute("delete from public.sync_jobs")
    steps(db, hand, whole=True)

    assert len(db.execute("select from public.money_days where class = 'order'").fetchall()) == 1


def test_a_history_that_waits_for_long_shows_what_there_is(db: psycopg.Connection[Any]) -> None:
    hand = Hand(db, "etsy")
    hand.order(1000)
    lease_job(db, hand.user_id, hand.shops["etsy"], str(uuid.uuid4()))
    db.execute(
        "update public.sync_jobs set status = 'parked', run_after = now() + interval '3 hours', lease_id = null,"
        " lease_expires_at = null"
    )

    steps(db, hand, whole=True)

    assert len(db.execute("select from public.money_days where class = 'order'").fetchall()) == 1


def test_the_newest_days_are_shown_while_a_history_is_read(db: psycopg.Connection[Any]) -> None:
    """And all of it is rolled up once it is whole: the mark stays."""
    hand = Hand(db, "etsy")
    for days in (0, 3, 9):
        hand.order(1000, at=NOON - timedelta(days=days))

    db.execute("select public.roll_newest(%s)", [hand.shops["etsy"]])

    shown = db.execute("select day from public.money_days where class = 'order' order by day").fetchall()
    assert shown == [(DAY - timedelta(days=3),), (DAY,)]
    assert marks(db) == [("history", 0)]
    assert len(hand.days()) == 3


def said(db: psycopg.Connection[Any], hand: Hand) -> dict[str, tuple[str | None, str | None]]:
    """What the card says of each shop's zone."""
    (row,) = db.execute("select public.time_zones(%s)", [hand.user_id]).fetchone() or ([],)
    names = {str(id_): platform for platform, id_ in hand.shops.items()}
    return {names[one["connection_id"]]: (one["zone"], one["said_by"]) for one in row}


LATE = NOON.replace(hour=23)


def test_a_shop_without_a_zone_has_that_of_the_users_other_shops(db: psycopg.Connection[Any]) -> None:
    """In the days and on the card alike. 23:00 UTC is the next day in Riga."""
    hand = Hand(db, "etsy", "shopify")
    hand.zone("Europe/Riga", platform="shopify")
    hand.order(1000, at=LATE)

    assert said(db, hand) == {"shopify": ("Europe/Riga", "seller"), "etsy": ("Europe/Riga", "other_shop")}
    assert hand.classes(DAY + timedelta(days=1))["order"] == 1


def test_a_zone_of_its_own_comes_first_and_two_that_differ_say_nothing(db: psycopg.Connection[Any]) -> None:
    hand = Hand(db, "etsy", "shopify", "printify")
    hand.zone("Europe/Riga", platform="shopify")
    hand.zone("America/New_York", platform="etsy")
    hand.order(1000, at=LATE)

    assert said(db, hand)["etsy"] == ("America/New_York", "seller")
    assert said(db, hand)["printify"] == (None, None)
    assert hand.classes(DAY)["order"] == 1
