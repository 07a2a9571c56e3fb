"""An order: what was bought and what it cost. What became of it is in `order_histories`.

An order is a plain document, kept as JSON in the shop's index; amounts are pairs [shop's, buyer's] of minor units.
"""

from __future__ import annotations

from sandbox.parts.money import RATES, from_dollar_cents
from sandbox.parts.responses import Doc
from sandbox.parts.sample_people import Country
from sandbox.parts.seeded_random import SeededRandom
from sandbox.parts.shop import buyer_number
from sandbox.shopify.data.money import ZERO, Pair, converted
from sandbox.shopify.data.order_histories import add_history, recompute
from sandbox.shopify.data.products import variant_price
from sandbox.shopify.data.shop import Shop

# Every so many orders one is long: lists nested in orders are never of one page (sheet section 8; issue: nothing cut).
LONG_EVERY = 401
_LINES = (560, 790, 900, 960, 990, 1001)
_QUANTITIES = (860, 960, 990, 1001)
_CODES = ((100, "WELCOME10"), (150, "SPRING15"), (250, "Ostern 25"), (500, "友達50"))
_SOURCES = ("web", "web", "web", "web", "web", "web", "web", "pos", "shopify_draft_order", "2329312", "iphone")
_GIFT_NOTES = (
    "Please no invoice in the box",
    "Für meine Mutter – danke!",
    "お急ぎでなくて大丈夫です。",
    "It's a gift 🎁 & <3",
)
_ORDER_TAGS = ("gift", "express", "b2b", "Messe", "優先")


def make_order(
    shop: Shop,
    pos: int,
    *,
    at: int | None = None,
    lines: int | None = None,
    paid: bool = True,
    tip: int = 0,
    gift_card: bool = False,
) -> Doc:
    """The order at `pos`; with `at`, one that was placed just then and to which nothing has happened since.

    `tip`: so much in the shop's money; `gift_card`: its first line is one.
    """
    rng = SeededRandom(f"{shop.seed}:order:{pos}")
    person = shop.person(buyer_number(rng, pos, shop.plan.orders))
    source = rng.pick(_SOURCES)
    at_till = source == "pos"
    buyer_currency = _buyer_currency(shop, person.country.currency, rng, at_till=at_till)
    created = shop.order_times.created(pos) if at is None else at
    per_mille, code = rng.pick(_CODES) if rng.chance(200) else (0, None)
    bought = [_line(shop, rng, buyer_currency, per_mille) for _ in range(lines or _line_count(rng, pos))]
    if gift_card:
        bought[0] |= {"gift_card": True, "ships": False}
    ships = not at_till and any(line["ships"] for line in bought)
    rate, tax_title = _tax(shop, person.country, abroad=person.country_code != shop.home)
    for line in bought:
        line["tax_rate"] = rate
        line["tax"] = _tax_of(Pair(*line["price"]) * line["quantity"] - Pair(*line["discount"]), rate, shop)
    shipping = _shipping(shop, buyer_currency, rng, abroad=person.country_code != shop.home) if ships else ZERO
    given_tip = Pair(tip, converted(tip, shop.currency, buyer_currency))
    order: Doc = {
        "pos": pos,
        "created": created,
        "processed": created - rng.between(1, 90) * 86_400 if rng.chance(6) else created,
        "updated": created,
        "cancelled": None,
        "closed": None,
        "cancel_reason": None,
        "test": rng.chance(4),
        "edited": False,
        "source": source,
        "currency": buyer_currency,
        "customer": None if at_till and rng.chance(600) else person.number,
        "buyer": person.number,
        "note": rng.pick(_GIFT_NOTES) if rng.chance(120) else None,
        "tags": sorted({rng.pick(_ORDER_TAGS) for _ in range(rng.between(1, 2))}) if rng.chance(150) else [],
        "tax_rate": rate,
        "tax_title": tax_title,
        "codes": [code] if code else [],
        "lines": bought,
        "shipping": shipping,
        "shipping_title": "International" if person.country_code != shop.home else "Standard",
        "shipping_tax": _tax_of(shipping, rate, shop),
        "tip": _tip(shop, buyer_currency, rng) if at_till and rng.chance(150) else given_tip,
        "ships": ships,
        "tax_included": shop.taxes_included,
        "transactions": [],
        "edits": [],
        "disputes": [],
        "refunds": [],
        **_rare(shop, pos),
        "fulfillments": [],
        "returned": "NO_RETURN",
    }
    add_history(shop, order, rng, young=at is not None, paid=paid)
    recompute(shop, order)
    return order


