"""Payments, derived from the receipt as it is now, so that changes to an order show in its payment too."""

from __future__ import annotations

from sandbox.etsy.ledger_entries import processing_fee, returned_fee
from sandbox.etsy.money import ledger_cents, ledger_money
from sandbox.etsy.shop import Shop
from sandbox.parts.responses import Doc
from sandbox.parts.sample_people import COUNTRIES
from sandbox.parts.seeded_random import hash_pair


def was_ever_paid(receipt: Doc) -> bool:
    return bool(receipt["is_paid"] or receipt["refunds"])


def paid_at(receipt: Doc) -> int:
    """When the money came: the rate of that moment holds for refunds too."""
    lines = receipt.get("transactions") or [{}]
    return int(lines[0].get("paid_timestamp") or receipt["created_timestamp"])


def gross_cents(shop: Shop, receipt: Doc) -> int:
    return ledger_cents(receipt["grandtotal"]["amount"], shop.currency, shop.payout, paid_at(receipt))


def refund_cents(shop: Shop, receipt: Doc) -> list[int]:
    at = paid_at(receipt)
    return [ledger_cents(r["amount"]["amount"], shop.currency, shop.payout, at) for r in receipt["refunds"]]


def render_payment(shop: Shop, pos: int, receipt: Doc) -> Doc:
    """A Payment in the payout currency; `posted_*` wait for shipping, `adjusted_*` for a refund (sheet 7.3)."""
    gross = gross_cents(shop, receipt)
    fee = processing_fee(gross, shop.payout)
    refunded = sum(refund_cents(shop, receipt))
    left, kept = gross - refunded, fee - returned_fee(refunded, gross, fee, shop.payout)
    shipped = max((s["shipment_notification_timestamp"] for s in receipt["shipments"]), default=None)
    if shipped is None and receipt["is_shipped"]:
        shipped = paid_at(receipt)
    updated = max([paid_at(receipt), shipped or 0, *(r["created_timestamp"] for r in receipt["refunds"])])
    address = hash_pair(shop.seed, receipt["buyer_user_id"]) % 900_000_000 + 1
    return {
        "payment_id": shop.ids.payment(pos),
        "buyer_user_id": receipt["buyer_user_id"],
        "shop_id": shop.ids.shop,
        "receipt_id": receipt["receipt_id"],
        **_three("amount", (gross, fee), shop.payout),
        **_three("posted", (gross, fee) if shipped else None, shop.payout),
        **_three("adjusted", (left, kept) if refunded else None, shop.payout),
        "currency": shop.payout,
        "shop_currency": shop.currency,
        "buyer_currency": COUNTRIES[receipt["country_iso"]].currency,
        "shipping_user_id": receipt["buyer_user_id"],
        "shipping_address_id": address,
        "billing_address_id": address + 1,
        "status": "settled" if shipped or refunded else "authed",
        "shipped_timestamp": shipped,
        "create_timestamp": paid_at(receipt),
        "created_timestamp": paid_at(receipt),
        "update_timestamp": updated,
        "updated_timestamp": updated,
        "payment_adjustments": adjustments(shop, pos, receipt),
    }


def adjustments(shop: Shop, pos: int, receipt: Doc) -> list[Doc]:
    """A PaymentAdjustment for each refund, in the order of refunds."""
    return [_adjustment(shop, pos, receipt, number, cents) for number, cents in enumerate(refund_cents(shop, receipt))]


def _adjustment(shop: Shop, pos: int, receipt: Doc, number: int, cents: int) -> Doc:
    refund = receipt["refunds"][number]
    at = refund["created_timestamp"]
    adjustment_id = shop.ids.adjustment(pos, number)
    gross = gross_cents(shop, receipt)
    fee = returned_fee(cents, gross, processing_fee(gross, shop.payout), shop.payout)
    minor = ledger_money(cents, shop.payout)["amount"]
    item = {
        "payment_adjustment_id": adjustment_id,
        "payment_adjustment_item_id": adjustment_id + 1_000_000_000_000,
        "adjustment_type": "refund",
        "amount": minor,
        "shop_amount": refund["amount"]["amount"],
        "transaction_id": shop.ids.transaction(pos, 0),
        "bill_payment_id": None,
        "created_timestamp": at,
        "updated_timestamp": at,
    }
    return {
        "payment_adjustment_id": adjustment_id,
        "payment_id": shop.ids.payment(pos),
        "status": "SETTLED",
        "is_success": True,
        "user_id": shop.ids.user,
        "reason_code": "REFUND",
        "total_adjustment_amount": minor,
        "shop_total_adjustment_amount": refund["amount"]["amount"],
        "buyer_total_adjustment_amount": minor,
        "total_fee_adjustment_amount": ledger_money(fee, shop.payout)["amount"],
        "create_timestamp": at,
        "created_timestamp": at,
        "update_timestamp": at,
        "updated_timestamp": at,
        "payment_adjustment_items": [item],
    }


def _three(word: str, pair: tuple[int, int] | None, payout: str) -> Doc:
    """Gross, fees and net, or three nulls."""
    if pair is None:
        return dict.fromkeys((f"{word}_gross", f"{word}_fees", f"{word}_net"))
    gross, fees = pair
    return {
        f"{word}_gross": ledger_money(gross, payout),
        f"{word}_fees": ledger_money(fees, payout),
        f"{word}_net": ledger_money(gross - fees, payout),
    }
