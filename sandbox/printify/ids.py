"""Ids that look real, never meet between shops, and lead back to the record by arithmetic alone."""

from __future__ import annotations

import uuid
from hashlib import blake2b

from sandbox.parts.seeded_random import hash_pair

MAX_SEED = 999_999
# Numbers of orders stay below; those of products begin there.
_PRODUCTS = 0xF00000


class Ids:
    """The ids of one shop's records. Orders and products are 24 hex digits: a rising prefix, the shop, a number."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.shop = 5_432_101 + seed * 7
        self._machine = f"{hash_pair(seed, 0xF1F7) & 0xFFFFF:05x}{seed:05x}"

    def order(self, pos: int) -> str:
        return f"{0x65000000 + pos:08x}{self._machine}{pos:06x}"

    def order_position(self, order_id: str) -> int | None:
        number = self._number(order_id)
        return number if number is not None and number < _PRODUCTS else None

    def product(self, number: int) -> str:
        return f"{0x64000000 + number:08x}{self._machine}{_PRODUCTS + number:06x}"

    def product_number(self, product_id: str) -> int | None:
        number = self._number(product_id)
        return None if number is None or number < _PRODUCTS else number - _PRODUCTS

    def line(self, pos: int, line: int) -> str:
        return blake2b(f"{self.seed}:{pos}:{line}".encode(), digest_size=12).hexdigest()

    def app_order(self, pos: int) -> str:
        return f"{20_000_000 + self.seed}.{pos + 1}"

    def external(self, pos: int) -> str:
        """The caller's own id of an order that came through the API."""
        return str(uuid.UUID(bytes=blake2b(f"{self.seed}:api:{pos}".encode(), digest_size=16).digest(), version=4))

    def _number(self, text: str) -> int | None:
        if len(text) != 24 or text[8:18] != self._machine:
            return None
        try:
            return int(text[18:], 16)
        except ValueError:
            return None


def account_of(seed: int) -> int:
    return 1_337_000 + seed
