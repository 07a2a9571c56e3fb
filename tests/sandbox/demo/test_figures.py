"""The demo's figures: exact to the minor unit, whatever the currency."""

from __future__ import annotations

import pytest

from sandbox.demo.figures import Sum, compute_figures
from sandbox.demo.money import amount_text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "EUR", "0.00 EUR"),
        (5, "EUR", "0.05 EUR"),
        (-123456, "USD", "-1,234.56 USD"),
        (1234, "JPY", "1,234 JPY"),
        (90071992547409931, "EUR", "900,719,925,474,099.31 EUR"),
    ],
)
def test_money_is_written_from_whole_minor_units(minor: int, currency: str, text: str) -> None:
    """The last one is no float: its cents would be gone."""
    assert amount_text(minor, currency) == text


def test_sums_are_those_of_the_rows() -> None:
    """Orders by year and country, buyers who came back, lines by quantity, the ledger by book."""
    orders = [
        {"ordered_at": f"{year}-05-01T00:00:00+00:00", "total_amount": amount, "currency": "EUR", "country": country,
         "buyer_platform_id": buyer}
        for year, amount, country, buyer in ((2024, 1001, "DE", "1"), (2025, 2002, "DE", "1"), (2025, 4, "FR", "2"))
    ]  # fmt: skip
    entries = [
        {"sequence_number": n, "entry_type": kind, "entry_amount": amount, "balance_amount": balance, "currency": "EUR"}
        for n, kind, amount, balance in ((2, "sales_tax", -7, 993), (1, "PAYMENT_GROSS", 1000, 1000))
    ]

    figures = compute_figures(
        orders=orders,
        lines=[{"title": "Mug", "quantity": 3, "price_amount": 250, "listing_platform_id": None}],
        refunds=[{"refund_amount": 11}],
        entries=entries,
        customers=2,
    )

    assert figures.sales == 3007
    assert figures.years == (Sum(name="2024", count=1, amount=1001), Sum(name="2025", count=2, amount=2006))
    assert figures.countries[0] == Sum(name="DE", count=2, amount=3003)
    assert (figures.repeat_customers, figures.repeat_orders) == (1, 2)
    assert figures.listings == (Sum(name="Mug", count=3, amount=750),)
    assert figures.balance == 993 == sum(book.amount for book in figures.ledger)
