"""Orders as Printify writes them, with the gaps and habits seen in life (sheet section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from html import unescape
from typing import NamedTuple

from sandbox.etsy.buyers import Buyer, make_buyer
from sandbox.parts.order_times import DAY
from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.printify.catalog import PROVIDERS, Provider
from sandbox.printify.channels import Sale, SaleLine
from sandbox.printify.orders import HOUR, Row
from sandbox.printify.products import Product, sku, unit_cost, variant_id, variant_label
from sandbox.printify.shop import Shop
from sandbox.printify.timestamps import timestamp

NEVER = "1970-01-01 00:00:00+00:00"
_ELSEWHERE = 50_000_000


class Dates(NamedTuple):
    """When the order went on; 0 for not yet."""

    sent: int
    done: int


def render_order(shop: Shop, row: Row, *, cost_is: str) -> Doc:
    """An order (spec order). `cost_is`: whether a line's cost is of one piece (`unit`) or of all (`line`)."""
    rng = SeededRandom(f"{shop.seed}:order:{row.pos}")
    sale = shop.channel.sale(row.ref) if row.ref >= 0 else None
    dates = _dates(row, rng)
    lines = _lines(Job(shop=shop, row=row, rng=rng, dates=dates, cost_is=cost_is), sale)
    live = [line for line in lines if line["status"] != "canceled"]
    buyer = sale.buyer if sale else make_buyer(shop.seed, shop.channel.home, _ELSEWHERE + row.pos)
    doc: Doc = {
        "id": shop.ids.order(row.pos),
        "app_order_id": shop.ids.app_order(row.pos) if rng.chance(970) else None,
        "address_to": _address(buyer, rng),
        "line_items": lines,
        "metadata": _metadata(shop, row, sale, rng, dates),
        "total_price": sum(line["metadata"]["price"] * line["quantity"] for line in live),
        "total_shipping": sum(line["shipping_cost"] for line in live),
        "total_tax": sum(line["cost"] for line in live) // 12 if rng.chance(150) else 0,
        "status": row.status,
        "shipping_method": rng.pick((1, 1, 1, 1, 2, 4)),
        "is_printify_express": False,
        "is_economy_shipping": False,
        "created_at": timestamp(row.created),
    }
    _add_progress(doc, row, rng, dates)
    if rng.chance(900):
        doc |= {"shop_id": shop.ids.shop, "fulfilment_type": "ordinary", "sales_channel_type_id": 2}
    return _sparse(doc) if row.role == "manual" and rng.chance(400) else doc


def _sparse(doc: Doc) -> Doc:
    """The shape that integrators report of manual orders."""
    kept = ("id", "total_price", "total_shipping", "total_tax", "status", "shipping_method", "created_at", "line_items")
    bare = {"app_order_id": None, "address_to": {"country": "US"}, "metadata": {"order_type": "manual"}}
    return {name: doc[name] for name in kept} | bare


def _dates(row: Row, rng: SeededRandom) -> Dates:
    waits = ("pending", "on-hold", "cost-calculation", "payment-not-received", "canceled", "source-check-failed")
    if row.status in waits:
        return Dates(0, 0)
    sent = row.created + rng.between(HOUR, DAY)
    return Dates(sent, sent + rng.between(DAY, 4 * DAY) if row.status == "fulfilled" else 0)


# --- lines ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Job:
    """An order while its lines are written."""

    shop: Shop
    row: Row
    rng: SeededRandom
    dates: Dates
    cost_is: str


class State(NamedTuple):
    """What a line's printer says of it."""

    printer: Provider
    status: str
    cost: int
    post: int


def _lines(job: Job, sale: Sale | None) -> list[Doc]:
    lines: list[Doc] = []
    for number, wanted in enumerate(wanted_lines(job, sale)):
        product = job.shop.by_number[wanted.product]
        lines += [_line_doc(job, wanted, len(lines), state) for state in _states(job, wanted, product, number)]
    return lines


def wanted_lines(job: Job, sale: Sale | None) -> tuple[SaleLine, ...]:
    """What this order prints: all of the sale, its half, or the piece that is printed again."""
    if sale is None:
        product = job.rng.pick(job.shop.products)
        return (SaleLine(product.number, 0, job.rng.pick((1, 1, 1, 2)), product.channel_product.prices[0]),)
    middle = (len(sale.lines) + 1) // 2
    if job.row.role == "split":
        return sale.lines[middle:]
    if job.row.role == "reprint":
        return sale.lines[:1]
    return sale.lines[:middle] if job.row.half >= 0 else sale.lines


def _states(job: Job, wanted: SaleLine, product: Product, number: int) -> list[State]:
    """One; two where the first printer could not, and another took over."""
    row, rng = job.row, job.rng
    free = row.role == "reprint" and rng.chance(700)
    times = wanted.quantity if job.cost_is == "line" else 1
    cost = unit_cost(product, wanted.variation) * times
    post = product.blueprint.post if number == 0 else product.blueprint.post * 4 // 10
    status = _line_status(row, number, job.dates)
    if status == "canceled" or free:
        return [State(product.provider, status, 0, 0)]
    if job.shop.plan.plain or row.role != "sale" or not rng.chance(40):
        return [State(product.provider, status, cost, post)]
    other = rng.pick([printer for printer in PROVIDERS if printer.number != product.provider.number])
    # Half of the replaced lines keep their cost: whoever adds canceled lines is found out.
    stale = (cost, post) if rng.chance(500) else (0, 0)
    surcharge = unit_cost(product, wanted.variation, surcharge=rng.below(400)) * times
    return [State(product.provider, "canceled", *stale), State(other, status, surcharge, post)]


