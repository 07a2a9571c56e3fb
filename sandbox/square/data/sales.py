"""One sale after another: what is bought, how it is paid, what comes back, what is disputed."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.parts.responses import Doc
from sandbox.parts.sample_text import BUYER_NOTES
from sandbox.parts.seeded_random import SeededRandom
from sandbox.parts.shop import buyer_number
from sandbox.square.data import payments as paying
from sandbox.square.data.money import money, of
from sandbox.square.data.payments import Payer
from sandbox.square.data.pricing import Basket, Line, add_up
from sandbox.square.data.returns import Return, Wish, refundable, take_back
from sandbox.square.data.shop import MODIFIERS, Shop, Variation
from sandbox.square.data.timestamps import DAY, HOUR, MINUTE, SECOND, precise

POS, ONLINE, APPOINTMENTS = "Square Point of Sale", "Square Online", "Square Appointments"
_REASONS = ("Returned goods", "Late start", "Damaged", "Accidental charge", "Canceled order")
_DISPUTE_STATES = ("EVIDENCE_REQUIRED", "PROCESSING", "WON", "LOST", "ACCEPTED")


@dataclass(kw_only=True)
class Sale:
    """An order with all that came of it. `at` is its millisecond."""

    at: int
    order: Doc
    buyer: int | None = None
    payments: list[Doc] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    disputes: list[Doc] = field(default_factory=list)


def make_sale(shop: Shop, number: int, at: int) -> Sale:
    """The sale of a place in the shop's history."""
    rng = SeededRandom(f"{shop.seed}:sale:{number}")
    location = _location(shop, rng, at)
    source = APPOINTMENTS if shop.salon and rng.chance(600) else ONLINE if rng.chance(150) else POS
    buyer = (
        buyer_number(rng, number, shop.plan.orders)
        if rng.chance(950 if shop.salon or source == ONLINE else 550)
        else None
    )
    order = _order(shop, number, at, shop.location_ids[location], source)
    if buyer is not None:
        order["customer_id"] = shop.ids.customer(buyer)
    order |= add_up(shop, basket(shop, order["id"], rng))
    sale = Sale(at=at, order=order, buyer=buyer)
    state = _state(shop, rng, at, source)
    if state == "COMPLETED" or (state == "OPEN" and source == ONLINE):
        _pay(shop, sale, number, rng)
    _finish(shop, order, at, state, rng)
    if state == "COMPLETED" and sale.payments:
        _come_back(shop, sale, number, rng)
    return sale


def basket(shop: Shop, order_id: str, rng: SeededRandom) -> Basket:
    """Lines around the shop's average; now and then a gift card, a custom amount, a discount, a service charge."""
    most = max(round(shop.plan.lines * 2) - 1, 1)
    lines = [_line(shop, rng) for _ in range(rng.between(1, most))]
    if rng.chance(25):
        lines.append(Line(price=2500 if shop.currency != "JPY" else 3000, gift_card=True))
    kind = rng.below(1000)
    return Basket(
        order_id=order_id,
        lines=tuple(lines),
        discount=100 if kind < 120 else 0,
        off_first=150 if 100 <= kind < 160 else 0,
        charge=180 if 400 <= kind < 440 else 50 if 440 <= kind < 480 else 0,
        gratuity=400 <= kind < 440,
    )


def _line(shop: Shop, rng: SeededRandom) -> Line:
    if rng.chance(40):
        return Line(price=rng.between(100, 4000), note="Misc")
    variation = _sold(shop, rng)
    price = variation.price if variation.price is not None else rng.between(500, 9000)
    modifiers: tuple[tuple[int, int], ...] = ()
    if shop.items[variation.item].modifiers and rng.chance(400):
        first = rng.below(len(MODIFIERS) - 1)
        modifiers = ((first, 1),) if rng.chance(700) else ((first, rng.between(1, 2)), (first + 1, 1))
    quantity = str(rng.step((820, 940, 985, 1000)))
    if variation.measured:
        quantity = f"{rng.between(25, 400) / 100:g}"
    note = rng.pick(BUYER_NOTES) if rng.chance(20) else ""
    return Line(price=price, quantity=quantity, variation=variation, modifiers=modifiers, note=note)


def _sold(shop: Shop, rng: SeededRandom) -> Variation:
    """Those in front sell more often."""
    count = len(shop.variations)
    return shop.variations[min(rng.below(count), rng.below(count))]


def _location(shop: Shop, rng: SeededRandom, at: int) -> int:
    """The main location sells most; one that was closed sells no more."""
    count = shop.plan.locations
    place = min(rng.below(count), rng.below(count))
    closed = place >= count - shop.plan.inactive_locations and at >= shop.closed_since
    return 0 if closed else place


def _order(shop: Shop, number: int, at: int, location_id: str, source: str) -> Doc:
    """Orders of the till have no version: they cannot be edited by the API."""
    order: Doc = {
        "id": shop.ids.order(number),
        "location_id": location_id,
        "source": {"name": source},
        "created_at": precise(at),
        "updated_at": precise(at),
    }
    if source != POS:
        order["version"] = 2
        order["reference_id"] = f"web-{number}"
    return order


def _state(shop: Shop, rng: SeededRandom, at: int, source: str) -> str:
    kind = rng.below(1000)
    if kind < 12:
        return "DRAFT"
    if kind < 25:
        return "CANCELED"
    if kind < 32 or (source == ONLINE and at > shop.end_ms - 3 * DAY):
        return "OPEN"
    return "COMPLETED"


