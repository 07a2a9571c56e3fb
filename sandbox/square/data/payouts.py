"""What Square pays out: for each location and period the charges, refunds, disputes and fees of it; entries add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sandbox.parts.responses import Doc
from sandbox.square.data.money import money, of
from sandbox.square.data.payments import fees_of, is_paid_out
from sandbox.square.data.sales import Sale
from sandbox.square.data.shop import Shop
from sandbox.square.data.timestamps import DAY, date, parsed, precise


class Activity(NamedTuple):
    """A movement of the seller's balance; `fee` is what Square takes, negative where it gives it back."""

    location_id: str
    at: int
    kind: str
    gross: int
    fee: int
    details: Doc


def activities(sale: Sale) -> Iterator[Activity]:
    """What a sale and all that came of it move."""
    for payment in sale.payments:
        yield from of_payment(payment)
    for back in sale.returns:
        for refund in back.refunds:
            paid = next(payment for payment in sale.payments if payment["id"] == refund["payment_id"])
            yield from of_refund(refund, paid)
    for dispute in sale.disputes:
        yield from of_dispute(dispute)


def of_payment(payment: Doc) -> Iterator[Activity]:
    """A charge goes with its first fee; it waits for it. What the fee is corrected by comes on its own."""
    if payment["status"] != "COMPLETED" or not is_paid_out(payment):
        return
    place, details = payment["location_id"], {"payment_id": payment["id"]}
    initial = sum(of(fee["amount_money"]) for fee in fees_of(payment, "INITIAL"))
    if initial:
        yield Activity(place, parsed(payment["created_at"]), "CHARGE", of(payment["total_money"]), initial, details)
    for fee in fees_of(payment, "ADJUSTMENT"):
        yield Activity(place, parsed(fee["effective_at"]), "FEE", 0, of(fee["amount_money"]), details)


def of_refund(refund: Doc, payment: Doc) -> Iterator[Activity]:
    if refund["status"] == "COMPLETED" and is_paid_out(payment):
        back = sum(of(fee["amount_money"]) for fee in refund.get("processing_fee", ()))
        details = {"payment_id": refund["payment_id"], "refund_id": refund["id"]}
        yield Activity(
            refund["location_id"], parsed(refund["updated_at"]), "REFUND", -of(refund["amount_money"]), back, details
        )


def of_dispute(dispute: Doc) -> Iterator[Activity]:
    """The bank takes the money at once, and gives it back where the seller wins."""
    details = {"payment_id": dispute["disputed_payment"]["payment_id"], "dispute_id": dispute["id"]}
    amount = of(dispute["amount_money"])
    yield Activity(dispute["location_id"], parsed(dispute["created_at"]), "DISPUTE", -amount, 0, details)
    if dispute["state"] == "WON":
        yield Activity(dispute["location_id"], parsed(dispute["updated_at"]), "DISPUTE", amount, 0, details)


class Balances:
    """Activities gathered by location and period until they are paid out."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._length = shop.plan.payout_days * DAY
        self._gathered: defaultdict[tuple[int, str], list[Activity]] = defaultdict(list)

    def add(self, moved: Iterable[Activity]) -> None:
        for activity in moved:
            self._gathered[((activity.at - self._shop.start_ms) // self._length, activity.location_id)].append(activity)

    def paid_out(self) -> Iterator[tuple[Doc, list[Doc]]]:
        """Each payout of a period that is over, with its entries; the oldest first."""
        for (period, location_id), found in sorted(self._gathered.items()):
            end = self._shop.start_ms + (period + 1) * self._length
            if end <= self._shop.end_ms:
                yield payout(self._shop, f"{period}", location_id, end, found)


def payout(shop: Shop, name: str, location_id: str, at: int, found: list[Activity]) -> tuple[Doc, list[Doc]]:
    """A payout of these; a negative one is drawn from the seller's account."""
    key = shop.ids.payout(f"{name}:{location_id}")
    entries = [entry(shop, key, place, each) for place, each in enumerate(sorted(found, key=lambda each: each.at))]
    net = sum(of(each["net_amount_money"]) for each in entries)
    arrives = at + DAY
    paid = arrives <= shop.end_ms
    return (
        {
            "id": key,
            "status": "PAID" if paid else "SENT",
            "location_id": location_id,
            "created_at": precise(at),
            "updated_at": precise(arrives if paid else at),
            "amount_money": money(net, shop.currency),
            "destination": {"type": "BANK_ACCOUNT", "id": f"ccof:{shop.ids.merchant}"},
            "version": 2 if paid else 1,
            "type": "BATCH",
            "payout_fee": [],
            "arrival_date": date(arrives),
            "end_to_end_id": f"L{shop.seed:06d}{name}"[:20],
        },
        entries,
    )


def entry(shop: Shop, payout_id: str, place: int, activity: Activity) -> Doc:
    return {
        "id": shop.ids.entry(f"{payout_id}:{place}"),
        "payout_id": payout_id,
        "effective_at": precise(activity.at),
        "type": activity.kind,
        "gross_amount_money": money(activity.gross, shop.currency),
        "fee_amount_money": money(activity.fee, shop.currency),
        "net_amount_money": money(activity.gross - activity.fee, shop.currency),
        f"type_{activity.kind.lower()}_details": activity.details,
    }
