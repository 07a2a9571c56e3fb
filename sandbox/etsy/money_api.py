"""The payment account's ledger and payments (sheet sections 7.2 and 7.3)."""

from __future__ import annotations

import orjson

from sandbox.etsy.answer import Refusal, page
from sandbox.etsy.entries import KINDS
from sandbox.etsy.front import Front
from sandbox.etsy.params import EARLIEST, LIMIT, OFFSET, Param
from sandbox.etsy.world import Call, World
from sandbox.parts.answer import Answer, Doc, ok

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
        raise Refusal(
            400, "Time window between min_created and max_created must be no more than 2678400 seconds (31 days)."
        )
    if high < low:
        raise Refusal(400, "max_created must not be earlier than min_created.")


def list_entries(world: World, call: Call) -> Answer:
    params, front = call.params, call.front
    window = (params["min_created"], params["max_created"])
    sql = _PAGE[world.settings.ledger_order]
    rows = front.shelf.db.execute(sql, (*window, params["limit"], params["offset"])).fetchall()
    count = front.shelf.count("count(*) FROM ledger", _WINDOW, window)
    return page(count, b"".join(orjson.dumps(front.entry(row)) + b"," for row in rows))


def get_entry(_world: World, call: Call) -> Answer:
    entry_id = call.ids["ledger_entry_id"]
    row = _row(call.front, entry_id)
    if row is None:
        raise Refusal(404, f"Could not find a Ledger Entry with entry_id = {entry_id}.")
    return ok(call.front.entry(row))


def list_payments_of_entries(_world: World, call: Call) -> Answer:
    """Takes `entry_id` values; entries that are not payments give nothing (sheet section 7.2)."""
    front = call.front
    rows = [_row(front, entry_id) for entry_id in call.params["ledger_entry_ids"]]
    payments = [row[5] for row in rows if row and KINDS[row[4]][1] == "shop_payment"]
    return _payments(front, payments)


def list_payments(_world: World, call: Call) -> Answer:
    return _payments(call.front, call.params["payment_ids"])


def _payments(front: Front, payment_ids: list[int]) -> Answer:
    results: list[Doc] = []
    for payment_id in dict.fromkeys(payment_ids):
        pos = front.shop.ids.payment_position(payment_id)
        payment = None if pos is None else front.payment(pos)
        if payment:
            results.append(payment)
    return ok({"count": len(results), "results": results})


def _row(front: Front, entry_id: int) -> tuple[int, int, int, int, int, int, int, int, str | None] | None:
    seq = front.shop.ids.entry_sequence(entry_id)
    if not 0 < seq < 2**62:
        return None
    row: tuple[int, int, int, int, int, int, int, int, str | None] | None = front.shelf.db.execute(
        "SELECT * FROM ledger WHERE seq = ?", (seq,)
    ).fetchone()
    return row
