"""Everything one sandbox holds, and the call that is being answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sandbox.etsy.limits import Limits
from sandbox.etsy.live_shop import LiveShop
from sandbox.etsy.params import Params
from sandbox.etsy.settings import Settings
from sandbox.etsy.tokens import Tokens
from sandbox.parts.tokens import Token
from sandbox.parts.world import BaseWorld


class World(BaseWorld[LiveShop]):
    """One sandbox: its app key, its shops, its time and its chance."""

    def __init__(self, *, folder: Path, keystring: str, shared_secret: str, seed: int = 0) -> None:
        self.settings: Settings
        super().__init__(folder=folder, settings=Settings(), seed=seed)
        self.keystring = keystring
        self.shared_secret = shared_secret
        self.limits = Limits(self.settings, self.clock)
        self.tokens = Tokens(self.settings, self.clock)
        self.application_id = 1_000_000 + seed % 1_000_000

    def live_shop_of_user(self, user_id: int) -> LiveShop | None:
        return next((live_shop for live_shop in self.live_shops.values() if live_shop.shop.ids.user == user_id), None)

    def live_shop_of_listing(self, listing_id: int) -> LiveShop | None:
        """The shop that has the listing, if it is there at all."""
        return next((live_shop for live_shop in self.live_shops.values() if live_shop.listing_by_id(listing_id)), None)


@dataclass(kw_only=True)
class Call:
    """One request of the vendor's API on its way through the checks."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    ids: dict[str, int] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    params: Params = field(default_factory=dict)
    token: Token | None = None
    bearer: str = "none"
    shop: LiveShop | None = None
    rate: str = "uncounted"
    user_id: int = 0

    @property
    def live_shop(self) -> LiveShop:
        """The shop of the path; only operations with a `shop_id` or an owned listing ask for it."""
        if self.shop is None:
            raise LookupError(self.path)
        return self.shop
