"""Square: what is sold over a counter and in a salon, with the catalog, stock, payouts, people and appointments."""

from __future__ import annotations

from execution.platform_settings import PlatformVariables
from execution.platforms.changed_objects import ChangedObject, Changes
from execution.platforms.platform import Platform
from execution.platforms.square.api import SQUARE_API
from execution.platforms.square.changes import by_ids, inside
from execution.platforms.square.consent import SQUARE_CONSENT
from execution.platforms.square.cursors import BookingPages, BookingPaginator, CursorPages, CursorPaginator
from execution.platforms.square.pages import OnePage
from execution.platforms.square.payout_entries import PayoutEntryPages, PayoutEntryPaginator
from execution.platforms.square.rights import SQUARE_RIGHTS
from execution.platforms.square.streams import ENTITIES
from execution.platforms.square.timed import TimedPages, TimedPaginator
from execution.platforms.square.tokens import SQUARE_TOKENS
from execution.platforms.square.webhooks import SQUARE_WEBHOOKS
from execution.platforms.words import Colour, SellerWords

SQUARE = Platform(
    name="square",
    title="Square",
    words=SellerWords(
        brings="Orders, payments, payouts, items, stock and appointments of all your locations.",
        colour=Colour(light="#3d5a73", dark="#8fb2cc"),
        failures={
            "plan_missing": "Your plan at Square does not include this part, so we cannot read it. The others go on.",
            "no_shop": "This Square account names no seller.",
        },
    ),
    variables=PlatformVariables(
        client_id="SQUARE_APP_ID",
        client_secret="SQUARE_APP_SECRET",  # noqa: S106  a name
        webhook_secret="SQUARE_WEBHOOK_SECRET",  # noqa: S106  a name
    ),
    tokens=SQUARE_TOKENS,
    api=SQUARE_API,
    rights=SQUARE_RIGHTS,
    readings={"": ENTITIES},
    consent=SQUARE_CONSENT,
    webhooks=SQUARE_WEBHOOKS,
    changes=Changes(
        objects=(
            ChangedObject(stream="orders", by_id=by_ids),
            ChangedObject(stream="payments", by_id=inside("/v2/payments/{id}", "payment")),
            ChangedObject(stream="refunds", by_id=inside("/v2/refunds/{id}", "refund")),
            ChangedObject(stream="customers", by_id=inside("/v2/customers/{id}", "customer")),
            ChangedObject(stream="bookings", by_id=inside("/v2/bookings/{id}", "booking")),
        )
    ),
    paginators={
        OnePage: CursorPaginator,
        CursorPages: CursorPaginator,
        TimedPages: TimedPaginator,
        BookingPages: BookingPaginator,
        PayoutEntryPages: PayoutEntryPaginator,
    },
)
