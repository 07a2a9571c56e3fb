"""The three stand-ins and one stack for the session."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sandbox.stack import Stack
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify


@dataclass(frozen=True, kw_only=True)
class Platforms:
    """The control planes."""

    etsy: Etsy
    printify: Printify
    shopify: Shopify


@pytest.fixture
def platforms(etsy: Etsy, printify: Printify, shopify: Shopify) -> Platforms:
    return Platforms(etsy=etsy, printify=printify, shopify=shopify)


@pytest.fixture
def product_env(stack: Stack, platforms: Platforms) -> dict[str, str]:
    return {**stack.env, **platforms.etsy.env, **platforms.printify.env, **platforms.shopify.env}
