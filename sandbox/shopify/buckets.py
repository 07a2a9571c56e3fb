"""Leaky buckets, one for each application and shop: points for GraphQL, calls for REST."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.parts.clock import Clock


@dataclass(kw_only=True)
class Bucket:
    """What is available now, and how fast it comes back."""

    size: float
    per_second: float
    available: float
    at: float


class Buckets:
    """All of one kind in a sandbox, by shop (there is one application)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[int, Bucket] = {}

    def look(self, shop_id: int, size: float, per_second: float) -> Bucket:
        """The shop's bucket, filled up to now; a plan that has changed changes it too."""
        now = self._clock.now()
        bucket = self._buckets.get(shop_id)
        if bucket is None or bucket.size != size:
            bucket = self._buckets[shop_id] = Bucket(size=size, per_second=per_second, available=size, at=now)
        back = max(now - bucket.at, 0.0) * bucket.per_second
        bucket.available = min(bucket.size, bucket.available + back)
        bucket.at = now
        return bucket

    def drain(self, shop_id: int, left: float) -> None:
        """Leave so much in it: somebody else has called."""
        if shop_id in self._buckets:
            self._buckets[shop_id].available = left

    def forget(self) -> None:
        self._buckets.clear()
