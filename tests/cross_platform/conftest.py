"""One stack and the stand-ins of three platforms; each test gets clean tables, limits without end and no faults."""

from __future__ import annotations

import pytest

from sandbox.stack import Stack
from tests.cross_platform.shops import Shops
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify


@pytest.fixture(scope="session")
def product_env(
    stack: Stack, etsy_process: Etsy, printify_process: Printify, shopify_process: Shopify
) -> dict[str, str]:
    return {**stack.env, **etsy_process.env, **printify_process.env, **shopify_process.env}


@pytest.fixture(autouse=True)
def _on_own_disk(own_disk: None) -> None:
    """No export of one test is found by another."""


@pytest.fixture
def shops(etsy: Etsy, printify: Printify, shopify: Shopify) -> Shops:
    """Small ones, of two pages and more. A refresh token whose answer was lost with a worker may be tried again."""
    printify.settings(reuse_old_refresh_token="allow")
    made = ((etsy, etsy.shop(130, listings=8)), (printify, printify.shop(25)), (shopify, shopify.shop(30)))
    return Shops(of={stand_in.platform: (stand_in, shop) for stand_in, shop in made})
