"""Square's sales made by hand: what an order, a return, a payment, a dispute and a payout come to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.money.hand import NOON, Hand

DAY, LATER_AT = NOON.date(), NOON + timedelta(days=3)
LATER = LATER_AT.date()


class Till(Hand):
    """A shop whose records are those of a till."""

    def sold(self, *lines: dict[str, Any], tip: int = 0, charge: int = 0, charge_tax: int = 0, **more: Any) -> str:
        """An order of these lines (`goods` before the discount and without the tax, `off`, `tax`)."""
        tax = sum(line.get("tax", 0) for line in lines) + charge_tax
        total = sum(line["goods"] - line.get("off", 0) for line in lines) + tax + tip + charge
        fields = {"is_paid": None, "status": "completed", "tax_amount": tax, "tip_amount": tip, **more}
        order = self.order(total, platform="square", **fields)
        for number, line in enumerate(lines):
            goods, off, its_tax = line["goods"], line.get("off", 0), line.get("tax", 0)
            self.put(
                "line_items", platform="square", platform_id=f"{order}:{number}:1", order_platform_id=order,
                item_type=line.get("kind", "item"), quantity=1, price_amount=goods, title=f"Thing {number}",
                gross_amount=goods + (its_tax if line.get("inside") else 0), tax_amount=its_tax,
                discount_amount=off, total_amount=goods - off + its_tax,
            )  # fmt: skip
        if charge:
            told = {"applied_amount": charge, "tax_amount": charge_tax, "total_amount": charge + charge_tax}
            self.put("order_service_charges", platform="square", order_platform_id=order, **told)
        return order

    def paid(self, order: str | None, amount: int, fee: int | None = None, **more: Any) -> str:
        told = {"status": "completed", "payment_method": "card", "paid_at": NOON, "fees_amount": fee, **more}
        return self.put("order_payments", platform="square", order_platform_id=order, gross_amount=amount, **told)

    def back(self, order: str, *lines: dict[str, Any], tip: int = 0, charge: int = 0, tax: int = 0, **more: Any) -> str:
        """A return: `of` says which line of the sale comes back, and is not there where it is an amount."""
        whole_tax = tax + sum(line.get("tax", 0) for line in lines)
        total = sum(line["goods"] for line in lines) + whole_tax + tip + charge
        made = self.order(
            0, platform="square", at=LATER_AT, is_paid=None, status="completed", current_total_amount=-total, **more
        )
        told = {"tax_amount": whole_tax, "tip_amount": tip, "service_charge_amount": charge, "total_amount": total}
        self.put("order_returns", platform="square", order_platform_id=made, source_order_platform_id=order, **told)
        for line in lines:
            of = None if "of" not in line else str(line["of"])
            self.put(
                "order_return_lines", platform="square", order_platform_id=made, source_order_platform_id=order,
                source_line_uid=of, tax_amount=line.get("tax", 0), total_amount=line["goods"] + line.get("tax", 0),
            )  # fmt: skip
        return made

    def refunded(self, payment: str, made: str | None, amount: int, status: str = "completed", **more: Any) -> str:
        words = {"completed": "approved"}
        if made is not None:
            told = {"refund_amount": amount, "status": words.get(status, status), "refunded_at": LATER_AT}
            self.put("order_refunds", platform="square", order_platform_id=made, **told)
        return self.put(
            "payment_refunds", platform="square", payment_platform_id=payment, order_platform_id=made,
            refund_amount=amount, status=status, refunded_at=LATER_AT, **more,
        )  # fmt: skip

    def of(self, day: Any = DAY) -> dict[str, int]:
        """Classes of a day, without that its cost is not known."""
        return {name: amount for name, amount in self.classes(day, platform="square").items() if name != "uncosted"}

    def told(self, order: str) -> dict[str, Any]:
        """The order as people are told it: its figures in its own currency, and what is missing."""
        (row,) = super().told("select public.order_of(%s, %s, %s)", self.user_id, self.shops["square"], order)
        return {"missing": row["missing"], **row["currencies"].get("USD", {}).get("figures", {})}

    def certified(self, since: str = "2026-03-01") -> dict[str, dict[str, Any]]:
        (row,) = super().told(
            "select private.money_certificate_square(%s, %s, '2027-01-01')", self.shops["square"], since
        )
        return {check["check"]: check for check in row}


@pytest.fixture
def till(db: Any, clean: None) -> Till:
    return Till(db, "square")


def test_an_order_is_what_its_parts_are(till: Till) -> None:
    """Discount, tax on top and inside, service charge with its tax, tip: each in a class of its own."""
    order = till.sold(
        {"goods": 2000, "off": 200, "tax": 144},
        {"goods": 1000, "tax": 80, "inside": True},
        tip=300,
        charge=150,
        charge_tax=12,
    )
    till.paid(order, 3486, 100)

    assert till.of() == {
        "order": 1, "gross_sales": 3000, "discount": -200, "other_income": 150, "tip": 300, "tax_seller": 236,
        "payment": 3486, "fee_payment": -100,
    }  # fmt: skip
    assert till.profit(platform="square") == 3000 - 200 + 150 - 100
    assert till.certified()["orders"] == {"check": "orders", "ok": True, "orders": 1, "unproven": 0, "rows": []}


def test_a_gift_card_is_no_sale_and_no_cost_to_pay_with(till: Till) -> None:
    """Sold it is owed to somebody; what is bought with it later is a sale, and costs no fee."""
    till.paid(till.sold({"goods": 2500, "kind": "gift_card"}, {"goods": 1000}), 3500, 101)
    bought = till.sold({"goods": 800})
    payment = till.paid(bought, 800)
    till.put(
        "tenders",
        platform="square",
        order_platform_id=bought,
        payment_platform_id=payment,
        tender_type="square_gift_card",
    )

    assert till.of() == {
        "order": 2, "gross_sales": 1800, "gift_card": 2500, "payment": 4300, "fee_payment": -101,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("open", {}),
        ("draft", {}),
        ("canceled", {}),
        ("completed", {"is_test": True}),
        ("completed", {"is_deleted": True}),
    ],
)
def test_what_is_not_closed_is_no_sale(till: Till, status: str, fields: dict[str, Any]) -> None:
    till.sold({"goods": 1000}, status=status, **fields)

    assert till.of() == {}


def test_a_fee_that_is_not_told_yet_is_unknown_and_then_known(till: Till) -> None:
    order = till.sold({"goods": 1000})
    payment = till.paid(order, 1000)
    till.paid(till.sold({"goods": 500}), 500, payment_method="cash")
    assert till.of() == {"order": 2, "gross_sales": 1500, "payment": 1500, "fees_unknown": 1}
    assert "fees" in till.told(order)["missing"]

    till.change("update public.order_payments set fees_amount = 36 where platform_id = %s", payment)

    assert till.of() == {"order": 2, "gross_sales": 1500, "payment": 1500, "fee_payment": -36}
    assert "fees" not in till.told(order)["missing"]


def test_a_payment_that_was_refused_is_none(till: Till) -> None:
    order = till.sold({"goods": 1000})
    till.paid(order, 1000, status="failed")
    till.paid(order, 1000, status="canceled")
    till.paid(None, 700, 20)

    assert till.of() == {"order": 1, "gross_sales": 1000, "payment": 700, "fee_payment": -20}


def test_what_came_back_wholly_comes_to_nothing(till: Till) -> None:
    """On the day of the return, of the sale that it names; the tip, the charge and the tax come back as well."""
    order = till.sold({"goods": 2000, "off": 200, "tax": 144}, tip=300, charge=150, charge_tax=12)
    payment = till.paid(order, 2406, 80)
    made = till.back(order, {"of": 0, "goods": 1800, "tax": 144}, tip=300, charge=150, tax=12)
    till.refunded(payment, made, 2406, fees_amount=-80)

    assert till.of(LATER) == {
        "reversal_goods": -1800, "reversal_other": -150, "reversal_tax_seller": -156, "tip": -300,
        "refund_paid": -2406, "fee_payment": 80,
    }  # fmt: skip
    assert till.profit(platform="square") == 0
    # The return is no sale, and all of it stands with the order that was sold.
    assert till.of(DAY)["order"] == 1
    assert till.told(made)["missing"] == ["not_counted"]
    told = till.told(order)
    assert (told["reversals"], told["tips"], told["refunds_paid"], told["taxes_seller"]) == (-1800, 0, -2406, 0)
    assert till.days("of_sales", platform="square")[DAY]["reversal_goods"] == -1800


def test_a_part_that_came_back_is_of_its_line(till: Till) -> None:
    order = till.sold({"goods": 1000, "tax": 80}, {"goods": 2500, "kind": "gift_card"}, {"goods": 400})
    till.back(order, {"of": 0, "goods": 500, "tax": 40}, {"of": 1, "goods": 2500})

    assert till.of(LATER) == {"reversal_goods": -500, "reversal_tax_seller": -40, "gift_card": -2500}


def test_an_amount_without_lines_is_an_adjustment(till: Till) -> None:
    """With a return of no line of the sale, and where there is no return at all."""
    order = till.sold({"goods": 1000})
    payment = till.paid(order, 1000, 36)
    till.refunded(payment, till.back(order, {"goods": 250}), 250)
    till.refunded(payment, None, 100)

    assert till.of(LATER) == {"reversal_adjustment": -350, "refund_paid": -350}
    assert till.told(order)["reversals"] == -350
    assert till.days("of_sales", platform="square")[DAY] == {"reversal_adjustment": -350, "order": 1, "uncosted": 1}


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("completed", {"reversal_goods": -1000, "refund_paid": -1000}),
        ("pending", {"reversal_goods": -1000}),
        ("failed", {}),
        ("rejected", {}),
    ],
)
def test_a_refund_that_failed_gave_nothing_back(till: Till, status: str, found: dict[str, int]) -> None:
    order = till.sold({"goods": 1000})
    payment = till.paid(order, 1000, 36)
    till.refunded(payment, till.back(order, {"of": 0, "goods": 1000}), 1000, status)

    assert till.of(LATER) == found


def test_a_refund_that_fails_later_is_taken_back_of_its_sale_too(till: Till) -> None:
    order = till.sold({"goods": 1000})
    till.refunded(till.paid(order, 1000, 36), till.back(order, {"of": 0, "goods": 1000}), 1000, "pending")
    assert till.of(LATER) == {"reversal_goods": -1000}

    till.change("update public.order_refunds set status = 'failed'")
    till.change("update public.payment_refunds set status = 'failed'")

    assert till.of(LATER) == {}
    assert "reversal_goods" not in till.days("of_sales", platform="square")[DAY]


@pytest.mark.parametrize(
    ("status", "first", "later"),
    [
        ("evidence_required", {"dispute": -500}, {}), ("processing", {"dispute": -500}, {}),
        ("lost", {"dispute": -500}, {}), ("accepted", {"dispute": -500}, {}),
        ("won", {"dispute": -500}, {"dispute": 500}), ("inquiry_evidence_required", {}, {}),
        ("inquiry_closed", {}, {}), ("something_new", {"disputes_unknown": 1}, {}),
    ],
)  # fmt: skip
def test_what_a_dispute_took(till: Till, status: str, first: dict[str, int], later: dict[str, int]) -> None:
    order = till.sold({"goods": 500})
    payment = till.paid(order, 500, 0)
    told = {"disputed_amount": 500, "disputed_at": NOON, "source_updated_at": LATER_AT}
    till.put("payment_disputes", platform="square", payment_platform_id=payment, status=status, **told)

    assert till.of() == {"order": 1, "gross_sales": 500, "payment": 500, **first}
    assert till.of(LATER) == later
    assert ("disputes" in till.told(order)["missing"]) == (status == "something_new")


def test_a_payout_only_moves_and_is_what_its_entries_are(till: Till) -> None:
    payout = till.put(
        "payouts", platform="square", payout_amount=850, paid_out_at=NOON, status="paid", payout_type="batch"
    )
    for kind, gross, fee in (
        ("charge", 1000, 30),
        ("refund", -100, 0),
        ("tax_on_fee", -5, 0),
        ("reserve_hold", -10, 0),
        ("strange", -5, 0),
    ):
        till.put(
            "payout_entries", platform="square", payout_platform_id=payout, entry_type=kind, gross_amount=gross,
            fee_amount=fee, net_amount=gross - fee, effective_at=NOON,
        )  # fmt: skip
    till.put("payouts", platform="square", payout_amount=70, paid_out_at=NOON, status="failed", payout_type="batch")

    assert till.of() == {"transfer": -860, "tax_on_fees": -5, "unclassified": -5}
    assert till.certified()["payouts"] == {"check": "payouts", "ok": True, "payouts": 1, "rows": []}

    till.change("update public.payout_entries set net_amount = net_amount - 1 where entry_type = 'charge'")

    assert till.certified()["payouts"]["rows"] == [{"payout": payout, "expected": 850, "found": 849}]


def test_a_part_that_cannot_be_read_is_unclassified(till: Till) -> None:
    """What is left of the order's total stands apart, and keeps the day open."""
    till.sold({"goods": 1000, "tax": 80}, {"goods": 400})
    till.change(
        "update public.line_items set total_amount = null, raw = %s where total_amount = 400",
        Jsonb({"keeper_unreadable": ["total_money"]}),
    )

    assert till.of() == {"order": 1, "gross_sales": 1000, "tax_seller": 80, "unclassified": 400}
    assert till.certified()["orders"]["unproven"] == 1


