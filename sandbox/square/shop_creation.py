"""Making sellers at the control plane's wish."""

from __future__ import annotations

from sandbox.parts.control_http import whole_number
from sandbox.parts.money import SHOP_CURRENCIES
from sandbox.parts.responses import Doc
from sandbox.parts.shop import default_owner
from sandbox.parts.shop_options import ends_at_of, free_seed, refuse_unknown, years_of
from sandbox.square.data.ids import MAX_SEED
from sandbox.square.data.shop import KINDS, Plan, Shop
from sandbox.square.data.timestamps import parsed
from sandbox.square.live_shop import LiveShop
from sandbox.square.tokens import SCOPES
from sandbox.square.world import World

MAX_ORDERS = 300_000
_FIELDS = {
    "seed", "kind", "orders", "currency", "years", "ends_at", "owner", "locations", "inactive_locations", "variations",
    "lines", "bookings", "payout_days", "scopes",
}  # fmt: skip


def read_plan(world: World, wanted: Doc) -> Plan:
    """The plan that the request means, or ValueError."""
    refuse_unknown(wanted, _FIELDS)
    seed = free_seed(wanted, world.seeds, MAX_SEED)
    kind, currency = wanted.get("kind", "shop"), wanted.get("currency", "USD")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if currency not in SHOP_CURRENCIES:
        raise ValueError(f"currency must be one of {', '.join(SHOP_CURRENCIES)}")
    orders = whole_number(wanted, "orders", 1200, 0, MAX_ORDERS)
    locations = whole_number(wanted, "locations", 1 if kind == "salon" else 3, 1, 300)
    return Plan(
        seed=seed,
        kind=kind,
        orders=orders,
        currency=currency,
        years=years_of(wanted),
        ends_at=ends_at_of(wanted, world.clock),
        owner=str(wanted.get("owner", default_owner(seed))),
        locations=locations,
        inactive_locations=whole_number(wanted, "inactive_locations", 0, 0, locations - 1),
        variations=whole_number(wanted, "variations", max(12, min(orders // 10, 1000)), 1, 10_000),
        lines=_lines(wanted),
        bookings=whole_number(wanted, "bookings", orders if kind == "salon" else 0, 0, MAX_ORDERS),
        payout_days=whole_number(wanted, "payout_days", 7, 1, 31),
    )


def _lines(wanted: Doc) -> float:
    value = wanted.get("lines", 2.5)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 20:
        raise ValueError("lines must be a number from 1 to 20")
    return float(value)


async def open_shop(world: World, wanted: Doc) -> Doc:
    live_shop = LiveShop(Shop(read_plan(world, wanted)), world.folder)
    await world.open(live_shop, live_shop.store.build)
    ids = live_shop.shop.ids
    world.tokens.merchants[ids.shop] = ids.merchant
    scopes = tuple(wanted.get("scopes", SCOPES))
    return {**describe(live_shop), **token_pair(world, ids.shop, scopes, None), "app_id": world.app_id}


def describe(live_shop: LiveShop) -> Doc:
    shop, plan = live_shop.shop, live_shop.shop.plan
    return {
        "seed": plan.seed,
        "shop_id": shop.ids.shop,
        "merchant_id": shop.ids.merchant,
        "shop_name": shop.name,
        "kind": plan.kind,
        "currency": plan.currency,
        "orders": plan.orders,
        "bookings": plan.bookings,
        "location_ids": list(shop.location_ids),
        "ends_at": shop.end,
    }


def token_pair(world: World, shop_id: int, scopes: tuple[str, ...], expires_in: float | None) -> Doc:
    issued = world.tokens.issue(shop_id, scopes, expires_in=expires_in)
    ends = parsed(issued["expires_at"]) // 1000
    return {
        "access_token": issued["access_token"],
        "refresh_token": issued["refresh_token"],
        "expires_in": ends - world.clock.seconds(),
        "expires_at": ends,
    }
