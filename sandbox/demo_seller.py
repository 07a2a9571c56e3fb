"""What a newcomer finds after `keeper up --sandbox`: a seller to sign in as, and shops at the stand-ins to connect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from execution import operations
from execution.app import App
from execution.errors import KeeperError
from execution.settings import Settings
from sandbox.stack import StackError

EMAIL = "ada@example.com"
_SEED, _ORDERS = 7, 1200
# A shop is built before it is answered.
_PATIENCE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class DemoSeller:
    """Whom to sign in as, and which shop waits at each platform."""

    email: str
    shops: Mapping[str, str]


def prepare_demo_seller(env: Mapping[str, str]) -> DemoSeller:
    """Make the seller if need be, and the shops; every stand-in asks the seller on a page from now on."""
    app = App(settings=Settings.load(env))
    try:
        operations.create_user(app, email=EMAIL, plan="pro")
    except KeeperError as error:
        raise StackError(f"the demo seller was not made: {error}") from None
    finally:
        app.store.close()
    try:
        return DemoSeller(email=EMAIL, shops=_shops(env))
    except httpx.HTTPError as error:
        raise StackError(f"the shops were not made: {error}") from None


def _shops(env: Mapping[str, str]) -> dict[str, str]:
    """An Etsy shop, a Shopify shop, and the Printify account that prints for both, from one seed."""
    etsy = _open(env["ETSY_API_BASE_URL"], seed=_SEED, orders=_ORDERS)
    made, channels = {"Etsy": str(etsy["shop_name"])}, [{"channel": "etsy", **etsy}]
    if url := env.get("SHOPIFY_API_BASE_URL"):
        shopify = _open(url, seed=_SEED, orders=_ORDERS // 2)
        made["Shopify"] = str(shopify["shop_domain"])
        channels.append({"channel": "shopify", **shopify})
    if url := env.get("PRINTIFY_API_BASE_URL"):
        made["Printify"] = str(_open(url, seed=_SEED, channel_shops=channels)["title"])
    return made


def _open(url: str, **wanted: Any) -> dict[str, Any]:
    with httpx.Client(base_url=url + "/_sandbox", trust_env=False, timeout=_PATIENCE_S) as http:
        http.post("/settings", json={"consent": "ask"}).raise_for_status()
        shop: dict[str, Any] = http.post("/shops", json=wanted).raise_for_status().json()
    return shop
