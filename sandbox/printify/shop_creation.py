"""Making shops at the control plane's wish."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.etsy.shop import Plan as EtsyPlan
from sandbox.etsy.shop import default_listings
from sandbox.parts.control_http import whole_number
from sandbox.parts.money import SHOP_CURRENCIES
from sandbox.parts.responses import Doc
from sandbox.parts.sample_text import SHOP_WORDS
from sandbox.parts.seeded_random import SeededRandom
from sandbox.parts.shop import default_owner
from sandbox.parts.shop_options import MAX_ORDERS, ends_at_of, free_seed, orders_of, refuse_unknown, years_of
from sandbox.printify.ids import MAX_SEED, account_of
from sandbox.printify.live_shop import LiveShop
from sandbox.printify.shop import Plan, Shop
from sandbox.printify.tokens import SCOPES
from sandbox.printify.world import World
from sandbox.shopify.data.shop import ZONES, default_products
from sandbox.shopify.data.shop import Plan as ShopifyPlan

CHANNELS = ("etsy", "shopify", "custom", "disconnected")
_FIELDS = {
    "seed",
    "account_id",
    "title",
    "channel",
    "channel_shop",
    "channel_shops",
    "order_ids",
    "orders",
    "coverage",
    "plain",
    "currency",
    "years",
    "ends_at",
    "listings",
    "scopes",
}


def read_plan(world: World, wanted: Doc) -> Plan:
    """The plan that the request means, or ValueError."""
    refuse_unknown(wanted, _FIELDS)
    seed = free_seed(wanted, world.seeds, MAX_SEED)
    given = _channel_shops(wanted)
    channel = wanted.get("channel", given[0][0] if given else "custom")
    if channel not in CHANNELS:
        raise ValueError(f"channel must be one of {', '.join(CHANNELS)}")
    order_ids = _order_ids(wanted.get("order_ids", []))
    orders = None if wanted.get("orders") is None else whole_number(wanted, "orders", 0, 0, MAX_ORDERS)
    if orders is None and not order_ids and not given:
        orders = 1200
    shops = tuple(_shop_plan(world, name, shop) for name, shop in given)
    machine = _etsy_plan(world, {**wanted, "seed": seed, "orders": len(order_ids) or orders or 0})
    return Plan(
        seed=seed,
        account_id=whole_number(wanted, "account_id", account_of(seed), 1, 10**12),
        title=str(wanted.get("title", _title(seed))),
        channel=channel,
        ends_at=max(shop.ends_at for shop in shops) if shops else machine.ends_at,
        machine=machine,
        orders=orders,
        order_ids=order_ids,
        channel_shops=shops,
        coverage=_share(wanted.get("coverage", 1.0 if order_ids else 0.95)),
        plain=wanted.get("plain") is True,
    )


def _channel_shops(wanted: Doc) -> list[tuple[str, Doc]]:
    """(channel, shop) of `channel_shop` or of each of `channel_shops`; Etsy's where nothing else is said."""
    given = wanted.get("channel_shops", [])
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise ValueError("channel_shops must be a list of objects: channel, and what its stand-in answered")
    if "channel_shop" in wanted:
        if not isinstance(wanted["channel_shop"], dict):
            raise ValueError("channel_shop must be an object: what the channel's stand-in answered")
        given = [{"channel": wanted.get("channel", "etsy"), **wanted["channel_shop"]}]
    names = [item.get("channel", "etsy") for item in given]
    if not set(names) <= {"etsy", "shopify"}:
        raise ValueError("the channel of a channel_shop must be etsy or shopify")
    return list(zip(names, given, strict=True))


def _shop_plan(world: World, name: str, given: Doc) -> EtsyPlan | ShopifyPlan:
    """The plan of a channel's shop from what its stand-in answered, or from the fields that it was made with."""
    if name == "etsy":
        return _etsy_plan(world, given)
    etsy = _etsy_plan(world, {**given, "listings": 5}, ZONES)
    return ShopifyPlan(
        seed=etsy.seed,
        orders=etsy.orders,
        currency=etsy.currency,
        years=etsy.years,
        ends_at=etsy.ends_at,
        owner=etsy.owner,
        products=whole_number(given, "products", default_products(etsy.orders), 4, 2000),
        plan="standard",
    )


def _etsy_plan(world: World, given: Doc, currencies: Iterable[str] = SHOP_CURRENCIES) -> EtsyPlan:
    currency = str(given.get("currency", "USD"))
    if currency not in (known := sorted(currencies)):
        raise ValueError(f"currency must be one of {', '.join(known)}")
    orders, seed = orders_of(given), whole_number(given, "seed", 0, 0, MAX_SEED)
    return EtsyPlan(
        seed=seed,
        orders=orders,
        currency=currency,
        payout_currency=str(given.get("payout_currency", currency)),
        years=years_of(given),
        ends_at=ends_at_of(given, world.clock),
        owner=str(given.get("owner", default_owner(seed))),
        listings=whole_number(given, "listings", default_listings(orders), 5, 2000),
    )


def _order_ids(given: Any) -> tuple[Doc, ...]:
    """Ids alone, or objects with `id` and, if wished, `label`, `at`, `canceled_at`; oldest first."""
    if not isinstance(given, list) or len(given) > 1_000_000:
        raise ValueError("order_ids must be a list of at most 1,000,000 ids or objects")
    orders = []
    for item in given:
        order = {"id": item} if isinstance(item, int) else item
        if not isinstance(order, dict) or not isinstance(order.get("id"), int):
            raise TypeError("each of order_ids must be a number, or an object with a number as id")
        orders.append(order)
    return tuple(orders)


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("coverage must be a number from 0 to 1")
    return float(value)


def _title(seed: int) -> str:
    rng = SeededRandom(f"{seed}:printify")
    return f"{rng.pick(SHOP_WORDS[0])} {rng.pick(SHOP_WORDS[1])} prints"


async def open_shop(world: World, wanted: Doc) -> Doc:
    live_shop = LiveShop(Shop(read_plan(world, wanted)), world.settings, world.folder)
    await world.open(live_shop, live_shop.store.build)
    scopes = tuple(wanted.get("scopes", SCOPES))
    return {**describe(live_shop), **tokens(world, live_shop.account_id, scopes, None), "app_id": world.app_id}


def describe(live_shop: LiveShop) -> Doc:
    shop, plan = live_shop.shop, live_shop.shop.plan
    return {
        "seed": plan.seed,
        "account_id": plan.account_id,
        "shop_id": shop.ids.shop,
        "title": plan.title,
        "channel": plan.channel,
        "orders": live_shop.store.total(),
        "products": len(live_shop.product_numbers()),
        "ends_at": shop.end,
    }


def tokens(world: World, account_id: int, scopes: tuple[str, ...], expires_in: int | None) -> Doc:
    """An OAuth pair and a personal token of the account, each with the second of its end."""
    life = world.settings.access_token_seconds if expires_in is None else expires_in
    personal = world.tokens.personal(account_id, scopes, expires_in)
    return {
        **world.tokens.issue(account_id, scopes, expires_in),
        "expires_in": life,
        "expires_at": int(world.clock.now()) + life,
        "personal_token": personal["access_token"],
        "personal_expires_at": personal["expires_at"],
    }
