"""The sandbox's Shopify as tests use it: shops by seed, its truth and its ledger of requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tests.standins import Row, StandIn


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop of the sandbox and the tokens of its owner. `number` is what the control plane calls it."""

    id: str
    number: int
    access_token: str
    refresh_token: str
    facts: Row


class Shopify(StandIn):
    """The control plane of one running sandbox, with Shopify's own settings."""

    platform = "shopify"

    def number(self, shop: Shop) -> int:
        return shop.number

    def shop(self, orders: int = 60, **wanted: Any) -> Shop:
        wanted = {"plan": "enterprise", **wanted}
        made = self.control("POST", "/shops", **self.shop_fields(orders, wanted))
        return Shop(
            id=made["shop_domain"],
            number=made["shop_id"],
            access_token=made["access_token"],
            refresh_token=made["refresh_token"],
            facts=made,
        )

    def again(self, shop: Shop) -> Shop:
        """The same shop with a fresh pair of tokens."""
        pair = self.control("POST", "/tokens", shop_id=shop.number)
        return replace(shop, access_token=pair["access_token"], refresh_token=pair["refresh_token"])

    def export(self, shop: Shop, query: str) -> None:
        """An export of somebody else's."""
        start = (
            "mutation($q: String!) { bulkOperationRunQuery(query: $q) { bulkOperation { id } userErrors { message } } }"
        )
        body = {"query": start, "variables": {"q": query}}
        headers = {"x-shopify-access-token": shop.access_token}
        answer = self.http.post("/admin/api/2026-10/graphql.json", json=body, headers=headers).json()
        assert answer["data"]["bulkOperationRunQuery"]["bulkOperation"], answer
        self.control("DELETE", "/ledger")

    def asked(self, shop: Shop) -> list[Row]:
        """Requests to the API that the sandbox really received for this shop, in order; without files and tokens."""
        return [r for r in self.ledger() if r["shop_id"] == shop.number and "/admin/api/" in r["path"]]

    def refreshes(self, shop: Shop) -> list[Row]:
        return [r for r in self.ledger() if r["shop_id"] in (shop.number, None) and "access_token" in r["path"]]
