"""Everything one sandbox holds, and the call that is being answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sandbox.parts.responses import Doc
from sandbox.parts.tokens import Token
from sandbox.parts.world import BaseWorld
from sandbox.printify.limits import Limits
from sandbox.printify.live_shop import LiveShop
from sandbox.printify.settings import Settings
from sandbox.printify.tokens import Tokens


class World(BaseWorld[LiveShop]):
    """One sandbox: its app, its shops by account, its time and its chance."""

    def __init__(self, *, folder: Path, app_id: str, seed: int = 0) -> None:
        self.settings: Settings
        super().__init__(folder=folder, settings=Settings(), seed=seed)
        self.app_id = app_id
        self.limits = Limits(self.settings, self.clock)
        self.tokens = Tokens(self.settings, self.clock)
        # Accounts that owe money (402).
        self.unpaid: set[int] = set()

    def live_shops_of(self, account_id: int) -> list[LiveShop]:
        return [live_shop for live_shop in self.live_shops.values() if live_shop.account_id == account_id]


@dataclass(kw_only=True)
class Call:
    """One request of the vendor's API on its way through the checks."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[bytes, bytes]
    body: bytes = b""
    ids: dict[str, str] = field(default_factory=dict)
    params: dict[str, int] = field(default_factory=dict)
    doc: Doc = field(default_factory=dict)
    token: Token | None = None
    bearer: str = "none"
    shop: LiveShop | None = None
    rate: str = "uncounted"
    account_id: int | None = None

    @property
    def shop_id(self) -> int | None:
        return int(self.ids["shop_id"]) if "shop_id" in self.ids else None

    @property
    def live_shop(self) -> LiveShop:
        """The shop of the path; only operations with a `shop_id` ask for it."""
        if self.shop is None:
            raise LookupError(self.path)
        return self.shop
