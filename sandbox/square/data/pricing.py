"""An order's arithmetic: lines, discounts, taxes on top or inside, service charges; all to the smallest unit.

a line:   variation + modifiers - discount + tax on top = total
an order: totals of lines + service charges with their tax + tips = total
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from sandbox.parts.responses import Doc
from sandbox.square.data import catalog
from sandbox.square.data.money import contained, money, of, share
from sandbox.square.data.shop import MODIFIERS, TAX_LEAVES_GROSS, Shop, Variation


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is bought: a variation, a custom amount or a gift card (`price` tells which price is asked)."""

    price: int
    quantity: str = "1"
    variation: Variation | None = None
    modifiers: tuple[tuple[int, int], ...] = ()
    gift_card: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Basket:
    """An order before it is added up. `discount` and `charge` are in thousandths; `gratuity` asks no tax."""

    order_id: str
    lines: tuple[Line, ...]
    discount: int = 0
    off_first: int = 0
    charge: int = 0
    gratuity: bool = False
    versions: dict[str, int] = field(default_factory=dict)


def add_up(shop: Shop, basket: Basket) -> Doc:
    """The parts of an order that come from its lines; without tenders and tips."""
    lines = [_line(shop, basket, place, line) for place, line in enumerate(basket.lines)]
    charges = _charges(shop, basket, lines)
    taxes = _taxes(shop, basket, lines, charges)
    made: Doc = {"line_items": lines}
    if taxes:
        made["taxes"] = taxes
    if discounts := _discounts(shop, basket, lines):
        made["discounts"] = discounts
    if charges:
        made["service_charges"] = charges
    charged = sum(of(charge["total_money"]) for charge in charges)
    sums = {
        "total_money": sum(of(line["total_money"]) for line in lines) + charged,
        "total_tax_money": sum(of(tax["applied_money"]) for tax in taxes),
        "total_discount_money": sum(of(line["total_discount_money"]) for line in lines),
        "total_tip_money": 0,
        "total_service_charge_money": sum(of(charge["applied_money"]) for charge in charges),
    }
    made |= {name: money(amount, shop.currency) for name, amount in sums.items()}
    made["net_amounts"] = amounts(shop, made)
    return made


def amounts(shop: Shop, order: Doc, sign: int = 1) -> Doc:
    """OrderMoneyAmounts of an order's own totals."""
    return {
        f"{name}_money": money(
            sign * of(order["total_money" if name == "total" else f"total_{name}_money"]), shop.currency
        )
        for name in ("total", "tax", "discount", "tip", "service_charge")
    }


def tip(shop: Shop, order: Doc, amount: int) -> None:
    """Tips come with tenders, on top of what the lines ask."""
    for name in ("total_money", "total_tip_money"):
        order[name] = money(of(order[name]) + amount, shop.currency)
    order["net_amounts"] = amounts(shop, order)


def _line(shop: Shop, basket: Basket, place: int, line: Line) -> Doc:
    uid = shop.ids.uid(basket.order_id, place)
    base = times(line.price, line.quantity)
    modifiers = [_modifier(shop, uid, line, *chosen) for chosen in line.modifiers]
    whole = base + sum(of(modifier["total_price_money"]) for modifier in modifiers)
    off = 0 if line.gift_card else min(share(whole, basket.discount) + (basket.off_first if place == 0 else 0), whole)
    inclusive, tax = _tax_of(shop, line, whole - off)
    told: Doc = {"uid": uid, "quantity": line.quantity, **_what(shop, basket, line)}
    if modifiers:
        told["modifiers"] = modifiers
    if tax:
        told["applied_taxes"] = [_applied(shop, basket, place, ("tax", int(inclusive)), tax)]
    if off:
        told["applied_discounts"] = _applied_discounts(shop, basket, place, whole, off)
    leaves = inclusive and shop.home in TAX_LEAVES_GROSS
    sums = {
        "base_price_money": line.price,
        "variation_total_price_money": base,
        "gross_sales_money": whole - (tax if leaves else 0),
        "total_tax_money": tax,
        "total_discount_money": off,
        "total_money": whole - off + (0 if inclusive else tax),
        "total_service_charge_money": 0,
    }
    return told | {name: money(amount, shop.currency) for name, amount in sums.items()}


def _what(shop: Shop, basket: Basket, line: Line) -> Doc:
    if line.gift_card:
        return {"name": "eGift Card", "item_type": "GIFT_CARD"}
    told: Doc = {"note": line.note} if line.note else {}
    if line.variation is None:
        return {"item_type": "CUSTOM_AMOUNT", **told}
    key = catalog.variation_id(shop, line.variation.number)
    if line.variation.measured:
        told["quantity_unit"] = {
            "measurement_unit": {"weight_unit": "METRIC_KILOGRAM", "type": "TYPE_WEIGHT"},
            "precision": 2,
            "catalog_object_id": shop.ids.catalog("unit", 0),
        }
    return {
        "name": shop.items[line.variation.item].name,
        "variation_name": line.variation.name,
        "catalog_object_id": key,
        "catalog_version": basket.versions.get(key, shop.opened_ms),
        "item_type": "ITEM",
        **told,
    }


