"""What became of an order until the shop's end: payment, fulfillment, refunds, cancellation; and its sums."""

from __future__ import annotations

from itertools import starmap

from sandbox.parts.money import rounded
from sandbox.parts.order_times import DAY
from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.shopify.data.money import ZERO, Pair
from sandbox.shopify.data.shop import Shop

HOUR = 3600
_CARRIERS = ("USPS", "UPS", "DHL Express", "Royal Mail", "Deutsche Post", "日本郵便", "Other")
_NOTES = (None, None, "chipped", "Kundin hat storniert", "サイズ違い", "wrong size & colour")
_REASONS = ("CUSTOMER", "INVENTORY", "FRAUD", "DECLINED", "OTHER", "STAFF")


def add_history(shop: Shop, order: Doc, rng: SeededRandom, *, young: bool, paid: bool) -> None:
    """What became of the order, by chance; a young one is paid at most."""
    order["gateway"] = _gateway(order, rng)
    add_totals(shop, order)
    if young:
        if paid:
            pay(order, rng, order["created"], end=order["created"])
        return None
    roll = rng.below(1000)
    if roll < 20:
        return _unpaid(order, rng)
    if roll < 32:
        return _authorized_only(order, rng, shop.end)
    pay(order, rng, min(order["created"] + rng.below(20), shop.end), end=shop.end, part=roll < 40)
    if roll < 40:
        return None
    if roll < 65:
        return _cancelled_after_payment(shop, order, rng)
    _ship(order, rng, shop.end)
    if roll < 150 and order["fulfillments"]:
        _refunds(shop, order, rng, whole=roll < 90)
    elif roll < 158:
        _edit(shop, order, rng)
    if order["fulfillments"] and not rng.chance(200):
        order["closed"] = min(max(order["fulfillments"][-1]["at"], order["created"]) + DAY, shop.end)
    return None


def pay(order: Doc, rng: SeededRandom, at: int, *, end: int, part: bool = False) -> None:
    """A sale, or an authorization and its capture, not later than `end`; now and then a failure before."""
    total = Pair(*order["total"])
    amount = total.part(1, 2) if part else total
    if rng.chance(30):
        transaction(order, "SALE", "FAILURE", at, total)
    if rng.chance(250):
        parent = transaction(order, "AUTHORIZATION", "SUCCESS", at, total)
        transaction(order, "CAPTURE", "SUCCESS", min(at + rng.below(2 * HOUR), end), amount, parent=parent)
    else:
        transaction(order, "SALE", "SUCCESS", at, amount)


def transaction(order: Doc, kind: str, status: str, at: int, amount: Pair, *, parent: int | None = None) -> int:
    """Append one and give its number."""
    number = len(order["transactions"])
    order["transactions"].append(
        {"n": number, "kind": kind, "status": status, "at": at, "amount": amount, "parent": parent}
    )
    return number


def refund(shop: Shop, order: Doc, at: int, wanted: list[tuple[int, int]], *, note: str | None, restock: str) -> Doc:
    """Give back so many pieces of these lines, at what was paid for them; all of an order takes shipping along."""
    lines = [_refund_line(order, line, quantity, restock) for line, quantity in wanted]
    amount = sum(starmap(Pair, (each["subtotal"] for each in lines)), ZERO)
    if not shop.taxes_included:
        amount += sum(starmap(Pair, (each["tax"] for each in lines)), ZERO)
    everything = all(line["current"] == 0 for line in order["lines"])
    left = left_to_refund(order)
    amount = left if everything else Pair(min(amount.shop, left.shop), min(amount.buyer, left.buyer))
    return _book_refund(order, at, lines, amount, note, shipping=order["shipping"] if everything else ZERO)


def refund_amount(order: Doc, at: int, amount: Pair, *, note: str | None) -> Doc:
    """Give back money without goods: a discrepancy, in Shopify's word."""
    return _book_refund(order, at, [], amount, note, shipping=ZERO)


def left_to_refund(order: Doc) -> Pair:
    moves = [each for each in order["transactions"] if each["status"] == "SUCCESS"]
    taken = sum((Pair(*each["amount"]) for each in moves if each["kind"] in ("SALE", "CAPTURE")), ZERO)
    return taken - sum((Pair(*each["amount"]) for each in moves if each["kind"] == "REFUND"), ZERO)


