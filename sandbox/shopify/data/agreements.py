"""An order's journal of sales: what it came to by each agreement (purchase, edits, refunds, returns), piece by piece.

Played from the order's lines and events each time: nothing is stored twice. Its sum is `currentTotalPriceSet`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.parts.responses import Doc
from sandbox.shopify.data.money import ZERO, Pair


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A signed piece: `total` is after discounts and with taxes, `discount` before taxes. `line`: a line's number."""

    number: int
    line_type: str
    action: str
    total: Pair
    tax: Pair = ZERO
    discount: Pair = ZERO
    quantity: int | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """`refund`: the number of the refund that it is about."""

    number: int
    kind: str
    reason: str
    at: int
    sales: tuple[Sale, ...]
    refund: int | None = None


def worth(line: Doc, kept: int, *, included: bool) -> tuple[Pair, Pair, Pair]:
    """What so many pieces of a line come to, the tax in it, and the discount before taxes."""
    discount, tax = (
        Pair(*line["discount"]).part(kept, line["quantity"]),
        Pair(*line["tax"]).part(kept, line["quantity"]),
    )
    goods = Pair(*line["price"]) * kept - discount
    rate = line["tax_rate"]
    before = discount - discount.part(rate, 1000 + rate) if included and rate else discount
    return goods if included else goods + tax, tax, before


def between(line: Doc, before: int, after: int, *, included: bool) -> tuple[Pair, Pair, Pair]:
    """What changes where so many pieces are left of a line in place of so many: no cent is lost on the way."""
    old, new = worth(line, before, included=included), worth(line, after, included=included)
    return new[0] - old[0], new[1] - old[1], new[2] - old[2]


def shipping_total(order: Doc, amount: Pair, tax: Pair) -> Pair:
    return amount if order["tax_included"] else amount + tax


def agreements(order: Doc) -> list[Agreement]:
    """In the order of events."""
    kept = [0 if line["added"] is not None else line["quantity"] for line in order["lines"]]
    found = [_made(0, "OrderAgreement", "ORDER", order["processed"], _purchase(order, kept))]
    events = [(each["at"], each["seq"], "edit", each) for each in order["edits"]]
    events += [(each["at"], each["seq"], "refund", each) for each in order["refunds"]]
    for at, _, kind, event in sorted(events, key=lambda each: each[:2]):
        number = len(found)
        if kind == "edit":
            found.append(_made(number, "OrderEditAgreement", "ORDER_EDIT", at, _edited(order, event, kept)))
            continue
        is_return = event["return"]
        found.append(
            Agreement(
                number=number,
                kind="ReturnAgreement" if is_return else "RefundAgreement",
                reason="RETURN" if is_return else "REFUND",
                at=at,
                sales=tuple(_numbered(_refunded(order, event, kept))),
                refund=event["n"],
            )
        )
    return found


def _made(number: int, kind: str, reason: str, at: int, sales: Iterator[Doc]) -> Agreement:
    return Agreement(number=number, kind=kind, reason=reason, at=at, sales=tuple(_numbered(sales)))


def _numbered(sales: Iterator[Doc]) -> Iterator[Sale]:
    for number, sale in enumerate(sales):
        yield Sale(number=number, **sale)


def _purchase(order: Doc, kept: list[int]) -> Iterator[Doc]:
    for number, quantity in enumerate(kept):
        if quantity:
            yield _of_line(order, number, 0, quantity)
    if order["ships"]:
        tax = Pair(*order["shipping_tax"])
        total = shipping_total(order, Pair(*order["shipping"]), tax)
        yield {"line_type": "SHIPPING", "action": "ORDER", "total": total, "tax": tax}
    if any(order["tip"]):
        yield {"line_type": "TIP", "action": "ORDER", "total": Pair(*order["tip"])}


def _edited(order: Doc, edit: Doc, kept: list[int]) -> Iterator[Doc]:
    for number, left in edit["lines"]:
        yield _of_line(order, number, kept[number], left)
        kept[number] = left


def _refunded(order: Doc, refund: Doc, kept: list[int]) -> Iterator[Doc]:
    for line in refund["lines"]:
        number, before = line["line"], kept[line["line"]]
        kept[number] = before - line["quantity"]
        yield _of_line(order, number, before, kept[number])
    if any(refund["shipping"]) or any(refund["shipping_tax"]):
        tax = Pair(*refund["shipping_tax"])
        total = shipping_total(order, Pair(*refund["shipping"]), tax)
        yield {"line_type": "SHIPPING", "action": "RETURN", "total": ZERO - total, "tax": ZERO - tax}
    if any(refund["tip"]):
        yield {"line_type": "TIP", "action": "RETURN", "total": ZERO - Pair(*refund["tip"])}
    if any(refund["fee"]):
        yield {"line_type": "FEE", "action": "ORDER", "total": Pair(*refund["fee"])}
    if any(refund["adjust"]):
        yield {"line_type": "ADJUSTMENT", "action": "RETURN", "total": Pair(*refund["adjust"])}


def _of_line(order: Doc, number: int, before: int, after: int) -> Doc:
    line = order["lines"][number]
    total, tax, discount = between(line, before, after, included=order["tax_included"])
    return {
        "line_type": "GIFT_CARD" if line["gift_card"] else "PRODUCT",
        "action": "ORDER" if after > before else "RETURN",
        "total": total,
        "tax": tax,
        "discount": discount,
        "quantity": after - before,
        "line": number,
    }
