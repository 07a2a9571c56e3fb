"""Printify's catalog: blueprints, print providers and what printing costs. Plain text, US cents."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.parts.responses import Doc


class Blueprint(NamedTuple):
    """A blank to print on. `base` is what printing the smallest variant costs, `post` what one parcel costs."""

    number: int
    title: str
    brand: str
    model: str
    base: int
    post: int
    grams: int


class Provider(NamedTuple):
    """A print shop."""

    number: int
    title: str
    country: str
    code: str


PROVIDERS = (
    Provider(28, "Northway Print & Fulfil", "United States", "US"),
    Provider(29, "Coral Bay Digital", "United States", "US"),
    Provider(39, "Silverlake Screen Works", "United States", "US"),
    Provider(43, "Stokes Mill Printing", "United Kingdom", "GB"),
    Provider(72, "Druckhaus Elbe", "Germany", "DE"),
    Provider(90, "Riga Print Hub", "Latvia", "LV"),
    Provider(99, "Printify Choice", "United States", "US"),
)

# By the kind of thing that the channel's listing is (sandbox/parts/sample_text.py).
BLUEPRINTS = {
    "MUG": Blueprint(68, "Ceramic Mug 11oz", "Generic brand", "11oz", 516, 549, 460),
    "PRINT": Blueprint(282, "Matte Vertical Posters", "Generic brand", "175gsm", 612, 479, 120),
    "RING": Blueprint(1302, "Engraved Ring", "Generic brand", "Steel", 1180, 425, 40),
    "TOTE": Blueprint(553, "Cotton Canvas Tote Bag", "Liberty", "8502", 894, 489, 170),
    "CANDLE": Blueprint(1048, "Scented Soy Candle 9oz", "Generic brand", "9oz", 1019, 629, 560),
    "BLANKET": Blueprint(238, "Velveteen Plush Blanket", "Generic brand", "Plush", 2145, 989, 900),
    "PLANTER": Blueprint(1423, "Ceramic Planter", "Generic brand", "4in", 1275, 749, 640),
    "STICKER": Blueprint(358, "Kiss-Cut Stickers", "Generic brand", "Vinyl", 165, 359, 10),
    "PDF": Blueprint(467, "Blank Greeting Cards", "Generic brand", "300gsm", 142, 279, 20),
    "TEE": Blueprint(6, "Unisex Heavy Cotton Tee", "Gildan", "5000", 877, 475, 180),
}
COLOURS = (
    "Black",
    "White",
    "Navy",
    "Sand",
    "Sport Grey",
    "Military Green",
    "Maroon",
    "Light Pink",
    "Royal",
    "Ash",
)
SIZES = ("S", "M", "L", "XL", "2XL", "3XL")


def provider(number: int) -> Provider | None:
    return next((found for found in PROVIDERS if found.number == number), None)


def blueprint(number: int) -> Blueprint | None:
    return next((found for found in BLUEPRINTS.values() if found.number == number), None)


def blueprint_doc(found: Blueprint) -> Doc:
    return {
        "id": found.number,
        "title": found.title,
        "description": f"{found.title}, printed on demand.",
        "brand": found.brand,
        "model": found.model,
        "images": [f"https://images.example.com/catalog/{found.number}.png"],
    }


def provider_doc(found: Provider, *, whole: bool) -> Doc:
    doc: Doc = {"id": found.number, "title": found.title}
    if whole:
        place = {"address1": "1 Sample Road", "address2": None, "city": "Sample", "country": found.code}
        doc["location"] = {**place, "region": "", "zip": "00000"}
        doc["blueprints"] = [blueprint_doc(blueprint) for blueprint in BLUEPRINTS.values()]
    return doc
