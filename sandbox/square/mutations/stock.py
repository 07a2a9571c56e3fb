"""Stock that moves or is counted anew, with the change that says so."""

from __future__ import annotations

from sandbox.parts.responses import Doc
from sandbox.square.data.inventory import count_of, hundredths, quantity_text
from sandbox.square.data.notices import Notice
from sandbox.square.data.timestamps import precise
from sandbox.square.live_shop import LiveShop
from sandbox.square.mutations.shared import Outcome, location_of, moment, record_of


def adjust_inventory(live: LiveShop, wanted: Doc, now: int) -> Outcome:
    """Stock moves by `by` pieces, or is counted anew as `quantity`."""
    key = wanted.get("count", "last")
    if "catalog_object_id" in wanted:
        key = f"{wanted['catalog_object_id']}:{location_of(live, wanted)}:IN_STOCK"
    elif isinstance(key, dict) or key in ("first", "last"):
        key = live.store.key_at("count", key, "state = 'IN_STOCK'")
    if key is None or live.store.raw("count", key) is None:
        raise LookupError("nothing is counted there")
    at = moment(wanted, now)
    if "quantity" in wanted:
        count = _counted(live, key, hundredths(str(wanted["quantity"])), at)
    else:
        by = hundredths(str(wanted.get("by", -1)))
        count = move(live, key, by, at, states=("IN_STOCK", "WASTE") if by < 0 else ("NONE", "IN_STOCK"))
    return {"count": key, "quantity": count["quantity"]}, [Notice("inventory.count.updated", count)]


def _counted(live: LiveShop, key: str, quantity: int, at: int) -> Doc:
    catalog_id, place, state = key.split(":")
    told = _change(live, catalog_id, at) | {"state": state, "location_id": place, "quantity": quantity_text(quantity)}
    live.store.put("change", {"type": "PHYSICAL_COUNT", "physical_count": told})
    return _new_count(live, key, quantity, at)


def move(
    live: LiveShop,
    key: str,
    by: int,
    at: int,
    *,
    states: tuple[str, str],
    order: str | None = None,
    price: Doc | None = None,
) -> Doc:
    catalog_id, place, _ = key.split(":")
    before = record_of(live, "count", key)
    told = _change(live, catalog_id, at) | {"from_state": states[0], "to_state": states[1], "to_location_id": place}
    told["quantity"] = quantity_text(abs(by))
    if states[0] != "NONE":
        told["from_location_id"] = place
    if order is not None:
        told |= {"transaction_id": order, "total_price_money": price}
    live.store.put("change", {"type": "ADJUSTMENT", "adjustment": told})
    return _new_count(live, key, hundredths(before["quantity"]) + by, at)


def _new_count(live: LiveShop, key: str, quantity: int, at: int) -> Doc:
    catalog_id, place, state = key.split(":")
    made = count_of(catalog_id, place, state, quantity, at)
    live.store.put("count", made)
    return made


def _change(live: LiveShop, catalog_id: str, at: int) -> Doc:
    return {
        "id": live.shop.ids.change(live.next_number()),
        "catalog_object_id": catalog_id,
        "catalog_object_type": "ITEM_VARIATION",
        "occurred_at": precise(at),
        "created_at": precise(at),
        "team_member_id": live.shop.ids.team_member(0),
    }
