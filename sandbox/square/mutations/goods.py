"""The catalog: objects that are new, changed or deleted."""

from __future__ import annotations

from sandbox.parts.responses import Doc
from sandbox.square.data.catalog import catalog_object
from sandbox.square.data.money import money
from sandbox.square.data.notices import Notice
from sandbox.square.data.timestamps import shortest
from sandbox.square.live_shop import LiveShop
from sandbox.square.mutations.shared import Outcome, moment, record_of


def edit_catalog(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """`fields` of an object's data change. Of a variation `touch_item` says whether its item's time moves as well."""
    made, at = _catalog_object(live, wanted), moment(wanted, now)
    data = f"{made['type'].lower()}_data"
    made[data] |= wanted.get("fields", {"name": f"{made[data].get('name', '')} (new)"})
    made |= {"updated_at": shortest(at), "version": at}
    live.store.put("catalog", made)
    if made["type"] == "ITEM_VARIATION":
        _put_into_item(live, made, at if wanted.get("touch_item", True) else None)
    return {"object_id": made["id"]}, [_catalog_changed(at)]


def delete_catalog(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """A tombstone is left; what is under the object goes with it."""
    made, at = _catalog_object(live, wanted), moment(wanted, now)
    gone = [made, *live.store.children("catalog", made["id"])]
    stone = {"is_deleted": True, "updated_at": shortest(at), "version": at}
    if made["type"] == "ITEM":
        made["item_data"]["variations"] = [each | stone for each in made["item_data"]["variations"]]
    for each in gone:
        live.store.put("catalog", each | stone)
    if made["type"] == "ITEM_VARIATION":
        _take_out_of_item(live, made, at)
    return {"object_id": made["id"], "object_ids": [each["id"] for each in gone]}, [_catalog_changed(at)]


def new_item(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """An item with one variation, sold everywhere."""
    shop, number, at = live.shop, live.next_number(), moment(wanted, now)
    item_id, key = shop.ids.catalog("item", number), shop.ids.catalog("variation", number)
    price = money(int(wanted.get("price", 1200)), shop.currency)
    data: Doc = {
        "item_id": item_id,
        "name": "Regular",
        "ordinal": 0,
        "pricing_type": "FIXED_PRICING",
        "price_money": price,
    }
    variation = catalog_object(
        "ITEM_VARIATION", key, at, data | {"track_inventory": True, "sellable": True, "stockable": True}
    )
    facts: Doc = {
        "name": str(wanted.get("name", f"Novelty {number}")),
        "variations": [variation],
        "product_type": "REGULAR",
    }
    live.store.put("catalog", catalog_object("ITEM", item_id, at, facts | {"is_taxable": True, "is_archived": False}))
    live.store.put("catalog", variation)
    return {"object_id": item_id, "variation_id": key}, [_catalog_changed(at)]


def _catalog_object(live: LiveShop, wanted: Doc) -> Doc:
    which = wanted.get("object_id", "last")
    if isinstance(which, dict) or which in ("first", "last"):
        kind = str(wanted.get("type", "ITEM"))
        found = live.store.key_at("catalog", which, "state = ? AND deleted = 0", (kind,))
        if found is None:
            raise LookupError(f"no {kind} in this catalog")
        which = found
    made = record_of(live, "catalog", which)
    if made["is_deleted"]:
        raise ValueError("the object was deleted")
    return made


def _put_into_item(live: LiveShop, variation: Doc, at: int | None) -> None:
    item = live.store.get("catalog", variation["item_variation_data"]["item_id"])
    if item is None:
        return
    inside = item["item_data"]["variations"]
    item["item_data"]["variations"] = [variation if each["id"] == variation["id"] else each for each in inside]
    if at is not None:
        item |= {"updated_at": shortest(at), "version": at}
    live.store.put("catalog", item)


def _take_out_of_item(live: LiveShop, variation: Doc, at: int) -> None:
    item = live.store.get("catalog", variation["item_variation_data"]["item_id"])
    if item is not None:
        inside = item["item_data"]["variations"]
        item["item_data"]["variations"] = [each for each in inside if each["id"] != variation["id"]]
        live.store.put("catalog", item | {"updated_at": shortest(at), "version": at})


def _catalog_changed(at: int) -> Notice:
    return Notice("catalog.version.updated", {"catalog_version": {"updated_at": shortest(at)}})
