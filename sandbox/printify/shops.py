"""Making shops at the control plane's wish."""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox.etsy.shop import Plan as EtsyPlan
from sandbox.etsy.shop import currencies, default_listings, default_owner
from sandbox.etsy.words import SHOP_WORDS
from sandbox.parts.answer import Doc
from sandbox.parts.control import Taken, whole_number
from sandbox.parts.dice import Dice
from sandbox.printify.front import Front
from sandbox.printify.ids import MAX_SEED, account_of
from sandbox.printify.shop import Plan, Shop
from sandbox.printify.tokens import SCOPES
from sandbox.printify.world import World

MAX_ORDERS = 3_000_000
CHANNELS = ("etsy", "shopify", "custom", "disconnected")
_FIELDS = {
    "seed",
    "account_id",
    "title",
    "channel",
    "channel_shop",
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
    if unknown := set(wanted) - _FIELDS:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: {', '.join(sorted(_FIELDS))}")
    seed = wanted.get("seed")
    if seed is None:
        seed = next(number for number in range(1, MAX_SEED) if number not in world.seeds)
    seed = whole_number({"seed": seed}, "seed", 0, 0, MAX_SEED)
    channel = wanted.get("channel", "etsy" if "channel_shop" in wanted else "custom")
    if channel not in CHANNELS:
        raise ValueError(f"channel must be one of {', '.join(CHANNELS)}")
    order_ids = _order_ids(wanted.get("order_ids", []))
    orders = None if wanted.get("orders") is None else whole_number(wanted, "orders", 0, 0, MAX_ORDERS)
    if orders is None and not order_ids and "channel_shop" not in wanted:
        orders = 1200
    machine = _machine(world, wanted, seed, len(order_ids) or orders or 0)
    if seed in world.seeds:
        raise Taken(f"a shop of seed {seed} is already there")
    return Plan(
        seed=seed,
        account_id=whole_number(wanted, "account_id", account_of(seed), 1, 10**12),
        title=str(wanted.get("title", _title(seed))),
        channel=channel,
        machine=machine,
        orders=orders,
        order_ids=order_ids,
        from_seed=channel in ("etsy", "shopify") and "channel_shop" in wanted,
        coverage=_share(wanted.get("coverage", 1.0 if order_ids else 0.95)),
        plain=wanted.get("plain") is True,
    )


def _machine(world: World, wanted: Doc, seed: int, orders: int) -> EtsyPlan:
    """The plan of the channel's shop: the one named, as its stand-in answered it, or one of our own."""
    given = wanted.get("channel_shop", wanted)
    if not isinstance(given, dict):
        raise TypeError("channel_shop must be an object: what POST /_sandbox/shops of the channel answered")
    if given is not wanted:
        orders = whole_number(given, "orders", 1200, 0, MAX_ORDERS)
        seed = whole_number(given, "seed", seed, 0, MAX_SEED)
    currency = str(given.get("currency", "USD"))
    if currency not in currencies():
        raise ValueError(f"currency must be one of {', '.join(currencies())}")
    years: Any = given.get("years", 3)
    if isinstance(years, bool) or not isinstance(years, int | float) or not 0 < years <= 20:
        raise ValueError("years must be a number above 0 and at most 20")
    return EtsyPlan(
        seed=seed,
        orders=orders,
        currency=currency,
        payout_currency=str(given.get("payout_currency", currency)),
        years=float(years),
        ends_at=whole_number(given, "ends_at", world.clock.seconds(), 1_000_000_000, 2**40),
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
    dice = Dice(f"{seed}:printify")
    return f"{dice.pick(SHOP_WORDS[0])} {dice.pick(SHOP_WORDS[1])} prints"


async def open_shop(world: World, wanted: Doc) -> Doc:
    """Build the shop beside the loop, so that other requests are answered meanwhile."""
    front = Front(Shop(read_plan(world, wanted)), world.settings, world.folder)
    # Taken before the first await: two requests cannot take one seed. The shop opens when it is whole.
    world.seeds.add(front.shop.seed)
    world.building.append(front)
    await asyncio.to_thread(front.shelf.build)
    world.building.remove(front)
    world.fronts[front.shop.ids.shop] = front
    scopes = tuple(wanted.get("scopes", SCOPES))
    return {**describe(front), **tokens(world, front.account_id, scopes, None), "app_id": world.app_id}


def describe(front: Front) -> Doc:
    shop, plan = front.shop, front.shop.plan
    return {
        "seed": plan.seed,
        "account_id": plan.account_id,
        "shop_id": shop.ids.shop,
        "title": plan.title,
        "channel": plan.channel,
        "orders": front.shelf.total(),
        "products": len(front.product_numbers()),
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
