"""Orders as REST writes them: integer ids, money with two decimals, times with the shop's offset (sheet section 6)."""

from __future__ import annotations

from typing import Any

from sandbox.parts.responses import Doc
from sandbox.shopify.data.customers import Person
from sandbox.shopify.data.ids import gid
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.data.money import ZERO, Pair, padded
from sandbox.shopify.data.order_histories import refund_transactions
from sandbox.shopify.data.orders import line_discount
from sandbox.shopify.data.timestamps import local

FULFILLMENT = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "UNFULFILLED": None}


class Writer:
    """Writes records of one shop; `open_data` says whether personal fields may be shown."""

    def __init__(self, live_shop: LiveShop, *, open_data: bool) -> None:
        self.live_shop = live_shop
        self.shop = live_shop.shop
        self.open_data = open_data

    def time(self, at: int | None) -> str | None:
        return local(at, self.shop.offset_minutes)

    def own(self, amount: Any) -> str:
        return padded(amount[0], self.shop.currency)

    def both(self, order: Doc, amount: Any) -> Doc:
        """A `…_set`."""
        return {
            "shop_money": {"amount": self.own(amount), "currency_code": self.shop.currency},
            "presentment_money": {
                "amount": padded(amount[1], order["currency"]),
                "currency_code": order["currency"],
            },
        }

    # --- orders -----------------------------------------------------------------------------------------

    def order(self, order: Doc) -> Doc:
        ids, person = self.shop.ids, self.shop.person(order["buyer"])
        number = ids.order(order["pos"])
        customer = None if order["customer"] is None else self.live_shop.customer(order["customer"])
        shown: Doc = {
            "id": number,
            "admin_graphql_api_id": gid("Order", number),
            "name": ids.order_name(order["pos"]),
            "number": order["pos"] + 1,
            "order_number": order["pos"] + 1001,
            "confirmation_number": f"SB{order['pos']:07X}",
            "confirmed": order["financial"] != "PENDING",
            "created_at": self.time(order["created"]),
            "processed_at": self.time(order["processed"]),
            "updated_at": self.time(order["updated"]),
            "cancelled_at": self.time(order["cancelled"]),
            "closed_at": self.time(order["closed"]),
            "cancel_reason": order["cancel_reason"] and order["cancel_reason"].lower(),
            "test": order["test"],
            "currency": self.shop.currency,
            "presentment_currency": order["currency"],
            "financial_status": order["financial"].lower(),
            "fulfillment_status": FULFILLMENT[order["fulfillment"]],
            "email": (person.email or "") if self.open_data else "",
            "contact_email": person.email if self.open_data else None,
            "phone": person.phone if self.open_data else None,
            "note": order["note"],
            "tags": ", ".join(order["tags"]),
            "source_name": order["source"],
            "taxes_included": self.shop.taxes_included,
            "customer_locale": person.locale,
            "location_id": ids.location(1) if order["source"] == "pos" else None,
            "payment_gateway_names": [order["gateway"]],
            "discount_codes": [
                {"code": code, "amount": self.own(order["discounts"]), "type": "percentage"} for code in order["codes"]
            ],
            "total_outstanding": self.own(self._outstanding(order)),
            "total_tip_received": self.own(order["tip"]),
            "total_weight": 0,
            "line_items": [self.line(order, line) for line in range(len(order["lines"]))],
            "shipping_lines": [self.shipping_line(order)] if order["ships"] else [],
            "tax_lines": self.tax_lines(order, order["tax"]),
            "fulfillments": [self.fulfillment(order, each) for each in order["fulfillments"]],
            "refunds": [self.refund(order, each) for each in order["refunds"]],
            "customer": self.customer(customer) if customer else None,
            **self._sums(order),
        }
        if self.open_data:
            shown["billing_address"] = self.address(person)
            shown["shipping_address"] = self.address(person) if order["ships"] else None
        return shown

    def _sums(self, order: Doc) -> Doc:
        goods = sum((Pair(*line["price"]) * int(line["quantity"]) for line in order["lines"]), ZERO)
        sums: Doc = {}
        for name, amount in (
            ("total_price", order["total"]),
            ("current_total_price", order["current_total"]),
            ("subtotal_price", order["subtotal"]),
            ("current_subtotal_price", order["current_subtotal"]),
            ("total_tax", order["tax"]),
            ("current_total_tax", order["current_tax"]),
            ("total_discounts", order["discounts"]),
            ("current_total_discounts", order["current_discounts"]),
            ("total_line_items_price", goods),
        ):
            sums[name], sums[f"{name}_set"] = self.own(amount), self.both(order, amount)
        return {**sums, "total_shipping_price_set": self.both(order, order["shipping"])}

    def _outstanding(self, order: Doc) -> Pair:
        owed = Pair(*order["current_total"]) - (Pair(*order["received"]) - Pair(*order["refunded"]))
        return owed if owed.shop > 0 and not order["cancelled"] else ZERO

    def line(self, order: Doc, number: int) -> Doc:
        ids, line = self.shop.ids, order["lines"][number]
        gone = line["product"] is None or self.live_shop.product(line["product"]) is None
        line_id = ids.line(order["pos"], number)
        titled = f"{line['title']} - {line['variant_title']}" if line["variant_title"] else line["title"]
        left = line["current"] - line["fulfilled"]
        status = "fulfilled" if line["fulfilled"] >= line["quantity"] else "partial" if line["fulfilled"] else None
        return {
            "id": line_id,
            "admin_graphql_api_id": gid("LineItem", line_id),
            "title": line["title"],
            "name": titled,
            "variant_title": line["variant_title"],
            "sku": line["sku"],
            "vendor": line["vendor"],
            "quantity": line["quantity"],
            "current_quantity": line["current"],
            "fulfillable_quantity": max(left, 0),
            "fulfillment_service": "manual",
            "fulfillment_status": status,
            "gift_card": line["gift_card"],
            "grams": 0,
            "price": self.own(line["price"]),
            "price_set": self.both(order, line["price"]),
            "product_exists": not gone,
            "product_id": None if gone else ids.product(line["product"]),
            "variant_id": None if gone else ids.variant(line["product"], line["variant"]),
            "properties": [],
            "requires_shipping": line["ships"],
            "taxable": not line["gift_card"],
            "total_discount": self.own(line_discount(order, line)),
            "total_discount_set": self.both(order, line_discount(order, line)),
            "discount_allocations": self._allocations(order, line),
            "duties": [],
            "tax_lines": self.tax_lines(order, line["tax"]),
        }

    def _allocations(self, order: Doc, line: Doc) -> list[Doc]:
        if not any(line["discount"]):
            return []
        both = self.both(order, line["discount"])
        return [{"amount": self.own(line["discount"]), "amount_set": both, "discount_application_index": 0}]

    def tax_lines(self, order: Doc, amount: Any) -> list[Doc]:
        if not order["tax_rate"]:
            return []
        return [
            {
                "title": order["tax_title"],
                "rate": order["tax_rate"] / 1000,
                "price": self.own(amount),
                "price_set": self.both(order, amount),
                "channel_liable": order["channel_liable"],
            }
        ]

    def shipping_line(self, order: Doc) -> Doc:
        return {
            "id": self.shop.ids.order(order["pos"]),
            "title": order["shipping_title"],
            "code": order["shipping_title"],
            "source": "shopify",
            "price": self.own(order["shipping"]),
            "price_set": self.both(order, order["shipping"]),
            "discounted_price": self.own(order["shipping"]),
            "discounted_price_set": self.both(order, order["shipping"]),
            "carrier_identifier": None,
            "phone": None,
            "requested_fulfillment_service_id": None,
            "discount_allocations": [],
            "tax_lines": self.tax_lines(order, order["shipping_tax"]) if any(order["shipping_tax"]) else [],
        }

    # --- what became of them ----------------------------------------------------------------------------

    def transaction(self, order: Doc, each: Doc) -> Doc:
        ids = self.shop.ids
        number, parent = ids.part(order["pos"], each["n"]), each["parent"]
        return {
            "id": number,
            "admin_graphql_api_id": gid("OrderTransaction", number),
            "order_id": ids.order(order["pos"]),
            "kind": each["kind"].lower(),
            "status": each["status"].lower(),
            "gateway": order["gateway"],
            "amount": padded(each["amount"][1], order["currency"]),
            "currency": order["currency"],
            "created_at": self.time(each["at"]),
            "processed_at": self.time(each["at"]),
            "parent_id": None if parent is None else ids.part(order["pos"], parent),
            "payment_id": f"SB{order['pos']}.{each['n']}",
            "source_name": order["source"],
            "test": order["test"],
            "manual_payment_gateway": order["gateway"] == "manual",
            "message": None,
            "error_code": None,
            "authorization": None,
            "device_id": None,
            "location_id": None,
            "user_id": None,
            "receipt": {},
        }

    def refund(self, order: Doc, each: Doc) -> Doc:
        ids = self.shop.ids
        number = ids.part(order["pos"], each["n"])
        return {
            "id": number,
            "admin_graphql_api_id": gid("Refund", number),
            "order_id": ids.order(order["pos"]),
            "created_at": self.time(each["at"]),
            "processed_at": self.time(each["at"]),
            "note": each["note"],
            "restock": any(line["restock"] in ("RETURN", "CANCEL") for line in each["lines"]),
            "user_id": None,
            "duties": [],
            "refund_line_items": [self._refund_line(order, each, n) for n in range(len(each["lines"]))],
            "order_adjustments": [self._adjustment(order, each)] if any(each["adjust"]) else [],
            "transactions": [self.transaction(*each) for each in refund_transactions(order, each)],
        }

    def _refund_line(self, order: Doc, refund: Doc, number: int) -> Doc:
        line, ids = refund["lines"][number], self.shop.ids
        restocked = line["restock"] in ("RETURN", "CANCEL")
        return {
            "id": ids.part(order["pos"], number) + refund["n"] * 10**15,
            "line_item_id": ids.line(order["pos"], line["line"]),
            "quantity": line["quantity"],
            "restock_type": line["restock"].lower(),
            "location_id": ids.location(0) if restocked else None,
            "subtotal": float(self.own(line["subtotal"])),
            "subtotal_set": self.both(order, line["subtotal"]),
            "total_tax": float(self.own(line["tax"])),
            "total_tax_set": self.both(order, line["tax"]),
            "line_item": self.line(order, line["line"]),
        }

    def _adjustment(self, order: Doc, refund: Doc) -> Doc:
        number, amount = self.shop.ids.part(order["pos"], refund["n"]), Pair(*refund["adjust"])
        return {
            "id": number,
            "order_id": self.shop.ids.order(order["pos"]),
            "refund_id": number,
            "kind": "refund_discrepancy",
            "reason": "Refund discrepancy",
            "amount": self.own(amount),
            "amount_set": self.both(order, amount),
            "tax_amount": self.own(ZERO),
            "tax_amount_set": self.both(order, ZERO),
        }

    def fulfillment(self, order: Doc, each: Doc) -> Doc:
        ids, tracking = self.shop.ids, each["tracking"] or {}
        number, code = ids.part(order["pos"], each["n"]), tracking.get("number")
        url = f"https://tracking.example.com/{code}" if code else None
        return {
            "id": number,
            "admin_graphql_api_id": gid("Fulfillment", number),
            "order_id": ids.order(order["pos"]),
            "name": f"{ids.order_name(order['pos'])}.{each['n'] + 1}",
            "status": each["status"].lower(),
            "created_at": self.time(each["at"]),
            "updated_at": self.time(each["updated"]),
            "location_id": ids.location(1 if order["source"] == "pos" else 0),
            "service": "manual",
            "shipment_status": None,
            "tracking_company": tracking.get("company"),
            "tracking_number": code,
            "tracking_numbers": [code] if code else [],
            "tracking_url": url,
            "tracking_urls": [url] if url else [],
            "line_items": [self.line(order, line) for line, _ in each["lines"]],
            "receipt": {},
        }

    # --- people -----------------------------------------------------------------------------------------

    def customer(self, customer: Any) -> Doc:
        person, number = customer.person, self.shop.ids.customer(customer.person.number)
        shown: Doc = {
            "id": number,
            "admin_graphql_api_id": gid("Customer", number),
            "created_at": self.time(customer.created),
            "updated_at": self.time(customer.updated),
            "state": person.state.lower(),
            "note": person.note,
            "tags": ", ".join(sorted(person.tags)),
            "currency": self.shop.currency,
            "tax_exempt": False,
            "verified_email": person.email is not None,
            "multipass_identifier": None,
            "first_name": person.first if self.open_data else None,
            "last_name": person.last if self.open_data else None,
            "email": person.email if self.open_data else None,
            "phone": person.phone if self.open_data else None,
        }
        if self.open_data:
            place = {**self.address(person), "id": number, "customer_id": number, "default": True}
            shown["default_address"] = {**place, "country_name": person.country.name}
        return shown

    def whole_customer(self, customer: Any) -> Doc:
        """As the customers' own list writes it, with what the orders add up to."""
        shown = self.customer(customer)
        address = shown.get("default_address")
        return {
            **shown,
            "orders_count": customer.orders,
            "total_spent": padded(customer.spent, self.shop.currency),
            "addresses": [address] if address else [],
        }

    def address(self, person: Person) -> Doc:
        return {
            "first_name": person.first,
            "last_name": person.last,
            "name": person.name,
            "company": None,
            "address1": person.street,
            "address2": person.second_line,
            "city": person.city,
            "province": person.province,
            "province_code": person.province,
            "zip": person.zip,
            "country": person.country.name,
            "country_code": person.country_code,
            "phone": person.phone,
        }
