"""Orders as Etsy writes them: ShopReceipt and what it contains (spec ShopReceipt, sheet section 8)."""

from __future__ import annotations

from sandbox.etsy.listings import property_value
from sandbox.etsy.money import coupon, money
from sandbox.etsy.orders import Line, Order
from sandbox.etsy.shop import Shop
from sandbox.parts.order_times import DAY
from sandbox.parts.responses import Doc
from sandbox.parts.sample_text import BUYER_NOTES, CARRIERS, GIFT_NOTES, PAYMENT_METHODS
from sandbox.parts.seeded_random import SeededRandom


def render_receipt(shop: Shop, order: Order) -> Doc:
    """The whole record; statuses are capitalised as in life, not as in the spec (etsy/open-api #806)."""
    rng = SeededRandom(f"{shop.seed}:letter:{order.pos}")
    buyer = order.buyer
    currency = shop.currency
    updated = max(order.paid_at, order.shipped_at, order.canceled_at, order.created)
    is_gift = rng.chance(140)
    return {
        "receipt_id": shop.ids.receipt(order.pos),
        "receipt_type": 1 if rng.chance(10) else 0,
        "seller_user_id": shop.ids.user,
        "seller_email": f"owner{shop.seed}@example.com",
        "buyer_user_id": shop.ids.buyer(buyer.number),
        "buyer_email": None,
        "name": buyer.name,
        "first_line": buyer.first_line,
        "second_line": buyer.second_line,
        "city": buyer.city,
        "state": buyer.state,
        "zip": buyer.zip,
        "status": status(order, rng),
        "formatted_address": "\n".join(
            part
            for part in (buyer.name, buyer.first_line, buyer.second_line, buyer.city, buyer.zip, buyer.country.name)
            if part
        ),
        "country_iso": buyer.country_iso,
        "payment_method": rng.pick(PAYMENT_METHODS),
        "payment_email": None,
        "message_from_seller": "Thank you &amp; enjoy!" if rng.chance(100) else None,
        "message_from_buyer": rng.pick(BUYER_NOTES) if rng.chance(160) else None,
        "message_from_payment": None,
        "is_paid": order.paid_at > 0,
        "is_shipped": order.shipped_at > 0,
        "create_timestamp": order.created,
        "created_timestamp": order.created,
        "update_timestamp": updated,
        "updated_timestamp": updated,
        "is_gift": is_gift,
        "gift_message": rng.pick(GIFT_NOTES) if is_gift else "",
        "gift_sender": buyer.name if is_gift else "",
        "grandtotal": money(order.grand_total, currency),
        "subtotal": money(order.total - order.discount, currency),
        "total_price": money(order.total, currency),
        "total_shipping_cost": money(order.shipping, currency),
        "total_tax_cost": money(order.tax, currency),
        "total_vat_cost": money(order.vat, currency),
        "discount_amt": money(order.discount, currency),
        "gift_wrap_price": money(order.wrap, currency),
        "shipments": _shipments(shop, order, rng),
        "transactions": [_transaction(shop, order, number) for number in range(len(order.lines))],
        "refunds": [
            {
                "amount": money(refund.amount, currency),
                "created_timestamp": refund.at,
                "reason": refund.reason,
                "note_from_issuer": refund.note,
                "status": "success",
            }
            for refund in order.refunds
        ],
    }


def status(order: Order, rng: SeededRandom) -> str:
    refunded = sum(refund.amount for refund in order.refunds)
    if order.canceled_at:
        return "Canceled"
    if not order.paid_at:
        return "Payment processing" if rng.chance(400) else "Open"
    if refunded:
        return "Fully refunded" if refunded >= order.grand_total else "Partially refunded"
    return "Completed" if order.shipped_at else "Paid"


def shipment(shop: Shop, pos: int, at: int, carrier: str) -> Doc:
    """A ShopReceiptShipment."""
    return {
        "receipt_shipping_id": shop.ids.shipment(pos),
        "shipment_notification_timestamp": at,
        "carrier_name": carrier,
        "tracking_code": f"SB{shop.ids.shipment(pos) % 10**9:09d}{shop.home}",
    }


def _shipments(shop: Shop, order: Order, rng: SeededRandom) -> list[Doc]:
    if not order.shipped_at or order.digital:
        return []
    return [shipment(shop, order.pos, order.shipped_at, rng.pick(CARRIERS))]


def _transaction(shop: Shop, order: Order, number: int) -> Doc:
    line = order.lines[number]
    listing = line.listing
    digital = listing.product.digital
    return {
        "transaction_id": shop.ids.transaction(order.pos, number),
        "title": listing.title,
        "description": f"{listing.title}. Made with care.",
        "seller_user_id": shop.ids.user,
        "buyer_user_id": shop.ids.buyer(order.buyer.number),
        "create_timestamp": order.created,
        "created_timestamp": order.created,
        "paid_timestamp": order.paid_at or None,
        "shipped_timestamp": order.shipped_at or None,
        "quantity": line.quantity,
        "listing_image_id": None if listing.gone else shop.ids.image(listing.number),
        "receipt_id": shop.ids.receipt(order.pos),
        "is_digital": digital,
        "file_data": "pattern.pdf" if digital else "",
        "listing_id": None if listing.gone else shop.ids.listing(listing.number),
        "transaction_type": "listing",
        "product_id": None if listing.gone else shop.ids.product(listing.number, line.variation),
        "sku": None if listing.number % 11 == 10 else f"{listing.sku}-{line.variation}",
        "price": money(line.price, shop.currency),
        "shipping_cost": money(line.shipping, shop.currency),
        "variations": _variations(line, order),
        "product_data": [property_value(listing.product, line.variation)],
        "shipping_profile_id": None if digital else 90_000_001 + shop.seed,
        "min_processing_days": None if digital else listing.processing[0],
        "max_processing_days": None if digital else listing.processing[1],
        "shipping_method": None,
        "shipping_upgrade": None,
        "expected_ship_date": None if digital else order.created + listing.processing[1] * DAY,
        "buyer_coupon": 0,
        "shop_coupon": coupon(line.coupon, shop.currency),
    }


def _variations(line: Line, order: Order) -> list[Doc]:
    product = line.listing.product
    chosen: Doc = {
        "property_id": product.property_id,
        "value_id": 1000 + product.property_id + line.variation,
        "formatted_name": product.property_name,
        "formatted_value": product.values[line.variation],
        "question_id": None,
    }
    if line.listing.number % 5:
        return [chosen]
    # Personalization arrives as one more variation with a question (spring 2026).
    asked: Doc = {
        "property_id": 54,
        "value_id": None,
        "formatted_name": "Personalization",
        "formatted_value": order.buyer.name,
        "question_id": 7001,
    }
    return [chosen, asked]