def recompute(shop: Shop, order: Doc) -> None:
    """Everything that follows from the events: sums and states. Called again after each change."""
    add_totals(shop, order)
    moves = [each for each in order["transactions"] if each["status"] == "SUCCESS"]
    taken = sum((Pair(*each["amount"]) for each in moves if each["kind"] in ("SALE", "CAPTURE")), ZERO)
    order["received"] = taken
    # A refund of nothing is still a refund; only money given back counts here.
    order["refunded"] = sum((Pair(*each["amount"]) for each in moves if each["kind"] == "REFUND"), ZERO)
    order["financial"] = _financial(order)
    order["fulfillment"] = _fulfillment(order)
    stamps = [order["created"], order["cancelled"] or 0, order["closed"] or 0, order.get("touched", 0)]
    stamps += [each["at"] for part in ("transactions", "refunds", "fulfillments") for each in order[part]]
    order["updated"] = max(stamps)


def add_totals(shop: Shop, order: Doc) -> None:
    """Totals as bought, and as they are after refunds and edits."""
    goods = discounts = tax = current_goods = current_discounts = current_tax = ZERO
    for line in order["lines"]:
        whole, bought = Pair(*line["price"]) * line["quantity"], line["quantity"]
        goods, discounts = goods + whole, discounts + Pair(*line["discount"])
        tax += Pair(*line["tax"])
        kept = line["current"]
        current_goods += Pair(*line["price"]) * kept
        current_discounts += Pair(*line["discount"]).part(kept, bought)
        current_tax += Pair(*line["tax"]).part(kept, bought)
    kept_any = any(line["current"] for line in order["lines"])
    shipping, tip = Pair(*order["shipping"]), Pair(*order["tip"])
    extra = ZERO if shop.taxes_included else tax + Pair(*order["shipping_tax"])
    order["subtotal"], order["discounts"] = goods - discounts, discounts
    order["tax"] = tax + Pair(*order["shipping_tax"])
    order["total"] = goods - discounts + shipping + tip + extra
    current_shipping = shipping if kept_any else ZERO
    current_shipping_tax = Pair(*order["shipping_tax"]) if kept_any else ZERO
    order["current_subtotal"], order["current_discounts"] = current_goods - current_discounts, current_discounts
    order["current_tax"] = current_tax + current_shipping_tax
    order["current_shipping"] = current_shipping
    order["current_total"] = (
        order["current_subtotal"]
        + current_shipping
        + (tip if kept_any else ZERO)
        + (ZERO if shop.taxes_included else order["current_tax"])
    )
    order.setdefault("refunded", ZERO)


