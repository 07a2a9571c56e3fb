"""Ids that look real, never meet between shops, and are the same wherever the plan is the same."""

from __future__ import annotations

from base64 import b32encode, b64encode
from hashlib import blake2b
from uuid import UUID

MAX_SEED = 999_999
_PLAIN = bytes.maketrans(b"+/", b"xY")


class Ids:
    """The ids of one seller's records, all derived from its seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        # What the control plane calls the shop; Square knows it as the merchant.
        self.shop = 70_010_001 + seed * 7
        self.merchant = f"ML{self._upper('merchant', 0, 11)}"
        self.loyalty_program = self._uuid("program", 0)

    def location(self, number: int) -> str:
        return f"L{self._upper('location', number, 12)}"

    def catalog(self, kind: str, number: int) -> str:
        return self._upper(kind, number, 24)

    def order(self, number: int) -> str:
        return self._mixed("order", number, 27)

    def payment(self, number: int, place: int) -> str:
        return self._mixed("payment", f"{number}.{place}", 29)

    def refund(self, payment_id: str, number: int) -> str:
        return f"{payment_id}_{self._mixed(payment_id, number, 22)}"

    def uid(self, whose: str, place: int) -> str:
        """Of a part of an order: unique only within it."""
        return self._mixed(whose, place, 22)

    def customer(self, number: int) -> str:
        return self._upper("customer", number, 26)

    def team_member(self, number: int) -> str:
        return f"TM{self._mixed('team', number, 9)}"

    def booking(self, number: int) -> str:
        return self._upper("booking", number, 14).lower()

    def vendor(self, number: int) -> str:
        return f"INV_V_{self._upper('vendor', number, 26)}"

    def vendor_contact(self, number: int) -> str:
        return f"INV_VC_{self._upper('contact', number, 26)}"

    def change(self, number: int | str) -> str:
        return self._upper("change", number, 26)

    def dispute(self, payment_id: str) -> str:
        return self._mixed("dispute", payment_id, 22)

    def payout(self, whose: str) -> str:
        return f"po_{self._uuid('payout', whose)}"

    def entry(self, whose: str) -> str:
        return f"poe_{self._mixed('entry', whose, 24)}"

    def loyalty(self, kind: str, number: int) -> str:
        return self._uuid(kind, number)

    def _digest(self, kind: str, number: int | str, size: int) -> bytes:
        return blake2b(f"{self.seed}:{kind}:{number}".encode(), digest_size=size).digest()

    def _upper(self, kind: str, number: int | str, length: int) -> str:
        return b32encode(self._digest(kind, number, 20))[:length].decode()

    def _mixed(self, kind: str, number: int | str, length: int) -> str:
        return b64encode(self._digest(kind, number, 24)).translate(_PLAIN)[:length].decode()

    def _uuid(self, kind: str, number: int | str) -> str:
        return str(UUID(bytes=self._digest(kind, number, 16), version=4))
