"""The sandbox's Printify as tests use it: shops by seed, its truth and its ledger of requests."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.standins import Row, StandIn


class Printify(StandIn):
    """The control plane of one running sandbox, with limits that no test can reach."""

    platform = "printify"
    calm: ClassVar[Row] = {"per_minute": 10**6}

    def number(self, shop: Row) -> int:
        found: int = shop["shop_id"]
        return found

    def shop(self, orders: int = 45, **wanted: Any) -> Row:
        made: Row = self.control("POST", "/shops", **self.shop_fields(orders, wanted))
        return made

    def asked(self, shop: Row, path: str) -> list[Row]:
        """Requests for this shop that the sandbox really received, in order."""
        return self.ledger(shop=str(shop["shop_id"]), path=path)
