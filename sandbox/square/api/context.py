"""A call that has passed the checks, as its handler sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.parts.faults import Rule
from sandbox.square.api import cursors
from sandbox.square.api.cursors import Cursor
from sandbox.square.api.given import Given
from sandbox.square.data.shop_store import ShopStore
from sandbox.square.live_shop import LiveShop
from sandbox.square.responses import invalid
from sandbox.square.settings import Settings


@dataclass(kw_only=True)
class Context:
    """`now` is in milliseconds; `given` the query of a GET, the body of a POST; `ids` those of the path."""

    settings: Settings
    live_shop: LiveShop
    scopes: frozenset[str]
    now: int
    version: str
    name: str
    given: Given
    key: bytes
    ids: dict[str, str] = field(default_factory=dict)
    fault: Rule | None = None

    @property
    def store(self) -> ShopStore:
        return self.live_shop.store

    def query(self) -> str:
        return cursors.fingerprint(self.name, self.given.fields)

    def cursor(self) -> Cursor:
        """Where the list goes on, or its beginning."""
        text = self.given.text("cursor")
        if text is None:
            return Cursor(self.query(), self.now, self.now, None)
        if self.fault is not None and self.fault.kind == "dead_cursor":
            raise cursors.dead()
        return cursors.read(text, self.key, query=self.query(), now=self.now, life=self.settings.cursor_seconds * 1000)

    def known_locations(self, ids: list[str], field_name: str) -> tuple[str, ...]:
        """Those ids, all of this seller's."""
        known = self.live_shop.locations()
        for each in ids:
            if each not in known:
                raise invalid("INVALID_VALUE", f"Location `{each}` not found.", field_name)
        return tuple(dict.fromkeys(ids))