def _pay(shop: Shop, sale: Sale, number: int, rng: SeededRandom) -> None:
    """Mostly by card; some with a gift card first, some in cash."""
    order, due = sale.order, of(sale.order["total_money"])
    at = min(sale.at + rng.between(20 * SECOND, 3 * MINUTE), shop.end_ms)
    if due and rng.chance(15):
        refused = paying.failed_payment(shop, order, number, at, rng)
        sale.payments.append(refused)
    payers = payers_of(shop, due, rng) if due else []
    sale.payments = paying.pay(shop, order, number, at, payers, now=shop.end_ms, rng=rng) + sale.payments
    for place, payment in enumerate(sale.payments):
        if paying.fees_of(payment, "INITIAL") and rng.chance(10):
            adjusted = min(sale.at + 2 * DAY, shop.end_ms)
            paying.add_fee(payment, -min(15, paying.initial_fee(payment)), "ADJUSTMENT", adjusted)
            order["tenders"][place] = paying.tender_of(payment, order["tenders"][place]["type"])


def payers_of(shop: Shop, due: int, rng: SeededRandom) -> list[Payer]:
    kind = rng.below(1000)
    main = "CASH" if kind < 150 else "OTHER" if kind < 170 else "WALLET" if kind < 200 else "CARD"
    likely = 600 if shop.salon else 200
    tip = due * rng.pick((10, 15, 18, 20)) // 100 if main in ("CARD", "WALLET") and rng.chance(likely) else 0
    if due > 1000 and rng.chance(45):
        first = rng.between(500, due - 100)
        split = "SQUARE_GIFT_CARD" if rng.chance(700) else "CASH"
        return [Payer(tender=split, amount=first), Payer(tender=main, amount=due - first, tip=tip)]
    return [Payer(tender=main, amount=due, tip=tip)]


def _finish(shop: Shop, order: Doc, at: int, state: str, rng: SeededRandom) -> None:
    """State, times, fulfillment and what is still due."""
    source = order["source"]["name"]
    order["state"] = state
    paid = sum(of(tender["amount_money"]) for tender in order.get("tenders", ()))
    order["net_amount_due_money"] = money(of(order["total_money"]) - paid, shop.currency)
    done = at + 4 * MINUTE
    if source == ONLINE:
        done = at + rng.between(HOUR, 40 * HOUR)
        order["fulfillments"] = [_fulfillment(shop, order, at, min(done, shop.end_ms), rng)]
    closed = min(done, shop.end_ms)
    if state in ("COMPLETED", "CANCELED"):
        order["closed_at"] = precise(closed)
    late = paying.FEE_DELAY if "tenders" in order and rng.chance(300) else 12 * SECOND
    order["updated_at"] = precise(min(closed + late, shop.end_ms))


def _fulfillment(shop: Shop, order: Doc, at: int, done: int, rng: SeededRandom) -> Doc:
    state = {"COMPLETED": "COMPLETED", "CANCELED": "CANCELED"}.get(order["state"], "PROPOSED")
    kind = rng.pick(("PICKUP", "SHIPMENT", "DELIVERY"))
    recipient: Doc = {"display_name": "A. Buyer"}
    if "customer_id" in order:
        recipient["customer_id"] = order["customer_id"]
    details: Doc = {"recipient": recipient, "placed_at": precise(at)}
    if kind == "SHIPMENT":
        details["carrier"] = "USPS"
        if state == "COMPLETED":
            details |= {"tracking_number": f"94{rng.below(10**18):018d}", "shipped_at": precise(done)}
    else:
        name = "pickup_at" if kind == "PICKUP" else "deliver_at"
        details |= {"schedule_type": "SCHEDULED", name: precise(at + HOUR)}
        if state == "COMPLETED":
            details["picked_up_at" if kind == "PICKUP" else "delivered_at"] = precise(done)
    return {
        "uid": shop.ids.uid(f"{order['id']}:fulfillment", 0),
        "type": kind,
        "state": state,
        f"{kind.lower()}_details": details,
    }


def _come_back(shop: Shop, sale: Sale, number: int, rng: SeededRandom) -> None:
    """Some of it, all of it, or an amount; and once in a while the bank takes it back."""
    kind = rng.below(1000)
    at = sale.at + rng.between(HOUR, 20 * DAY)
    if at > shop.end_ms - MINUTE:
        return
    if kind < 45:
        sale.returns.append(take_back(shop, sale.order, sale.payments, _wish(shop, sale, number, at, rng)))
    elif kind < 49 and paying.is_paid_out(sale.payments[0]):
        state = "EVIDENCE_REQUIRED" if at > shop.end_ms - 10 * DAY else rng.pick(_DISPUTE_STATES)
        dispute = paying.dispute(shop, sale.payments[0], at, state, rng)
        if state in ("WON", "LOST", "ACCEPTED"):
            dispute |= {"updated_at": precise(min(at + 9 * DAY, shop.end_ms)), "version": 3}
        sale.disputes.append(dispute)


def _wish(shop: Shop, sale: Sale, number: int, at: int, rng: SeededRandom) -> Wish:
    pick = rng.below(100)
    status = "COMPLETED"
    if rng.chance(40):
        status = rng.pick(("FAILED", "REJECTED"))
    elif at > shop.end_ms - 2 * DAY and rng.chance(500):
        status = "PENDING"
    fee_back = at < shop.closed_since
    reason = rng.pick(_REASONS)
    if pick < 25:
        return Wish(number=number, at=at, reason=reason, everything=True, status=status, fee_back=fee_back)
    if pick < 45:
        amount = max(refundable(sale.payments) * rng.between(5, 40) // 100, 1)
        return Wish(number=number, at=at, reason=reason, amount=amount, status=status, fee_back=fee_back)
    line = rng.pick(sale.order["line_items"])
    return Wish(number=number, at=at, reason=reason, lines=((line["uid"], 1),), status=status, fee_back=fee_back)
