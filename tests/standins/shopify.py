"""The sandbox's Shopify as tests use it: its truth, its ledger of requests, and the rows that its shops come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from tests.standins.stand_in import Expected, Row, Rows, Shop, StandIn

COMPLETE = dict.fromkeys(("orders", "listings", "variants", "customers"), "completed")
TABLES = (
    "orders",
    "line_items",
    "order_transactions",
    "order_fulfillments",
    "order_refunds",
    "order_refund_lines",
    "order_refund_shipping_lines",
    "order_refund_adjustments",
    "order_journals",
    "order_sales",
    "order_shipping_lines",
    "order_tax_lines",
    "order_disputes",
    "balance_transactions",
    "listings",
    "listing_variants",
    "customers",
)


def key(value: Any) -> str | None:
    return None if value is None else str(value)


def lower(value: str | None) -> str | None:
    return None if value is None else value.lower()


class Shopify(StandIn):
    """The control plane of one running sandbox, with Shopify's own settings."""

    platform = "shopify"
    id_field = "shop_domain"
    usual: ClassVar[Row] = {"orders": 60, "plan": "enterprise"}
    refills = True

    def again(self, shop: Shop) -> Shop:
        pair = self.control("POST", "/tokens", shop_id=shop.number)
        return replace(shop, access_token=pair["access_token"], refresh_token=pair["refresh_token"])

    def export(self, shop: Shop, query: str) -> None:
        """An export of somebody else's."""
        start = (
            "mutation($q: String!) { bulkOperationRunQuery(query: $q) { bulkOperation { id } userErrors { message } } }"
        )
        body = {"query": start, "variables": {"q": query}}
        headers = {"x-shopify-access-token": shop.access_token}
        answer = self.http.post("/admin/api/2026-10/graphql.json", json=body, headers=headers).json()
        assert answer["data"]["bulkOperationRunQuery"]["bulkOperation"], answer
        self.control("DELETE", "/ledger")

    def asked(self, shop: Shop) -> list[Row]:
        """Requests to the API that the sandbox really received for this shop, in order; without files and tokens."""
        return [r for r in self.ledger() if r["shop_id"] == shop.number and "/admin/api/" in r["path"]]

    def refreshes(self, shop: Shop) -> list[Row]:
        return [r for r in self.ledger() if r["shop_id"] in (shop.number, None) and "access_token" in r["path"]]

    def expected(self, shop: Shop, *, until: int) -> Expected:
        """Shopify's bound is the highest id: all that it holds now."""
        return Expected(tables=_tables(self, shop), updated={})


def _tables(shopify: Shopify, shop: Shop) -> dict[str, Rows]:
    """Every row of every table, by its key."""
    currency = shop.facts["currency"]
    orders = {str(o["id"]): o for o in shopify.truth(shop, "orders")}
    refunds = shopify.truth(shop, "refunds")
    return {
        "orders": {name: _order(o, currency) for name, o in orders.items()},
        "line_items": {str(x["id"]): _line(x, currency) for x in shopify.truth(shop, "line_items")},
        "order_transactions": {str(x["id"]): _transaction(x, currency) for x in shopify.truth(shop, "transactions")},
        "order_fulfillments": {str(x["id"]): _fulfillment(x) for x in shopify.truth(shop, "fulfillments")},
        "order_refunds": {str(x["id"]): _refund(x, currency) for x in refunds},
        "order_refund_lines": _refund_lines(refunds),
        "order_refund_shipping_lines": _refund_shipping(refunds, currency),
        "order_refund_adjustments": _adjustments(refunds, currency),
        "order_journals": {name: _journal(o, currency) for name, o in orders.items()},
        "order_sales": {str(x["id"]): _sale(x, currency) for x in shopify.truth(shop, "sales")},
        "order_shipping_lines": {
            str(x["id"]): _shipping_line(x, currency) for x in shopify.truth(shop, "shipping_lines")
        },
        "order_tax_lines": {_tax_key(x): _tax_line(x, currency) for x in shopify.truth(shop, "tax_lines")},
        "order_disputes": {str(x["id"]): _dispute(x) for x in shopify.truth(shop, "disputes")},
        "balance_transactions": {
            str(x["id"]): _entry(x, currency) for x in shopify.truth(shop, "balance_transactions")
        },
        "listings": {str(x["id"]): _product(x, currency) for x in shopify.truth(shop, "products")},
        "listing_variants": {str(x["id"]): _variant(x, currency) for x in shopify.truth(shop, "variants")},
        "customers": {str(x["id"]): _customer(x) for x in shopify.truth(shop, "customers")},
    }


def _order(o: Row, currency: str) -> Row:
    return {
        "order_number": o["name"],
        "status": lower(o["financial"]),
        "fulfillment_status": lower(o["fulfillment"]),
        "is_test": o["test"],
        "buyer_platform_id": key(o["customer_id"]),
        "ordered_at": o["processed"],
        "cancelled_at": o["cancelled"],
        "currency": currency,
        "subtotal_amount": o["subtotal"][0],
        "discount_amount": o["discounts"][0],
        "shipping_amount": o["shipping"][0],
        "tax_amount": o["tax"][0],
        "tip_amount": o["tip"][0],
        "total_amount": o["total"][0],
        "current_total_amount": o["current_total"][0],
        "refunded_amount": o["refunded"][0],
        "presentment_currency": o["presentment_currency"],
        "presentment_total_amount": o["total"][1],
        "source_updated_at": o["updated"],
    }


