"""Shopify: orders with lines, refunds, transactions and shipments; products and their variants; customers.

    python -m execution.sync_shopify --user ID

loads all of it for one user, in this process. Everything that is particular to the platform stands in
`execution/platforms/shopify/`.
"""

from __future__ import annotations

from execution import sync
from execution.platforms.shopify.platform import SHOPIFY

ENTITIES = SHOPIFY.entities()

if __name__ == "__main__":
    sync.main(SHOPIFY)
