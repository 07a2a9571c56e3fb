"""The catalog as Square tells it: categories, items with their variations, modifiers, taxes, a discount, pictures.

Objects are in their newest form; `api_versions.py` takes out what an older version did not know.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.square.data.money import money, rounded
from sandbox.square.data.shop import MODIFIERS, Item, Shop, Variation
from sandbox.square.data.timestamps import HOUR, MINUTE, shortest

CATEGORIES = ("All", "New in", "Home", "Body", "Hair", "Gifts", "Sale")
ADDITIVE, INCLUSIVE = 0, 1
VENDORS = 6


def tax_id(shop: Shop, inclusive: int) -> str:
    return shop.ids.catalog("tax", inclusive)


def discount_id(shop: Shop) -> str:
    return shop.ids.catalog("discount", 0)


def variation_id(shop: Shop, number: int) -> str:
    return shop.ids.catalog("variation", number)


def modifier_id(shop: Shop, number: int) -> str:
    return shop.ids.catalog("modifier", number)


def objects(shop: Shop) -> Iterator[Doc]:
    """Every object, tombstones too; a variation and a modifier come inside of their parent and alone."""
    yield from _categories(shop)
    yield from _taxes(shop)
    yield _made(
        shop, "DISCOUNT", "discount", 0, {"name": "Friends", "discount_type": "FIXED_PERCENTAGE", "percentage": "10"}
    )
    unit = {"measurement_unit": {"weight_unit": "METRIC_KILOGRAM", "type": "TYPE_WEIGHT"}, "precision": 2}
    yield _made(shop, "MEASUREMENT_UNIT", "unit", 0, unit)
    yield _made(
        shop, "IMAGE", "image", 0, {"name": "front", "url": f"https://items-images.example.com/{shop.seed}.jpg"}
    )
    modifier_list = _modifier_list(shop)
    yield modifier_list
    yield from modifier_list["modifier_list_data"]["modifiers"]
    for item in shop.items:
        made = item_object(shop, item)
        yield made
        yield from made["item_data"]["variations"]


def updated_of(shop: Shop, kind: str, number: int) -> int:
    """Each object was last touched at some time of the shop's life."""
    rng = SeededRandom(f"{shop.seed}:touched:{kind}:{number}")
    return rng.between(shop.opened_ms, shop.end_ms) if rng.chance(300) else shop.opened_ms + rng.below(HOUR)


def catalog_object(kind: str, key: str, updated: int, data: Doc, *, deleted: bool = False) -> Doc:
    """The envelope; `version` is the millisecond of the change."""
    return {
        "type": kind,
        "id": key,
        "updated_at": shortest(updated),
        "version": updated,
        "is_deleted": deleted,
        "present_at_all_locations": True,
        f"{kind.lower()}_data": data,
    }


def _made(shop: Shop, kind: str, word: str, number: int, data: Doc) -> Doc:
    return catalog_object(kind, shop.ids.catalog(word, number), updated_of(shop, word, number), data)


def _categories(shop: Shop) -> Iterator[Doc]:
    """One on top of the others."""
    top = shop.ids.catalog("category", 0)
    for number, name in enumerate(CATEGORIES):
        data: Doc = {"name": name, "category_type": "REGULAR_CATEGORY", "is_top_level": number == 0}
        data["parent_category"] = {"ordinal": number} if number == 0 else {"id": top, "ordinal": number}
        if number:
            data["root_category"] = top
        yield _made(shop, "CATEGORY", "category", number, data)


def _taxes(shop: Shop) -> Iterator[Doc]:
    for number, word in ((ADDITIVE, "ADDITIVE"), (INCLUSIVE, "INCLUSIVE")):
        if number == ADDITIVE and not shop.adds_tax:
            continue
        data = {
            "name": tax_name(shop, number),
            "calculation_phase": "TAX_SUBTOTAL_PHASE",
            "inclusion_type": word,
            "percentage": percentage(shop.tax_rate),
            "applies_to_custom_amounts": True,
            "enabled": True,
        }
        yield _made(shop, "TAX", "tax", number, data)


def tax_name(shop: Shop, inclusive: int) -> str:
    if shop.adds_tax:
        return "Sales Tax" if inclusive == ADDITIVE else "Prepared Food Tax (incl.)"
    return {"JP": "消費税", "AU": "GST"}.get(shop.home, "VAT")


def percentage(rate: int) -> str:
    """Thousandths as Square writes per cents: 78 is 7.8."""
    return f"{rate / 10:g}"


def _modifier_list(shop: Shop) -> Doc:
    parent = shop.ids.catalog("modifiers", 0)
    modifiers = []
    for number, (name, _) in enumerate(MODIFIERS):
        data = {
            "name": name,
            "price_money": money(modifier_price(shop, number), shop.currency),
            "on_by_default": False,
            "ordinal": number,
            "modifier_list_id": parent,
        }
        modifiers.append(_made(shop, "MODIFIER", "modifier", number, data))
    data = {"name": "Extras", "ordinal": 0, "selection_type": "MULTIPLE", "modifiers": modifiers}
    updated = max(modifier["version"] for modifier in modifiers)
    return catalog_object("MODIFIER_LIST", parent, updated, data)


