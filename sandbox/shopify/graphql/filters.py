"""What each connection can be searched by. Fields that the vendor has and this stand-in has not are refused aloud."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from sandbox.parts.money import minor_units
from sandbox.shopify.data.ids import parse_gid
from sandbox.shopify.data.shop import Shop
from sandbox.shopify.graphql.search import EVERYTHING, Sql, Term, TermReader

_DAY = 86_400
_YEAR = re.compile(r"\d{4}")
_MONTH = re.compile(r"\d{4}-\d\d")
_HOUR = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)")
_BOOLEANS = {"true": 1, "false": 0}

# Order filters that the vendor's schema lists and that are not held here.
OTHER_ORDER_FIELDS = frozenset(
    [
        "cart_token",
        "channel",
        "channel_id",
        "chargeback_status",
        "checkout_token",
        "confirmation_number",
        "credit_card_last4",
        "delivery_method",
        "fraud_protection_level",
        "fulfillment_location_id",
        "payment_id",
        "payment_provider_id",
        "po_number",
        "reference_location_id",
        "risk_level",
        "sales_channel",
        "sku",
        "source_identifier",
        "subtotal_line_items_quantity",
        "total_weight",
        "location_id",
    ]
)
OTHER_PRODUCT_FIELDS = frozenset(
    [
        "barcode",
        "bundles",
        "category_id",
        "collection_id",
        "combined_listing_role",
        "delivery_profile_id",
        "error_feedback",
        "has_only_composites",
        "has_only_default_variant",
        "has_variant_with_components",
        "inventory_total",
        "is_price_reduced",
        "out_of_stock_somewhere",
        "price",
        "product_configuration_owner",
        "product_publication_status",
        "publication_ids",
        "publishable_status",
        "published_status",
        "sku",
        "tracks_inventory",
        "variant_id",
        "variant_title",
    ]
)
OTHER_VARIANT_FIELDS = frozenset(
    [
        "barcode",
        "collection",
        "delivery_profile_id",
        "exclude_composite",
        "exclude_variants_with_components",
        "gift_card",
        "inventory_quantity",
        "location_id",
        "managed",
        "managed_by",
        "option1",
        "option2",
        "option3",
        "product_publication_status",
        "product_status",
        "product_type",
        "publishable_status",
        "published_status",
        "requires_components",
        "tag",
        "tag_not",
        "taxable",
        "vendor",
    ]
)
OTHER_CUSTOMER_FIELDS = frozenset(
    ["accepts_marketing", "first_name", "last_abandoned_order_date", "last_name", "order_date", "phone", "total_spent"]
)
OTHER_BALANCE_FIELDS = frozenset(
    [
        "available_on",
        "credit_card_last4",
        "currency",
        "payment_method_name",
        "payments_transfer_id",
        "payout_date",
        "payout_status",
        "tax_reporting_exempt",
        "transaction_type",
    ]
)
_STATUS = {
    "open": "closed IS NULL AND cancelled IS NULL",
    "not_closed": "closed IS NULL",
    "closed": "closed IS NOT NULL AND cancelled IS NULL",
    "cancelled": "cancelled IS NOT NULL",
    "any": "1",
}
_FULFILLMENT = {
    "unshipped": ("UNFULFILLED",),
    "unfulfilled": ("UNFULFILLED", "PARTIALLY_FULFILLED"),
    "shipped": ("FULFILLED",),
    "fulfilled": ("FULFILLED",),
    "partial": ("PARTIALLY_FULFILLED",),
    "scheduled": (),
    "on_hold": (),
    "request_declined": (),
}


def order_fields(shop: Shop) -> dict[str, TermReader]:
    return {
        "created_at": _time(shop, "created"),
        "processed_at": _time(shop, "processed"),
        "updated_at": _time(shop, "updated"),
        "id": lambda term: _compared("pos", term, _bound(term, shop.ids.orders_from, shop.ids.order)),
        "customer_id": _number("customer", shop.ids.customer(0)),
        "name": lambda term: Sql("name = ? OR name = ?", [term.value, f"#{term.value}"]),
        "default": lambda term: Sql("name = ? OR name = ? OR email = ?", [term.value, f"#{term.value}", term.value]),
        "email": _text("email"),
        "status": _choice(_STATUS),
        "financial_status": _listed("financial"),
        "fulfillment_status": _fulfillment,
        "return_status": _listed("returned"),
        "source_name": _text("source"),
        "gateway": _text("gateway"),
        "test": lambda term: _boolean("test", term),
        "tag": _word("tags"),
        "tag_not": lambda term: Sql("tags NOT LIKE ?", [f"%|{term.value.lower()}|%"]),
        "discount_code": _word("codes"),
        "current_total_price": _amount(shop, "current_total"),
    }


def product_fields(shop: Shop) -> dict[str, TermReader]:
    return {
        "created_at": _time(shop, "created"),
        "updated_at": _time(shop, "updated"),
        "published_at": _time(shop, "published"),
        "id": _every_third("number", shop.ids.product(0)),
        "status": _listed("status"),
        "title": _like("title"),
        "default": _like("title"),
        "vendor": _text("vendor"),
        "product_type": _text("product_type"),
        "handle": _text("handle"),
        "gift_card": lambda term: _boolean("gift_card", term),
        "tag": _word("tags"),
        "tag_not": lambda term: Sql("tags NOT LIKE ?", [f"%|{term.value.lower()}|%"]),
    }


def variant_fields(shop: Shop) -> dict[str, TermReader]:
    return {
        "updated_at": _time(shop, "updated"),
        "id": _number("place", shop.ids.variant(0, 0)),
        "product_id": _every_third("product", shop.ids.product(0)),
        "product_ids": _products(shop),
        "sku": _text("sku"),
        "title": _like("title"),
        "default": _like("title"),
    }


def balance_fields(shop: Shop) -> dict[str, TermReader]:
    return {"processed_at": _time(shop, "at"), "id": _number("seq", shop.ids.balance(0))}


def item_fields(shop: Shop) -> dict[str, TermReader]:
    return {
        "created_at": _time(shop, "created"),
        "updated_at": _time(shop, "item_updated"),
        "id": _number("place", shop.ids.item(0, 0)),
        "sku": _text("sku"),
    }


def customer_fields(shop: Shop) -> dict[str, TermReader]:
    """No `created_at` here: it is `customer_date`; and `updated_at` matches whole days (sheet, addendum)."""
    return {
        "customer_date": _time(shop, "created"),
        "updated_at": _whole_days(shop, "updated"),
        "id": _number("number", shop.ids.customer(0)),
        "email": _text("email"),
        "default": _text("email"),
        "country": _text("country"),
        "state": _listed("state"),
        "orders_count": _number("orders", 0),
        "tag": _word("tags"),
        "tag_not": lambda term: Sql("tags NOT LIKE ?", [f"%|{term.value.lower()}|%"]),
    }


def customer_count_fields(shop: Shop) -> dict[str, TermReader]:
    """`customersCount` knows only these three (sheet, addendum)."""
    known = customer_fields(shop)
    return {"created_at": _time(shop, "created"), "updated_at": known["updated_at"], "id": known["id"]}


def read_time(text: str, offset_minutes: int) -> tuple[int, int] | None:
    """(first second, seconds it spans): a year, a month, a day, an hour or an instant; local where no zone is named."""
    zone = timezone(timedelta(minutes=offset_minutes))
    try:
        if _YEAR.fullmatch(text):
            start = datetime(int(text), 1, 1, tzinfo=zone)
            return int(start.timestamp()), int((start.replace(year=start.year + 1) - start).total_seconds())
        if _MONTH.fullmatch(text):
            start = datetime.fromisoformat(f"{text}-01").replace(tzinfo=zone)
            return int(start.timestamp()), 31 * _DAY
        if match := _HOUR.fullmatch(text):
            hour = datetime.fromisoformat(match[1]).replace(hour=int(match[2]), tzinfo=zone)
            return int(hour.timestamp()), 1
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    return int(found.timestamp()), _DAY if len(text) == 10 else 1


def _time(shop: Shop, column: str) -> TermReader:
    def read(term: Term) -> Sql | None:
        if term.value == "*":
            return Sql(f"{column} IS NOT NULL")
        found = read_time(term.value, shop.offset_minutes)
        return found and _span(column, term.comparator, *found)

    return read


def _whole_days(shop: Shop, column: str) -> TermReader:
    def read(term: Term) -> Sql | None:
        found = read_time(term.value, shop.offset_minutes)
        if found is None:
            return None
        shift = shop.offset_minutes * 60
        start = (found[0] + shift) // _DAY * _DAY - shift
        return _span(column, term.comparator, start, max(found[1], _DAY))

    return read


def _span(column: str, comparator: str, start: int, seconds: int) -> Sql:
    """A day `:>` begins after its last second, `:<=` ends with it."""
    if comparator == "=":
        return Sql(f"{column} >= ? AND {column} < ?", [start, start + seconds])
    edge = {">": start + seconds - 1, "<=": start + seconds - 1}.get(comparator, start)
    return Sql(f"{column} {comparator} ?", [edge])


def _bound(term: Term, first_not_below: Callable[[int], int], exact: Callable[[int], int]) -> int | None:
    """The position at the bound of an id range, such that the comparison of positions answers like that of ids."""
    number = _id(term.value)
    if number is None:
        return None
    pos = first_not_below(number)
    if exact(pos) == number:
        return pos
    return pos if term.comparator in (">=", "<") else pos - 1 if term.comparator in (">", "<=") else -1


def _compared(column: str, term: Term, value: int | None) -> Sql | None:
    return None if value is None else Sql(f"{column} {term.comparator} ?", [value])


def _id(text: str) -> int | None:
    found = parse_gid(text)
    if found:
        return found[1]
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _number(column: str, base: int) -> TermReader:
    def read(term: Term) -> Sql | None:
        number = _id(term.value)
        return None if number is None else Sql(f"{column} {term.comparator} ?", [number - base])

    return read


def _every_third(column: str, base: int) -> TermReader:
    def read(term: Term) -> Sql | None:
        number = _id(term.value)
        return None if number is None else Sql(f"{column} * 3 {term.comparator} ?", [number - base])

    return read


def _products(shop: Shop) -> TermReader:
    def read(term: Term) -> Sql | None:
        numbers = [shop.ids.product_number(_id(each) or 0) for each in term.value.split(",")]
        return Sql(f"product IN ({', '.join('?' * len(numbers))})", numbers)

    return read


def _amount(shop: Shop, column: str) -> TermReader:
    def read(term: Term) -> Sql | None:
        try:
            return Sql(f"{column} {term.comparator} ?", [float(term.value) * minor_units(shop.currency)])
        except ValueError:
            return None

    return read


def _text(column: str) -> TermReader:
    return lambda term: (
        Sql(f"{column} IS NOT NULL") if term.value == "*" else Sql(f"lower({column}) = lower(?)", [term.value])
    )


def _like(column: str) -> TermReader:
    return lambda term: EVERYTHING if term.value == "*" else Sql(f"{column} LIKE ?", [f"%{term.value.strip('*')}%"])


def _word(column: str) -> TermReader:
    return lambda term: Sql(f"{column} LIKE ?", [f"%|{term.value.lower()}|%"])


def _listed(column: str) -> TermReader:
    """Words separated by commas: any of them."""

    def read(term: Term) -> Sql:
        words = [word.strip().upper() for word in term.value.split(",")]
        return Sql(f"{column} IN ({', '.join('?' * len(words))})", words)

    return read


def _choice(choices: dict[str, str]) -> TermReader:
    def read(term: Term) -> Sql | None:
        words = [word.strip() for word in term.value.split(",")]
        if any(word not in choices for word in words):
            return None
        return Sql(" OR ".join(f"({choices[word]})" for word in words))

    return read


def _fulfillment(term: Term) -> Sql | None:
    words = [word.strip() for word in term.value.split(",")]
    if any(word not in _FULFILLMENT for word in words):
        return None
    states = [state for word in words for state in _FULFILLMENT[word]]
    return Sql(f"fulfillment IN ({', '.join('?' * len(states))})", states)


def _boolean(column: str, term: Term) -> Sql | None:
    return Sql(f"{column} = ?", [_BOOLEANS[term.value]]) if term.value in _BOOLEANS else None
