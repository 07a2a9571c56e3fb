"""Listings and their inventory (sheet section 7.4)."""

from __future__ import annotations

from sandbox.etsy.listings import STATES
from sandbox.etsy.live_shop import LiveShop
from sandbox.etsy.params import ASCENDING, BOOL, DIRECTIONS, LIMIT, OFFSET, Param
from sandbox.etsy.responses import EtsyError
from sandbox.etsy.world import Call, World
from sandbox.parts.responses import Doc, HttpResponse, ok

_PUBLIC = ("Images", "Shop", "User", "Translations", "Videos", "Personalization", "BuyerPrice")
_INCLUDES = Param(kind="words", words=_PUBLIC)
_IDS = Param(kind="ids", required=True)
_TEXT = Param(kind="text")
LIST = {
    "state": Param(kind="word", default="active", words=STATES),
    "limit": LIMIT,
    "offset": OFFSET,
    "sort_on": Param(kind="word", default="created", words=("created", "price", "updated", "score")),
    "sort_order": Param(kind="word", default="desc", words=DIRECTIONS),
    "includes": Param(kind="words", words=("Shipping", "Inventory", *_PUBLIC)),
}
ONE = {"includes": _INCLUDES, "language": _TEXT, "allow_suggested_title": BOOL}
BATCH = {"listing_ids": _IDS, "includes": _INCLUDES, "legacy": BOOL, "currency": _TEXT, "buyer_country": _TEXT}
INVENTORY = {"show_deleted": BOOL, "includes": Param(kind="words", words=("Listing",))}
INVENTORIES = {"listing_ids": _IDS}

# What an association is when the sandbox has nothing to put there.
_EMPTY: dict[str, tuple[str, object]] = {
    "Shipping": ("shipping_profile", None),
    "Translations": ("translations", None),
    "Videos": ("videos", []),
    "Personalization": ("personalization", None),
    "BuyerPrice": ("buyer_price", None),
}


def list_listings(_world: World, call: Call) -> HttpResponse:
    """One state a call. `sort_on` works only together with search options, so it changes nothing here."""
    params, live_shop = call.params, call.live_shop
    numbers = live_shop.listing_numbers(params["state"])
    if params["sort_order"] not in ASCENDING:
        numbers.reverse()
    chosen = numbers[params["offset"] : params["offset"] + params["limit"]]
    results = [_with(live_shop, doc, params["includes"]) for n in chosen if (doc := live_shop.listing(n))]
    return ok({"count": len(numbers), "results": results})


def get_listing(world: World, call: Call) -> HttpResponse:
    live_shop, doc = _found(world, call.ids["listing_id"])
    return ok(_with(live_shop, _public(doc), call.params["includes"]))


def list_by_ids(world: World, call: Call) -> HttpResponse:
    """Ids that are not there are left out."""
    results = []
    for listing_id in dict.fromkeys(call.params["listing_ids"]):
        live_shop = world.live_shop_of_listing(listing_id)
        doc = live_shop.listing_by_id(listing_id) if live_shop else None
        if live_shop and doc:
            results.append(_with(live_shop, _public(doc), call.params["includes"]))
    return ok({"count": len(results), "results": results})


def get_inventory(_world: World, call: Call) -> HttpResponse:
    listing_id, live_shop = call.ids["listing_id"], call.live_shop
    inventory = live_shop.inventory(listing_id)
    if call.params["includes"]:
        # A plain ShopListing: without what comes with associations.
        listing = live_shop.listing_by_id(listing_id) or {}
        inventory["listing"] = {name: value for name, value in listing.items() if name not in ("skus", "views")}
    return ok(inventory)


def list_inventories(world: World, call: Call) -> HttpResponse:
    """One missing id makes the whole call a 404."""
    results = []
    for listing_id in dict.fromkeys(call.params["listing_ids"]):
        live_shop, doc = _found(world, listing_id)
        if live_shop.shop.ids.user != call.user_id:
            raise EtsyError(403, f"User does not own Listing {listing_id}")
        results.append(_with(live_shop, doc, ["Inventory"]))
    return ok({"count": len(results), "results": results})


def _found(world: World, listing_id: int) -> tuple[LiveShop, Doc]:
    live_shop = world.live_shop_of_listing(listing_id)
    doc = live_shop.listing_by_id(listing_id) if live_shop else None
    if live_shop is None or doc is None:
        raise EtsyError(404, f"Could not find a Listing with listing_id = {listing_id}.")
    return live_shop, doc


def _public(doc: Doc) -> Doc:
    """SKUs are for the owner's list alone."""
    return {name: value for name, value in doc.items() if name != "skus"}


def _with(live_shop: LiveShop, doc: Doc, includes: list[str] | None) -> Doc:
    for word in includes or []:
        if word == "Inventory":
            doc["inventory"] = live_shop.inventory(doc["listing_id"])
        elif word == "Images":
            doc["images"] = [_image(live_shop, doc)]
        elif word == "Shop":
            doc["shop"] = live_shop.shop_doc()
        elif word == "User":
            doc["user"] = user_doc(live_shop)
        else:
            name, value = _EMPTY[word]
            doc[name] = value
    return doc


def user_doc(live_shop: LiveShop) -> Doc:
    """A User."""
    first, _, last = live_shop.shop.plan.owner.partition(" ")
    return {
        "user_id": live_shop.shop.ids.user,
        "primary_email": None,
        "first_name": first,
        "last_name": last,
        "image_url_75x75": None,
    }


def _image(live_shop: LiveShop, doc: Doc) -> Doc:
    number = live_shop.shop.ids.listing_number(doc["listing_id"]) or 0
    image_id = live_shop.shop.ids.image(number)
    sizes = ("75x75", "170x135", "570xN", "fullxfull")
    colour = ("hex_code", "red", "green", "blue", "hue", "saturation", "brightness", "is_black_and_white")
    return {
        "listing_id": doc["listing_id"],
        "listing_image_id": image_id,
        **dict.fromkeys(colour),
        "creation_tsz": doc["created_timestamp"],
        "created_timestamp": doc["created_timestamp"],
        "rank": 1,
        **{f"url_{size}": f"https://i.etsystatic.com/{image_id}/il_{size}.jpg" for size in sizes},
        "full_height": 2000,
        "full_width": 2000,
        "alt_text": doc["title"],
    }
