"""The true records as the API would answer them now, and the parts of them that stand in tables of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandbox.parts.responses import Doc
from sandbox.square.data.catalog import is_present
from sandbox.square.data.records import KINDS
from sandbox.square.data.shop_store import ShopStore

Truth = Callable[[ShopStore], Iterator[Doc]]


def _all(kind: str) -> Truth:
    return lambda store: store.all(kind)


def _of_type(word: str) -> Truth:
    return lambda store: (doc for doc in store.all("catalog") if doc["type"] == word)


def _parts(name: str) -> Truth:
    """Parts of orders, each with its order's id and its place in the list."""

    def tell(store: ShopStore) -> Iterator[Doc]:
        for order in store.all("order"):
            for place, part in enumerate(order.get(name, ())):
                yield {"order_id": order["id"], "position": place, **part}

    return tell


def _return_lines(store: ShopStore) -> Iterator[Doc]:
    for order in store.all("order"):
        for back in order.get("returns", ()):
            for place, line in enumerate(back["return_line_items"]):
                yield {"order_id": order["id"], "return_uid": back["uid"], "position": place, **line}


def _availability(store: ShopStore) -> Iterator[Doc]:
    """Where each variation that is there can be sold, with the location's own price."""
    locations = list(store.all("location"))
    for doc in _of_type("ITEM_VARIATION")(store):
        if doc["is_deleted"]:
            continue
        data = doc["item_variation_data"]
        own = {told["location_id"]: told for told in data.get("location_overrides", ())}
        for place in locations:
            told = own.get(place["id"], {})
            yield {
                "catalog_object_id": doc["id"],
                "location_id": place["id"],
                "is_present": is_present(doc, place["id"]),
                "price_money": told.get("price_money", data.get("price_money")),
                "sold_out": told.get("sold_out", False),
            }


def _vendor_info(store: ShopStore) -> Iterator[Doc]:
    for doc in _of_type("ITEM_VARIATION")(store):
        for place, told in enumerate(doc["item_variation_data"].get("vendor_information", ())):
            if not doc["is_deleted"]:
                yield {"catalog_object_id": doc["id"], "position": place, **told}


GROUND_TRUTHS: dict[str, Truth] = {
    **{
        f"{kind[:-1]}ies" if kind.endswith("y") else kind if kind == "catalog" else f"{kind}s": _all(kind)
        for kind in KINDS
    },
    "items": _of_type("ITEM"),
    "variations": _of_type("ITEM_VARIATION"),
    "categories": _of_type("CATEGORY"),
    "order_line_items": _parts("line_items"),
    "order_fulfillments": _parts("fulfillments"),
    "order_returns": _parts("returns"),
    "order_return_line_items": _return_lines,
    "order_refunds": _parts("refunds"),
    "tenders": _parts("tenders"),
    "catalog_location_availability": _availability,
    "catalog_vendor_info": _vendor_info,
}
