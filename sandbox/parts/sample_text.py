"""What people buy and what they write. Text is HTML-encoded, as Etsy sends it."""

from __future__ import annotations

from typing import NamedTuple


class Product(NamedTuple):
    """A kind of thing: its titles, prices in US cents, and how it varies."""

    word: str
    titles: tuple[str, ...]
    cents: tuple[int, int]
    property_id: int
    property_name: str
    values: tuple[str, ...]
    digital: bool = False
    materials: tuple[str, ...] = ()


PRODUCTS = (
    Product(
        "MUG",
        (
            "Mom&#39;s &quot;best&quot; mug &amp; coaster",
            "{motif} Mug, {adjective} Stoneware Coffee Cup, {gift}",
            "&quot;But first, coffee&quot; {motif} Mug 12oz &amp; 15oz",
            "Dad&#39;s {adjective} Enamel Mug with {motif}",
        ),
        (1650, 3400),
        200,
        "Color",
        ("Cream", "Moss", "Ink Blue", "Terracotta"),
        materials=("Stoneware", "Glaze"),
    ),
    Product(
        "PRINT",
        (
            "{motif} Wall Art, {adjective} Giclée Print 8&quot; x 10&quot;",
            "{motif} &amp; Fern Botanical Print, {adjective} Home Decor, {gift}",
            "{adjective} {motif} Poster, Nursery &amp; Kids&#39; Room",
        ),
        (1400, 5200),
        100,
        "Size",
        ("5&quot; x 7&quot;", "8&quot; x 10&quot;", "A3", "A2"),
        materials=("Cotton paper",),
    ),
    Product(
        "RING",
        (
            "{adjective} Sterling Silver {motif} Ring, {gift}",
            "His &amp; Hers {adjective} Band Set, Engraved",
            "Dainty {motif} Ring, 14k Gold Filled, {gift}",
        ),
        (2800, 14500),
        100,
        "Ring size",
        ("5 US", "6 US", "7 US", "8 1/2 US"),
        materials=("Sterling silver",),
    ),
    Product(
        "TOTE",
        (
            "{motif} Tote Bag, {adjective} Canvas Shopper &quot;Bücher &amp; Tee&quot;",
            "Teacher&#39;s {adjective} Tote, {motif} Embroidery",
        ),
        (1900, 4200),
        200,
        "Color",
        ("Natural", "Black", "Sage"),
        materials=("Organic cotton",),
    ),
    Product(
        "CANDLE",
        (
            "{adjective} Soy Candle, {motif} &amp; Cedar, {gift}",
            "&quot;Smells like {motif}&quot; Candle, Hand Poured",
        ),
        (1500, 3900),
        513,
        "Scent",
        ("Fig &amp; Cassis", "Cedar", "Sea Salt", "Unscented"),
        materials=("Soy wax",),
    ),
    Product(
        "BLANKET",
        (
            "{adjective} Knitted Baby Blanket with {motif}, {gift}",
            "Grandma&#39;s {adjective} Patchwork Quilt, {motif}",
        ),
        (4800, 18900),
        200,
        "Color",
        ("Oatmeal", "Rose", "Dusk"),
        materials=("Merino wool",),
    ),
    Product(
        "PLANTER",
        (
            "{adjective} Hanging Planter, {motif} Pot &amp; Macramé",
            "{motif} Ceramic Planter 4&quot;, {adjective}, {gift}",
        ),
        (2100, 6800),
        100,
        "Size",
        ("Small", "Medium", "Large"),
        materials=("Ceramic",),
    ),
    Product(
        "STICKER",
        (
            "{motif} Sticker Sheet, {adjective} Planner Stickers",
            "&lt;3 {motif} Vinyl Stickers &amp; Decals, Pack of 12",
        ),
        (350, 1200),
        513,
        "Finish",
        ("Matte", "Glossy", "Holo ✨"),
        materials=("Vinyl",),
    ),
    Product(
        "PDF",
        (
            "{motif} Cross Stitch Pattern PDF, {adjective}, Instant Download",
            "{adjective} Wedding Invitation Template &quot;{motif}&quot;, Editable",
            "Budget Planner &amp; Habit Tracker, {adjective} Printable",
        ),
        (300, 1500),
        513,
        "Format",
        ("PDF", "PNG &amp; PDF"),
        digital=True,
    ),
)

MOTIFS = (
    "Fox",
    "Moth",
    "Wild Rose",
    "Mushroom",
    "Whale",
    "Moon Phase",
    "Olive Branch",
    "Fern",
    "Highland Cow",
    "Sunflower",
    "Cat &amp; Yarn",
    "Dachshund",
    "Mountain",
    "Sea Turtle",
    "Lemon",
    "Bumble Bee",
    "Swallow",
    "Lavender",
    "Octopus",
    "北斎 Wave",
)
ADJECTIVES = (
    "Handmade",
    "Minimalist",
    "Vintage",
    "Rustic",
    "Boho",
    "Personalized",
    "Tiny",
    "Cottagecore",
    "Scandinavian",
    "Mid-Century",
)
GIFTS = (
    "Gift for Her",
    "Father&#39;s Day Gift",
    "Housewarming Gift",
    "Bride &amp; Groom Gift",
    "Teacher&#39;s Gift",
    "Birthday Gift",
)
TAGS = (
    "handmade gift",
    "home decor",
    "gift for her",
    "boho",
    "cottagecore",
    "custom",
    "nursery",
    "wedding",
    "minimalist",
)
SHOP_WORDS = (
    ("Oak", "Moth", "River", "Copper", "Little", "Velvet", "Fable", "Salt"),
    ("Thread", "Kiln", "Paper", "Nest", "Studio", "Loom"),
)

BUYER_NOTES = (
    "It&#39;s a birthday gift",
    "Please no invoice in the box &amp; a ribbon if you can :)",
    "Can it arrive before Friday?",
    "Für meine Mutter – danke! &lt;3",
    "Name: &quot;Zoë&quot;, in blue",
    "お急ぎでなくて大丈夫です。",
    "Merci d&#39;avance 🙏",
    "شكرا جزيلا",
)
GIFT_NOTES = (
    "Happy day",
    "Happy birthday, Nana! 🎂",
    "To Tom &amp; Jo, with love",
    "お誕生日おめでとう",
    "Alles Gute zum Geburtstag!",
    "З днем народження!",
    "You&#39;re the best &quot;boss&quot; ever",
)
REFUND_REASONS = ("damaged", "lost in mail", "buyer changed mind", "late delivery", None)
REFUND_NOTES = (None, None, "Sorry about the chip on the rim &amp; thanks for the photo", "As agreed by message")
CARRIERS = ("usps", "royal-mail", "dhl", "ups", "fedex", "canada-post", "deutsche-post", "japan-post", "other")
PAYMENT_METHODS = (
    "cc",
    "cc",
    "cc",
    "cc",
    "paypal",
    "apple_pay",
    "google_pay",
    "klarna",
    "ideal",
    "k_pay_in_4",
    "other",
)
