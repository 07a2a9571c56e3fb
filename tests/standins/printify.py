"""The sandbox's Printify as tests use it: its truth, its ledger of requests, and the rows that its shops come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from tests.standins.stand_in import Expected, Row, Rows, Shop, StandIn


class Printify(StandIn):
    """The control plane of one running sandbox, with limits that no test can reach."""

    platform = "printify"
    usual: ClassVar[Row] = {"orders": 45}
    calm: ClassVar[Row] = {"per_minute": 10**6}
    token_lifetime_s = 6 * 3600

    def printer(self, *sold: tuple[StandIn, Shop], seed: int) -> Shop:
        """A shop that prints what these sell."""
        channels = [{"channel": stand_in.platform, **shop.facts} for stand_in, shop in sold]
        return self.made({"seed": seed, "channel_shops": channels})

    def personal(self, shop: Shop) -> Shop:
        """The same shop by a personal token, which a person makes and nobody refreshes."""
        return replace(shop, access_token=shop.facts["personal_token"], refresh_token=None)

    def asked(self, shop: Shop, path: str) -> list[Row]:
        """Requests for this shop that the sandbox really received, in order."""
        return self.ledger(shop=str(shop.number), path=path)

    def expected(self, shop: Shop, *, until: int) -> Expected:
        """Printify has no bound: all that it holds now."""
        orders, products = self.truth(shop, "orders"), self.truth(shop, "products")
        return Expected(tables={**_order_tables(orders), **_product_tables(products)}, updated={})


def _order_tables(orders: list[Row]) -> dict[str, Rows]:
    tables: dict[str, Rows] = {name: {} for name in ("printify_orders", "printify_line_items", "printify_shipments")}
    for order in orders:
        tables["printify_orders"][order["id"]] = _order(order)
        tables["printify_line_items"] |= _children(order["id"], order.get("line_items"), ("id",), _line)
        tables["printify_shipments"] |= _children(order["id"], order.get("shipments"), ("carrier", "number"), _shipment)
    return tables


def _order(order: Row) -> Row:
    meta, address = order["metadata"], order.get("address_to") or {}
    return {
        "status": order["status"],
        "order_type": meta.get("order_type"),
        "shop_order_id": _text(meta.get("shop_order_id")),
        "shop_order_label": meta.get("shop_order_label"),
        "is_reprint": meta.get("is_reprint"),
        "retail_amount": order["total_price"],
        "shipping_amount": order["total_shipping"],
        "tax_amount": order["total_tax"],
        "country": address.get("country"),
        "ordered_at": _moment(order["created_at"]),
        "fulfilled_at": _moment(order.get("fulfilled_at")),
        "currency": "USD",
        "currency_assumed": True,
    }


def _line(line: Row, order_id: str) -> Row:
    return {
        "order_platform_id": order_id,
        "status": line["status"],
        "quantity": line["quantity"],
        "cost_amount": line["cost"],
        "shipping_cost_amount": line["shipping_cost"],
        "retail_amount": line["metadata"].get("price"),
        "sku": line["metadata"].get("sku"),
        "product_platform_id": line["product_id"],
        "variant_id": str(line["variant_id"]),
        "sent_to_production_at": _moment(line.get("sent_to_production_at")),
    }


def _shipment(shipment: Row, order_id: str) -> Row:
    return {
        "order_platform_id": order_id,
        "carrier": shipment["carrier"],
        "tracking_code": shipment["number"],
        "delivered_at": _moment(shipment["delivered_at"]),
    }


def _product_tables(made: list[Row]) -> dict[str, Rows]:
    products: Rows = {}
    variants: Rows = {}
    for product in made:
        outer = product.get("external")
        outer = outer[0] if isinstance(outer, list) else outer
        products[product["id"]] = {
            "title": product["title"],
            "is_visible": product["visible"],
            "blueprint_id": str(product["blueprint_id"]),
            "channel_product_id": outer["id"] if outer else None,
        }
        variants |= _children(product["id"], product["variants"], ("id",), _variant)
    return {"printify_products": products, "printify_variants": variants}


def _variant(variant: Row, product_id: str) -> Row:
    names = {"sku": "sku", "cost_amount": "cost", "price_amount": "price", "is_enabled": "is_enabled"}
    return {"product_platform_id": product_id} | {name: variant[path] for name, path in names.items()}


def _children(parent: str, found: list[Row] | None, keys: tuple[str, ...], row: Any) -> Rows:
    """A child is named by its parent, its own keys (or a dash) and its place among equals."""
    seen: Counter[str] = Counter()
    rows = {}
    for child in found or []:
        name = ":".join([parent, *(_text(child.get(key)) or "-" for key in keys)])
        seen[name] += 1
        rows[f"{name}:{seen[name]}"] = row(child, parent)
    return rows


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _moment(text: str | None) -> int | None:
    return int(datetime.fromisoformat(text).timestamp()) if text else None
