"""The sandbox's Square as tests use it: its truth, its ledger of requests, and the rows that its shops come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from tests.standins.stand_in import Expected, Row, Rows, Shop, StandIn

ENTITIES = (
    *("locations", "orders", "payments", "refunds", "categories", "listings", "variants", "inventory", "vendors"),
    *("customers", "bookings", "team_members", "loyalty_accounts", "disputes", "payouts", "payout_entries"),
)
COMPLETE = dict.fromkeys(ENTITIES, "completed")


class Square(StandIn):
    """The control plane of one running sandbox, with limits that no test can reach."""

    platform = "square"
    id_field = "merchant_id"
    usual: ClassVar[Row] = {"orders": 60}
    calm: ClassVar[Row] = {"per_second": 10**6}
    token_lifetime_s = 30 * 86_400

    def again(self, shop: Shop) -> Shop:
        pair = self.control("POST", "/tokens", shop_id=shop.number)
        return replace(shop, access_token=pair["access_token"], refresh_token=pair["refresh_token"])

    def asked(self, shop: Shop, path: str = "/v2/") -> list[Row]:
        """Requests for this shop that the sandbox really received, in order."""
        return [call for call in self.ledger() if call["shop_id"] == shop.number and path in call["path"]]

    def expected(self, shop: Shop, *, until: int) -> Expected:
        """Of lists by time what was created up to the bound; of all others what there is now."""
        tables, updated = _tables(self, shop, until), {}
        return Expected(tables=tables, updated=updated)


def _tables(square: Square, shop: Shop, until: int) -> dict[str, Rows]:
    def all_of(kind: str) -> list[Row]:
        return [doc for doc in square.truth(shop, kind) if not doc.get("is_deleted")]

    def bounded(kind: str) -> list[Row]:
        return [doc for doc in all_of(kind) if (_at(doc["created_at"]) or 0) <= until]

    orders, payouts = bounded("orders"), bounded("payouts")
    paid_out = {doc["id"] for doc in payouts}
    variations, bookings = all_of("variations"), all_of("bookings")
    items = {doc["id"]: doc for doc in variations}
    return {
        "locations": _by_id(all_of("locations"), _location),
        "orders": _by_id(orders, _order),
        "line_items": _parts(orders, "line_items", ("uid",), lambda line, order: _line(line, order, items)),
        "order_line_modifiers": _inner(orders, "line_items", "modifiers", _modifier),
        "order_service_charges": _parts(orders, "service_charges", ("uid",), _service_charge),
        "order_fulfillments": _parts(orders, "fulfillments", ("uid",), _fulfillment),
        "tenders": _parts(orders, "tenders", ("id",), _tender),
        "order_refunds": _parts(orders, "refunds", ("id",), _order_refund),
        "order_returns": _parts(orders, "returns", ("uid",), _order_return),
        "order_return_lines": _inner(orders, "returns", "return_line_items", _return_line),
        "order_payments": _by_id(bounded("payments"), _payment),
        "payment_refunds": _by_id(bounded("refunds"), _refund),
        "payouts": _by_id(payouts, _payout),
        "payout_entries": _by_id([doc for doc in all_of("entries") if doc["payout_id"] in paid_out], _entry),
        "payment_disputes": _by_id(all_of("disputes"), _dispute),
        "catalog_categories": _by_id(all_of("categories"), _category),
        "catalog_items": _by_id(all_of("items"), _item),
        "catalog_variations": _by_id(variations, _variation),
        "catalog_location_overrides": _of_variations(variations, "location_overrides", "location_id", _override),
        "catalog_vendor_info": _of_variations(variations, "vendor_information", "vendor_id", _vendor_info),
        "inventory_counts": {
            f"{doc['catalog_object_id']}:{doc['location_id']}:{doc['state']}": _count(doc) for doc in all_of("counts")
        },
        "vendors": _by_id(all_of("vendors"), _vendor),
        "customers": _by_id(bounded("customers"), _customer),
        "team_members": _by_id(all_of("team_members"), _team_member),
        "loyalty_accounts": _by_id(all_of("loyalty_accounts"), _loyalty_account),
        "bookings": _by_id(bookings, _booking),
        "booking_segments": _parts(bookings, "appointment_segments", ("service_variation_id",), _segment),
    }


def _by_id(docs: Iterable[Row], row: Callable[[Row], Row]) -> Rows:
    return {doc["id"]: row(doc) for doc in docs}


def _parts(parents: Iterable[Row], at: str, keys: tuple[str, ...], row: Callable[[Row, Row], Row]) -> Rows:
    """A part is named by its parent, its own keys and its place among equals."""
    rows: Rows = {}
    seen: Counter[str] = Counter()
    for parent in parents:
        for part in parent.get(at, ()):
            name = ":".join([parent["id"], *(str(part.get(key) or "-") for key in keys)])
            seen[name] += 1
            rows[f"{name}:{seen[name]}"] = row(part, parent)
    return rows


def _inner(orders: Iterable[Row], at: str, inside: str, row: Callable[[Row, Row, Row], Row]) -> Rows:
    rows: Rows = {}
    seen: Counter[str] = Counter()
    for order in orders:
        for outer in order.get(at, ()):
            for part in outer.get(inside, ()):
                name = f"{order['id']}:{outer.get('uid') or '-'}:{part.get('uid') or '-'}"
                seen[name] += 1
                rows[f"{name}:{seen[name]}"] = row(part, outer, order)
    return rows


def _of_variations(variations: Iterable[Row], at: str, key: str, row: Callable[[Row, Row], Row]) -> Rows:
    rows: Rows = {}
    seen: Counter[str] = Counter()
    for variation in variations:
        for part in variation["item_variation_data"].get(at, ()):
            name = f"{variation['id']}:{part.get(key) or '-'}"
            seen[name] += 1
            rows[f"{name}:{seen[name]}"] = row(part, variation)
    return rows


def _location(doc: Row) -> Row:
    return {
        "title": doc["name"],
        "status": doc["status"].lower(),
        "time_zone": doc["timezone"],
        "currency": doc["currency"],
        "country": doc["country"],
        "opened_at": _at(doc["created_at"]),
    }


def _order(doc: Row) -> Row:
    net = doc.get("net_amounts") or {}
    return {
        "status": doc["state"].lower(),
        "version": doc.get("version"),
        "location_platform_id": doc["location_id"],
        "source_name": (doc.get("source") or {}).get("name"),
        "buyer_platform_id": doc.get("customer_id"),
        "ordered_at": _at(doc["created_at"]),
        "closed_at": _at(doc.get("closed_at")),
        "cancelled_at": _at(doc.get("closed_at")) if doc["state"] == "CANCELED" else None,
        "currency": doc["total_money"]["currency"],
        "discount_amount": _amount(doc, "total_discount_money"),
        "tax_amount": _amount(doc, "total_tax_money"),
        "tip_amount": _amount(doc, "total_tip_money"),
        "service_charge_amount": _amount(doc, "total_service_charge_money"),
        "total_amount": _amount(doc, "total_money"),
        "current_total_amount": _amount(net, "total_money"),
        "source_updated_at": _at(doc["updated_at"]),
    }


def _line(line: Row, order: Row, variations: dict[str, Row]) -> Row:
    quantity = Decimal(line["quantity"])
    variation = variations.get(line.get("catalog_object_id", ""))
    known = {} if variation is None else {"listing_platform_id": variation["item_variation_data"]["item_id"]}
    return known | {
        "order_platform_id": order["id"],
        "product_platform_id": line.get("catalog_object_id"),
        "title": line.get("name"),
        "variation_title": line.get("variation_name"),
        "quantity": int(quantity) if quantity == int(quantity) else None,
        "exact_quantity": quantity,
        "currency": line["base_price_money"]["currency"],
        "price_amount": _amount(line, "base_price_money"),
        "gross_amount": _amount(line, "gross_sales_money"),
        "discount_amount": _amount(line, "total_discount_money"),
        "tax_amount": _amount(line, "total_tax_money"),
        "total_amount": _amount(line, "total_money"),
    }


def _modifier(doc: Row, line: Row, order: Row) -> Row:
    return {
        "order_platform_id": order["id"],
        "line_uid": line["uid"],
        "modifier_platform_id": doc.get("catalog_object_id"),
        "title": doc.get("name"),
        "price_amount": _amount(doc, "base_price_money"),
        "total_amount": _amount(doc, "total_price_money"),
    }


def _service_charge(doc: Row, order: Row) -> Row:
    return {
        "order_platform_id": order["id"],
        "title": doc.get("name"),
        "tax_amount": _amount(doc, "total_tax_money"),
        "total_amount": _amount(doc, "total_money"),
    }


def _fulfillment(doc: Row, order: Row) -> Row:
    shipped = doc.get("shipment_details") or {}
    return {
        "order_platform_id": order["id"],
        "fulfillment_type": doc["type"].lower(),
        "status": doc["state"].lower(),
        "carrier": shipped.get("carrier"),
        "tracking_code": shipped.get("tracking_number"),
        "shipped_at": _at(shipped.get("shipped_at")),
    }


def _tender(doc: Row, order: Row) -> Row:
    return {
        "order_platform_id": order["id"],
        "tender_type": doc["type"].lower(),
        "payment_platform_id": doc.get("payment_id"),
        "tender_amount": _amount(doc, "amount_money"),
        "tip_amount": _amount(doc, "tip_money"),
        "fees_amount": _amount(doc, "processing_fee_money"),
        "tendered_at": _at(doc["created_at"]),
    }


def _order_refund(doc: Row, order: Row) -> Row:
    return {
        "order_platform_id": order["id"],
        "refund_amount": _amount(doc, "amount_money"),
        "status": doc["status"].lower(),
        "refunded_at": _at(doc["created_at"]),
    }


def _order_return(doc: Row, order: Row) -> Row:
    amounts = doc.get("return_amounts") or {}
    return {
        "order_platform_id": order["id"],
        "source_order_platform_id": doc.get("source_order_id"),
        "tax_amount": _amount(amounts, "tax_money"),
        "tip_amount": _amount(amounts, "tip_money"),
        "total_amount": _amount(amounts, "total_money"),
    }


def _return_line(doc: Row, back: Row, order: Row) -> Row:
    return {
        "order_platform_id": order["id"],
        "source_order_platform_id": back.get("source_order_id"),
        "source_line_uid": doc.get("source_line_item_uid"),
        "quantity": Decimal(doc["quantity"]),
        "gross_amount": _amount(doc, "gross_return_money"),
        "tax_amount": _amount(doc, "total_tax_money"),
        "total_amount": _amount(doc, "total_money"),
    }


def _payment(doc: Row) -> Row:
    fees = doc.get("processing_fee") or []
    return {
        "order_platform_id": doc.get("order_id"),
        "location_platform_id": doc["location_id"],
        "buyer_platform_id": doc.get("customer_id"),
        "status": doc["status"].lower(),
        "payment_method": doc["source_type"].lower(),
        "currency": doc["total_money"]["currency"],
        "gross_amount": _amount(doc, "total_money"),
        "goods_amount": _amount(doc, "amount_money"),
        "tip_amount": _amount(doc, "tip_money"),
        "refunded_amount": _amount(doc, "refunded_money"),
        "fees_amount": sum(fee["amount_money"]["amount"] for fee in fees) if fees else None,
        "paid_at": _at(doc["created_at"]),
        "source_updated_at": _at(doc["updated_at"]),
    }


def _refund(doc: Row) -> Row:
    return {
        "payment_platform_id": doc.get("payment_id"),
        "order_platform_id": doc.get("order_id"),
        "status": doc["status"].lower(),
        "refund_amount": _amount(doc, "amount_money"),
        "refunded_at": _at(doc["created_at"]),
    }


def _payout(doc: Row) -> Row:
    return {
        "status": doc["status"].lower(),
        "location_platform_id": doc["location_id"],
        "payout_amount": _amount(doc, "amount_money"),
        "arrival_date": doc.get("arrival_date"),
        "paid_out_at": _at(doc["created_at"]),
    }


def _entry(doc: Row) -> Row:
    return {
        "payout_platform_id": doc["payout_id"],
        "entry_type": doc["type"].lower(),
        "gross_amount": _amount(doc, "gross_amount_money"),
        "fee_amount": _amount(doc, "fee_amount_money"),
        "net_amount": _amount(doc, "net_amount_money"),
    }


def _dispute(doc: Row) -> Row:
    return {
        "payment_platform_id": doc["disputed_payment"]["payment_id"],
        "status": doc["state"].lower(),
        "disputed_amount": _amount(doc, "amount_money"),
    }


def _category(doc: Row) -> Row:
    data = doc["category_data"]
    return {"version": doc["version"], "title": data["name"], "is_top_level": data.get("is_top_level")}


def _item(doc: Row) -> Row:
    data = doc["item_data"]
    return {
        "version": doc["version"],
        "title": data["name"],
        "item_type": data["product_type"].lower(),
        "is_archived": data.get("is_archived"),
        "source_updated_at": _at(doc["updated_at"]),
    }


def _variation(doc: Row) -> Row:
    data = doc["item_variation_data"]
    return {
        "version": doc["version"],
        "item_platform_id": data["item_id"],
        "title": data.get("name"),
        "sku": data.get("sku"),
        "price_amount": _amount(data, "price_money"),
        "service_milliseconds": data.get("service_duration"),
        "source_updated_at": _at(doc["updated_at"]),
    }


def _override(doc: Row, variation: Row) -> Row:
    return {
        "variation_platform_id": variation["id"],
        "location_platform_id": doc["location_id"],
        "price_amount": _amount(doc, "price_money"),
        "is_sold_out": doc.get("sold_out"),
    }


def _vendor_info(doc: Row, variation: Row) -> Row:
    return {
        "variation_platform_id": variation["id"],
        "vendor_platform_id": doc["vendor_id"],
        "vendor_code": doc.get("vendor_code"),
        "unit_cost_amount": _amount(doc, "unit_cost_money"),
    }


def _count(doc: Row) -> Row:
    return {
        "variation_platform_id": doc["catalog_object_id"],
        "location_platform_id": doc["location_id"],
        "state": doc["state"].lower(),
        "quantity": Decimal(doc["quantity"]),
        "counted_at": _at(doc["calculated_at"]),
    }


def _vendor(doc: Row) -> Row:
    return {"title": doc["name"], "status": doc["status"].lower(), "version": doc["version"]}


def _customer(doc: Row) -> Row:
    named = " ".join(filter(None, (doc.get("given_name"), doc.get("family_name"))))
    return {
        "name": named or doc.get("company_name"),
        "email": doc.get("email_address"),
        "source_updated_at": _at(doc["updated_at"]),
    }


def _team_member(doc: Row) -> Row:
    return {
        "name": " ".join(filter(None, (doc.get("given_name"), doc.get("family_name")))) or None,
        "status": doc["status"].lower(),
        "is_owner": doc["is_owner"],
    }


def _loyalty_account(doc: Row) -> Row:
    return {
        "buyer_platform_id": doc.get("customer_id"),
        "points": doc.get("balance"),
        "lifetime_points": doc.get("lifetime_points"),
    }


def _booking(doc: Row) -> Row:
    return {
        "version": doc["version"],
        "status": doc["status"].lower(),
        "location_platform_id": doc["location_id"],
        "buyer_platform_id": doc.get("customer_id"),
        "starts_at": _at(doc["start_at"]),
        "source_updated_at": _at(doc["updated_at"]),
    }


def _segment(doc: Row, booking: Row) -> Row:
    return {
        "booking_platform_id": booking["id"],
        "team_member_platform_id": doc["team_member_id"],
        "variation_platform_id": doc.get("service_variation_id"),
        "duration_minutes": doc["duration_minutes"],
    }


def _amount(doc: Row, name: str) -> int | None:
    money = doc.get(name)
    return None if money is None else money.get("amount")


def _at(text: str | None) -> int | None:
    """Whole seconds, as the world reads our times: to the microsecond, which the tenth digit does not move."""
    return int(datetime.fromisoformat(text).timestamp()) if text else None