def test_an_order_that_is_not_its_parts_is_named(till: Till) -> None:
    order = till.sold({"goods": 1000})
    till.change("update public.orders set total_amount = 1007 where platform_id = %s", order)

    assert till.of() == {"order": 1, "gross_sales": 1000}
    assert till.certified()["orders"]["rows"] == [{"order": order, "expected": 1007, "found": 1000}]


def test_each_places_currency_stands_by_itself(till: Till) -> None:
    till.paid(till.sold({"goods": 1000}), 1000, 30)
    order = till.sold({"goods": 900}, currency="CAD")
    till.paid(order, 900, 20, currency="CAD")
    assert till.days(platform="square")

    (found,) = Hand.told(
        till,
        "select jsonb_object_agg(currency || ' ' || class, amount) from public.money_days"
        " where class in ('gross_sales', 'fee_payment')",
    )
    assert found == {"USD gross_sales": 1000, "USD fee_payment": -30, "CAD gross_sales": 900, "CAD fee_payment": -20}


def test_a_day_is_the_shops_and_closes_when_it_is_proven(till: Till) -> None:
    """Noon of UTC is the next day at Kiritimati: as the platform tells the zone of the seller's main place."""
    till.zone("Pacific/Kiritimati", platform="square")
    order = till.sold({"goods": 1000})
    till.paid(order, 1000, 36)
    till.prove(platform="square")

    assert till.of(DAY + timedelta(days=1))["gross_sales"] == 1000
    assert till.of() == {}
    assert till.states(platform="square")[DAY + timedelta(days=1)][0] == "closed"
