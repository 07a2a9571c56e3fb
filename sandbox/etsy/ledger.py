"""The payment account's book: groups in order of time, with sequence numbers, running balance and payouts."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from sandbox.etsy.ids import Ids
from sandbox.etsy.ledger_entries import Booking, Group, kind, order_groups
from sandbox.etsy.money import ledger_cents
from sandbox.etsy.orders import Order
from sandbox.etsy.shop import Shop
from sandbox.parts.money import from_dollar_cents
from sandbox.parts.order_times import DAY
from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom

MONDAY = 4 * DAY  # 1 January 1970 was a Thursday
WEEK = 7 * DAY
PAYOUT_HOUR = 10 * 3600


class Entry(NamedTuple):
    """One row of the book, as it lies on disk."""

    seq: int
    created: int
    amount: int
    balance: int
    kind: int
    reference: int
    parent: int
    pos: int
    extra: str | None


class Ledger:
    """Books groups as they fall due. What lies ahead waits in a heap that holds a few weeks at most."""

    def __init__(self, shop: Shop, *, seq: int = 0, balance: int = 0) -> None:
        self._shop = shop
        self._seq = seq
        self._balance = balance
        self._ahead: list[tuple[int, int, Group | None]] = []
        self._tie = count()

    def build(self, orders: Iterator[Order]) -> Iterator[list[Entry]]:
        """The book of the whole shop from its orders in time; entries later than the shop's end do not exist."""
        self._plan_calendar()
        for order in orders:
            for group in order_groups(self._shop, order):
                heappush(self._ahead, (group.at, next(self._tie), group))
            yield self._due(order.created)
        yield self._due(self._shop.end + 1)

    def book(self, group: Group) -> list[Entry]:
        """Write one group as the next entries."""
        first = self._seq + 1
        written = []
        for place, booking in enumerate(group.bookings):
            self._seq += 1
            self._balance += booking.amount
            parent = first + place - booking.parent_back if booking.parent_back else 0
            written.append(
                Entry(
                    self._seq,
                    group.at,
                    booking.amount,
                    self._balance,
                    booking.kind,
                    booking.reference,
                    parent,
                    group.pos,
                    booking.extra,
                )
            )
        return written

    def _due(self, before: int) -> list[Entry]:
        """Every entry earlier than `before`: nothing can come between any more."""
        written: list[Entry] = []
        while self._ahead and self._ahead[0][0] < before:
            at, _, group = heappop(self._ahead)
            written += self.book(group) if group else self._payout(at)
        return written

    def _payout(self, at: int) -> list[Entry]:
        """What is there is paid out, and now and then bounces; what is owed is taken from the seller's card."""
        heappush(self._ahead, (at + WEEK, next(self._tie), None))
        number = 33_000_000_000 + self._shop.seed * 10_000 + at // WEEK
        if self._balance <= 0:
            owed = Booking(kind("RECOUP"), -self._balance, number)
            return self.book(Group(at, -1, (owed,))) if self._balance else []
        if SeededRandom(f"{self._shop.seed}:bounce:{at}").chance(25):
            back = Booking(kind("ADYENBALANCE_REVERSAL"), self._balance, number)
            heappush(self._ahead, (at + 2 * DAY, next(self._tie), Group(at + 2 * DAY, -1, (back,))))
        return self.book(Group(at, -1, (Booking(kind("DISBURSE2"), -self._balance, number),)))

    def _plan_calendar(self) -> None:
        shop = self._shop
        first = (shop.opened - MONDAY) // WEEK * WEEK + MONDAY + WEEK + PAYOUT_HOUR
        heappush(self._ahead, (first, next(self._tie), None))
        for group in (*_listing_fees(shop), *_ads(shop), *_reserves(shop)):
            heappush(self._ahead, (group.at, next(self._tie), group))


def _listing_fees(shop: Shop) -> Iterator[Group]:
    fee = ledger_cents(from_dollar_cents(20, shop.payout), shop.payout, shop.payout, 0)
    for listing in shop.listings:
        reference = shop.ids.listing(listing.number)
        yield Group(listing.created, -1, (Booking(kind("listing"), -fee, reference),))
        if listing.state == "active" and listing.created + 120 * DAY <= shop.end:
            yield Group(listing.created + 120 * DAY, -1, (Booking(kind("auto_renew_expired"), -fee, reference),))


def _ads(shop: Shop) -> Iterator[Group]:
    """Etsy Ads are charged on some days."""
    for day in range(shop.start // DAY, shop.end // DAY):
        rng = SeededRandom(f"{shop.seed}:ads:{day}")
        if rng.chance(400):
            cents = from_dollar_cents(rng.between(100, 2500), shop.payout)
            amount = ledger_cents(cents, shop.payout, shop.payout, 0)
            yield Group(day * DAY + DAY // 2, -1, (Booking(kind("prolist"), -amount, 44_000_000_000 + day),))


def _reserves(shop: Shop) -> Iterator[Group]:
    """Etsy keeps some money back, and gives it back 45 days later: no cost, in either direction."""
    for week in range(shop.start // WEEK, shop.end // WEEK):
        rng = SeededRandom(f"{shop.seed}:reserve:{week}")
        if rng.chance(40):
            cents = ledger_cents(from_dollar_cents(rng.between(2000, 9000), shop.payout), shop.payout, shop.payout, 0)
            for at, amount in ((week * WEEK + DAY, -cents), (week * WEEK + 46 * DAY, cents)):
                yield Group(at, -1, (Booking(kind("RESERVE"), amount, 55_000_000_000 + week),))


def entry_doc(entry: Entry, ids: Ids, payout: str, ledger_type: str, reference_type: str) -> Doc:
    """A PaymentAccountLedgerEntry; `reference_id` is a number, as in life, not a string (etsy/open-api #295)."""
    return {
        "entry_id": ids.entry(entry.seq),
        "ledger_id": ids.ledger,
        "sequence_number": entry.seq,
        "amount": entry.amount,
        "currency": payout,
        "description": ledger_type,
        "balance": entry.balance,
        "create_date": entry.created,
        "created_timestamp": entry.created,
        "ledger_type": ledger_type,
        "reference_type": reference_type,
        "reference_id": entry.reference,
        "parent_entry_id": ids.entry(entry.parent) if entry.parent else 0,
        "payment_adjustments": [],
    }
