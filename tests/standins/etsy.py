"""The sandbox's Etsy as tests use it: its truth, its ledger of requests, and the rows that its shops come to.

Money with Decimal, text with html.unescape, times as whole seconds. Nothing here imports the mapping or the streams.
"""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

from tests.standins.stand_in import Expected, Row, Rows, Shop, StandIn

PAGES = "limit=100"
_DIGITS = {"JPY": 0}


class Etsy(StandIn):
    """The control plane of one running sandbox, with limits that no test can reach."""

    platform = "etsy"
    calm: ClassVar[Row] = {"per_second": 10**6, "per_day": 10**9, "reuse_old_refresh_token": "allow"}

    def truth(self, shop: Shop, kind: str, **query: str) -> list[Row]:
        """The true records; numbers with a point stay the text that they are."""
        return self.ndjson(f"/shops/{shop.number}/truth/{kind}", parse_float=str, **query)

    def asked(self, shop: Shop, path: str = "", *, pages_only: bool = True) -> list[Row]:
        """Requests that the sandbox really received for this shop, in order."""
        requests = self.ledger(shop=str(shop.number), path=path)
        return [r for r in requests if PAGES in r["query"]] if pages_only else requests

    def expected(self, shop: Shop, *, until: int) -> Expected:
        return _expected(self, shop, until)


def minor(amount: Decimal, currency: str) -> int:
    """An amount in major units as a whole number of the smallest unit."""
    units = amount.scaleb(_DIGITS.get(currency, 2))
    assert units == units.to_integral_value(), (amount, currency)
    return int(units)


def money(value: dict[str, Any] | None) -> int | None:
    if value is None:
        return None
    return minor(Decimal(value["amount"]) / Decimal(value["divisor"]), value["currency_code"])


def coupon(value: Any, currency: str) -> int | None:
    """A coupon is a JSON float in major units; `value` is its text."""
    return None if value is None else minor(round(Decimal(value), 6), currency)


def plain(text: str | None) -> str | None:
    return None if text is None else html.unescape(text)


def key(value: Any) -> str | None:
    return None if value is None else str(value)


def _expected(etsy: Etsy, shop: Shop, until: int) -> Expected:
    """Everything that a backfill with this frozen bound should leave."""
    receipts = [r for r in etsy.truth(shop, "receipts", paid="true") if r["created_timestamp"] <= until]
    ledger = [e for e in etsy.truth(shop, "ledger") if e["created_timestamp"] <= until]
    listings = etsy.truth(shop, "listings")
    payments = {str(p["payment_id"]): p for p in etsy.truth(shop, "payments")}
    orders = {str(r["receipt_id"]): r for r in receipts}
    sold = etsy.truth(shop, "transactions", paid="true")
    lines = {str(t["transaction_id"]): (str(t["receipt_id"]), t) for t in sold if str(t["receipt_id"]) in orders}
    named = {str(e["reference_id"]) for e in ledger if e["reference_type"] in ("shop_payment", "processing_fee")}
    paid = {k: p for k, p in payments.items() if k in named}
    tables: dict[str, Rows] = {
        "orders": {k: _order(r) for k, r in orders.items()},
        "line_items": {k: _line(parent, t) for k, (parent, t) in lines.items()},
        "order_refunds": dict(_numbered(_refunds(receipts))),
        "order_fulfillments": dict(_numbered(_shipments(receipts))),
        "customers": _customers(receipts),
        "listings": {str(x["listing_id"]): _listing(x) for x in listings},
        "payments": {str(e["entry_id"]): _entry(e, lines, paid) for e in ledger},
        "order_payments": {k: _payment(p) for k, p in paid.items()},
    }
    times = {k: r["updated_timestamp"] for k, r in orders.items()}
    updated = {
        "orders": times,
        "line_items": {k: times[parent] for k, (parent, _) in lines.items()},
        "order_refunds": {k: times[str(row["order_platform_id"])] for k, row in tables["order_refunds"].items()},
        "order_fulfillments": {
            k: times[str(row["order_platform_id"])] for k, row in tables["order_fulfillments"].items()
        },
        "listings": {str(x["listing_id"]): x["updated_timestamp"] for x in listings},
        "payments": {str(e["entry_id"]): e["created_timestamp"] for e in ledger},
        "order_payments": {k: p["updated_timestamp"] for k, p in paid.items()},
        "customers": _last_update(receipts),
    }
    return Expected(tables=tables, updated=updated)


def _order(r: Row) -> Row:
    return {
        "order_number": str(r["receipt_id"]),
        "status": r["status"].lower(),
        "is_paid": r["is_paid"],
        "is_shipped": r["is_shipped"],
        "is_gift": r["is_gift"],
        "buyer_platform_id": key(r["buyer_user_id"]),
        "country": r["country_iso"],
        "payment_method": r["payment_method"],
        "ordered_at": r["created_timestamp"],
        "currency": r["grandtotal"]["currency_code"],
        "item_total_amount": money(r["total_price"]),
        "discount_amount": money(r["discount_amt"]),
        "subtotal_amount": money(r["subtotal"]),
        "shipping_amount": money(r["total_shipping_cost"]),
        "tax_amount": money(r["total_tax_cost"]),
        "vat_amount": money(r["total_vat_cost"]),
        "gift_wrap_amount": money(r["gift_wrap_price"]),
        "total_amount": money(r["grandtotal"]),
        "source_updated_at": r["updated_timestamp"],
    }