def modifier_price(shop: Shop, number: int) -> int:
    """In the shop's currency, without odd cents."""
    cents = MODIFIERS[number][1]
    return cents if shop.currency != "JPY" else rounded(cents * 150, 100)


def item_object(shop: Shop, item: Item) -> Doc:
    """An item with its variations; one that was deleted is a tombstone, with all that is under it."""
    deleted = item.gone_at is not None
    variations = [variation_object(shop, shop.variations[number], item) for number in item.variations]
    updated = item.gone_at or max(updated_of(shop, "item", item.number), *(each["version"] for each in variations))
    rng = SeededRandom(f"{shop.seed}:item-facts:{item.number}")
    category = {"id": shop.ids.catalog("category", item.category), "ordinal": -2251799813685248 + item.number}
    inclusive = INCLUSIVE if shop.variations[item.variations[0]].inclusive else ADDITIVE
    data: Doc = {
        "name": item.name,
        "is_taxable": True,
        "tax_ids": [tax_id(shop, inclusive)],
        "variations": variations,
        "product_type": "APPOINTMENTS_SERVICE" if item.service else "REGULAR",
        "skip_modifier_screen": False,
        "categories": [category],
        "reporting_category": category,
        "is_archived": rng.chance(30),
    }
    if rng.chance(600):
        text = f"{item.name}, made with care."
        data |= {"description": text, "description_html": f"<p>{text}</p>", "description_plaintext": text}
    if item.modifiers:
        data["modifier_list_info"] = [{"modifier_list_id": shop.ids.catalog("modifiers", 0), "enabled": True}]
    if rng.chance(200):
        data["image_ids"] = [shop.ids.catalog("image", 0)]
    made = catalog_object("ITEM", shop.ids.catalog("item", item.number), updated, data, deleted=deleted)
    return made | presence(shop, item.number)


def presence(shop: Shop, item: int) -> Doc:
    """Most are everywhere; some at the main location alone, some everywhere but there."""
    rng = SeededRandom(f"{shop.seed}:presence:{item}")
    if shop.plan.locations == 1 or rng.chance(850):
        return {}
    if rng.chance(500):
        return {"present_at_all_locations": False, "present_at_location_ids": [shop.main_location]}
    return {"absent_at_location_ids": [shop.main_location]}


def is_present(made: Doc, location_id: str) -> bool:
    if made.get("present_at_all_locations", True):
        return location_id not in made.get("absent_at_location_ids", ())
    return location_id in made.get("present_at_location_ids", ())


def variation_object(shop: Shop, variation: Variation, item: Item) -> Doc:
    updated = item.gone_at or updated_of(shop, "variation", variation.number)
    rng = SeededRandom(f"{shop.seed}:variation-facts:{variation.number}")
    data: Doc = {
        "item_id": shop.ids.catalog("item", item.number),
        "name": variation.name,
        "sku": f"SQ-{shop.seed}-{variation.number:05d}",
        "ordinal": variation.number - item.variations[0],
        "pricing_type": "VARIABLE_PRICING" if variation.price is None else "FIXED_PRICING",
        "sellable": True,
        "stockable": True,
    }
    if variation.price is not None:
        data["price_money"] = money(variation.price, shop.currency)
    if rng.chance(100):
        del data["sku"]
    if variation.minutes:
        data |= {"service_duration": variation.minutes * MINUTE, "available_for_booking": True}
        data["team_member_ids"] = [shop.ids.team_member(number) for number in range(1, 4)]
        data["track_inventory"] = False
    else:
        data["track_inventory"] = variation.tracked
        data["upc"] = f"{4_000_000_000_000 + shop.seed * 10_000 + variation.number}"
        if rng.chance(600):
            data["vendor_information"] = [vendor_information(shop, variation)]
    if variation.measured:
        data["measurement_unit_id"] = shop.ids.catalog("unit", 0)
    if overrides := _overrides(shop, variation, rng):
        data["location_overrides"] = overrides
    made = catalog_object(
        "ITEM_VARIATION", variation_id(shop, variation.number), updated, data, deleted=bool(item.gone_at)
    )
    return made | presence(shop, item.number)


def vendor_information(shop: Shop, variation: Variation) -> Doc:
    """Who sells it to the seller; of some the cost is not told."""
    rng = SeededRandom(f"{shop.seed}:vendor-info:{variation.number}")
    told: Doc = {"vendor_id": shop.ids.vendor(rng.below(VENDORS)), "vendor_code": f"V{variation.number:04d}"}
    if variation.price is not None and rng.chance(900):
        told["unit_cost_money"] = money(rounded(variation.price * rng.between(30, 60), 100), shop.currency)
    return told


def _overrides(shop: Shop, variation: Variation, rng: SeededRandom) -> list[Doc]:
    """Prices of a location's own, and what is sold out there."""
    found: list[Doc] = []
    for location_id in shop.location_ids[1:]:
        if variation.price is not None and rng.chance(60):
            price = money(variation.price + 100, shop.currency)
            found.append({"location_id": location_id, "price_money": price, "pricing_type": "FIXED_PRICING"})
        elif variation.tracked and rng.chance(40):
            found.append({"location_id": location_id, "track_inventory": True, "sold_out": True})
    return found
