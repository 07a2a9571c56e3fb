"""The payment account's ledger and payments (sheet sections 7.2 and 7.3)."""

from __future__ import annotations

import orjson

from sandbox.etsy.ledger_entries import KINDS
from sandbox.etsy.live_shop import LiveShop
from sandbox.etsy.params import EARLIEST, LIMIT, OFFSET, Param
from sandbox.etsy.responses import EtsyError, page
from sandbox.etsy.world import Call, World
from sandbox.parts.responses import Doc, HttpResponse, ok

MAX_WINDOW = 2_678_400
_BOUND = Param(kind="time", low=EARLIEST, required=True)
LEDGER = {"min_created": _BOUND, "max_created": _BOUND, "limit": LIMIT, "offset": OFFSET}
ENTRY_IDS = {"ledger_entry_ids": Param(kind="ids", required=True)}
PAYMENT_IDS = {"payment_ids": Param(kind="ids", required=True)}

_WINDOW = "WHERE created >= ? AND created <= ?"
_PAGE = {
    "asc": "SELECT * FROM ledger WHERE created >= ? AND created <= ? ORDER BY created, seq LIMIT ? OFFSET ?",
    "desc": "SELECT * FROM ledger WHERE created >= ? AND created <= ? ORDER BY created DESC, seq DESC LIMIT ? OFFSET ?",
}


def check_window(call: Call) -> None:
    """At most 31 days; milliseconds trip over the same rule (#346)."""
    low, high = call.params["min_created"], call.params["max_created"]
    if high - low > MAX_WINDOW:
        raise EtsyError(
            400, "Time window between min_created and max_created must be no more than 2678400 seconds (31 days)."
        )
    if high < low:
        raise EtsyError(400, "max_created must not be earlier than min_created.")


def list_entries(world: World, call: Call) -> HttpResponse:
    params, live_shop = call.params, call.live_shop
    window = (params["min_created"], params["max_created"])
    sql = _PAGE[world.settings.ledger_order]
    rows = live_shop.store.db.execute(sql, (*window, params["limit"], params["offset"])).fetchall()
    count = live_shop.store.count("count(*) FROM ledger", _WINDOW, window)
    return page(count, b"".join(orjson.dumps(live_shop.entry(row)) + b"," for row in rows))


def get_entry(_world: World, call: Call) -> HttpResponse:
    entry_id = call.ids["ledger_entry_id"]
    row = _row(call.live_shop, entry_id)
    if row is None:
        raise EtsyError(404, f"Could not find a Ledger Entry with entry_id = {entry_id}.")
    return ok(call.live_shop.entry(row))


def list_payments_of_entries(_world: World, call: Call) -> HttpResponse:
    """Takes `entry_id` values; entries that are not payments give nothing (sheet section 7.2)."""
    live_shop = call.live_shop
    rows = [_row(live_shop, entry_id) for entry_id in call.params["ledger_entry_ids"]]
    payments = [row[5] for row in rows if row and KINDS[row[4]][1] == "shop_payment"]
    return _payments(live_shop, payments)


def list_payments(_world: World, call: Call) -> HttpResponse:
    return _payments(call.live_shop, call.params["payment_ids"])


def _payments(live_shop: LiveShop, payment_ids: list[int]) -> HttpResponse:
    results: list[Doc] = []
    for payment_id in dict.fromkeys(payment_ids):
        pos = live_shop.shop.ids.payment_position(payment_id)
        payment = None if pos is None else live_shop.payment(pos)
        if payment:
            results.append(payment)
    return ok({"count": len(results), "results": results})


def _row(live_shop: LiveShop, entry_id: int) -> tuple[int, int, int, int, int, int, int, int, str | None] | None:
    seq = live_shop.shop.ids.entry_sequence(entry_id)
    if not 0 < seq < 2**62:
        return None
    row: tuple[int, int, int, int, int, int, int, int, str | None] | None = live_shop.store.db.execute(
        "SELECT * FROM ledger WHERE seq = ?", (seq,)
    ).fetchone()
    return row
