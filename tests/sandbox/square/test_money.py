"""Money adds up, to the smallest unit: lines, orders, tenders, payments, returns, refunds, fees and payouts."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

SHAPES = [("USD", "shop"), ("USD", "salon"), ("JPY", "shop"), ("EUR", "salon")]
# Where a tax that is inside of a price leaves gross sales.
LEAVES = ("USD", "CAD", "JPY")
GIFT = "SQUARE_GIFT_CARD"


def of(doc: Any) -> int:
    return doc["amount"] if doc else 0


@pytest.fixture(params=SHAPES, ids="-".join)
def seller(square, request):
    currency, kind = request.param
    return square.kept(orders=500, currency=currency, kind=kind, locations=2, bookings=0, years=1)


@pytest.fixture
def sales(seller):
    return [order for order in seller.truth("orders") if "returns" not in order]


def test_a_line_is_its_parts(seller, sales):
    """Price times quantity and modifiers, less its discount; with tax on top, or inside."""
    inside = {tax["uid"] for order in sales for tax in order.get("taxes", ()) if tax["type"] == "INCLUSIVE"}
    seen = defaultdict(int)
    for line in (line for order in sales for line in order["line_items"]):
        whole = of(line["variation_total_price_money"])
        whole += sum(of(modifier["total_price_money"]) for modifier in line.get("modifiers", ()))
        tax, off = of(line["total_tax_money"]), of(line["total_discount_money"])
        inclusive = any(part["tax_uid"] in inside for part in line.get("applied_taxes", ()))
        leaves = tax if inclusive and seller.made["currency"] in LEAVES else 0

        assert of(line["gross_sales_money"]) == whole - leaves
        assert of(line["total_money"]) == whole - off + (0 if inclusive else tax)
        assert sum(of(part["applied_money"]) for part in line.get("applied_taxes", ())) == tax
        assert sum(of(part["applied_money"]) for part in line.get("applied_discounts", ())) == off
        if line["quantity"].isdecimal():
            assert of(line["variation_total_price_money"]) == of(line["base_price_money"]) * int(line["quantity"])
        seen["inclusive"] += inclusive and tax > 0
        seen["added"] += not inclusive and tax > 0
        seen["off"] += off > 0
        seen["weighed"] += not line["quantity"].isdecimal()
        seen["modified"] += "modifiers" in line
        seen[line["item_type"]] += 1

    assert all(seen[name] for name in ("GIFT_CARD", "CUSTOM_AMOUNT", "off", "modified", "inclusive")), dict(seen)
    assert bool(seen["added"]) == (seller.made["currency"] in ("USD", "CAD"))


def test_an_order_is_its_lines_charges_and_tips(sales):
    """And what tenders pay is that."""
    seen = defaultdict(int)
    for order in sales:
        charges, tenders = order.get("service_charges", []), order.get("tenders", [])
        tips = sum(of(tender.get("tip_money")) for tender in tenders)
        lines = sum(of(line["total_money"]) for line in order["line_items"])
        taxes = sum(of(line["total_tax_money"]) for line in order["line_items"])

        assert of(order["total_money"]) == lines + sum(of(charge["total_money"]) for charge in charges) + tips
        assert of(order["total_tip_money"]) == tips
        assert of(order["total_tax_money"]) == taxes + sum(of(charge["total_tax_money"]) for charge in charges)
        assert of(order["total_tax_money"]) == sum(of(tax["applied_money"]) for tax in order.get("taxes", ()))
        assert of(order["total_service_charge_money"]) == sum(of(charge["applied_money"]) for charge in charges)
        assert of(order["net_amounts"]["total_money"]) == of(order["total_money"])
        paid = sum(of(tender["amount_money"]) for tender in tenders)
        assert of(order["net_amount_due_money"]) == of(order["total_money"]) - paid
        if order["state"] == "COMPLETED":
            assert paid == of(order["total_money"])
        for name in ("tips", "charges", "tenders"):
            seen[name] += bool({"tips": tips, "charges": charges, "tenders": len(tenders) > 1}[name])
        seen[order["state"]] += 1

    assert all(seen[name] for name in ("tips", "charges", "tenders", "CANCELED", "DRAFT", "OPEN")), dict(seen)


def test_tenders_are_payments(seller, sales):
    """The same amounts and fees; a card that was refused is a payment alone."""
    payments = {payment["id"]: payment for payment in seller.truth("payments")}
    tenders = [tender for order in sales for tender in order.get("tenders", ())]
    for tender in tenders:
        payment = payments.get(tender.get("payment_id"))
        if payment is None:
            assert tender["type"] == "NO_SALE"
            continue
        fees = [of(fee["amount_money"]) for fee in payment.get("processing_fee", ())]
        assert tender["amount_money"] == payment["total_money"]
        assert of(payment["total_money"]) == of(payment["amount_money"]) + of(payment.get("tip_money"))
        assert of(tender.get("processing_fee_money")) == sum(fees)
        if tender["type"] in ("CASH", GIFT, "OTHER"):
            assert fees == []
    alone = set(payments) - {tender.get("payment_id") for tender in tenders}
    assert {payments[key]["status"] for key in alone} == {"FAILED"}
    assert {tender["type"] for tender in tenders} >= {"CARD", "CASH", GIFT, "WALLET"}


def test_returns_are_parts_of_their_sale(seller, sales):
    """What comes back is no more than was sold; refunds pay it; the payment knows what was paid back."""
    orders = {order["id"]: order for order in sales}
    refunds = defaultdict(list)
    for refund in seller.truth("refunds"):
        refunds[refund["order_id"]].append(refund)
    seen = defaultdict(int)
    for order in seller.truth("orders"):
        for back in order.get("returns", ()):
            sale, sums = orders[back["source_order_id"]], back["return_amounts"]
            lines = {line["uid"]: line for line in sale["line_items"]}
            total = sum(of(line["total_money"]) for line in back["return_line_items"])
            total += sum(of(charge["total_money"]) for charge in back.get("return_service_charges", ()))
            total += sum(of(tip["applied_money"]) for tip in back.get("return_tips", ()))
            taxes = sum(of(tax["applied_money"]) for tax in back.get("return_taxes", ()))

            assert of(sums["total_money"]) == total <= of(sale["total_money"])
            assert of(sums["tax_money"]) == taxes
            assert of(order["net_amounts"]["total_money"]) == -total
            assert sum(of(refund["amount_money"]) for refund in refunds[order["id"]]) == total
            assert {refund["id"] for refund in order["refunds"]} == {refund["id"] for refund in refunds[order["id"]]}
            for line in back["return_line_items"]:
                source = lines.get(line.get("source_line_item_uid"))
                if source:
                    assert of(line["total_money"]) <= of(source["total_money"])
                    seen["part" if line["quantity"] != source["quantity"] else "whole"] += 1
                else:
                    seen["amount"] += 1
            seen["everything"] += total == of(sale["total_money"])
    for payment in seller.truth("payments"):
        mine = [refund for each in refunds.values() for refund in each if refund["payment_id"] == payment["id"]]
        done = sum(of(refund["amount_money"]) for refund in mine if refund["status"] == "COMPLETED")
        assert of(payment.get("refunded_money")) == done <= of(payment["total_money"])
        assert set(payment.get("refund_ids", ())) == {refund["id"] for refund in mine}
    assert all(seen[name] for name in ("whole", "amount", "everything")), dict(seen)


def test_payouts_are_their_entries(seller):
    """Each charge once, with its fee; what is not paid out yet is young, or has no fee yet, or is no card's."""
    payouts, entries = seller.truth("payouts"), seller.truth("entries")
    payments = {payment["id"]: payment for payment in seller.truth("payments")}
    sums = defaultdict(int)
    charged = []
    for entry in entries:
        assert of(entry["net_amount_money"]) == of(entry["gross_amount_money"]) - of(entry["fee_amount_money"])
        sums[entry["payout_id"]] += of(entry["net_amount_money"])
        if entry["type"] == "CHARGE":
            payment = payments[entry["type_charge_details"]["payment_id"]]
            first = [of(fee["amount_money"]) for fee in payment["processing_fee"] if fee["type"] == "INITIAL"]
            assert (of(entry["gross_amount_money"]), of(entry["fee_amount_money"])) == (
                of(payment["total_money"]),
                sum(first),
            )
            charged.append(payment["id"])
    assert {payout["id"]: of(payout["amount_money"]) for payout in payouts} == sums
    assert len(charged) == len(set(charged))
    assert {entry["type"] for entry in entries} >= {"CHARGE", "REFUND"}
    last = max(payout["created_at"] for payout in payouts)
    for key in set(payments) - set(charged):
        payment = payments[key]
        brand = payment.get("card_details", {}).get("card", {}).get("card_brand")
        other = payment["source_type"] not in ("CARD", "WALLET") or brand == GIFT or payment["status"] == "FAILED"
        assert other or payment["created_at"] >= last


def test_fees_come_late(seller):
    """Of the last hours they are still to come; before, each card payment has its own."""
    end = seller.made["ends_at"]
    for payment in seller.truth("payments"):
        age = end - datetime.fromisoformat(payment["created_at"]).timestamp()
        brand = payment.get("card_details", {}).get("card", {}).get("card_brand")
        asked = payment["source_type"] in ("CARD", "WALLET") and brand != GIFT and payment["status"] == "COMPLETED"
        assert ("processing_fee" in payment) == (asked and age >= 2 * 3600)


def test_the_same_plan_is_the_same_account(square):
    """Two sandboxes would not differ, and here two builds do not: ids, times and amounts."""
    from sandbox.square.data.generation import everything  # noqa: PLC0415 - the function in question
    from sandbox.square.data.shop import Plan, Shop  # noqa: PLC0415

    plan = Plan(
        seed=5, orders=40, currency="USD", years=1, ends_at=1_790_000_000, owner="A", kind="salon", locations=2,
        inactive_locations=1, variations=20, lines=2.5, bookings=20, payout_days=7,
    )  # fmt: skip
    assert list(everything(Shop(plan))) == list(everything(Shop(plan)))
