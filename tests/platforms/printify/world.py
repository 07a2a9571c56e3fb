"""A user with a shop of the sandbox's Printify connected, and what the tables should then hold."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from execution import operations
from execution.app import App
from tests.platforms.printify.printify import Printify
from tests.runner import world as heart
from tests.standins import Row


@dataclass(kw_only=True)
class World(heart.World):
    """One user's shop on Printify; `etsy` is the sandbox in hand, which is another here."""

    etsy: Any
    shop: Any

    @property
    def printify(self) -> Printify:
        sandbox: Printify = self.etsy
        return sandbox

    def start(self, *entities: str, again: bool = False) -> None:
        operations.start_backfill(self.app, user_id=self.user_id, platform="printify", entities=entities, again=again)

    def wrong(self, *tables: str) -> list[str]:
        """Every way in which the tables are not what the platform holds now."""
        found = []
        for table, theirs in expected(self.printify, self.shop).items():
            if tables and table not in tables:
                continue
            ours = self.stored(table)
            found += [f"{table} {key}: missing" for key in theirs.keys() - ours.keys()]
            found += [f"{table} {key}: left over" for key in ours.keys() - theirs.keys()]
            for key in theirs.keys() & ours.keys():
                row = {name: ours[key][name] for name in theirs[key]}
                if row != {name: heart._plain(value) for name, value in theirs[key].items()}:
                    found.append(f"{table} {key}: {row} is not {theirs[key]}")
        return found


def make_world(
    app: App, db: psycopg.Connection[Any], printify: Printify, shop: Row, *, personal: bool = False, **wanted: Any
) -> World:
    """A new user who connects the shop through the product's own connector."""
    user_id = str(uuid.uuid4())
    db.execute("insert into auth.users (id, email) values (%s, %s)", (user_id, f"{user_id}@example.com"))
    tokens: dict[str, Any] = {"access_token": shop["personal_token"], "refresh_token": None, "expires_at": None}
    if not personal:
        tokens = {
            "access_token": shop["access_token"],
            "refresh_token": shop["refresh_token"],
            "expires_at": datetime.fromtimestamp(time.time() + 6 * 3600, UTC),
        }
    operations.connect(app, platform="printify", user_id=user_id, shop_id=str(shop["shop_id"]), **{**tokens, **wanted})
    return World(app=app, db=db, etsy=printify, shop=shop, user_id=user_id)


def expected(printify: Printify, shop: Row) -> dict[str, dict[str, Row]]:
    """The rows that a complete backfill leaves, worked out from the truth by other means than the product's own."""
    tables: dict[str, dict[str, Row]] = {
        name: {} for name in ("printify_orders", "printify_line_items", "printify_shipments")
    }
    for order in printify.truth(shop, "orders"):
        tables["printify_orders"][order["id"]] = _order(order)
        tables["printify_line_items"] |= _children(order["id"], order.get("line_items"), ("id",), _line)
        tables["printify_shipments"] |= _children(order["id"], order.get("shipments"), ("carrier", "number"), _shipment)
    return tables | _products(printify, shop)


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
        "ordered_at": datetime.fromisoformat(order["created_at"]),
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


def _products(printify: Printify, shop: Row) -> dict[str, dict[str, Row]]:
    products: dict[str, Row] = {}
    variants: dict[str, Row] = {}
    for product in printify.truth(shop, "products"):
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


def _children(parent: str, found: list[Row] | None, keys: tuple[str, ...], row: Any) -> dict[str, Row]:
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


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
