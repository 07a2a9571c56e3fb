"""What is taken back: a return order that names the one it is of, and a refund for each tender that pays it back."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.parts.responses import Doc
from sandbox.square.data.money import money, of, rounded
from sandbox.square.data.shop import Shop
from sandbox.square.data.timestamps import SECOND, precise

# A refund's words, and those that its order has for the same.
STATUSES = {"COMPLETED": "APPROVED", "PENDING": "PENDING", "FAILED": "FAILED", "REJECTED": "REJECTED"}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be taken back. Without lines and without `everything` it is an amount alone."""

    number: int
    at: int
    reason: str
    everything: bool = False
    lines: tuple[tuple[str, int], ...] = ()
    amount: int = 0
    status: str = "COMPLETED"
    fee_back: bool = False


@dataclass(frozen=True, kw_only=True)
class Return:
    """A return order and its refunds."""

    order: Doc
    refunds: list[Doc]


def take_back(shop: Shop, order: Doc, payments: list[Doc], wish: Wish) -> Return:
    """Make the return; a refund that is completed is written into its payment."""
    key = shop.ids.order(-1 - wish.number)
    parts = _parts(shop, order, key, wish)
    sums = parts["return_amounts"]
    made: Doc = {
        "id": key,
        "location_id": order["location_id"],
        "source": order["source"],
        "returns": [{"uid": shop.ids.uid(key, 0), "source_order_id": order["id"], **parts}],
        "return_amounts": sums,
        "net_amounts": {name: money(-of(amount), shop.currency) for name, amount in sums.items()},
        "created_at": precise(wish.at),
        "updated_at": precise(wish.at + SECOND if wish.at + SECOND <= shop.end_ms else wish.at),
        "state": "COMPLETED",
        "closed_at": precise(wish.at),
        "total_money": money(0, shop.currency),
        "total_tax_money": money(0, shop.currency),
        "total_discount_money": money(0, shop.currency),
        "total_tip_money": money(0, shop.currency),
        "total_service_charge_money": money(0, shop.currency),
    }
    if "customer_id" in order:
        made["customer_id"] = order["customer_id"]
    refunds = _refunds(shop, made, payments, of(sums["total_money"]), wish)
    made["refunds"] = [
        {
            "id": refund["id"],
            "location_id": order["location_id"],
            "transaction_id": order["id"],
            "tender_id": refund["payment_id"],
            "created_at": refund["created_at"],
            "reason": refund["reason"],
            "amount_money": refund["amount_money"],
            "status": STATUSES[refund["status"]],
        }
        for refund in refunds
    ]
    return Return(order=made, refunds=refunds)


def refundable(payments: list[Doc]) -> int:
    done = [payment for payment in payments if payment["status"] == "COMPLETED"]
    return sum(of(payment["total_money"]) - of(payment.get("refunded_money")) for payment in done)


def _parts(shop: Shop, order: Doc, key: str, wish: Wish) -> Doc:
    if wish.amount and not wish.everything and not wish.lines:
        return _amount_alone(shop, key, wish.amount)
    lines = {line["uid"]: line for line in order["line_items"]}
    wanted = [(uid, 0) for uid in lines] if wish.everything else wish.lines
    returned = [_line(shop, key, place, lines[uid], pieces) for place, (uid, pieces) in enumerate(wanted)]
    charges = [
        _charge(shop, key, place, each)
        for place, each in enumerate(order.get("service_charges", ()))
        if wish.everything
    ]
    tips = of(order["total_tip_money"]) if wish.everything else 0
    total = (
        sum(of(line["total_money"]) for line in returned) + sum(of(charge["total_money"]) for charge in charges) + tips
    )
    sums = {
        "total_money": total,
        "tax_money": sum(of(each["total_tax_money"]) for each in (*returned, *charges)),
        "discount_money": sum(of(line["total_discount_money"]) for line in returned),
        "tip_money": tips,
        "service_charge_money": sum(of(charge["applied_money"]) for charge in charges),
    }
    told: Doc = {"return_line_items": returned}
    if charges:
        told["return_service_charges"] = charges
    if tips:
        tipped = [tender for tender in order["tenders"] if of(tender.get("tip_money"))]
        told["return_tips"] = [
            {
                "uid": shop.ids.uid(f"{key}:tip", place),
                "applied_money": tender["tip_money"],
                "source_tender_id": tender["id"],
            }
            for place, tender in enumerate(tipped)
        ]
    if taxes := _taxes(shop, key, order, returned, charges):
        told["return_taxes"] = taxes
    return told | {"return_amounts": {name: money(amount, shop.currency) for name, amount in sums.items()}}


def _amount_alone(shop: Shop, key: str, amount: int) -> Doc:
    """A refund of an amount: no line of the sale comes back."""
    sums = dict.fromkeys(("tax_money", "discount_money", "tip_money", "service_charge_money"), 0)
    line: Doc = {"uid": shop.ids.uid(f"{key}:line", 0), "quantity": "1", "item_type": "CUSTOM_AMOUNT"}
    for name in ("base_price_money", "variation_total_price_money", "gross_return_money", "total_money"):
        line[name] = money(amount, shop.currency)
    for name in ("total_tax_money", "total_discount_money"):
        line[name] = money(0, shop.currency)
    told = {"total_money": amount, **sums}
    return {
        "return_line_items": [line],
        "return_amounts": {name: money(value, shop.currency) for name, value in told.items()},
    }