def _rare(shop: Shop, pos: int) -> Doc:
    """Who owes the tax to the state (true: the channel; none: nobody says), and what a code takes off: lines, or the
    whole order. By a lot of their own: an order is otherwise what it always was.
    """
    rng = SeededRandom(f"{shop.seed}:rare:{pos}")
    return {
        "channel_liable": rng.pick((False, False, False, False, False, False, False, True, True, None)),
        "code_takes": rng.pick(("lines", "order")),
    }


def line_discount(order: Doc, line: Doc) -> Pair:
    """What was taken off the line itself: a code for the whole order is no discount of a line, the schema says."""
    return Pair(*line["discount"]) if order["code_takes"] == "lines" else ZERO


def _line_count(rng: SeededRandom, pos: int) -> int:
    if pos % LONG_EVERY == LONG_EVERY - 1:
        return rng.between(60, 300)
    number = rng.step(_LINES)
    return number if number < 6 else rng.between(6, 40)


def _line(shop: Shop, rng: SeededRandom, buyer_currency: str, per_mille: int) -> Doc:
    # The smaller of two draws: some products sell far better than others.
    product = shop.products[min(rng.below(len(shop.products)), rng.below(len(shop.products)))]
    variation = rng.below(product.variants)
    quantity = rng.step(_QUANTITIES)
    own = variant_price(product, variation, shop.currency)
    price = Pair(own, converted(own, shop.currency, buyer_currency))
    custom = rng.chance(8)
    return {
        "product": None if custom or product.gone else product.number,
        "variant": None if custom or product.gone else variation,
        "title": "Custom amount" if custom else product.title,
        "variant_title": None if custom or product.options[0][0] == "Title" else product.variant_title(variation),
        "sku": None if custom else product.sku(variation),
        "vendor": None if custom else product.vendor,
        "quantity": quantity,
        "current": quantity,
        "fulfilled": 0,
        "price": price,
        "discount": (price * quantity).part(per_mille, 1000) if per_mille else ZERO,
        "tax": ZERO,
        # When it came to the order, where that was after the purchase.
        "added": None,
        "gift_card": product.gift_card,
        "ships": not product.digital and not product.gift_card,
    }


def _buyer_currency(shop: Shop, currency: str, rng: SeededRandom, *, at_till: bool) -> str:
    """Half of the buyers abroad pay in their own money, where the shop takes it."""
    known = currency in RATES and not at_till
    return currency if known and rng.chance(500) else shop.currency


def _tax(shop: Shop, country: Country, *, abroad: bool) -> tuple[int, str]:
    """Thousandths, and what the tax is called."""
    if abroad and not country.vat:
        return 0, ""
    return (country.vat, "VAT") if country.vat else (country.tax, "State Tax" if shop.home == "US" else "GST")


def _tax_of(amount: Pair, rate: int, shop: Shop) -> Pair:
    if not rate:
        return ZERO
    return amount.part(rate, 1000 + rate) if shop.taxes_included else amount.part(rate, 1000)


def _shipping(shop: Shop, buyer_currency: str, rng: SeededRandom, *, abroad: bool) -> Pair:
    own = 0 if rng.chance(200) else from_dollar_cents(1490 if abroad else 495, shop.currency)
    return Pair(own, converted(own, shop.currency, buyer_currency))


def _tip(shop: Shop, buyer_currency: str, rng: SeededRandom) -> Pair:
    own = from_dollar_cents(rng.between(1, 5) * 100, shop.currency)
    return Pair(own, converted(own, shop.currency, buyer_currency))
