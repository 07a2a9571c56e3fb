"""The sandbox's Etsy as tests use it: shops by seed, its truth and its ledger of requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tests.standins import Row, StandIn

PAGES = "limit=100"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop of the sandbox and the tokens of its owner."""

    id: int
    access_token: str
    refresh_token: str
    facts: Row


class Etsy(StandIn):
    """The control plane of one running sandbox, with limits that no test can reach."""

    platform = "etsy"
    calm: ClassVar[Row] = {"per_second": 10**6, "per_day": 10**9, "reuse_old_refresh_token": "allow"}

    def number(self, shop: Shop) -> int:
        return shop.id

    def shop(self, orders: int = 60, **wanted: Any) -> Shop:
        made = self.control("POST", "/shops", **self.shop_fields(orders, wanted))
        return Shop(
            id=made["shop_id"], access_token=made["access_token"], refresh_token=made["refresh_token"], facts=made
        )

    def truth(self, shop: Shop, kind: str, **query: str) -> list[Row]:
        """The true records; numbers with a point stay the text that they are."""
        return self.ndjson(f"/shops/{shop.id}/truth/{kind}", parse_float=str, **query)

    def asked(self, shop: Shop, path: str = "", *, pages_only: bool = True) -> list[Row]:
        """Requests that the sandbox really received for this shop, in order."""
        requests = self.ledger(shop=str(shop.id), path=path)
        return [r for r in requests if PAGES in r["query"]] if pages_only else requests
