"""Every kind of change, by the name that the control plane gives it (docs/sandbox-square.md, Mutations)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.parts.responses import Doc
from sandbox.square.live_shop import LiveShop
from sandbox.square.mutations import appointments, balances, goods, people, sales, stock
from sandbox.square.mutations.shared import Outcome

Mutation = Callable[[LiveShop, Doc, int], Outcome]

MUTATIONS: dict[str, Mutation] = {
    "new_order": sales.new_order,
    "update_order": sales.update_order,
    "processing_fee": sales.processing_fee,
    "refund_order": sales.refund_order,
    "settle_refund": sales.settle_refund,
    "open_dispute": balances.open_dispute,
    "close_dispute": balances.close_dispute,
    "new_payout": balances.new_payout,
    "new_booking": appointments.new_booking,
    "edit_booking": appointments.edit_booking,
    "cancel_booking": appointments.cancel_booking,
    "new_item": goods.new_item,
    "edit_catalog": goods.edit_catalog,
    "delete_catalog": goods.delete_catalog,
    "adjust_inventory": stock.adjust_inventory,
    "new_customer": people.new_customer,
    "edit_customer": people.edit_customer,
    "delete_customer": people.delete_customer,
    "location_status": people.location_status,
    "edit_team_member": people.edit_team_member,
    "edit_vendor": people.edit_vendor,
    "earn_points": people.earn_points,
}
