"""The named conversions: a value becomes exactly what it says, or its record is rejected with the reason."""

from __future__ import annotations

import html
import json
import uuid
from datetime import UTC, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from html.entities import html5

import psycopg
import pytest
from babel.core import get_global
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from execution.currencies import LISTED, digits
from execution.schema.files import FOLDER as SUPABASE
from tests.schema.jobworld import claim, commit_empty_page, queue
from tests.worlds.users import make_seller
from tools import reference_data

DIGITS = {"JPY": 0, "KRW": 0, "USD": 2, "EUR": 2, "KWD": 3, "BHD": 3, "CLF": 4}
BIGINT = 2**63
# Errors that reject the record and not the page; see private.is_about_data.
ABOUT_DATA = ("22", "23", "PT422")

many = settings(
    max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def value(db, query, *arguments):
    """The one value of a query, or None with the error's state and words."""
    try:
        return db.execute(f"select {query}", arguments).fetchone()[0]
    except psycopg.Error as error:
        assert (error.sqlstate or "").startswith(ABOUT_DATA), error  # noqa: PT017
        return f"{error.sqlstate} {error.diag.message_primary}"


def test_the_currencies_have_the_digits_that_platforms_write(db):
    """ISO 4217's own: what CLDR shows people without decimals (dinars of Serbia, lek) is written with two."""
    stored = db.execute("select code, digits, divisor, scale from private.currencies").fetchall()
    known = {code: digits for code, digits, *_ in stored}

    assert known == LISTED
    assert all((divisor, scale) == (str(10**digits), 10**digits) for _, digits, divisor, scale in stored)
    assert known.items() >= (DIGITS | {"RSD": 2, "ALL": 2, "IQD": 3, "MGA": 2, "ISK": 0, "HUF": 2, "TWD": 2}).items()
    codes = {code for history in get_global("territory_currencies").values() for code, *_ in history}
    unlisted = codes - known.keys()
    assert unlisted <= {"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"}


def test_database_and_pages_know_the_same_smallest_unit(db):
    codes = [*sorted(LISTED), "XXX", "XAU", "QQQ", "DOGE", "usd", "₿"]

    assert {code: value(db, "private.digits_of(%s)", code) for code in codes} == {c: digits(c) for c in codes}


def test_the_entities_are_those_of_html_5(db):
    stored = dict(db.execute("select name, text from private.html_entities").fetchall())

    assert stored == {name.removesuffix(";"): text for name, text in html5.items() if name.endswith(";")}


def test_the_reference_data_is_what_its_tool_writes(capsys):
    """Else: python -m tools.reference_data > supabase/schemas/reference.sql."""
    reference_data.main()

    assert (SUPABASE / "schemas/reference.sql").read_text() == capsys.readouterr().out


def test_every_entity_is_decoded(db):
    for name in [name for name in html5 if name.endswith(";")]:
        assert value(db, "private.decode_html(%s)", f"a&{name}b") == f"a{html5[name]}b"


def test_every_number_of_a_character_that_is_not_plain_is_decoded_as_html_5_says(db):
    """Windows-1252, null, surrogates, controls and beyond: as Python's html.unescape, which follows the same table."""
    codes = [*range(300), 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFDCF, 0xFDD0, 0xFDEF, 0xFDF0, 0xFFFD, 0xFFFE, 0xFFFF]
    codes += [0x10000, 0x1F600, 0x1FFFE, 0x10FFFD, 0x10FFFF, 0x110000, 0x7FFFFFFF, 10**30]
    for text in [form for code in codes for form in (f"&#{code};", f"&#{code:09};", f"&#x{code:x};", f"&#X{code:X};")]:
        assert value(db, "private.decode_html(%s)", f"<{text}>") == f"<{html.unescape(text)}>", text


_PIECES = st.one_of(
    st.sampled_from(
        ["&amp;", "&#39;", "&quot;", "&lt;", "&gt;", "&nbsp;", "&eacute;", "&#x27;", "&amp;#39;", "&amp;amp;"]
    ),
    st.sampled_from(sorted(name for name in html5 if name.endswith(";"))).map(lambda name: f"&{name}"),
    st.integers(0, 0x120000).map(lambda code: f"&#{code};"),
    st.integers(0, 0x120000).map(lambda code: f"&#x{code:x};"),
    st.text(st.characters(exclude_characters="&\0", exclude_categories=["Cs"]), max_size=5),
    st.sampled_from([";", "#", "& ", "&\n", "&&lt;", "& amp;", "&#;", "&#x;", "amp;", "#39;", "\\", "'", "&%"]),
)


@many
@given(text=st.lists(_PIECES, max_size=8).map("".join))
@example(text="&amp;#39;")
@example(text="&amp;amp;lt;")
@example(text="")
def test_decoding_is_html_unescape_in_one_pass(db, text):
    assert value(db, "private.decode_html(%s)", text) == html.unescape(text)


@pytest.mark.parametrize(
    "text", ["?a=1&copy=2", "&notit;", "AT&T", "&unknown;", "&ampamp;", "&#12", "&lt", "Q&A;", "&", "&;"]
)
def test_what_is_no_reference_with_a_semicolon_stays_as_it_is(db, text):
    """On purpose unlike browsers, which guess: a seller's link or "R&B" is not to be changed."""
    assert value(db, "private.decode_html(%s)", text) == text


def money_path(db, amount, divisor, currency, record_currency=None):
    """A receipt's total by way of the generated mapping: the fast path inline, or private.money_exact."""
    money = {"amount": amount, "divisor": divisor, "currency_code": currency}
    receipt = {
        "total_price": money,
        "grandtotal": {"amount": 0, "divisor": 1, "currency_code": record_currency or currency},
    }
    query = "(select item_total_amount from private.map_etsy_receipts_orders(%s::jsonb))"
    return value(db, query, json.dumps(receipt))


def units(exact: Fraction, currency: str):
    """The whole number of smallest units, or None where there is none that fits."""
    scaled = exact * 10 ** DIGITS[currency]
    return int(scaled) if scaled.denominator == 1 and -BIGINT <= scaled < BIGINT else None


def agrees(found, expected):
    return (
        found == expected if expected is not None else isinstance(found, str) and found.startswith(("PT422", "22003"))
    )


_AMOUNTS = st.one_of(
    st.integers(-(10**6), 10**6), st.integers(-BIGINT, BIGINT - 1), st.sampled_from([BIGINT, -BIGINT, 0])
)
_CURRENCIES = st.sampled_from(sorted(DIGITS))


@many
@given(amount=_AMOUNTS, divisor=st.sampled_from([1, 10, 100, 1000, 10000, 3, 7, 50]), currency=_CURRENCIES)
@example(amount=1234567890123456789, divisor=10, currency="JPY")
@example(amount=-1, divisor=1000, currency="USD")
def test_money_with_a_divisor_is_exact_or_refused(db, amount, divisor, currency):
    found = money_path(db, amount, divisor, currency)
    exact = Fraction(amount, divisor)

    assert agrees(found, units(exact, currency) if -BIGINT <= amount < BIGINT else None), (found, exact)


@many
@given(amount=_AMOUNTS, currency=_CURRENCIES)
@example(amount=9223372036854775807, currency="JPY")
@example(amount=-150, currency="JPY")
def test_hundredths_are_exact_or_refused(db, amount, currency):
    """Etsy's ledger counts hundredths, of yen too (sheet 1.7)."""
    entry = {"entry_id": 1, "amount": amount, "balance": 0, "currency": currency, "sequence_number": 1}

    found = value(
        db, "(select entry_amount from private.map_etsy_ledger_entries_payments(%s::jsonb))", json.dumps(entry)
    )

    assert agrees(found, units(Fraction(amount, 100), currency) if -BIGINT <= amount < BIGINT else None), found


def coupon(db, text, currency):
    """A line item's coupon, written as JSON text so that no float of ours is in between."""
    line = f'{{"shop_coupon": {text}, "price": {{"amount": 1, "divisor": 1, "currency_code": "{currency}"}}}}'
    return value(db, "(select shop_coupon_amount from private.map_etsy_receipts_line_items(%s::jsonb))", line)


@many
@given(cents=st.integers(-(10**8), 10**8), currency=_CURRENCIES)
def test_a_decimal_is_exact_whatever_noise_a_float_adds(db, cents, currency):
    """3.80 may arrive as 3.8000000000000003."""
    exact = Decimal(cents).scaleb(-DIGITS[currency])
    noisy = f"{float(exact) * (1 + 2e-16):.17g}"

    assert coupon(db, str(exact), currency) == cents
    assert coupon(db, noisy, currency) == cents


@pytest.mark.parametrize(
    ("text", "currency"),
    [("0.001", "USD"), ("1.005", "EUR"), ("0.5", "JPY"), ("1.2345", "KWD"), ("1e30", "USD"), ("-0.0049", "USD"),
     ("3.800001", "USD")],
)  # fmt: skip
def test_a_true_fraction_of_the_smallest_unit_is_refused(db, text, currency):
    assert str(coupon(db, text, currency)).startswith(("PT422", "22003"))


@pytest.mark.parametrize(
    ("amount", "divisor"),
    [(None, 100), (5, None), (5, 0), (5, -100), (5, "NaN"), (5, "Infinity"), (5, "x"), (1.5, 10), ("1.5", 100),
     ("NaN", 10), (True, 10), ([], 10), (5, {}), ("", 10)],
)  # fmt: skip
def test_money_that_is_none_is_refused_rather_than_guessed(db, amount, divisor):
    """By the exact conversion; the generated mapping hands everything unusual to it."""
    money = json.dumps({"amount": amount, "divisor": divisor, "currency_code": "USD"})

    assert str(value(db, "private.money_exact(%s::jsonb, 'USD', 'total')", money)).startswith(("PT422", "22"))


@pytest.mark.parametrize("money", ["5", '"5 USD"', "[]", "true"])
def test_another_type_than_money_is_refused(db, money):
    found = value(db, "private.money_exact(%s::jsonb, 'USD', 'total')", money)

    assert found.startswith("PT422 total: ")
    assert found.endswith(" where money is due")


def test_a_currency_that_nobody_knows_counts_in_millionths(db):
    assert money_path(db, 5, 1, "XXQ") == 5_000_000
    assert money_path(db, 123, 100, "DOGE") == 1_230_000
    assert str(money_path(db, 1, 10**7, "XXQ")).startswith("PT422")


def test_money_of_no_currency_and_of_another_one_is_refused(db):
    assert value(db, "private.major_exact(5, null, 'x')") == "PT422 x: money of no currency"
    assert money_path(db, 500, 100, "EUR", "USD") == "PT422 total_price is in EUR, the record in USD"
    assert value(db, "private.money_exact('null', 'USD', 'x')") is None
    assert value(db, "private.major_exact(null, 'USD', 'x')") is None


@pytest.mark.parametrize("number", ["'NaN'", "'Infinity'", "'-Infinity'"])
def test_what_is_no_number_is_refused_as_data(db, number):
    assert value(db, f"private.major_exact({number}::numeric, 'USD', 'x')").startswith("PT422")


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [
        (0, "1970-01-01 00:00:00+00:00"),
        (1_700_000_000, "2023-11-14 22:13:20+00:00"),
        (253402300799, "9999-12-31 23:59:59+00:00"),
        (1_700_000_000_000, "PT422 1700000000000 is no time in Unix seconds"),
        (-1, "PT422 -1 is no time in Unix seconds"),
        (253402300800, "PT422 253402300800 is no time in Unix seconds"),
        (1.5, "22P02"),
        ("2026-01-01", "22P02"),
        (True, "22P02"),
    ],
)
def test_times_are_whole_unix_seconds(db, seconds, moment):
    """Milliseconds are refused, not taken for the year 55,840."""
    query = "(select ordered_at from private.map_etsy_receipts_orders(%s::jsonb))"

    assert str(value(db, query, json.dumps({"created_timestamp": seconds}))).startswith(moment)