def _line(x: Row, currency: str) -> Row:
    return {
        "order_platform_id": str(x["order_id"]),
        "listing_platform_id": key(x["product_id"]),
        "product_platform_id": key(x["variant_id"]),
        "sku": x["sku"],
        "quantity": x["quantity"],
        "current_quantity": x["current"],
        "currency": currency,
        "price_amount": x["price"][0],
        # All of them: also what was taken off the whole order.
        "discount_amount": x["discount"][0],
    }


def _journal(o: Row, currency: str) -> Row:
    return {
        "is_test": o["test"],
        "currency": currency,
        "current_total_amount": o["current_total"][0],
        "source_updated_at": o["updated"],
    }


def _sale(x: Row, currency: str) -> Row:
    liable = x["channel_liable"]
    return {
        "order_platform_id": str(x["order_id"]),
        "agreement_platform_id": str(x["agreement_id"]),
        "happened_at": x["at"],
        "reason": lower(x["reason"]),
        "action_type": lower(x["action"]),
        "line_type": lower(x["line_type"]),
        "line_platform_id": key(x["line_id"]),
        "quantity": x["quantity"],
        "currency": currency,
        "total_amount": x["total"][0],
        "tax_amount": x["tax"][0],
        "channel_tax_amount": x["tax"][0] if liable is True else 0,
        "seller_tax_amount": x["tax"][0] if liable is False else 0,
        "discount_amount": x["discount"][0],
    }


def _shipping_line(x: Row, currency: str) -> Row:
    return {
        "order_platform_id": str(x["order_id"]),
        "title": x["shipping_title"],
        "currency": currency,
        "price_amount": x["shipping"][0],
        "discounted_amount": x["shipping"][0],
        "tax_amount": x["shipping_tax"][0],
    }


def _tax_key(x: Row) -> str:
    return f"{x['order_id']}:{x['line_id'] or x['shipping_id']}:1"


def _tax_line(x: Row, currency: str) -> Row:
    return {
        "order_platform_id": str(x["order_id"]),
        "line_item_platform_id": key(x["line_id"]),
        "shipping_line_platform_id": key(x["shipping_id"]),
        "currency": currency,
        "tax_amount": x["tax"][0],
        "channel_liable": x["channel_liable"],
    }


def _dispute(x: Row) -> Row:
    return {
        "order_platform_id": str(x["order_id"]),
        "initiated_as": lower(x["initiated_as"]),
        "status": lower(x["status"]),
    }


def _entry(x: Row, currency: str) -> Row:
    return {
        "entry_type": lower(x["type"]),
        "currency": currency,
        "gross_amount": x["amount"],
        "fee_amount": x["fee"],
        "net_amount": x["amount"] - x["fee"],
        "is_test": x["test"],
        "order_platform_id": key(x["order_id"]),
        "payout_platform_id": key(x["payout_id"]),
        "payout_status": "pending" if x["payout_id"] is None else "paid",
        "processed_at": x["at"],
    }


def _refund_shipping(refunds: list[Row], currency: str) -> Rows:
    return {
        str(refund["id"]): {
            "refund_platform_id": str(refund["id"]),
            "shipping_line_platform_id": str(refund["order_id"]),
            "currency": currency,
            "subtotal_amount": refund["shipping"][0],
            "tax_amount": refund["shipping_tax"][0],
        }
        for refund in refunds
        if any(refund["shipping"])
    }


def _adjustments(refunds: list[Row], currency: str) -> Rows:
    return {
        str(refund["id"]): {
            "refund_platform_id": str(refund["id"]),
            "reason": "refund_discrepancy",
            "currency": currency,
            "adjustment_amount": refund["adjust"][0],
            "tax_amount": 0,
        }
        for refund in refunds
        if any(refund["adjust"])
    }


def _transaction(x: Row, currency: str) -> Row:
    return {
        "order_platform_id": str(x["order_id"]),
        "kind": lower(x["kind"]),
        "status": lower(x["status"]),
        "gateway": x["gateway"],
        "parent_platform_id": key(x["parent_id"]),
        "currency": currency,
        "transaction_amount": x["amount"][0],
        # Of none that is told nobody says that it is nothing.
        "fees_amount": x["fee"],
        "fees_tax_amount": None if x["fee"] is None else 0,
        "fee_currency": None if x["fee"] is None else currency,
    }


def _fulfillment(x: Row) -> Row:
    return {"order_platform_id": str(x["order_id"])}


def _refund(x: Row, currency: str) -> Row:
    return {
        "order_platform_id": str(x["order_id"]),
        "refund_amount": x["amount"][0],
        "reason": x["note"],
        "currency": currency,
    }


def _refund_lines(refunds: list[Row]) -> Rows:
    """A line of a refund is known by its refund, by itself and by the line that it took back."""
    return {
        f"{refund['id']}:{line['id']}:{line['line_item_id']}:1": {
            "refund_platform_id": str(refund["id"]),
            "line_item_platform_id": str(line["line_item_id"]),
            "quantity": line["quantity"],
        }
        for refund in refunds
        for line in refund["lines"]
    }


def _product(x: Row, currency: str) -> Row:
    return {
        "title": x["title"],
        "state": lower(x["status"]),
        "currency": currency,
        "listed_at": x["created"],
        "source_updated_at": x["updated"],
    }


def _variant(x: Row, currency: str) -> Row:
    return {
        "listing_platform_id": str(x["product_id"]),
        "title": x["title"],
        "sku": x["sku"],
        "sort_order": x["position"],
        "currency": currency,
        "price_amount": x["price"],
        "unit_cost_amount": x["cost"],
        "unit_cost_currency": None if x["cost"] is None else currency,
        "source_updated_at": x["updated"],
    }


def _customer(x: Row) -> Row:
    return {"email": x["email"], "source_updated_at": x["updated"]}
