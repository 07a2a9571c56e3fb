"""A till of Square's whose records are made by hand: orders, returns, payments, refunds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