def _line(shop: Shop, key: str, place: int, line: Doc, pieces: int) -> Doc:
    """So many pieces of a line, or all of it; the cents of a part are rounded, and its sum is that of its parts."""
    whole = int(line["quantity"]) if line["quantity"].isdecimal() else 1
    taken = whole if pieces == 0 or not line["quantity"].isdecimal() else pieces

    def part(name: str) -> int:
        return rounded(of(line[name]) * taken, whole)

    names = ("uid", "name", "variation_name", "catalog_object_id", "catalog_version", "item_type", "quantity_unit")
    told: Doc = {f"source_line_item_{name}" if name == "uid" else name: line[name] for name in names if name in line}
    told["uid"] = shop.ids.uid(f"{key}:line", place)
    told["quantity"] = line["quantity"] if taken == whole else str(taken)
    gross, tax, off = part("gross_sales_money"), part("total_tax_money"), part("total_discount_money")
    added = of(line["total_money"]) != of(line["gross_sales_money"]) - of(line["total_discount_money"])
    sums = {
        "base_price_money": of(line["base_price_money"]),
        "variation_total_price_money": part("variation_total_price_money"),
        "gross_return_money": gross,
        "total_tax_money": tax,
        "total_discount_money": off,
        "total_money": gross - off + (tax if added else 0),
    }
    if "modifiers" in line:
        told["return_modifiers"] = [
            {
                "uid": shop.ids.uid(f"{key}:{place}:modifier", number),
                "source_modifier_uid": modifier["uid"],
                "catalog_object_id": modifier["catalog_object_id"],
                "catalog_version": modifier["catalog_version"],
                "name": modifier["name"],
                "base_price_money": modifier["base_price_money"],
                "total_price_money": money(rounded(of(modifier["total_price_money"]) * taken, whole), shop.currency),
            }
            for number, modifier in enumerate(line["modifiers"])
        ]
    return told | {name: money(amount, shop.currency) for name, amount in sums.items()}


def _charge(shop: Shop, key: str, place: int, charge: Doc) -> Doc:
    names = ("name", "percentage", "applied_money", "total_money", "total_tax_money", "calculation_phase", "taxable")
    told = {name: charge[name] for name in (*names, "treatment_type", "scope")}
    return {"uid": shop.ids.uid(f"{key}:charge", place), "source_service_charge_uid": charge["uid"], **told}


def _taxes(shop: Shop, key: str, order: Doc, lines: list[Doc], charges: list[Doc]) -> list[Doc]:
    """The taxes of the sale, in as far as they come back."""
    sale = {line["uid"]: line for line in order["line_items"]}
    found = []
    for place, tax in enumerate(order.get("taxes", ())):
        amount = 0
        for line in lines:
            applied = sale[line["source_line_item_uid"]].get("applied_taxes", ())
            if any(part["tax_uid"] == tax["uid"] for part in applied):
                amount += of(line["total_tax_money"])
        if tax["type"] == "ADDITIVE":
            amount += sum(of(charge["total_tax_money"]) for charge in charges)
        if amount:
            names = ("catalog_object_id", "catalog_version", "name", "type", "percentage", "scope")
            found.append(
                {"uid": shop.ids.uid(f"{key}:tax", place), "source_tax_uid": tax["uid"]}
                | {name: tax[name] for name in names}
                | {"applied_money": money(amount, shop.currency)}
            )
    return found


def _refunds(shop: Shop, made: Doc, payments: list[Doc], amount: int, wish: Wish) -> list[Doc]:
    """Each tender in turn pays back what it has left."""
    found = []
    for payment in payments:
        left = of(payment["total_money"]) - of(payment.get("refunded_money"))
        taken = min(left, amount)
        if taken <= 0 or payment["status"] != "COMPLETED":
            continue
        amount -= taken
        found.append(_refund(shop, made, payment, taken, wish))
    return found


def _refund(shop: Shop, made: Doc, payment: Doc, amount: int, wish: Wish) -> Doc:
    updated = wish.at + 9 * SECOND if wish.at + 9 * SECOND <= shop.end_ms else wish.at
    kind = "CARD" if payment["source_type"] in ("CARD", "WALLET") else payment["source_type"]
    refund: Doc = {
        "id": shop.ids.refund(payment["id"], wish.number),
        "status": wish.status,
        "location_id": payment["location_id"],
        "unlinked": False,
        "destination_type": kind,
        "amount_money": money(amount, shop.currency),
        "payment_id": payment["id"],
        "order_id": made["id"],
        "reason": wish.reason,
        "created_at": precise(wish.at),
        "updated_at": precise(updated),
        "team_member_id": payment["team_member_id"],
    }
    fees = [of(fee["amount_money"]) for fee in payment.get("processing_fee", ()) if fee["type"] == "INITIAL"]
    if wish.fee_back and fees and wish.status == "COMPLETED":
        back = rounded(sum(fees) * amount, of(payment["total_money"]))
        refund["processing_fee"] = [
            {"effective_at": precise(updated), "type": "INITIAL", "amount_money": money(-back, shop.currency)}
        ]
    settle(payment, refund)
    return refund


def settle(payment: Doc, refund: Doc) -> None:
    """What a refund does to its payment: a failed one leaves the money where it was."""
    payment["refund_ids"] = list(dict.fromkeys((*payment.get("refund_ids", ()), refund["id"])))
    payment["updated_at"] = max(payment["updated_at"], refund["updated_at"])
    if refund["status"] == "COMPLETED":
        so_far = of(payment.get("refunded_money"))
        payment["refunded_money"] = money(so_far + of(refund["amount_money"]), refund["amount_money"]["currency"])
