"""Making shops at the control plane's wish."""

from __future__ import annotations

from sandbox.etsy.ids import MAX_SEED
from sandbox.etsy.live_shop import LiveShop
from sandbox.etsy.shop import Plan, Shop, default_listings
from sandbox.etsy.tokens import SCOPES
from sandbox.etsy.world import World
from sandbox.parts.control_http import whole_number
from sandbox.parts.money import SHOP_CURRENCIES
from sandbox.parts.responses import Doc
from sandbox.parts.shop import default_owner
from sandbox.parts.shop_options import ends_at_of, free_seed, orders_of, refuse_unknown, years_of

_FIELDS = {"seed", "orders", "currency", "payout_currency", "years", "ends_at", "owner", "listings", "scopes", "warm"}


def read_plan(world: World, wanted: Doc) -> Plan:
    """The plan that the request means, or ValueError."""
    refuse_unknown(wanted, _FIELDS)
    seed = free_seed(wanted, world.seeds, MAX_SEED)
    orders = orders_of(wanted)
    currency = str(wanted.get("currency", "USD"))
    plan = Plan(
        seed=seed,
        orders=orders,
        currency=currency,
        payout_currency=str(wanted.get("payout_currency", currency)),
        years=years_of(wanted),
        ends_at=ends_at_of(wanted, world.clock),
        owner=str(wanted.get("owner", default_owner(seed))),
        listings=whole_number(wanted, "listings", default_listings(orders), 5, 2000),
    )
    for code in (plan.currency, plan.payout_currency):
        if code not in sorted(SHOP_CURRENCIES):
            raise ValueError(f"currency must be one of {', '.join(sorted(SHOP_CURRENCIES))}")
    return plan


async def open_shop(world: World, wanted: Doc) -> Doc:
    live_shop = LiveShop(Shop(read_plan(world, wanted)), world.folder)
    await world.open(live_shop, live_shop.store.build_warm if wanted.get("warm") else live_shop.store.build)
    scopes = tuple(wanted.get("scopes", SCOPES))
    return {
        **describe(live_shop),
        **token_pair(world, live_shop.shop.ids.user, scopes, None),
        "keystring": world.keystring,
        "shared_secret": world.shared_secret,
    }


def describe(live_shop: LiveShop) -> Doc:
    shop, plan = live_shop.shop, live_shop.shop.plan
    return {
        "seed": plan.seed,
        "shop_id": shop.ids.shop,
        "user_id": shop.ids.user,
        "shop_name": shop.name,
        "owner": plan.owner,
        "currency": plan.currency,
        "payout_currency": plan.payout_currency,
        "orders": plan.orders,
        "listings": plan.listings,
        "years": plan.years,
        "created_timestamp": shop.opened,
        "ends_at": plan.ends_at,
    }


def token_pair(world: World, user_id: int, scopes: tuple[str, ...], expires_in: int | None) -> Doc:
    issued = world.tokens.issue(user_id, scopes, expires_in)
    return {
        "access_token": issued["access_token"],
        "refresh_token": issued["refresh_token"],
        "expires_in": issued["expires_in"],
        "expires_at": int(world.clock.now() + issued["expires_in"]),
    }
