"""What the demo tells about the shop: read from the real tables over the API, computed in whole minor units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from execution.store import Store

Row = Mapping[str, Any]

# Ledger types by what a seller calls them; the rest is "Other". Names: Etsy's sheet, section 7.2.
_BOOKS = {
    "Payments received": ("PAYMENT_GROSS",),
    "Refunds paid": ("REFUND_GROSS",),
    "Sales taxes passed on": ("sales_tax", "vat_tax_ep"),
    "Transaction fees": ("transaction", "transaction_quantity", "shipping_transaction", "transaction_refund"),
    "Processing fees": ("PAYMENT_PROCESSING_FEE", "REFUND_PROCESSING_FEE"),
    "Listing fees": ("listing", "renew_sold_auto", "auto_renew_expired"),
    "Advertising": ("prolist", "offsite_ads_fee"),
    "Shipping labels": ("shipping_labels",),
    "Payouts to the bank": ("DISBURSE2",),
}
FEES = ("Transaction fees", "Processing fees", "Listing fees", "Advertising")
_BOOK_OF = {entry_type: book for book, types in _BOOKS.items() for entry_type in types}


@dataclass(frozen=True, kw_only=True)
class Sum:
    """A name, how many, and their money."""

    name: str
    count: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A shop in figures. Amounts are minor units of `currency`, those of the ledger of `ledger_currency`."""

    currency: str
    orders: int
    sales: int
    years: tuple[Sum, ...]
    months: tuple[Sum, ...]
    countries: tuple[Sum, ...]
    listings: tuple[Sum, ...]
    refunds: Sum
    customers: int
    repeat_customers: int
    repeat_orders: int
    ledger_currency: str
    ledger: tuple[Sum, ...]
    balance: int


def read_figures(store: Store, user_id: str) -> Figures:
    """Read what the user has at Etsy through PostgREST and compute. Deleted rows do not count."""

    def rows(table: str, columns: str) -> list[Row]:
        mine = {"user_id": user_id, "platform": "etsy", "is_deleted": "false"}
        return list(store.read(table, f"platform_id,{columns}", "platform_id", **mine))

    return compute_figures(
        orders=rows("orders", "ordered_at,total_amount,currency,country,buyer_platform_id"),
        lines=rows("line_items", "listing_platform_id,title,quantity,price_amount"),
        refunds=rows("order_refunds", "refund_amount"),
        entries=rows("payments", "sequence_number,entry_type,entry_amount,balance_amount,currency"),
        customers=len(rows("customers", "country")),
    )


def compute_figures(
    *, orders: list[Row], lines: Iterable[Row], refunds: list[Row], entries: list[Row], customers: int
) -> Figures:
    by_buyer = Counter(o["buyer_platform_id"] for o in orders if o["buyer_platform_id"])
    repeaters = [count for count in by_buyer.values() if count > 1]
    last = max(entries, key=lambda e: int(e["sequence_number"]), default=None)
    return Figures(
        currency=orders[0]["currency"] if orders else "USD",
        orders=len(orders),
        sales=sum(o["total_amount"] for o in orders),
        years=_sums((f"{_time(o):%Y}", 1, o["total_amount"]) for o in orders),
        months=_largest(_sums((f"{_time(o):%B %Y}", 1, o["total_amount"]) for o in orders), 5),
        countries=_largest(_sums((o["country"] or "unknown", 1, o["total_amount"]) for o in orders), 6),
        listings=_largest(
            _sums(
                (line["title"] or "untitled", line["quantity"], line["quantity"] * line["price_amount"])
                for line in lines
            ),
            5,
        ),
        refunds=Sum(name="refunds", count=len(refunds), amount=sum(r["refund_amount"] for r in refunds)),
        customers=customers,
        repeat_customers=len(repeaters),
        repeat_orders=sum(repeaters),
        ledger_currency=last["currency"] if last else "USD",
        ledger=_books(entries),
        balance=last["balance_amount"] if last else 0,
    )


def _time(order: Row) -> datetime:
    return datetime.fromisoformat(order["ordered_at"])


def _sums(items: Iterable[tuple[str, int, int]]) -> tuple[Sum, ...]:
    """Add up by name; in the order of names."""
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for name, count, amount in items:
        counts[name] += count
        amounts[name] += amount
    return tuple(Sum(name=name, count=counts[name], amount=amounts[name]) for name in sorted(counts))


def _largest(sums: tuple[Sum, ...], most: int) -> tuple[Sum, ...]:
    return tuple(sorted(sums, key=lambda s: (-s.amount, s.name))[:most])


def _books(entries: Iterable[Row]) -> tuple[Sum, ...]:
    found = {s.name: s for s in _sums((_BOOK_OF.get(e["entry_type"], "Other"), 1, e["entry_amount"]) for e in entries)}
    return tuple(found[name] for name in (*_BOOKS, "Other") if name in found)


# Of tables that a counter or a salon fills, what their rows are called.
_COUNTED = {
    "locations": "locations",
    "inventory_counts": "counts of stock",
    "tenders": "tenders",
    "order_line_modifiers": "modifiers on lines",
    "bookings": "appointments",
    "loyalty_accounts": "loyalty accounts",
    "team_members": "team members",
}


def counted(store: Store, user_id: str) -> dict[str, int]:
    """How many of each a user has, by what they are called."""
    return {
        words: sum(1 for _ in store.read(table, "platform_id", "platform_id", user_id=user_id))
        for table, words in _COUNTED.items()
    }