def _modifier(shop: Shop, uid: str, line: Line, number: int, quantity: int) -> Doc:
    """A modifier counts once for each piece of its line."""
    price = catalog.modifier_price(shop, number)
    return {
        "uid": shop.ids.uid(f"{uid}:modifier", number),
        "catalog_object_id": catalog.modifier_id(shop, number),
        "catalog_version": shop.opened_ms,
        "name": MODIFIERS[number][0],
        "quantity": str(quantity),
        "base_price_money": money(price, shop.currency),
        "total_price_money": money(times(price * quantity, line.quantity), shop.currency),
    }


def _tax_of(shop: Shop, line: Line, taxed: int) -> tuple[bool, int]:
    """Whether it is inside of the price, and how much it is; none on gift cards."""
    if line.gift_card or not taxed:
        return False, 0
    inclusive = line.variation.inclusive if line.variation else not shop.adds_tax
    return inclusive, contained(taxed, shop.tax_rate) if inclusive else share(taxed, shop.tax_rate)


def _applied(shop: Shop, basket: Basket, place: int | str, of_what: tuple[str, int], amount: int) -> Doc:
    """A part of a tax or a discount, named by its kind and number."""
    what, number = of_what
    return {
        "uid": shop.ids.uid(f"{basket.order_id}:{place}:{what}", number),
        f"{what}_uid": shop.ids.uid(f"{basket.order_id}:{what}", number),
        "applied_money": money(amount, shop.currency),
    }


def _applied_discounts(shop: Shop, basket: Basket, place: int, whole: int, off: int) -> list[Doc]:
    """What the percentage takes first, the fixed amount after it."""
    shared = min(share(whole, basket.discount), off)
    parts = ((0, shared), (1, off - shared))
    return [_applied(shop, basket, place, ("discount", number), amount) for number, amount in parts if amount]


def _charges(shop: Shop, basket: Basket, lines: list[Doc]) -> list[Doc]:
    if not basket.charge:
        return []
    base = sum(
        of(line["total_money"]) - (0 if is_inside(shop, basket.order_id, line) else of(line["total_tax_money"]))
        for line in lines
        if line["item_type"] != "GIFT_CARD"
    )
    applied = share(base, basket.charge)
    tax = 0 if basket.gratuity or not shop.adds_tax else share(applied, shop.tax_rate)
    told: Doc = {
        "uid": shop.ids.uid(f"{basket.order_id}:charge", 0),
        "name": "Gratuity" if basket.gratuity else "Service",
        "percentage": catalog.percentage(basket.charge),
        "applied_money": money(applied, shop.currency),
        "total_money": money(applied + tax, shop.currency),
        "total_tax_money": money(tax, shop.currency),
        "calculation_phase": "SUBTOTAL_PHASE",
        "taxable": bool(tax),
        "type": "AUTO_GRATUITY" if basket.gratuity else "CUSTOM",
        "treatment_type": "LINE_ITEM_TREATMENT",
        "scope": "ORDER",
    }
    if tax:
        told["applied_taxes"] = [_applied(shop, basket, "charge", ("tax", catalog.ADDITIVE), tax)]
    return [told]


def is_inside(shop: Shop, order_id: str, line: Doc) -> bool:
    """Whether a line's tax is a part of its price."""
    inside = shop.ids.uid(f"{order_id}:tax", catalog.INCLUSIVE)
    return any(part["tax_uid"] == inside for part in line.get("applied_taxes", ()))


def _taxes(shop: Shop, basket: Basket, lines: list[Doc], charges: list[Doc]) -> list[Doc]:
    found = []
    for number in (catalog.ADDITIVE, catalog.INCLUSIVE):
        uid = shop.ids.uid(f"{basket.order_id}:tax", number)
        parts = [
            part for each in (*lines, *charges) for part in each.get("applied_taxes", ()) if part["tax_uid"] == uid
        ]
        if parts:
            found.append(
                {
                    "uid": uid,
                    "catalog_object_id": catalog.tax_id(shop, number),
                    "catalog_version": shop.opened_ms,
                    "name": catalog.tax_name(shop, number),
                    "percentage": catalog.percentage(shop.tax_rate),
                    "type": "INCLUSIVE" if number else "ADDITIVE",
                    "applied_money": money(sum(of(part["applied_money"]) for part in parts), shop.currency),
                    "scope": "LINE_ITEM",
                }
            )
    return found


def _discounts(shop: Shop, basket: Basket, lines: list[Doc]) -> list[Doc]:
    found = []
    for number in (0, 1):
        uid = shop.ids.uid(f"{basket.order_id}:discount", number)
        parts = [part for line in lines for part in line.get("applied_discounts", ()) if part["discount_uid"] == uid]
        if not parts:
            continue
        applied = money(sum(of(part["applied_money"]) for part in parts), shop.currency)
        told: Doc = {"uid": uid, "applied_money": applied}
        if number == 0:
            told |= {
                "catalog_object_id": catalog.discount_id(shop),
                "catalog_version": shop.opened_ms,
                "name": "Friends",
            }
            told |= {"percentage": catalog.percentage(basket.discount), "type": "FIXED_PERCENTAGE", "scope": "ORDER"}
        else:
            told |= {"name": "Off this one", "amount_money": money(basket.off_first, shop.currency)}
            told |= {"type": "FIXED_AMOUNT", "scope": "LINE_ITEM"}
        found.append(told)
    return found


def times(price: int, quantity: str) -> int:
    """Quantities are decimal texts."""
    if quantity.isdecimal():
        return price * int(quantity)
    return int((price * Decimal(quantity)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