def test_a_page_lands_through_all_of_it(clean, db):
    """One receipt through the real commit: entities decoded, money in minor units, the tenant from the lease."""
    user, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, user, ("etsy", "orders"))
    claim(db, lease)

    commit_empty_page(db, lease, 0, [RECEIPT | {"user_id": str(uuid.uuid4())}])

    assert db.execute("select user_id::text, platform_id, currency, total_amount from public.orders").fetchall() == [
        (user, "7", "JPY", 1200)
    ]
    assert db.execute("select title, price_amount from public.line_items").fetchall() == [("Cup & 'Saucer'", 1200)]


def yen(amount):
    return {"amount": amount, "divisor": 1, "currency_code": "JPY"}


RECEIPT = {
    "receipt_id": 7, "status": "Paid", "created_timestamp": 1_700_000_000, "updated_timestamp": 1_700_000_000,
    "grandtotal": yen(1200), "buyer_user_id": 9, "refunds": [], "shipments": [],
    "transactions": [{"transaction_id": 8, "title": "Cup &amp; &#39;Saucer&#39;", "quantity": 1, "price": yen(1200),
                      "shop_coupon": 0, "buyer_coupon": 0, "created_timestamp": 1_700_000_000}],
}  # fmt: skip


_TWO = st.integers(0, 99).map(lambda n: f"{n:02}")
_TIMES = st.one_of(
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=-30))])).map(str),
    st.tuples(st.integers(0, 9999).map(lambda n: f"{n:04}"), _TWO, _TWO, _TWO, _TWO, _TWO).map(
        lambda t: f"{t[0]}-{t[1]}-{t[2]}T{t[3]}:{t[4]}:{t[5]}Z"
    ),
    st.sampled_from(
        ["2024-02-29 00:00:00Z", "2023-02-29 00:00:00Z", "1900-02-29T00:00:00Z", "2000-02-29T00:00:00+0000"]
    ),
    st.sampled_from(["", "now", "infinity", "2026-11-30", "2026-11-30 12:00:00", "0000-01-01T00:00:00Z"]),
    st.text(max_size=30),
)


@many
@given(text=_TIMES)
def test_a_time_that_may_be_anything_is_the_time_or_unknown(db, text):
    """What a record would be rejected for is unknown here; the rest is the same moment."""
    text = text.replace("\0", "")
    landed = value(db, "private.moment(%s, 'x')", text)

    found = value(db, "private.readable_moment(%s)", text)

    assert found == (None if isinstance(landed, str) else landed)
