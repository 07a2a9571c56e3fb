"""One stack and the stand-ins of all platforms; each test gets clean tables, limits without end and no faults."""

from __future__ import annotations

import pytest

from sandbox.stack import Stack
from tests.cross_platform.shops import Shops
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.square import Square


@pytest.fixture(scope="session")
def product_env(
    stack: Stack, etsy_process: Etsy, printify_process: Printify, shopify_process: Shopify, square_process: Square
) -> dict[str, str]:
    known = (etsy_process, printify_process, shopify_process, square_process)
    return {**stack.env, **{name: value for stand_in in known for name, value in stand_in.env.items()}}


@pytest.fixture(autouse=True)
def _on_own_disk(own_disk: None) -> None:
    """No export of one test is found by another."""


@pytest.fixture
def shops(etsy: Etsy, printify: Printify, shopify: Shopify) -> Shops:
    """Small ones, of two pages and more. A refresh token whose answer was lost with a worker may be tried again."""
    printify.settings(reuse_old_refresh_token="allow")
    made = ((etsy, etsy.shop(130, listings=8)), (printify, printify.shop(25)), (shopify, shopify.shop(30)))
    return Shops(of={stand_in.platform: (stand_in, shop) for stand_in, shop in made})