def _line_status(row: Row, number: int, dates: Dates) -> str:
    if row.status == "partially-fulfilled":
        return "fulfilled" if number == 0 else "in-production"
    if row.status in ("canceled", "fulfilled", "in-production", "sending-to-production", "has-issues", "on-hold"):
        return row.status
    return "in-production" if dates.sent else "on-hold"


def _line_doc(job: Job, wanted: SaleLine, number: int, state: State) -> Doc:
    product, dates = job.shop.by_number[wanted.product], job.dates
    began = dates.sent and state.status != "canceled"
    doc: Doc = {
        "product_id": job.shop.ids.product(product.number),
        "quantity": wanted.quantity,
        "variant_id": variant_id(product, wanted.variation),
        "print_provider_id": state.printer.number,
        "cost": state.cost,
        "shipping_cost": state.post,
        "status": state.status,
        "metadata": _line_metadata(product, wanted, state.printer, job.row),
        "sent_to_production_at": timestamp(dates.sent) if began else None,
        "fulfilled_at": timestamp(dates.done) if dates.done and state.status == "fulfilled" else None,
    }
    if job.rng.chance(900):
        doc["id"] = job.shop.ids.line(job.row.pos, number)
        doc["blueprint_id"] = product.blueprint.number
    return doc


def _line_metadata(product: Product, wanted: SaleLine, printer: Provider, row: Row) -> Doc:
    doc: Doc = {
        "title": product.title,
        "price": wanted.price,
        "variant_label": variant_label(product, wanted.variation),
        "sku": sku(product, wanted.variation),
        "country": printer.country,
    }
    if row.role == "api":
        doc["external_id"] = f"line-{row.pos}"
    return doc


# --- the rest -------------------------------------------------------------------------------------------


def _metadata(shop: Shop, row: Row, sale: Sale | None, rng: SeededRandom, dates: Dates) -> Doc:
    """The reference is an integer, a string, or not there; in life metadata may hold the type alone."""
    if sale is None:
        doc: Doc = {"order_type": row.role}
        if row.role == "api":
            doc["shop_order_id"] = shop.ids.external(row.pos)
        return doc
    doc = {"order_type": "external", **_reference(sale, row, rng, plain=shop.plan.plain)}
    if len(doc) == 1:
        return doc
    doc["shop_fulfilled_at"] = timestamp(dates.done + HOUR) if dates.done else NEVER
    if row.role == "reprint":
        first = shop.ids.order(row.first)
        return doc | {"is_reprint": True, "reprinted_order_ids": [first], "child_reprinted_order_ids": []}
    if row.again >= 0:
        again = shop.ids.order(row.again)
        return doc | {"is_reprint": False, "reprinted_order_ids": [], "child_reprinted_order_ids": [again]}
    return doc


def _reference(sale: Sale, row: Row, rng: SeededRandom, *, plain: bool) -> Doc:
    roll = 999 if plain else rng.below(1000)
    if row.role == "reprint" and roll < 500:
        return {"is_reprint": True}
    if roll < 20:
        return {}
    if roll < 80:
        return {"shop_order_label": sale.label}
    if roll < 160:
        return {"shop_order_id": str(sale.order_id), "shop_order_label": sale.label}
    if roll < 200:
        return {"shop_order_id": sale.order_id}
    return {"shop_order_id": sale.order_id, "shop_order_label": sale.label}


def _add_progress(doc: Doc, row: Row, rng: SeededRandom, dates: Dates) -> None:
    """Keys that are absent, null or filled as the order goes on."""
    if dates.done:
        parcel = f"94001{row.pos:017d}"
        delivered = dates.done + 4 * DAY
        doc["shipments"] = [
            {
                "carrier": rng.pick(("usps", "ups", "royal_mail", "dhl")),
                "number": parcel,
                "url": f"https://tools.example.com/{parcel}",
                "delivered_at": timestamp(delivered) if rng.chance(800) else None,
            }
        ]
    elif rng.chance(700):
        doc["shipments"] = []
    if dates.sent or rng.chance(500):
        doc["sent_to_production_at"] = timestamp(dates.sent) if dates.sent else None
    if dates.done or rng.chance(500):
        doc["fulfilled_at"] = timestamp(dates.done) if dates.done else None
    roll = rng.below(1000)
    if roll < 700:
        doc["printify_connect"] = {"url": f"https://connect.example.com/{doc['id'][:12]}", "id": doc["id"][:12]}
    elif roll < 850:
        doc["printify_connect"] = None


def _address(buyer: Buyer, rng: SeededRandom) -> Doc:
    first, _, last = unescape(buyer.name).partition(" ")
    return {
        "first_name": first,
        "last_name": last,
        "region": unescape(buyer.state) if buyer.state else "",
        "address1": unescape(buyer.first_line),
        "address2": buyer.second_line or "",
        "city": unescape(buyer.city),
        "zip": buyer.zip,
        "email": f"buyer{buyer.number}@example.com",
        "phone": "",
        "country": buyer.country_iso if rng.chance(500) else unescape(buyer.country.name),
        "company": None,
    }
