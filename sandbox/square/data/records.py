"""Which columns of the index each kind of record fills, read from the record itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sandbox.parts.responses import Doc
from sandbox.square.data.timestamps import parsed


class Row(NamedTuple):
    """A row of the index, without the record."""

    kind: str
    id: str
    created: int
    updated: int
    other: int | None = None
    location: str | None = None
    state: str | None = None
    name: str | None = None
    customer: str | None = None
    source: str | None = None
    parent: str | None = None
    deleted: bool = False


def index_of(kind: str, doc: Doc) -> Row:
    return _ROWS[kind](kind, doc)


def _times(doc: Doc) -> tuple[int, int]:
    created = parsed(doc["created_at"])
    return created, parsed(doc["updated_at"]) if "updated_at" in doc else created


def _location(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    return Row(kind, doc["id"], created, updated, state=doc["status"], name=doc["name"])


def _catalog(kind: str, doc: Doc) -> Row:
    """`state` is its type; an object has no time of creation."""
    updated = parsed(doc["updated_at"])
    data = doc.get(f"{doc['type'].lower()}_data") or {}
    parent = data.get("item_id") or data.get("modifier_list_id")
    name = data.get("name")
    return Row(
        kind, doc["id"], updated, updated, state=doc["type"], name=name, parent=parent, deleted=doc["is_deleted"]
    )


def _count(kind: str, doc: Doc) -> Row:
    """Its natural key is object, location and state."""
    at = parsed(doc["calculated_at"])
    place = doc["location_id"]
    key = f"{doc['catalog_object_id']}:{place}:{doc['state']}"
    return Row(kind, key, at, at, location=place, state=doc["state"], parent=doc["catalog_object_id"])


def _change(kind: str, doc: Doc) -> Row:
    """Kept in its newest form, where an adjustment goes from one place to another."""
    told = doc.get("physical_count") or doc["adjustment"]
    place = told.get("location_id") or told.get("to_location_id") or told.get("from_location_id")
    occurred, created = parsed(told["occurred_at"]), parsed(told["created_at"])
    state = told.get("state") or told["to_state"]
    source = doc["type"]
    return Row(
        kind,
        told["id"],
        occurred,
        created,
        location=place,
        state=state,
        source=source,
        parent=told["catalog_object_id"],
    )


def _order(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    return Row(
        kind,
        doc["id"],
        created,
        updated,
        other=parsed(doc["closed_at"]) if "closed_at" in doc else None,
        location=doc["location_id"],
        state=doc["state"],
        customer=doc.get("customer_id"),
        source=(doc.get("source") or {}).get("name"),
    )


def _payment(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    return Row(
        kind,
        doc["id"],
        created,
        updated,
        location=doc["location_id"],
        state=doc["status"],
        customer=doc.get("customer_id"),
        source=doc.get("source_type") or doc.get("destination_type"),
        parent=doc.get("payment_id") or doc.get("order_id"),
    )


def _payout(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    return Row(kind, doc["id"], created, updated, location=doc["location_id"], state=doc["status"])


def _entry(kind: str, doc: Doc) -> Row:
    at = parsed(doc["effective_at"])
    return Row(kind, doc["id"], at, at, state=doc["type"], parent=doc["payout_id"])


def _dispute(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    parent = doc["disputed_payment"]["payment_id"]
    return Row(kind, doc["id"], created, updated, location=doc["location_id"], state=doc["state"], parent=parent)


def _customer(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    name = " ".join(filter(None, (doc.get("given_name"), doc.get("family_name"), doc.get("company_name"))))
    source = doc["creation_source"]
    return Row(kind, doc["id"], created, updated, name=name.lower(), source=source)


def _team_member(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    return Row(kind, doc["id"], created, updated, state=doc["status"], source="owner" if doc["is_owner"] else None)


def _loyalty_account(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    phone = (doc.get("mapping") or {}).get("phone_number")
    return Row(kind, doc["id"], created, updated, name=phone, customer=doc.get("customer_id"))


def _loyalty_event(kind: str, doc: Doc) -> Row:
    at = parsed(doc["created_at"])
    place = doc.get("location_id")
    return Row(kind, doc["id"], at, at, location=place, state=doc["type"], parent=doc["loyalty_account_id"])


def _booking(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    return Row(
        kind,
        doc["id"],
        created,
        updated,
        other=parsed(doc["start_at"]),
        location=doc["location_id"],
        state=doc["status"],
        customer=doc.get("customer_id"),
        source=doc.get("source"),
        # Whose it is: the first segment's; others are looked for in the record.
        parent=doc["appointment_segments"][0]["team_member_id"],
    )


def _vendor(kind: str, doc: Doc) -> Row:
    created, updated = _times(doc)
    return Row(kind, doc["id"], created, updated, state=doc["status"], name=doc["name"])


_ROWS: dict[str, Callable[[str, Doc], Row]] = {
    "location": _location,
    "catalog": _catalog,
    "count": _count,
    "change": _change,
    "order": _order,
    "payment": _payment,
    "refund": _payment,
    "payout": _payout,
    "entry": _entry,
    "dispute": _dispute,
    "customer": _customer,
    "team_member": _team_member,
    "loyalty_account": _loyalty_account,
    "loyalty_event": _loyalty_event,
    "booking": _booking,
    "vendor": _vendor,
}
KINDS = tuple(_ROWS)
