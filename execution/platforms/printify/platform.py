"""Printify: what was printed for orders of other platforms, and what it cost."""

from __future__ import annotations

from execution.platform_settings import Currency, PlatformVariables, Variable
from execution.platforms.changed_objects import ChangedObject, Changes, at_path
from execution.platforms.platform import Platform, Profit
from execution.platforms.printify.api import PRINTIFY_API
from execution.platforms.printify.consent import PRINTIFY_CONSENT
from execution.platforms.printify.rights import PRINTIFY_RIGHTS
from execution.platforms.printify.streams import ENTITIES
from execution.platforms.printify.tokens import PRINTIFY_TOKENS
from execution.platforms.printify.webhooks import PRINTIFY_WEBHOOKS
from execution.platforms.words import Colour, PastedToken, SellerWords

# Printify's amounts name no currency: this one is assumed until a seller states another (docs/decisions/013).
_CURRENCY = Variable(name="PRINTIFY_CURRENCY", type=Currency, default="USD")

PRINTIFY = Platform(
    name="printify",
    title="Printify",
    words=SellerWords(
        brings="What every item costs you: production and shipping, tied to your orders.",
        lead="Printify tells what every item costs you, so that your profit is real. There are two ways; either is "
        "enough.",
        consent_heading="Confirm at Printify",
        consent_hint="Printify asks you on a page of its own. You can take the access back there at any time.",
        pasted=PastedToken(
            heading="Paste a personal access token",
            label="Personal access token",
            hint="In Printify under Account, Connections. Allow it to read shops, products and orders. It is stored "
            "encrypted, and shown to nobody.",
            shop_label="Shop number, if you have several",
        ),
        colour=Colour(light="#7a4bb5", dark="#b695ec"),
        failures={
            "not_your_shop": "Please choose one of your Printify shops: {shops}.",
            "payment_needed": "Printify asks for a payment, or a quota of your account is used up. Please look at "
            "your Printify account.",
        },
    ),
    variables=PlatformVariables(
        client_id="PRINTIFY_APP_ID",
        webhook_secret="PRINTIFY_WEBHOOK_SECRET",  # noqa: S106  a name
        more=(_CURRENCY,),
        currency=_CURRENCY.name,
    ),
    tokens=PRINTIFY_TOKENS,
    api=PRINTIFY_API,
    rights=PRINTIFY_RIGHTS,
    readings={"": ENTITIES},
    consent=PRINTIFY_CONSENT,
    webhooks=PRINTIFY_WEBHOOKS,
    changes=Changes(
        objects=(
            ChangedObject(stream="orders", by_id=at_path("/shops/{shop_id}/orders/{id}.json")),
            ChangedObject(stream="products", by_id=at_path("/shops/{shop_id}/products/{id}.json")),
        )
    ),
    profit=Profit(costs="orders"),
)
