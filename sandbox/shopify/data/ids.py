"""Ids that look real, never meet between shops, and lead back to the record by arithmetic alone.

Order ids and names depend on the shop's seed and the order's position only: other stand-ins name them without asking.
"""

from __future__ import annotations

import re

from sandbox.parts.seeded_random import hash_pair

MAX_SEED = 999_999
MAX_POSITION = 3_300_000
MAX_PRODUCTS = 2_400
MAX_VARIANTS = 2_048
# More than the longest order that a test makes.
LINES = 2_048

_GID = re.compile(r"gid://shopify/([A-Za-z]+)/(\d{1,18})(?:\?[a-z_]+=(\d{1,18}))?")


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def parse_gid(text: object) -> tuple[str, int, int] | None:
    """(type, number, number after `?`), or None where the text is no global id."""
    match = _GID.fullmatch(text) if isinstance(text, str) else None
    return (match[1], int(match[2]), int(match[3] or 0)) if match else None


class Ids:
    """The ids of one shop's records, all derived from its seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.shop = 60_010_001 + seed * 7
        self.installation = 700_010_001 + seed * 11
        self._orders = 5_100_000_000_000 + seed * 10_000_000
        self._lines = 14_000_000_000_000 + seed * 1_800_000_000
        self._customers = 7_000_000_000_000 + seed * 5_000_000
        self._products = 8_500_000_000_000 + seed * 10_000
        self._variants = 45_000_000_000_000 + seed * 10_000_000
        self._items = 47_000_000_000_000 + seed * 10_000_000
        self._balance = 90_000_000_000_000 + seed * 10_000_000
        self._locations = 71_000_000_000 + seed * 100

    def order(self, pos: int) -> int:
        return self._orders + pos * 3 + hash_pair(self.seed, pos ^ 0x5EED) % 3

    @staticmethod
    def order_name(pos: int) -> str:
        return f"#{1001 + pos}"

    def order_position(self, order_id: int) -> int | None:
        pos = (order_id - self._orders) // 3
        return pos if 0 <= pos <= MAX_POSITION and self.order(pos) == order_id else None

    def orders_from(self, order_id: int) -> int:
        """The first position whose id is not below `order_id`: for filters by ranges of ids."""
        pos = max((order_id - self._orders) // 3, 0)
        return pos + (self.order(pos) < order_id)

    def line(self, pos: int, line: int) -> int:
        return self._lines + pos * LINES + line

    def line_place(self, line_id: int) -> tuple[int, int] | None:
        pos, line = divmod(line_id - self._lines, LINES)
        return (pos, line) if 0 <= pos <= MAX_POSITION else None

    def part(self, pos: int, number: int) -> int:
        """A transaction, refund, fulfillment or refund line of an order; their types keep them apart."""
        return self._lines + 1_000_000_000 + pos * LINES + number

    def refund_line(self, pos: int, refund: int, number: int) -> int:
        return self.part(pos, number) + refund * 10**15

    def part_place(self, part_id: int) -> tuple[int, int] | None:
        pos, number = divmod(part_id - self._lines - 1_000_000_000, LINES)
        return (pos, number) if 0 <= pos <= MAX_POSITION else None

    def customer(self, number: int) -> int:
        return self._customers + number

    def customer_number(self, customer_id: int) -> int:
        return customer_id - self._customers

    def product(self, number: int) -> int:
        return self._products + number * 3

    def product_number(self, product_id: int) -> int | None:
        number, rest = divmod(product_id - self._products, 3)
        return number if 0 <= number < MAX_PRODUCTS and rest == 0 else None

    def variant(self, number: int, variation: int) -> int:
        return self._variants + number * 4096 + variation

    def variant_place(self, variant_id: int) -> tuple[int, int] | None:
        number, variation = divmod(variant_id - self._variants, 4096)
        return (number, variation) if 0 <= number < MAX_PRODUCTS and variation < MAX_VARIANTS else None

    def item(self, number: int, variation: int) -> int:
        return self._items + number * 4096 + variation

    def item_place(self, item_id: int) -> tuple[int, int] | None:
        number, variation = divmod(item_id - self._items, 4096)
        return (number, variation) if 0 <= number < MAX_PRODUCTS and variation < MAX_VARIANTS else None

    def balance(self, seq: int) -> int:
        """An entry of the payment account."""
        return self._balance + seq

    def payout(self, day: int) -> int:
        return self._balance + 5_000_000 + day

    def location(self, number: int) -> int:
        return self._locations + number

    def location_number(self, location_id: int) -> int:
        return location_id - self._locations
