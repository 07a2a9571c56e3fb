"""How an order is paid: tenders on the order, payments beside it, Square's fees that come hours later."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.square.data import pricing
from sandbox.square.data.money import money, of, share
from sandbox.square.data.shop import Shop
from sandbox.square.data.timestamps import HOUR, SECOND, precise

FEE_RATE = 26  # thousandths
FEE_FIXED = 10
FEE_DELAY = 2 * HOUR
BRANDS = ("VISA", "VISA", "MASTERCARD", "AMERICAN_EXPRESS", "DISCOVER")
# What Square pays out for; cash stays in the drawer, and a gift card was paid for when it was sold.
PAID_OUT = ("CARD", "WALLET")
_REASONS = ("NOT_RECEIVED", "DUPLICATE", "NO_KNOWLEDGE", "NOT_AS_DESCRIBED")


@dataclass(frozen=True, kw_only=True)
class Payer:
    """One way of paying a part of an order: which tender, and how much without the tip."""

    tender: str
    amount: int
    tip: int = 0


def pay(shop: Shop, order: Doc, number: int, at: int, payers: list[Payer], *, now: int, rng: SeededRandom) -> list[Doc]:
    """Write the tenders into the order; gives the payments. A fee is told where it is old enough `now`."""
    payments = []
    tenders = []
    for place, payer in enumerate(payers):
        if payer.tip:
            pricing.tip(shop, order, payer.tip)
        payment = _payment(shop, order, (shop.ids.payment(number, place), min(at + place * SECOND, now)), payer, rng)
        if has_fee(payment) and at + FEE_DELAY <= now:
            add_fee(payment, initial_fee(payment), "INITIAL", at + FEE_DELAY)
        payments.append(payment)
        tenders.append(tender_of(payment, payer.tender))
    if not payers:
        tenders.append(
            {"id": shop.ids.payment(number, 0), "location_id": order["location_id"], "transaction_id": order["id"]}
            | {"created_at": precise(at), "type": "NO_SALE", "amount_money": money(0, shop.currency)}
        )
    order["tenders"] = tenders
    return payments


def _payment(shop: Shop, order: Doc, made: tuple[str, int], payer: Payer, rng: SeededRandom) -> Doc:
    key, at = made
    total = money(payer.amount + payer.tip, shop.currency)
    source = {"CARD": "CARD", "SQUARE_GIFT_CARD": "CARD", "CASH": "CASH", "WALLET": "WALLET"}.get(
        payer.tender, "EXTERNAL"
    )
    doc: Doc = {
        "id": key,
        "created_at": precise(at),
        "updated_at": precise(at + 9 * SECOND if at + 9 * SECOND <= shop.end_ms else at),
        "amount_money": money(payer.amount, shop.currency),
        "total_money": total,
        "approved_money": total,
        "status": "COMPLETED",
        "source_type": source,
        "location_id": order["location_id"],
        "order_id": order["id"],
        "receipt_number": key[:4],
        "receipt_url": f"https://squareup.example.com/receipt/preview/{key}",
        "team_member_id": shop.ids.team_member(rng.below(4)),
        "version_token": shop.ids.uid(key, 0),
    }
    if payer.tip:
        doc["tip_money"] = money(payer.tip, shop.currency)
    if "customer_id" in order:
        doc["customer_id"] = order["customer_id"]
    return doc | _details(shop, payer, total, rng)


def _details(shop: Shop, payer: Payer, total: Doc, rng: SeededRandom) -> Doc:
    if payer.tender == "CASH":
        given = -(-of(total) // 500) * 500
        return {
            "cash_details": {
                "buyer_supplied_money": money(given, shop.currency),
                "change_back_money": money(given - of(total), shop.currency),
            }
        }
    if payer.tender == "OTHER":
        return {"external_details": {"type": "OTHER", "source": "Voucher"}}
    if payer.tender == "WALLET":
        return {"wallet_details": {"status": "CAPTURED", "brand": "CASH_APP"}}
    gift = payer.tender == "SQUARE_GIFT_CARD"
    brand = "SQUARE_GIFT_CARD" if gift else rng.pick(BRANDS)
    card: Doc = {"card_brand": brand, "last_4": f"{rng.below(10_000):04d}", "fingerprint": f"sq-1-{rng.below(10**12)}"}
    if not gift:
        card |= {"exp_month": rng.between(1, 12), "exp_year": rng.between(2027, 2031), "card_type": "CREDIT"}
    return {
        "card_details": {"status": "CAPTURED", "card": card, "entry_method": rng.pick(("CONTACTLESS", "EMV", "KEYED"))}
    }


def failed_payment(shop: Shop, order: Doc, number: int, at: int, rng: SeededRandom) -> Doc:
    """A card that was refused before another was taken: a payment, and no tender."""
    payer = Payer(tender="CARD", amount=of(order["total_money"]))
    payment = _payment(shop, order, (shop.ids.payment(number, 9), at), payer, rng)
    payment["status"] = "FAILED"
    del payment["approved_money"], payment["receipt_number"], payment["receipt_url"]
    error = {"category": "PAYMENT_METHOD_ERROR", "code": "GENERIC_DECLINE", "detail": "The card was declined."}
    payment["card_details"] |= {"status": "FAILED", "errors": [error]}
    return payment


def tender_of(payment: Doc, kind: str) -> Doc:
    """The payment as its order shows it: with the tip in the amount."""
    made: Doc = {
        "id": payment["id"],
        "location_id": payment["location_id"],
        "transaction_id": payment["order_id"],
        "created_at": payment["created_at"],
        "type": kind,
        "amount_money": payment["total_money"],
        "payment_id": payment["id"],
    }
    if "tip_money" in payment:
        made["tip_money"] = payment["tip_money"]
    if "customer_id" in payment:
        made["customer_id"] = payment["customer_id"]
    if "card_details" in payment:
        made["card_details"] = {
            "status": "CAPTURED",
            "card": payment["card_details"]["card"],
            "entry_method": payment["card_details"]["entry_method"],
        }
    if "cash_details" in payment:
        cash = payment["cash_details"]
        made["cash_details"] = {
            "buyer_tendered_money": cash["buyer_supplied_money"],
            "change_back_money": cash["change_back_money"],
        }
    if fees := payment.get("processing_fee"):
        made["processing_fee_money"] = money(
            sum(of(fee["amount_money"]) for fee in fees), fees[0]["amount_money"]["currency"]
        )
    return made


def has_fee(payment: Doc) -> bool:
    """Square asks a fee for cards and wallets, not for its own gift cards, cash and what others took."""
    return payment["status"] == "COMPLETED" and is_paid_out(payment)


def is_paid_out(payment: Doc) -> bool:
    brand = payment.get("card_details", {}).get("card", {}).get("card_brand")
    return payment["source_type"] in PAID_OUT and brand != "SQUARE_GIFT_CARD"


def initial_fee(payment: Doc) -> int:
    total = of(payment["total_money"])
    return min(share(total, FEE_RATE) + FEE_FIXED, total)


def add_fee(payment: Doc, amount: int, kind: str, at: int) -> None:
    currency = payment["total_money"]["currency"]
    fee = {"effective_at": precise(at), "type": kind, "amount_money": money(amount, currency)}
    payment.setdefault("processing_fee", []).append(fee)
    payment["updated_at"] = max(payment["updated_at"], precise(at))


def fees_of(payment: Doc, kind: str) -> list[Doc]:
    return [fee for fee in payment.get("processing_fee", ()) if fee["type"] == kind]


def dispute(shop: Shop, payment: Doc, at: int, state: str, rng: SeededRandom) -> Doc:
    key = shop.ids.dispute(payment["id"])
    made: Doc = {
        "dispute_id": key,
        "id": key,
        "amount_money": payment["total_money"],
        "reason": rng.pick(_REASONS),
        "state": state,
        "due_at": precise(at + 14 * 24 * HOUR),
        "disputed_payment": {"payment_id": payment["id"]},
        "created_at": precise(at),
        "updated_at": precise(at),
        "brand_dispute_id": key[:18],
        "reported_at": precise(at),
        "version": 1,
        "location_id": payment["location_id"],
    }
    if brand := payment.get("card_details", {}).get("card", {}).get("card_brand"):
        made["card_brand"] = brand
    return made
