"""Digits for storage are what platforms write; what was stored with others is scaled with its currency."""

from __future__ import annotations

import json
import re
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from babel.core import get_global

from execution.currencies import LISTED, digits
from execution.schema.mapping import map_function
from execution.schema.migration_files import FOLDER as MIGRATIONS
from execution.schema.sql_text import statements
from execution.streams import Column, Kind
from tests.schema.jobworld import claim, commit_empty_page, queue
from tests.schema.sample_records import CODES, MONEY, money
from tests.web.pages.facts import reader
from tests.worlds.users import make_seller

VENDOR = Path(__file__).parents[3] / "shared/specs/shopify/admin-2026-10.graphql"


def vendor_codes() -> list[str]:
    """The vendor's own list; none where its schema is not here."""
    if not VENDOR.exists():
        return []
    (body,) = re.findall(r"^enum CurrencyCode \{(.*?)^\}", VENDOR.read_text(), re.MULTILINE | re.DOTALL)
    return re.findall(r"^  ([A-Z]+)\b", body, re.MULTILINE)


def test_every_code_of_the_vendor_has_a_smallest_unit():
    """Where one is not listed (a code that says "no currency"), its amounts are exact in millionths."""
    codes = vendor_codes()
    if not codes:
        pytest.skip("the vendor's schema is not here")

    assert len(codes) > 150
    assert {code for code in codes if code not in LISTED} == {"XXX"}


@pytest.fixture
def converted(db):
    """What each of these is converted to by the generated mapping of one column: in one query; null where refused."""

    def all_of(kind: Kind, records: list[Any]) -> list[int | None]:
        with db.transaction(force_rollback=True):
            db.execute(map_function("map_try", (Column("money", "money", kind),), "code"))
            db.execute(
                "create function pg_temp.tried(r jsonb) returns bigint language plpgsql as $$ begin "
                "return (select m.money from private.map_try(r) as m); "
                "exception when sqlstate 'PT422' or numeric_value_out_of_range then return null; end $$"
            )
            query = "select pg_temp.tried(e.r) from jsonb_array_elements(%s) with ordinality as e(r, n) order by e.n"
            return [units for (units,) in db.execute(query, (json.dumps(records),)).fetchall()]

    return all_of


@pytest.mark.parametrize("kind", MONEY)
def test_every_conversion_is_exact_or_refuses_whatever_the_code_and_its_decimals(converted, kind):
    """Every code of ISO 4217 and of the vendors, 0 to 5 decimals: never rounded, never of another size."""
    wholes = (Decimal(0), Decimal(110), Decimal(-3), Decimal(987_654_321), Decimal(9_200_000_000_000))
    cases = [
        (code, whole + Decimal(part).scaleb(-places))
        for code in sorted({*CODES, *vendor_codes(), *get_global("all_currencies")})
        for places in range(6)
        for whole in wholes
        for part in ((0, 1, 10, 7) if places else (0,))
        if kind is not Kind.HUNDREDTHS or places <= 2
    ]

    found = converted(kind, [{"code": code, "money": money(kind, amount, code)} for code, amount in cases])

    exact = [amount.scaleb(digits(code)) for code, amount in cases]
    right = [int(units) if units == int(units) and abs(units) < 2**63 else None for units in exact]
    assert [(case, *pair) for case, *pair in zip(cases, found, right, strict=True) if pair[0] != pair[1]] == []
    assert len({code for code, _ in cases}) > 250


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [(1_234_00, "RSD", "1,234"), (110_000_000, "USDC", "110.00"), (110_500_000, "XXQ", "110.50")],
)
def test_a_page_reads_the_unit_that_is_stored(minor, currency, written):
    assert re.sub(r"[^\d.,]", "", reader().money(minor, currency)) == written


def test_amounts_that_are_here_are_scaled_with_their_currency(clean, db):
    """The migration's own statement, on rows as they were stored with CLDR's digits."""
    user, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, user, ("etsy", "orders"))
    claim(db, lease)
    commit_empty_page(db, lease, 0, [receipt(1, "RSD"), receipt(2, "USD")])
    before = [("1", 1200, 1200), ("2", 1200, 1200)]
    query = (
        "select o.platform_id, o.total_amount, l.price_amount from public.orders as o "
        "join public.line_items as l on l.order_platform_id = o.platform_id order by 1"
    )
    assert db.execute(query).fetchall() == before
    (scale,) = [
        statement
        for path in MIGRATIONS.glob("*_wire_digits.sql")
        for statement in statements(path.read_text())
        if statement.tokens[0].lower() == "do"
    ]

    with db.transaction(force_rollback=True):
        db.execute(" ".join(scale.tokens))
        after = db.execute(query).fetchall()

    assert after == [("1", 120000, 120000), ("2", 1200, 1200)]


def receipt(number, currency):
    money = {"amount": 1200, "divisor": 100, "currency_code": currency}
    line = {"transaction_id": number, "quantity": 1, "price": money, "created_timestamp": 1_700_000_000}
    return {
        "receipt_id": number, "created_timestamp": 1_700_000_000, "updated_timestamp": 1_700_000_000,
        "grandtotal": money, "transactions": [line], "refunds": [], "shipments": [],
    }  # fmt: skip
