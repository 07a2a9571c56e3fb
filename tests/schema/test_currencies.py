"""Digits for storage are what platforms write; what was stored with others is scaled with its currency."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest

from execution.currencies import LISTED
from execution.schema.migration_files import FOLDER as MIGRATIONS
from execution.schema.sql_text import statements
from tests.schema.jobworld import claim, commit_empty_page, queue
from tests.web.pages.facts import reader
from tests.worlds.users import make_seller

VENDOR = Path(__file__).parents[3] / "shared/specs/shopify/admin-2026-10.graphql"


def test_every_code_of_the_vendor_has_a_smallest_unit():
    """Where one is not listed (a code that says "no currency"), its amounts are exact in millionths."""
    if not VENDOR.exists():
        pytest.skip("the vendor's schema is not here")
    (body,) = re.findall(r"^enum CurrencyCode \{(.*?)^\}", VENDOR.read_text(), re.MULTILINE | re.DOTALL)
    codes = re.findall(r"^  ([A-Z]+)\b", body, re.MULTILINE)

    assert len(codes) > 150
    assert {code for code in codes if code not in LISTED} == {"XXX"}


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
