"""Shopify: orders with all that belongs to them, products with their variants, customers."""

from __future__ import annotations

from typing import Literal

from execution.platform_settings import PlatformVariables, Variable
from execution.platforms.platform import Platform
from execution.platforms.shopify import rest_streams, streams
from execution.platforms.shopify.api import SHOPIFY_API
from execution.platforms.shopify.bulk import BulkPaginator
from execution.platforms.shopify.changes import SHOPIFY_CHANGES
from execution.platforms.shopify.consent import SHOPIFY_CONSENT
from execution.platforms.shopify.graphql_pages import GraphqlPages
from execution.platforms.shopify.revoke import SHOPIFY_REVOKE
from execution.platforms.shopify.rights import PAYMENTS, SHOPIFY_RIGHTS
from execution.platforms.shopify.since_id import SinceIdPages, SinceIdPaginator
from execution.platforms.shopify.tokens import SHOPIFY_TOKENS
from execution.platforms.shopify.webhooks import SHOPIFY_WEBHOOKS
from execution.platforms.words import Colour, SellerWords, ShopField

# Which of Shopify's APIs orders and customers are read from; GraphQL knows more and costs less.
_READ = Variable(name="SHOPIFY_READ", type=Literal["graphql", "rest"], default="graphql")
# Shopify shows the last sixty days of orders unless it has approved the app for all (sheet 0.7).
_ALL_ORDERS = Variable(name="SHOPIFY_ALL_ORDERS", type=bool, default=False)
# Whether sellers are asked to show their payment account as well: what disputes took, payouts, reserves.
_PAYMENTS = Variable(name="SHOPIFY_PAYMENTS", type=bool, default=False)
_FAILURES = {
    "history_limited": "Shopify shows us only the orders of the last 60 days, and those are copied. For your whole "
    "history our app needs the permission {scope}: please reconnect your shop and allow it.",
    "protected_data": "Shopify has not approved our app for this protected customer data. Our engineers have been "
    "told; until then this part of your shop cannot be copied.",
    "shop_gone": "Shopify no longer knows this shop. If it moved to another address, please connect it again.",
    "shop_unknown": "This is not the name of a shop at Shopify. Write it as it stands before .myshopify.com.",
}

SHOPIFY = Platform(
    name="shopify",
    title="Shopify",
    words=SellerWords(
        brings="Orders, products and customers of your own shop.",
        lead="Shopify asks you to confirm on a page of its own. We ask to read orders, products and customers, and "
        "never to change anything.",
        shop=ShopField(
            label="Name of your shop",
            suffix=SHOPIFY_CONSENT.shop_suffix,
            hint="The part before .myshopify.com, as in Shopify under Settings, Domains. Not your own domain.",
        ),
        shop_form="name.myshopify.com",
        colour=Colour(light="#2f7d4f", dark="#68bb8a"),
        failures=_FAILURES,
    ),
    variables=PlatformVariables(
        client_id="SHOPIFY_CLIENT_ID",
        client_secret="SHOPIFY_CLIENT_SECRET",  # noqa: S106  a name
        # Shopify signs with the app's own secret.
        webhook_secret="SHOPIFY_CLIENT_SECRET",  # noqa: S106  a name
        more=(_READ, _ALL_ORDERS, _PAYMENTS),
        scopes={_ALL_ORDERS.name: ("read_all_orders",), _PAYMENTS.name: PAYMENTS},
        reading=_READ.name,
    ),
    tokens=SHOPIFY_TOKENS,
    api=SHOPIFY_API,
    rights=SHOPIFY_RIGHTS,
    readings={"graphql": streams.ENTITIES, "rest": rest_streams.ENTITIES},
    consent=SHOPIFY_CONSENT,
    revoke=SHOPIFY_REVOKE,
    webhooks=SHOPIFY_WEBHOOKS,
    changes=SHOPIFY_CHANGES,
    paginators={GraphqlPages: BulkPaginator, SinceIdPages: SinceIdPaginator},
)
