"""What a change tells, as each type of event writes it (sheet section 13)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sandbox.parts.responses import Doc
from sandbox.square.data.notices import Notice
from sandbox.square.data.timestamps import precise
from sandbox.square.deliveries import new_event
from sandbox.square.live_shop import LiveShop
from sandbox.square.world import World

# What a type's subject asks of the seller; an event needs the scope that reading it needs.
SCOPES = {
    "booking": "APPOINTMENTS_READ",
    "order": "ORDERS_READ",
    "payment": "PAYMENTS_READ",
    "refund": "PAYMENTS_READ",
    "dispute": "DISPUTES_READ",
    "payout": "PAYOUTS_READ",
    "catalog": "ITEMS_READ",
    "inventory": "INVENTORY_READ",
    "customer": "CUSTOMERS_READ",
    "team_member": "EMPLOYEES_READ",
    "vendor": "VENDOR_READ",
    "location": "MERCHANT_PROFILE_READ",
    "loyalty": "LOYALTY_READ",
}
EVENT_TYPES = (
    "booking.created", "booking.updated", "catalog.version.updated", "customer.created", "customer.deleted",
    "customer.updated", "dispute.created", "dispute.state.updated", "inventory.count.updated", "location.created",
    "location.updated", "loyalty.account.created", "loyalty.account.updated", "loyalty.event.created",
    "oauth.authorization.revoked", "order.created", "order.fulfillment.updated", "order.updated", "payment.created",
    "payment.updated", "payout.failed", "payout.paid", "payout.sent", "refund.created", "refund.updated",
    "team_member.created", "team_member.updated", "vendor.created", "vendor.updated",
)  # fmt: skip


def announce(world: World, live_shop: LiveShop, notices: Iterable[Notice]) -> None:
    """Tell what the seller lets the application see."""
    shop = live_shop.shop
    granted = world.tokens.granted(shop.ids.shop)
    for notice in notices:
        if SCOPES[notice.type.split(".")[0]] in granted:
            at = int(world.clock.now() * 1000)
            event = new_event(
                notice.type,
                merchant_id=shop.ids.merchant,
                at=at,
                data=_data(notice, at),
                location_id=notice.doc.get("location_id") if notice.type.startswith(("payout", "dispute")) else None,
            )
            world.webhooks.emit(shop.ids.shop, event)


def revoked(world: World, live_shop: LiveShop, by: str) -> None:
    """The seller, the application or Square has ended the authorization; told whatever was granted."""
    at = int(world.clock.now() * 1000)
    told = {"revocation": {"revoked_at": precise(at), "revoker_type": by}}
    data = {"type": "revocation", "id": str(uuid.uuid4()), "object": told}
    ids = live_shop.shop.ids
    world.webhooks.emit(ids.shop, new_event("oauth.authorization.revoked", merchant_id=ids.merchant, at=at, data=data))


def _data(notice: Notice, at: int) -> Doc:
    subject, doc = notice.type.split(".")[0], notice.doc
    if subject == "order":
        return _order_stub(notice)
    if subject == "catalog":
        return {"type": "catalog", "id": "", "object": doc}
    if subject == "inventory":
        return {"type": "inventory_counts", "id": str(uuid.uuid4()), "object": {"inventory_counts": [doc]}}
    if subject == "location":
        return {"type": "location", "id": doc["id"]}
    word = {"loyalty.event.created": "loyalty_event"}.get(
        notice.type, "loyalty_account" if subject == "loyalty" else subject
    )
    told: Doc = {"type": word, "id": doc["id"], "object": {word: doc}}
    if notice.type == "customer.deleted":
        told["deleted"] = True
        told["object"] = {"customer": {**doc, "updated_at": precise(at)}}
    return told


def _order_stub(notice: Notice) -> Doc:
    """Not the order: its id, where it stands, and when."""
    word, doc = notice.type.replace(".", "_"), notice.doc
    names = ("version", "location_id", "state", "created_at", "updated_at")
    stub = {"order_id": doc["id"], **{name: doc[name] for name in names if name in doc}}
    return {"type": word, "id": doc["id"], "object": {word: stub}}