def _line(parent: str, t: Row) -> Row:
    currency = t["price"]["currency_code"]
    return {
        "order_platform_id": parent,
        "listing_platform_id": key(t["listing_id"]),
        "product_platform_id": key(t["product_id"]),
        "sku": t["sku"],
        "title": plain(t["title"]),
        "quantity": t["quantity"],
        "currency": currency,
        "price_amount": money(t["price"]),
        "shipping_amount": money(t["shipping_cost"]),
        "shop_coupon_amount": coupon(t["shop_coupon"], currency),
        "buyer_coupon_amount": coupon(t["buyer_coupon"], currency),
        "is_digital": t["is_digital"],
        "ordered_at": t["created_timestamp"],
        "shipped_at": t["shipped_timestamp"],
    }


def _refunds(receipts: Iterable[Row]) -> Iterable[tuple[tuple[Any, ...], Row]]:
    for r in receipts:
        for refund in r["refunds"] or ():
            named = (r["receipt_id"], refund["created_timestamp"], refund["amount"]["amount"])
            yield (
                named,
                {
                    "order_platform_id": str(r["receipt_id"]),
                    "currency": refund["amount"]["currency_code"],
                    "refund_amount": money(refund["amount"]),
                    "reason": plain(refund["reason"]),
                    "status": None if refund["status"] is None else refund["status"].lower(),
                    "refunded_at": refund["created_timestamp"],
                },
            )


def _shipments(receipts: Iterable[Row]) -> Iterable[tuple[tuple[Any, ...], Row]]:
    for r in receipts:
        for shipment in r["shipments"] or ():
            yield (
                (r["receipt_id"], shipment["receipt_shipping_id"]),
                {
                    "order_platform_id": str(r["receipt_id"]),
                    "carrier": shipment["carrier_name"],
                    "tracking_code": shipment["tracking_code"],
                    "shipped_at": shipment["shipment_notification_timestamp"],
                },
            )


def _numbered(named: Iterable[tuple[tuple[Any, ...], Row]]) -> Iterable[tuple[str, Row]]:
    """Children without an id of their own: named by what they are, and their place among equals."""
    seen: Counter[tuple[Any, ...]] = Counter()
    for parts, row in named:
        seen[parts] += 1
        yield ":".join("-" if part is None else str(part) for part in (*parts, seen[parts])), row


def _customers(receipts: list[Row]) -> Rows:
    newest: Rows = {}
    for r in receipts:
        buyer = key(r["buyer_user_id"])
        if buyer is not None and r["created_timestamp"] >= newest.get(buyer, r)["created_timestamp"]:
            newest[buyer] = r
    return {
        buyer: {
            "name": plain(r["name"]),
            "email": r["buyer_email"],
            "country": r["country_iso"],
            "last_order_at": r["created_timestamp"],
        }
        for buyer, r in newest.items()
    }


def _last_update(receipts: list[Row]) -> dict[str, int]:
    times: dict[str, int] = defaultdict(int)
    for r in receipts:
        if r["buyer_user_id"] is not None:
            times[str(r["buyer_user_id"])] = max(times[str(r["buyer_user_id"])], r["updated_timestamp"])
    return times


def _listing(x: Row) -> Row:
    return {
        "title": plain(x["title"]),
        "state": x["state"].lower(),
        "url": x["url"],
        "skus": ", ".join(x["skus"]) if x["skus"] else None,
        "quantity": x["quantity"],
        "currency": x["price"]["currency_code"],
        "price_amount": money(x["price"]),
        "has_variations": x["has_variations"],
        "listed_at": x["original_creation_timestamp"],
        "ends_at": x["ending_timestamp"],
        "source_updated_at": x["updated_timestamp"],
    }


def _entry(e: Row, lines: dict[str, tuple[str, Row]], payments: Rows) -> Row:
    named = key(e["reference_id"])
    order = None
    if e["reference_type"] == "receipt":
        order = named
    elif e["reference_type"] == "transaction" and named in lines:
        order = lines[named][0]
    elif e["reference_type"] in ("shop_payment", "processing_fee") and named in payments:
        order = str(payments[named]["receipt_id"])
    return {
        "sequence_number": e["sequence_number"],
        "entry_type": e["ledger_type"],
        "description": plain(e["description"]),
        "currency": e["currency"],
        "entry_amount": minor(Decimal(e["amount"]) / 100, e["currency"]),
        "balance_amount": minor(Decimal(e["balance"]) / 100, e["currency"]),
        "reference_type": e["reference_type"],
        "reference_id": named,
        "parent_platform_id": key(e["parent_entry_id"]),
        "order_platform_id": order,
        "occurred_at": e["created_timestamp"],
    }


def _payment(p: Row) -> Row:
    return {
        "order_platform_id": str(p["receipt_id"]),
        "status": None if p["status"] is None else p["status"].lower(),
        "currency": p["amount_gross"]["currency_code"],
        "gross_amount": money(p["amount_gross"]),
        "fees_amount": money(p["amount_fees"]),
        "net_amount": money(p["amount_net"]),
        "paid_at": p["created_timestamp"],
        "source_updated_at": p["updated_timestamp"],
    }
