"""Etsy: orders with their buyers, listings, the payment account's ledger."""

from __future__ import annotations

from execution.platform_settings import PlatformVariables
from execution.platforms.changed_objects import ChangedObject, Changes, at_path
from execution.platforms.etsy.api import ETSY_API
from execution.platforms.etsy.consent import ETSY_CONSENT
from execution.platforms.etsy.rights import ETSY_RIGHTS
from execution.platforms.etsy.streams import ENTITIES
from execution.platforms.etsy.tokens import ETSY_TOKENS
from execution.platforms.etsy.webhooks import ETSY_WEBHOOKS
from execution.platforms.platform import Platform, Profit
from execution.platforms.words import Colour, SellerWords

ETSY = Platform(
    name="etsy",
    title="Etsy",
    words=SellerWords(
        brings="Orders, listings, the payment account with every fee, and customers.",
        colour=Colour(light="#c2571a", dark="#ef8f55"),
        failures={
            "no_shop": "This Etsy account has no shop.",
            "not_your_shop": "This Etsy shop belongs to another Etsy account. Please reconnect with the account that "
            "owns it.",
        },
    ),
    variables=PlatformVariables(
        client_id="ETSY_KEYSTRING",
        client_secret="ETSY_SHARED_SECRET",  # noqa: S106  a name
        webhook_secret="ETSY_WEBHOOK_SECRET",  # noqa: S106  a name
    ),
    tokens=ETSY_TOKENS,
    api=ETSY_API,
    rights=ETSY_RIGHTS,
    readings={"": ENTITIES},
    consent=ETSY_CONSENT,
    webhooks=ETSY_WEBHOOKS,
    changes=Changes(objects=(ChangedObject(stream="receipts", by_id=at_path("/shops/{shop_id}/receipts/{id}")),)),
    profit=Profit(fees="payments"),
)
