"""What became of an order until the shop's end: payment, fulfillment, refunds, cancellation; and its sums."""

from __future__ import annotations

from itertools import starmap

from sandbox.parts.money import rounded
from sandbox.parts.order_times import DAY
from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.shopify.data.agreements import between, worth
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
    _rare_turn(shop, order)
    if order["fulfillments"] and not rng.chance(200):
        order["closed"] = min(max(order["fulfillments"][-1]["at"], order["created"]) + DAY, shop.end)
    return None


def _rare_turn(shop: Shop, order: Doc) -> None:
    """What befalls one sent order in thirty, by a lot of its own."""
    rng = SeededRandom(f"{shop.seed}:turn:{order['pos']}")
    roll = rng.below(1000)
    if not order["fulfillments"] or order["refunds"] or order["edited"] or roll >= 36:
        return
    at = order["fulfillments"][-1]["at"] + rng.between(DAY, 20 * DAY)
    if at > shop.end:
        return
    if roll < 10:
        if any(shipping_left(order)[0]):
            refund_shipping(order, at, note="came late")
    elif roll < 18:
        exchange(shop, order, at, 0)
    elif roll < 26:
        value, _, _ = worth(order["lines"][0], 1, included=shop.taxes_included)
        refund(shop, order, at, [(0, 1)], note=None, restock="RETURN", fee_of=value.part(1, 10), is_return=True)
        order["returned"] = "RETURNED"
    elif order["gateway"] == "shopify_payments":
        made = dispute(order, at)
        made |= {"status": rng.pick(("WON", "LOST", "UNDER_REVIEW")), "decided": min(at + 20 * DAY, shop.end)}


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


def refund(
    shop: Shop,
    order: Doc,
    at: int,
    wanted: list[tuple[int, int]],
    *,
    note: str | None,
    restock: str,
    fee_of: Pair = ZERO,
    is_return: bool = False,
) -> Doc:
    """Give back so many pieces of these lines, at what was paid for them, less a fee; all of an order takes shipping
    along.
    """
    lines = [_refund_line(order, line, quantity, restock) for line, quantity in wanted]
    value = sum(starmap(Pair, (each["subtotal"] for each in lines)), ZERO)
    if not shop.taxes_included:
        value += sum(starmap(Pair, (each["tax"] for each in lines)), ZERO)
    left = left_to_refund(order)
    if all(line["current"] == 0 for line in order["lines"]):
        # What was given back without goods before is no part of it.
        before = sum((Pair(*each["adjust"]) for each in order["refunds"]), ZERO)
        shipping, shipping_tax = shipping_left(order)
        of_all = {
            "shipping": shipping,
            "shipping_tax": shipping_tax,
            "tip": Pair(*order["tip"]),
            "adjust": ZERO - before,
        }
        return _book_refund(order, at, lines, left - fee_of, note, fee=fee_of, is_return=is_return, **of_all)
    value -= fee_of
    amount = Pair(min(value.shop, left.shop), min(value.buyer, left.buyer))
    return _book_refund(order, at, lines, amount, note, adjust=value - amount, fee=fee_of, is_return=is_return)


def refund_amount(order: Doc, at: int, amount: Pair, *, note: str | None) -> Doc:
    """Give back money without goods: a discrepancy, in Shopify's word."""
    return _book_refund(order, at, [], amount, note, adjust=ZERO - amount)


def refund_shipping(order: Doc, at: int, *, note: str | None) -> Doc:
    """Give back what is left of the shipping, and its tax, without goods."""
    shipping, tax = shipping_left(order)
    amount = shipping if order["tax_included"] else shipping + tax
    return _book_refund(order, at, [], amount, note, shipping=shipping, shipping_tax=tax)


