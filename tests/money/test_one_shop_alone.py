"""One shop whose records are like no other's holds up no other's days, nor the house."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from tests.money.shop import Db, HandShop, hand_shop

NOON = "2026-03-04T12:00Z"


@pytest.fixture
def shops(db: Db, clean: None) -> Iterator[tuple[HandShop, HandShop]]:
    """Two that sold; the days of the first, which waits longer, cannot be written."""
    bad, good = hand_shop(db), hand_shop(db)
    for shop in (bad, good):
        shop.sell(NOON, 5000)
    db.execute(
        f"alter table public.money_days add constraint planted check (connection_id <> '{bad.id}') not valid".encode()
    )
    yield bad, good
    db.execute("alter table public.money_days drop constraint if exists planted")


def clock(db: Db) -> list[dict[str, Any]]:
    """What the clock's steps answer, until nothing is left."""
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["days_left"] or answers[-1]["connections_left"]:
        (answer,) = db.execute("select public.roll_money(null, 31)").fetchone() or ({},)
        answers.append(answer)
        assert len(answers) < 10, answers
    return answers


def test_days_that_cannot_be_written_keep_no_other_shop_waiting(db: Db, shops: tuple[HandShop, HandShop]) -> None:
    bad, good = shops

    failed = [answer["failed"] for answer in clock(db) if answer["failed"]]

    assert len(failed) == 1
    assert failed[0].startswith(f"shop {bad.id}: ")
    assert good.day("2026-03-04")["gross_sales"] == 5000
    assert bad.day("2026-03-04") == {}

    # What it waits for stays, and is tried again.
    db.execute("alter table public.money_days drop constraint planted")
    db.execute("update private.money_refusals set at = at - interval '61 minutes'")
    assert not any(answer["failed"] for answer in clock(db))
    assert bad.day("2026-03-04")["gross_sales"] == 5000
    assert db.execute("select count(*) from private.money_refusals").fetchone() == (0,)


def test_work_that_cannot_be_done_keeps_no_other_waiting(db: Db, shops: tuple[HandShop, HandShop]) -> None:
    for shop in shops:
        db.execute("select private.begin_work(%s, 'rebuild')", [shop.id])
    db.execute(
        "create function private.planted() returns trigger language plpgsql as $$ begin"
        " raise exception 'planted'; end $$;"
        "create trigger planted before delete on private.unfinished_work for each row"
        f" when (old.connection_id = '{shops[0].id}') execute function private.planted()".encode()
    )
    try:
        steps = [db.execute("select public.keep_house()").fetchone() for _ in range(2)]
    finally:
        db.execute("drop trigger planted on private.unfinished_work; drop function private.planted()")

    (first,), (second,) = (step or ({},) for step in steps)
    assert first["failed"] == f"rebuild of {shops[0].id}: planted"
    assert (second["failed"], second["unfinished"]) == (None, 1)


def test_a_date_that_no_shop_has_touches_its_own_days_alone(db: Db, clean: None) -> None:
    """An imported order of the year 1: not every day since."""
    shop = hand_shop(db)
    for at in ("0001-01-01T12:00Z", NOON, "9999-12-31T12:00Z"):
        shop.sell(at, 5000)
    shop.roll()

    db.execute("select private.mark_all(%s, 'rebuild'), private.fold_marks(%s)", [shop.id, shop.id])

    days = db.execute("select count(*), max(day)::text from private.money_touched").fetchone()
    assert days == (7, "9999-12-31")
    shop.roll()
    assert shop.day("9999-12-31")["gross_sales"] == 5000


@pytest.mark.parametrize(
    ("at", "zone"), [("0001-01-01T00:00Z", "America/New_York"), ("9999-12-31T23:59Z", "Asia/Tokyo")]
)
def test_a_day_that_no_calendar_names_is_none(db: Db, clean: None, at: str, zone: str) -> None:
    """What says that there is no time, as some programs do, lies before the year 1 in America."""
    shop = hand_shop(db)
    shop.zone(zone)
    shop.sell(at, 5000)
    shop.sell(NOON, 5000)
    shop.roll()

    (told,) = db.execute("select public.money_days_of(%s)", [shop.user]).fetchone() or ({},)

    assert [date.fromisoformat(one["day"]) for one in told["days"]] == [date(2026, 3, 4)]
