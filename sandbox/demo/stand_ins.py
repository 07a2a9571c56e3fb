"""The stand-ins' control planes, as far as the demo needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from sandbox.demo.plan import CALLS_PER_DAY, CALLS_PER_SECOND, NEWCOMERS, Plan, PlannedFault

# Long enough to connect with, over long before the backfill is.
_TOKEN_SECONDS = 5
# A big shop is built before it answers.
_PATIENCE_S = 600.0
_YEARS = 3
# Of what Ada sells, Printify prints most; the rest she makes herself.
COVERAGE = 0.8


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop that the demo connects. `number` is what its stand-in calls it."""

    platform: str
    number: int
    shop_id: str
    shop_name: str
    access_token: str
    refresh_token: str
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class Shops:
    """The first seller's three shops, one behind the other, the second seller's one, and the third's: a counter with
    stock in three places, and a salon.
    """

    etsy: Shop
    printify: Shop
    shopify: Shop
    second: Shop
    counter: Shop
    salon: Shop

    @property
    def first(self) -> tuple[Shop, ...]:
        return self.etsy, self.printify, self.shopify


@dataclass(frozen=True, kw_only=True)
class FaultCount:
    """A fault and how often it struck."""

    what: str
    times: int


class StandIn:
    """The control plane of one running stand-in."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url + "/_sandbox", timeout=_PATIENCE_S, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def plant(self, etsy_faults: Sequence[PlannedFault]) -> None:
        """Switch faults on, in order."""
        for fault in etsy_faults:
            self.post("/faults", dict(fault.rule))

    def struck(self, etsy_faults: Sequence[PlannedFault]) -> tuple[FaultCount, ...]:
        """How often each fault struck; rules come back in the order in which they were planted."""
        rules = self.get("/faults")["results"]
        return tuple(FaultCount(what=t.what, times=r["struck"]) for t, r in zip(etsy_faults, rules, strict=True))

    def requests(self) -> dict[str, Any]:
        """The stand-in's own count of what it was asked."""
        summary: dict[str, Any] = self.get("/ledger/summary")
        return summary

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._http.post(path, json=dict(body)).raise_for_status().json()

    def get(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()


class StandIns:
    """Etsy, Printify, Shopify and Square."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.etsy = StandIn(env["ETSY_API_BASE_URL"])
        self.printify = StandIn(env["PRINTIFY_API_BASE_URL"])
        self.shopify = StandIn(env["SHOPIFY_API_BASE_URL"])
        self.square = StandIn(env["SQUARE_API_BASE_URL"])

    def close(self) -> None:
        for each in (self.etsy, self.printify, self.shopify, self.square):
            each.close()

    def calls(self) -> dict[str, int]:
        """Calls of each platform's API. Token refreshes are none: they have no operation and cost no budget."""
        counts = {}
        for name in ("etsy", "printify", "shopify", "square"):
            summary = getattr(self, name).requests()
            counts[name] = sum(n for rate, n in summary["by_rate"].items() if rate not in ("free", "uncounted"))
        return counts

    def newcomers(self, plan: Plan) -> tuple[FaultCount, ...]:
        """Orders that came in at Printify while its list was being read."""
        if plan.calm:
            return ()
        came = 0 if self.printify.get("/mutations")["count"] else NEWCOMERS
        return (FaultCount(what="order that came in while Printify's list was read, and shifted it", times=came),)

    def open_shops(self, plan: Plan) -> Shops:
        """Shops from the seed. One token is about to expire, so that a refresh is seen."""
        room = {"per_second": CALLS_PER_SECOND, "per_day": CALLS_PER_DAY + 20 * plan.orders}
        self.etsy.post("/settings", room)
        # They end with yesterday, so that one seed makes the same shops all day long.
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        common = {"currency": plan.currency, "years": _YEARS, "ends_at": int(today.timestamp())}
        sold = self.etsy.post("/shops", {"seed": plan.seed, "orders": plan.orders, **common})
        web_shop = {"seed": plan.seed, "orders": plan.shopify_orders, "plan": "enterprise", **common}
        own = self.shopify.post("/shops", web_shop)
        channels = [{"channel": "etsy", **sold}, {"channel": "shopify", **own}]
        printed = self.printify.post("/shops", {"seed": plan.seed, "channel_shops": channels, "coverage": COVERAGE})
        other = self.etsy.post("/shops", {"seed": plan.seed + 1, "orders": plan.second_orders, **common})
        # A year, and a payout a month, are enough to see every list, and a small part of the calls.
        at_square = {"orders": plan.square_orders, **common, "years": 1, "payout_days": 28}
        counter = self.square.post("/shops", {"seed": plan.seed, "kind": "shop", **at_square})
        salon = self.square.post("/shops", {"seed": plan.seed + 1, "kind": "salon", **at_square})
        return Shops(
            etsy=_shop("etsy", sold, self._etsy_tokens(plan, sold)),
            printify=_shop("printify", {**printed, "shop_name": printed["title"]}, printed),
            shopify=_shop("shopify", {**own, "shop_id": own["shop_domain"]}, own, number=own["shop_id"]),
            second=_shop("etsy", other, other),
            counter=_shop("square", {**counter, "shop_id": counter["merchant_id"]}, counter, number=counter["shop_id"]),
            salon=_shop("square", {**salon, "shop_id": salon["merchant_id"]}, salon, number=salon["shop_id"]),
        )

    def _etsy_tokens(self, plan: Plan, shop: Mapping[str, Any]) -> Mapping[str, Any]:
        life = {} if plan.calm else {"expires_in": _TOKEN_SECONDS}
        tokens: Mapping[str, Any] = self.etsy.post("/tokens", {"shop_id": shop["shop_id"], **life})
        return tokens


def _shop(platform: str, shop: Mapping[str, Any], tokens: Mapping[str, Any], *, number: int | None = None) -> Shop:
    return Shop(
        platform=platform,
        number=int(shop["shop_id"]) if number is None else number,
        shop_id=str(shop["shop_id"]),
        shop_name=shop["shop_name"],
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        expires_at=tokens["expires_at"],
    )
