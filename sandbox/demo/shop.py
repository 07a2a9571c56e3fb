"""The sandbox's control plane, as far as the demo needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.demo.plan import CALLS_PER_DAY, CALLS_PER_SECOND, Plan, Trouble

# Long enough to connect with, over long before the backfill is.
_TOKEN_SECONDS = 5
# A big shop is built before it answers.
_PATIENCE_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Seller:
    """Whom the demo connects."""

    shop_id: str
    shop_name: str
    access_token: str
    refresh_token: str
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class Struck:
    """A fault and how often it struck."""

    what: str
    times: int


class EtsySandbox:
    """One running Etsy sandbox."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url + "/_sandbox", timeout=_PATIENCE_S, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def open_shop(self, plan: Plan) -> Seller:
        """A shop from the seed, and a token that is about to expire, so that a refresh is seen."""
        self._post("/settings", {"per_second": CALLS_PER_SECOND, "per_day": CALLS_PER_DAY + 10 * plan.orders})
        wanted = {"seed": plan.seed, "orders": plan.orders, "currency": plan.currency, "years": 3}
        shop = self._post("/shops", wanted)
        life = {} if plan.calm else {"expires_in": _TOKEN_SECONDS}
        tokens = self._post("/tokens", {"shop_id": shop["shop_id"], **life})
        return Seller(
            shop_id=str(shop["shop_id"]),
            shop_name=shop["shop_name"],
            access_token=tokens["access_token"],
            refresh_token=tokens["refresh_token"],
            expires_at=tokens["expires_at"],
        )

    def plant(self, troubles: Sequence[Trouble]) -> None:
        """Switch the faults on, in order."""
        for trouble in troubles:
            self._post("/faults", dict(trouble.rule))

    def struck(self, troubles: Sequence[Trouble]) -> tuple[Struck, ...]:
        """How often each fault struck; rules come back in the order in which they were planted."""
        rules = self._get("/faults")["results"]
        return tuple(Struck(what=t.what, times=r["struck"]) for t, r in zip(troubles, rules, strict=True))

    def requests(self) -> dict[str, Any]:
        """The sandbox's own count of what it was asked."""
        summary: dict[str, Any] = self._get("/ledger/summary")
        return summary

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._http.post(path, json=body).raise_for_status().json()

    def _get(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()
