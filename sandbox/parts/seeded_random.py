"""Randomness that is a pure function of its key, so that any record can be made again alone and in any order."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_LOW = 1 << 64


class SeededRandom:
    """A stream of draws that depends on `key` alone: the same key, the same draws, on every machine.

    One digest gives 512 bits and a draw divides what it needs away, which is several times cheaper than
    seeding `random.Random` for every record.
    """

    __slots__ = ("_key", "_pool", "_refills")

    def __init__(self, key: str) -> None:
        self._key = key
        self._refills = 0
        self._pool = int.from_bytes(blake2b(key.encode()).digest())

    def below(self, n: int) -> int:
        """Draw one of 0 .. n-1."""
        if self._pool < _LOW:
            self._refill()
        self._pool, drawn = divmod(self._pool, n)
        return drawn

    def between(self, low: int, high: int) -> int:
        """Draw one of low .. high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, per_mille: int) -> bool:
        return self.below(1000) < per_mille

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def step(self, per_mille: Sequence[int]) -> int:
        """Draw 1, 2, 3 … : `per_mille` are the shares of draws that give at most so much."""
        roll = self.below(1000)
        number = 1
        while roll >= per_mille[number - 1]:
            number += 1
        return number

    def _refill(self) -> None:
        self._refills += 1
        more = int.from_bytes(blake2b(f"{self._key}/{self._refills}".encode()).digest())
        self._pool = (self._pool << 512) | more


def hash_pair(a: int, b: int) -> int:
    """Hash two integers to 64 bits in one cheap step, for uses where a whole digest would cost too much."""
    x = (a * 0x9E3779B97F4A7C15 + b * 0xC2B2AE3D27D4EB4F + 0x165667B19E3779F9) & 0xFFFFFFFFFFFFFFFF
    x ^= x >> 29
    x = (x * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    return x ^ (x >> 32)