def shipping_left(order: Doc) -> tuple[Pair, Pair]:
    """What was not given back of the shipping yet, and of its tax."""
    back = [(Pair(*each["shipping"]), Pair(*each["shipping_tax"])) for each in order["refunds"]]
    shipping, tax = Pair(*order["shipping"]), Pair(*order["shipping_tax"])
    return shipping - sum((each[0] for each in back), ZERO), tax - sum((each[1] for each in back), ZERO)


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
        if line["added"] is None:
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
    current_shipping, current_shipping_tax = shipping_left(order) if kept_any else (ZERO, ZERO)
    order["current_subtotal"], order["current_discounts"] = current_goods - current_discounts, current_discounts
    order["current_tax"] = current_tax + current_shipping_tax
    order["current_shipping"] = current_shipping
    order["current_total"] = (
        order["current_subtotal"]
        + current_shipping
        + (tip if kept_any else ZERO)
        + (ZERO if shop.taxes_included else order["current_tax"])
        + sum((Pair(*each["adjust"]) + Pair(*each["fee"]) for each in order["refunds"]), ZERO)
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
        edit(order, at, [[order["lines"].index(several[0]), several[0]["current"] - 1]])


def edit(order: Doc, at: int, lines: list[list[int]]) -> None:
    """So many pieces are left of these lines."""
    for number, left in lines:
        order["lines"][number]["current"] = left
    order["edits"].append({"at": at, "seq": _next_event(order), "lines": lines})
    order["edited"], order["touched"] = True, at


def exchange(shop: Shop, order: Doc, at: int, number: int) -> Doc:
    """A piece of a line for one of its like: the one comes back, the other is added, and no money moves."""
    line = order["lines"][number]
    made = _refund_line(order, number, 1, "RETURN")
    new = {**line, "quantity": 1, "current": 1, "fulfilled": 0, "added": at}
    new["discount"] = Pair(*line["discount"]).part(1, line["quantity"])
    new["tax"] = Pair(*line["tax"]).part(1, line["quantity"])
    value, _, _ = between(line, line["current"] + 1, line["current"], included=shop.taxes_included)
    order["lines"].append(new)
    new_value, _, _ = worth(new, 1, included=shop.taxes_included)
    # What the pieces differ by, a rounded cent, is a discrepancy.
    booked = _book_refund(order, at, [made], ZERO, None, adjust=ZERO - value - new_value, is_return=True)
    order["edits"].append({"at": at, "seq": _next_event(order), "lines": [[len(order["lines"]) - 1, 1]]})
    order["returned"] = "RETURNED"
    return booked


def dispute(order: Doc, at: int, initiated_as: str = "CHARGEBACK") -> Doc:
    """The buyer's bank asks for the money."""
    made = {"n": len(order["disputes"]), "initiated_as": initiated_as, "status": "NEEDS_RESPONSE"}
    made |= {"at": at, "decided": at}
    order["disputes"].append(made)
    return made


def refund_transactions(order: Doc, booked: Doc) -> list[tuple[Doc, Doc]]:
    """What a refund moved: nothing in an exchange of like for like."""
    number = booked["transaction"]
    return [] if number is None else [(order, order["transactions"][number])]


def _next_event(order: Doc) -> int:
    return len(order["edits"]) + len(order["refunds"])


def _refund_line(order: Doc, number: int, quantity: int, restock: str) -> Doc:
    line = order["lines"][number]
    before = line["current"]
    line["current"] -= quantity
    total, tax, _ = between(line, before, line["current"], included=order["tax_included"])
    return {
        "line": number,
        "quantity": quantity,
        "restock": restock,
        "subtotal": ZERO - total if order["tax_included"] else tax - total,
        "tax": ZERO - tax,
    }


def _book_refund(
    order: Doc,
    at: int,
    lines: list[Doc],
    amount: Pair,
    note: str | None,
    *,
    shipping: Pair = ZERO,
    shipping_tax: Pair = ZERO,
    tip: Pair = ZERO,
    fee: Pair = ZERO,
    adjust: Pair = ZERO,
    is_return: bool = False,
) -> Doc:
    paying = [each["n"] for each in order["transactions"] if each["kind"] in ("SALE", "CAPTURE")]
    number = None
    if any(amount) or not is_return:
        number = transaction(order, "REFUND", "SUCCESS", at, amount, parent=paying[-1] if paying else None)
    made: Doc = {
        "n": len(order["refunds"]),
        "at": at,
        "note": note,
        "lines": lines,
        "amount": amount,
        "shipping": shipping,
        "shipping_tax": shipping_tax,
        "tip": tip,
        "fee": fee,
        "adjust": adjust,
        "return": is_return,
        "seq": _next_event(order),
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


def has_fee(order: Doc, moved: Doc) -> bool:
    """Only Shopify Payments tells its fees (sheet section 5)."""
    return bool(
        moved["kind"] in ("SALE", "CAPTURE") and moved["status"] == "SUCCESS" and order["gateway"] == "shopify_payments"
    )


def fee(amount: int) -> int:
    """What Shopify Payments keeps: 2.9 %."""
    return rounded(amount * 29, 1000)