def fulfill(order: Doc, rng: SeededRandom, at: int, *, part: bool = False) -> None:
    """Send what is open, or its first half."""
    open_lines = [
        [number, line["current"] - line["fulfilled"]]
        for number, line in enumerate(order["lines"])
        if line["current"] > line["fulfilled"]
    ]
    sent = open_lines[: (len(open_lines) + 1) // 2] if part else open_lines
    if not sent:
        return
    number = len(order["fulfillments"])
    tracking = {"company": rng.pick(_CARRIERS), "number": f"SB{order['pos']:07d}{number}"} if order["ships"] else None
    for line, quantity in sent:
        order["lines"][line]["fulfilled"] += quantity
    order["fulfillments"].append(
        {"n": number, "at": at, "status": "SUCCESS", "tracking": tracking, "lines": sent, "updated": at}
    )


def _gateway(order: Doc, rng: SeededRandom) -> str:
    if order["source"] == "pos":
        return rng.pick(("cash", "shopify_payments"))
    return rng.pick(("shopify_payments", "shopify_payments", "shopify_payments", "paypal", "manual", "gift_card"))


def _unpaid(order: Doc, rng: SeededRandom) -> None:
    if rng.chance(700):
        transaction(order, "SALE", "PENDING", order["created"], Pair(*order["total"]))


def _authorized_only(order: Doc, rng: SeededRandom, end: int) -> None:
    """Half of the authorizations are voided, and the order is canceled."""
    total = Pair(*order["total"])
    parent = transaction(order, "AUTHORIZATION", "SUCCESS", order["created"], total)
    at = order["created"] + rng.between(HOUR, 5 * DAY)
    if rng.chance(500) and at <= end:
        transaction(order, "VOID", "SUCCESS", at, total, parent=parent)
        cancel(order, at, rng.pick(_REASONS))


def cancel(order: Doc, at: int, reason: str) -> None:
    order["cancelled"] = order["closed"] = at
    order["cancel_reason"] = reason


def _cancelled_after_payment(shop: Shop, order: Doc, rng: SeededRandom) -> None:
    at = order["transactions"][-1]["at"] + rng.between(HOUR, 3 * DAY)
    if at > shop.end:
        return
    refund_all(shop, order, at, note=None, restock="CANCEL")
    cancel(order, at, rng.pick(_REASONS))


def refund_all(shop: Shop, order: Doc, at: int, *, note: str | None, restock: str) -> Doc:
    everything = [(number, line["current"]) for number, line in enumerate(order["lines"]) if line["current"]]
    return refund(shop, order, at, everything, note=note, restock=restock)


def _ship(order: Doc, rng: SeededRandom, end: int) -> None:
    at = order["transactions"][-1]["at"]
    if order["ships"]:
        at += rng.between(4 * HOUR, 5 * DAY)
    if at > end:
        return
    in_parts = len(order["lines"]) > 1 and rng.chance(120)
    fulfill(order, rng, at, part=in_parts)
    later = at + rng.between(DAY, 9 * DAY)
    if in_parts and later <= end and rng.chance(800):
        fulfill(order, rng, later)


def _refunds(shop: Shop, order: Doc, rng: SeededRandom, *, whole: bool) -> None:
    """All at once, or piece by piece; one in ten gives money without goods."""
    at = order["fulfillments"][-1]["at"]
    rounds = 1 if whole or rng.chance(700) else rng.between(2, 3)
    for _ in range(rounds):
        at += rng.between(DAY, 25 * DAY)
        if at > shop.end:
            return
        note = rng.pick(_NOTES)
        if whole:
            refund_all(shop, order, at, note=note, restock="RETURN")
        elif rng.chance(100):
            refund_amount(order, at, left_to_refund(order).part(1, 10), note=note)
        elif kept := [number for number, line in enumerate(order["lines"]) if line["current"]]:
            refund(shop, order, at, [(rng.pick(kept), 1)], note=note, restock=rng.pick(("RETURN", "NO_RESTOCK")))
        order["returned"] = "RETURNED"


def _edit(shop: Shop, order: Doc, rng: SeededRandom) -> None:
    """A line taken out of the order before it was sent back: quantities fall, `quantity` stays (sheet section 5)."""
    at = min(order["created"] + rng.between(HOUR, 2 * DAY), shop.end)
    several = [line for line in order["lines"] if line["current"] > 1]
    if several:
        several[0]["current"] -= 1
        order["edited"], order["touched"] = True, at


def _refund_line(order: Doc, number: int, quantity: int, restock: str) -> Doc:
    line = order["lines"][number]
    line["current"] -= quantity
    paid = Pair(*line["price"]) * line["quantity"] - Pair(*line["discount"])
    return {
        "line": number,
        "quantity": quantity,
        "restock": restock,
        "subtotal": paid.part(quantity, line["quantity"]),
        "tax": Pair(*line["tax"]).part(quantity, line["quantity"]),
    }


def _book_refund(order: Doc, at: int, lines: list[Doc], amount: Pair, note: str | None, *, shipping: Pair) -> Doc:
    paying = [each["n"] for each in order["transactions"] if each["kind"] in ("SALE", "CAPTURE")]
    number = transaction(order, "REFUND", "SUCCESS", at, amount, parent=paying[-1] if paying else None)
    made: Doc = {
        "n": len(order["refunds"]),
        "at": at,
        "note": note,
        "lines": lines,
        "amount": amount,
        "shipping": shipping,
        "transaction": number,
    }
    order["refunds"].append(made)
    order["refunded"] = Pair(*order["refunded"]) + amount
    return made


def _financial(order: Doc) -> str:
    moves = {each["kind"] for each in order["transactions"] if each["status"] == "SUCCESS"}
    received, refunded, total = order["received"][0], order["refunded"][0], order["total"][0]
    if refunded and refunded >= received:
        return "REFUNDED"
    if refunded:
        return "PARTIALLY_REFUNDED"
    if "VOID" in moves:
        return "VOIDED"
    if received:
        return "PAID" if received >= total else "PARTIALLY_PAID"
    return "AUTHORIZED" if "AUTHORIZATION" in moves else "PAID" if total == 0 else "PENDING"


def _fulfillment(order: Doc) -> str:
    sent = sum(line["fulfilled"] for line in order["lines"])
    if not sent:
        return "UNFULFILLED"
    waiting = any(line["current"] > line["fulfilled"] for line in order["lines"])
    return "PARTIALLY_FULFILLED" if waiting else "FULFILLED"


def fee(amount: int) -> int:
    """What Shopify Payments keeps: 2.9 %."""
    return rounded(amount * 29, 1000)
