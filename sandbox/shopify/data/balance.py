"""The payment account: what Shopify's own payments took in and gave out, an entry each, and how it was paid out.

An entry is booked when it is first asked for after it happened, so that its number is larger than those of all that was
booked before, and it never changes but for its payout. There is no running balance: what a payout took along adds up
to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from sandbox.parts.money import from_dollar_cents
from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.data.order_histories import fee, has_fee

DAY = 86_400
# Paid out so many days later, at this hour.
_PAYOUT_DAYS, _PAYOUT_HOUR = 2, 14 * 3600
_BOUNCES, _RESERVES = 60, 40
_HELD_DAYS = 30
_TABLE = """CREATE TABLE IF NOT EXISTS balance (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL,
    amount INTEGER NOT NULL, fee INTEGER NOT NULL, pos INTEGER, source INTEGER, payout INTEGER, test INTEGER NOT NULL
)"""


class Entry(NamedTuple):
    """Amounts in the shop's money; `payout`: the number of the day on which it was paid out."""

    seq: int
    key: str
    at: int
    type: str
    amount: int
    fee: int
    pos: int | None
    source: int | None
    payout: int | None
    test: int


def booked(live_shop: LiveShop, now: int) -> None:
    """Book what has happened since, and pay out what is due."""
    db = live_shop.store.db
    db.execute(_TABLE)
    known = {key for (key,) in db.execute("SELECT key FROM balance")}
    found = [each for each in _happened(live_shop, now) if each[0] not in known]
    for key, at, kind, amount, kept, pos, source, test in sorted(found, key=lambda each: (each[1], each[0])):
        _book(live_shop, (key, at, kind, amount, kept, pos, source, None, test))
    _pay_out(live_shop, now)
    live_shop.store.version += bool(found)


def entries(live_shop: LiveShop, where: str = "1", values: tuple[int, ...] = ()) -> list[Entry]:
    sql = f"SELECT * FROM balance WHERE {where} ORDER BY seq"  # noqa: S608 - our own words
    return [Entry(*row) for row in live_shop.store.db.execute(sql, values)]


def booked_entries(live_shop: LiveShop) -> list[Entry]:
    """What was booked so far; nothing, where nobody has asked yet."""
    live_shop.store.db.execute(_TABLE)
    return entries(live_shop)


Made = tuple[str, int, str, int, int, int | None, int | None, int]


def _happened(live_shop: LiveShop, now: int) -> Iterator[Made]:
    for (pos,) in live_shop.store.rows("SELECT pos FROM orders WHERE gateway = 'shopify_payments' ORDER BY pos", ()):
        order = live_shop.store.order(pos)
        if order is not None:
            yield from (each for each in _of_order(live_shop, order) if each[1] <= now)
    yield from (each for each in _reserves(live_shop) if each[1] <= now)


def _of_order(live_shop: LiveShop, order: Doc) -> Iterator[Made]:
    pos, test = order["pos"], int(order["test"])
    for moved in order["transactions"]:
        amount, source = moved["amount"][0], live_shop.shop.ids.part(pos, moved["n"])
        if moved["status"] == "SUCCESS" and moved["kind"] in ("SALE", "CAPTURE") and has_fee(order, moved):
            yield f"{pos}:{moved['n']}", moved["at"], "CHARGE", amount, fee(amount), pos, source, test
        elif moved["status"] == "SUCCESS" and moved["kind"] == "REFUND":
            yield f"{pos}:{moved['n']}", moved["at"], "REFUND", -amount, 0, pos, source, test
    for each in order["disputes"]:
        yield from _of_dispute(live_shop, order, each)


def _of_dispute(live_shop: LiveShop, order: Doc, each: Doc) -> Iterator[Made]:
    """A chargeback takes all that was paid, and a fee; one that is won brings both back. An inquiry takes nothing."""
    if each["status"] == "PREVENTED" or not _is_chargeback(each):
        return
    pos, key, at = order["pos"], f"{order['pos']}:d{each['n']}", each["at"]
    source, test = live_shop.shop.ids.part(pos, each["n"]), int(order["test"])
    taken, charge = order["received"][0], from_dollar_cents(1500, live_shop.shop.currency)
    yield f"{key}:out", at, "DISPUTE_WITHDRAWAL", -taken, 0, pos, source, test
    yield f"{key}:fee", at, "CHARGEBACK_FEE", -charge, 0, pos, source, test
    if each["status"] == "WON":
        yield f"{key}:back", each["decided"], "DISPUTE_REVERSAL", taken, 0, pos, source, test
        yield f"{key}:unfee", each["decided"], "CHARGEBACK_FEE_REFUND", charge, 0, pos, source, test


def _is_chargeback(each: Doc) -> bool:
    return each["initiated_as"] == "CHARGEBACK" or each["status"] in ("WON", "LOST", "ACCEPTED")


def _reserves(live_shop: LiveShop) -> Iterator[Made]:
    """Some weeks Shopify keeps money back, and lets it go a month later."""
    shop = live_shop.shop
    for week in range(shop.start // (7 * DAY), shop.end // (7 * DAY)):
        rng = SeededRandom(f"{shop.seed}:held:{week}")
        if rng.chance(_RESERVES):
            amount, at = from_dollar_cents(rng.between(1000, 9000), shop.currency), week * 7 * DAY + 9 * 3600
            yield f"r{week}:out", at, "RESERVED_FUNDS", -amount, 0, None, None, 0
            yield f"r{week}:back", at + _HELD_DAYS * DAY, "RESERVED_FUNDS_REVERSAL", amount, 0, None, None, 0


def _pay_out(live_shop: LiveShop, now: int) -> None:
    """What is there for two days is paid out, a payout a day; what was booked into the past goes with the next one."""
    while due := _due(live_shop, now):
        for day in sorted(due)[:1]:
            parts = due[day]
            at, sum_ = day * DAY + _PAYOUT_HOUR, sum(each.amount - each.fee for each in parts)
            sql = f"UPDATE balance SET payout = ? WHERE seq IN ({', '.join('?' * len(parts))})"  # noqa: S608
            live_shop.store.db.execute(sql, (day, *(each.seq for each in parts)))
            _book(live_shop, (f"p{day}", at, "TRANSFER", -sum_, 0, None, None, day, 0))
            if sum_ > 0 and SeededRandom(f"{live_shop.shop.seed}:bounced:{day}").chance(_BOUNCES):
                back = at + 2 * DAY
                if back <= now:
                    _book(live_shop, (f"b{day}", back, "TRANSFER_FAILURE", sum_, 0, None, None, None, 0))


def _due(live_shop: LiveShop, now: int) -> dict[int, list[Entry]]:
    (last,) = live_shop.store.db.execute("SELECT coalesce(max(payout), 0) FROM balance").fetchone()
    found: dict[int, list[Entry]] = defaultdict(list)
    for each in entries(live_shop, "payout IS NULL AND NOT test"):
        day = max(each.at // DAY + _PAYOUT_DAYS, last + 1)
        if day * DAY + _PAYOUT_HOUR <= now:
            found[day].append(each)
    return found


def _book(live_shop: LiveShop, values: tuple[object, ...]) -> None:
    names = "key, at, type, amount, fee, pos, source, payout, test"
    sql = f"INSERT INTO balance ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own words
    live_shop.store.db.execute(sql, values)
