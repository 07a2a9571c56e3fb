"""Ids that look real, never meet between shops, and lead back to the record by arithmetic alone."""

from __future__ import annotations

from sandbox.parts.seeded_random import hash_pair

# Room for each shop; the reach of every kind is below what the bases leave (tests/sandbox/etsy/test_truth.py).
MAX_SEED = 999_999
MAX_POSITION = 3_300_000
MAX_LINES = 5


class Ids:
    """The ids of one shop's records, all derived from its seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.shop = 30_010_001 + seed * 7
        self.user = 400_010_002 + seed * 11
        self.ledger = 7_000_001 + seed
        self._receipts = 3_312_345_678 + seed * 10_000_000
        self._transactions = 4_412_345_678 + seed * 30_000_000
        self._payments = 88_000_000_001 + seed * 10_000_000
        self._entries = 9_100_000_000 + seed * 100_000_000
        self._listings = 1_700_000_000 + seed * 10_000
        self._buyers = 1_000_000_000 + seed * 5_000_000

    def receipt(self, pos: int) -> int:
        return self._receipts + pos * 3 + hash_pair(self.seed, pos ^ 0x5EED) % 3

    def receipt_position(self, receipt_id: int) -> int | None:
        pos = (receipt_id - self._receipts) // 3
        return pos if 0 <= pos <= MAX_POSITION and self.receipt(pos) == receipt_id else None

    def transaction(self, pos: int, line: int) -> int:
        return self._transactions + pos * 8 + line

    def transaction_place(self, transaction_id: int) -> tuple[int, int] | None:
        pos, line = divmod(transaction_id - self._transactions, 8)
        return (pos, line) if 0 <= pos <= MAX_POSITION and line < MAX_LINES else None

    def payment(self, pos: int) -> int:
        return self._payments + pos * 3

    def payment_position(self, payment_id: int) -> int | None:
        pos, rest = divmod(payment_id - self._payments, 3)
        return pos if 0 <= pos <= MAX_POSITION and rest == 0 else None

    def entry(self, sequence: int) -> int:
        return self._entries + sequence

    def entry_sequence(self, entry_id: int) -> int:
        return entry_id - self._entries

    def listing(self, number: int) -> int:
        return self._listings + number * 3

    def listing_number(self, listing_id: int) -> int | None:
        number, rest = divmod(listing_id - self._listings, 3)
        return number if 0 <= number <= 3_300 and rest == 0 else None

    def product(self, number: int, variation: int) -> int:
        return 21_000_000_000 + ((self.seed * 10_000) + number) * 16 + variation

    def offering(self, number: int, variation: int) -> int:
        return 25_000_000_000 + ((self.seed * 10_000) + number) * 16 + variation

    def image(self, number: int) -> int:
        return 6_000_000_000 + self.seed * 10_000 + number

    def buyer(self, number: int) -> int:
        return self._buyers + number

    def shipment(self, pos: int) -> int:
        return 1_200_000_000_000 + self.seed * 10_000_000 + pos

    def label(self, pos: int) -> int:
        return 55_000_000_000 + self.seed * 10_000_000 + pos

    def adjustment(self, pos: int, number: int) -> int:
        return 61_000_000_000 + self.seed * 30_000_000 + pos * 8 + number
