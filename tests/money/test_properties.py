"""What has to hold whatever happened at a shop, and in whatever order it is heard of."""

from __future__ import annotations

import itertools
import os
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.money.hand import NOON, Hand
from tests.money.oracle.book import COUNTED

_EXAMPLES = int(os.environ.get("KEEPER_HISTORIES", "3"))
_KINDS = (
    "PAYMENT_GROSS", "sales_tax", "sales_tax_refund", "buyer_fee", "buyer_fee_refund", "REFUND_GROSS", "transaction",
    "transaction_refund", "RESERVE", "ADYENBALANCE_REVERSAL", "DISBURSE2", "shipping_labels", "climate_contribution",
)  # fmt: skip
_MONEY = st.integers(1, 4000)
_ORDERS = st.integers(0, 2)
# Hours from noon: several of a day, days apart, and around midnight.
_HOURS = st.sampled_from((0, 1, 11, 12, 13, 36, 37, 800))
_ORDER = st.tuples(st.just("order"), _ORDERS, _HOURS, _MONEY, _MONEY, st.booleans())
_REFUND = st.tuples(st.just("refund"), _ORDERS, _HOURS, _MONEY)
_ENTRY = st.tuples(st.just("entry"), _ORDERS, _HOURS, _MONEY, st.sampled_from(_KINDS))
_HAPPENED = st.lists(
    st.one_of(_ORDER, _REFUND, _ENTRY), min_size=3, max_size=10, unique_by=lambda e: (e[0], e[1], e[2])
)
_STATUS = st.sampled_from(
    (
        {"status": "paid", "is_paid": True},
        {"status": "partially_paid", "is_paid": False},
        {"status": "pending", "is_paid": None},
        {"status": "paid", "is_paid": True, "is_test": True},
    )
)
_PIECES = st.sampled_from(
    ("product order", "product update", "product return", "shipping order", "shipping return", "adjustment return",
     "fee order", "tip order", "gift_card order", "duty order", "thing of_tomorrow")
)  # fmt: skip
# Of the tax: all of it, none, and half for the channel to pay.
_TAXES = st.sampled_from(({}, {"tax_amount": 8, "seller_tax_amount": 8}, {"tax_amount": 8, "channel_tax_amount": 4}))
_OFF = st.sampled_from(({}, {"discount_amount": 30}))
_SALE = st.tuples(
    st.just("sale"),
    _ORDERS,
    _HOURS,
    st.integers(-4000, 4000),
    _PIECES,
    st.builds(lambda a, b: {**a, **b}, _TAXES, _OFF),
)
_MOVED = st.tuples(
    st.just("moved"), _ORDERS, _HOURS, _MONEY, st.sampled_from(("sale", "refund")), st.sampled_from((None, 9))
)
_JOURNALED = st.lists(
    st.one_of(
        st.tuples(st.just("journaled"), _ORDERS, _HOURS, _MONEY, _STATUS),
        st.tuples(st.just("journal"), _ORDERS, st.just(0), _MONEY),
        _SALE,
        _MOVED,
        st.tuples(st.just("given_back"), _ORDERS, _HOURS, _MONEY),
    ),
    min_size=3, max_size=10, unique_by=lambda e: (e[0], e[1], e[2]),
)  # fmt: skip
_settings = settings(
    max_examples=_EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def land(hand: Hand, happened: tuple[Any, ...]) -> None:
    """One record, by a name of its own, as it would be whatever came before."""
    kind, order, hours, amount, *more = happened
    at, name = NOON + timedelta(hours=hours), f"o{order}"
    own = {"platform_id": f"{kind}{order}.{hours}"}
    if kind == "order":
        tax, is_paid = more
        hand.order(amount + tax, at=at, platform_id=name, item_total_amount=amount, tax_amount=tax, is_paid=is_paid)
    elif kind == "refund":
        hand.refund(name, amount, at=at, **own)
    elif kind == "entry":
        is_in = more[0].endswith("_refund") or more[0] in ("PAYMENT_GROSS", "ADYENBALANCE_REVERSAL")
        more = [more[0], amount if is_in else -amount]
        hand.entry(more[0], more[1], name, at=at, sequence_number=1000 * order + hours, **own)
    else:
        land_of_journal(hand, happened)


def land_of_journal(hand: Hand, happened: tuple[Any, ...]) -> None:
    """The same of a shop that has a journal of sales in place of a ledger."""
    kind, order, hours, amount, *more = happened
    at, name = NOON + timedelta(hours=hours), f"o{order}"
    own = {"platform_id": f"{kind}{order}.{hours}"}
    if kind == "journaled":
        hand.put("orders", platform="shopify", platform_id=name, ordered_at=at, total_amount=amount, **more[0])
    elif kind == "journal":
        hand.put("order_journals", platform="shopify", platform_id=name, current_total_amount=amount)
    elif kind == "sale":
        hand.sale(name, more[0], amount, at=at, **own, **more[1])
    elif kind == "moved":
        hand.moved(name, more[0], amount, at=at, fees_amount=more[1], **own)
    else:
        hand.refund(name, amount, at=at, platform="shopify", **own)


def unique_orders(happened: list[Any]) -> list[Any]:
    """A number of an order is of one order."""
    seen: set[int] = set()
    return [e for e in happened if not e[0].startswith(("order", "journaled")) or not (e[1] in seen or seen.add(e[1]))]


def everything(hand: Hand, platform: str = "etsy") -> tuple[Any, ...]:
    """Figures, by the day of the event and of the sale, and how days stand."""
    return hand.days(platform=platform), hand.days("of_sales", platform=platform), hand.states(platform=platform)


@_settings
@given(_JOURNALED.map(unique_orders), st.randoms(use_true_random=False))
def test_whatever_of_a_journal_comes_first_the_days_end_alike(db: Any, happened: list[Any], dice: Any) -> None:
    at_once, bit_by_bit = Hand(db, "shopify"), Hand(db, "shopify")
    for each in happened:
        land_of_journal(at_once, each)
    for each in dice.sample(happened, len(happened)):
        land_of_journal(bit_by_bit, each)
        if dice.random() < 0.5:
            bit_by_bit.days(platform="shopify")
    before = everything(at_once, "shopify")[:2]
    assert everything(bit_by_bit, "shopify")[:2] == before
    at_once.change("delete from public.money_days where user_id = %s", at_once.user_id)
    at_once.change("select public.rebuild_money(%s)", at_once.user_id)
    assert everything(at_once, "shopify")[:2] == before


@_settings
@given(_HAPPENED.map(unique_orders), st.randoms(use_true_random=False))
def test_whatever_comes_first_the_days_and_their_journal_end_alike(db: Any, happened: list[Any], dice: Any) -> None:
    at_once, bit_by_bit = Hand(db, "etsy"), Hand(db, "etsy")
    for each in happened:
        land(at_once, each)
    at_once.prove()
    bit_by_bit.prove()
    for each in dice.sample(happened, len(happened)):
        land(bit_by_bit, each)
        if dice.random() < 0.5:
            bit_by_bit.days()
    assert everything(bit_by_bit)[:2] == everything(at_once)[:2]
    assert _ended(bit_by_bit) == _ended(at_once)
    for hand in (at_once, bit_by_bit):
        _journal_tells_all(hand)


def _ended(hand: Hand) -> dict[Any, Any]:
    """How days stand: whether one was closed before it changed, or held what is gone, is the way, not the end."""
    figures = hand.days()
    states = {day: ("open" if state == "open" else "closed", waits) for day, (state, waits) in hand.states().items()}
    return {day: state for day, state in states.items() if day in figures or state != ("closed", {})}


def _journal_tells_all(hand: Hand) -> None:
    """What a day that was ever closed comes to is what its last record says; each begins where the one before ended."""
    for day, records in hand.journal().items():
        for before, after in itertools.pairwise(records):
            assert after["before"] == before["after"], day
        told = {
            name: events if name in COUNTED else amount
            for classes in records[-1]["after"].values()
            for name, (amount, events, _) in classes.items()
            if amount or name in COUNTED
        }
        assert told == hand.days().get(day, {}), day


@_settings
@given(_HAPPENED.map(unique_orders))
def test_built_anew_from_nothing_nothing_changes(db: Any, happened: list[Any]) -> None:
    hand = Hand(db, "etsy")
    for each in happened:
        land(hand, each)
    hand.prove()
    before, journal = everything(hand), hand.journal()
    hand.rebuild()
    assert everything(hand) == before
    assert hand.journal() == journal
    hand.change("delete from public.money_days where user_id = %s", hand.user_id)
    hand.rebuild()
    assert everything(hand)[:2] == before[:2]


@_settings
@given(_HAPPENED.map(unique_orders))
def test_what_a_day_is_made_of_is_what_the_balance_changes_by(db: Any, happened: list[Any]) -> None:
    """Entries of the ledger, class by class: nothing is lost, and nothing is of two."""
    hand = Hand(db, "etsy")
    entries = [each for each in happened if each[0] == "entry"]
    for each in entries:
        land(hand, each)
    change: dict[Any, int] = {}
    for day, amount in hand.ledger():
        change[day] = change.get(day, 0) + amount
    assert {day: sum(classes.values()) for day, classes in hand.days().items()} == change


_SOLD = ("gross_sales", "discount", "shipping", "other_income", "tip", "tax_platform", "tax_seller", "tax_unknown")
_LINES = st.lists(st.tuples(_MONEY, st.integers(1, 4)), min_size=1, max_size=4)
_PARTS = st.fixed_dictionaries({name: st.integers(0, 500) for name in ("shipping", "gift_wrap", "tax", "vat", "tip")})


@_settings
@given(_LINES, _PARTS, st.integers(0, 100), st.sampled_from(("none", "tax", "vat")))
def test_lines_are_their_orders_total(db: Any, lines: list[Any], parts: Any, off: int, inside: str) -> None:
    """Nothing is counted twice, by quantity or as a tax inside a price; given back wholly, it comes to nothing."""
    hand = Hand(db, "etsy")
    goods = sum(price * pieces for price, pieces in lines)
    # No more is taken off, and no more tax is inside, than there is.
    discount = goods * off // 200
    if inside != "none":
        parts = parts | {inside: min(parts[inside], (goods - discount) // 2)}
    total = goods - discount + sum(parts.values()) - parts.get(inside, 0)
    told = {f"{name}_amount": amount for name, amount in parts.items()}
    order = hand.order(total, item_total_amount=goods, discount_amount=discount, **told)
    for number, (price, pieces) in enumerate(lines):
        line = {"price_amount": price, "quantity": pieces, "listing_platform_id": f"l{number}"}
        hand.put("line_items", order_platform_id=order, title="A thing", **line)

    classes = hand.classes()
    assert sum(classes.get(name, 0) for name in _SOLD) == total
    of_products = _products(hand)
    assert of_products["pieces"] == sum(pieces for _, pieces in lines)
    assert of_products["amount"] == classes.get("gross_sales", 0) + classes.get("discount", 0)

    hand.refund(order, total)
    assert sum(amount for name, amount in hand.classes().items() if name not in COUNTED) == 0


def _products(hand: Hand) -> dict[str, int]:
    row = hand.told(
        "select sum(amount) filter (where class in ('gross_sales', 'discount')),"
        " sum(pieces) filter (where class = 'order') from public.money_products where connection_id = %s",
        hand.shops["etsy"],
    )
    return {"amount": int(row[0] or 0), "pieces": int(row[1] or 0)}


@pytest.mark.parametrize("platform", ["etsy", "shopify"])
def test_what_was_given_back_of_an_order_that_is_not_there_is_told_once(db: Any, platform: str) -> None:
    hand = Hand(db, platform)
    hand.refund("of_none", 2092, platform=platform)
    assert hand.classes(platform=platform) == {"reversal_adjustment": -2092}


@_settings
@given(st.lists(_SALE, min_size=1, max_size=8, unique_by=lambda e: e[2]))
def test_pieces_of_a_journal_are_their_orders_total(db: Any, pieces: list[Any]) -> None:
    """Every one of them, in some class, with its tax and before its discount, once."""
    hand = Hand(db, "shopify")
    total = sum(piece[3] for piece in pieces)
    order = {"platform_id": "o0", "is_paid": True, "status": "paid", "ordered_at": NOON, "total_amount": total}
    hand.put("orders", platform="shopify", **order)
    hand.put("order_journals", platform="shopify", platform_id="o0", current_total_amount=total)
    for piece in pieces:
        land_of_journal(hand, (piece[0], 0, *piece[2:]))

    classes = hand.classes(platform="shopify")
    assert sum(amount for name, amount in classes.items() if name not in COUNTED) == total


@_settings
@given(_HAPPENED.map(unique_orders), _JOURNALED.map(unique_orders))
def test_days_are_months_are_platforms(db: Any, ledger: list[Any], journal: list[Any]) -> None:
    hand = Hand(db, "etsy", "shopify")
    for each in ledger:
        land(hand, each)
    for each in journal:
        land_of_journal(hand, each)
    days: dict[str, int] = {}
    for platform in hand.shops:
        for name, amount in hand.classes(platform=platform).items():
            days[name] = days.get(name, 0) + amount

    months = _months(hand)
    apart = [_months(hand, platform) for platform in hand.shops]
    together = {name: sum(each.get(name, 0) for each in apart) for name in {*apart[0], *apart[1]}}
    assert months == days == together


def _months(hand: Hand, *platforms: str) -> dict[str, int]:
    """By class, over all months."""
    chosen = Jsonb({"platforms": list(platforms)} if platforms else {})
    (told,) = hand.told("select public.money_months(%s, '2020-01-01', '2030-01-01', %s)", hand.user_id, chosen)
    found: dict[str, int] = {}
    for one in told["sums"]:
        amount = one["events"] if one["class"] in COUNTED else one["amount"]
        found[one["class"]] = found.get(one["class"], 0) + amount
    return {name: amount for name, amount in found.items() if amount}


@_settings
@given(_HAPPENED.map(unique_orders))
def test_months_are_their_days(db: Any, happened: list[Any]) -> None:
    """What pages show by day, month and year comes to the same, and to what the days hold."""
    hand = Hand(db, "etsy")
    for each in happened:
        land(hand, each)
    days = hand.classes()
    sums = {unit: hand.figures(unit) for unit in ("day", "month", "year")}
    assert sums["day"] == sums["month"] == sums["year"]
    fees = {"fee_selling", "fee_payment", "fee_listing", "fee_regulatory", "tax_on_fees", "credit", "ads", "label"}
    assert sums["day"]["orders"] == days.get("order", 0)
    assert sums["day"]["uncosted"] == days.get("uncosted", 0)
    assert -sums["day"]["fees"] == sum(days.get(name, 0) for name in fees)
