"""The stand-ins and one stack for the session."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sandbox.stack import Stack
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.square import Square


@dataclass(frozen=True, kw_only=True)
class Platforms:
    """The control planes."""

    etsy: Etsy
    printify: Printify
    shopify: Shopify
    square: Square


@pytest.fixture
def platforms(etsy: Etsy, printify: Printify, shopify: Shopify, square: Square) -> Platforms:
    return Platforms(etsy=etsy, printify=printify, shopify=shopify, square=square)


@pytest.fixture
def product_env(stack: Stack, platforms: Platforms) -> dict[str, str]:
    return {
        **stack.env,
        **platforms.etsy.env,
        **platforms.printify.env,
        **platforms.shopify.env,
        **platforms.square.env,
    }
