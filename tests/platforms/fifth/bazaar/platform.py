"""Bazaar as one value."""

from __future__ import annotations

from pathlib import Path

from execution.platform_settings import PlatformVariables
from execution.platforms.changed_objects import ChangedObject, Changes, at_path
from execution.platforms.platform import Platform
from execution.platforms.rights import Rights
from execution.platforms.words import Colour, SellerWords
from tests.platforms.fifth.bazaar.api import BAZAAR_API
from tests.platforms.fifth.bazaar.consent import BAZAAR_CONSENT, BAZAAR_TOKENS
from tests.platforms.fifth.bazaar.streams import ENTITIES
from tests.platforms.fifth.bazaar.webhooks import BAZAAR_WEBHOOKS

BAZAAR = Platform(
    name="bazaar",
    title="Bazaar",
    words=SellerWords(brings="Orders of your stall.", colour=Colour(light="#8a5a00", dark="#e0b050")),
    variables=PlatformVariables(
        client_id="BAZAAR_CLIENT_ID", client_secret="BAZAAR_CLIENT_SECRET", webhook_secret="BAZAAR_WEBHOOK_SECRET"
    ),
    tokens=BAZAAR_TOKENS,
    api=BAZAAR_API,
    rights=Rights(needs={"orders": ("orders",)}),
    readings={"": ENTITIES},
    consent=BAZAAR_CONSENT,
    webhooks=BAZAAR_WEBHOOKS,
    changes=Changes(objects=(ChangedObject(stream="orders", by_id=at_path("/shops/{shop_id}/orders/{id}")),)),
    directive=Path(__file__).with_name("bazaar.md"),
)
