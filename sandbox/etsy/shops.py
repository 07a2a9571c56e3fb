"""Making shops at the control plane's wish."""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox.etsy.front import Front
from sandbox.etsy.ids import MAX_SEED
from sandbox.etsy.shop import Plan, Shop, currencies, default_listings, default_owner
from sandbox.etsy.tokens import SCOPES
from sandbox.etsy.world import World
from sandbox.parts.answer import Doc
from sandbox.parts.control import Taken, whole_number

MAX_ORDERS = 3_000_000
_FIELDS = {"seed", "orders", "currency", "payout_currency", "years", "ends_at", "owner", "listings", "scopes", "warm"}


def read_plan(world: World, wanted: Doc) -> Plan:
    """The plan that the request means, or ValueError."""
    if unknown := set(wanted) - _FIELDS:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: {', '.join(sorted(_FIELDS))}")
    seed = wanted.get("seed")
    if seed is None:
        seed = next(number for number in range(1, MAX_SEED) if number not in world.seeds)
    orders = whole_number(wanted, "orders", 1200, 0, MAX_ORDERS)
    currency = str(wanted.get("currency", "USD"))
    plan = Plan(
        seed=whole_number({"seed": seed}, "seed", 0, 0, MAX_SEED),
        orders=orders,
        currency=currency,
        payout_currency=str(wanted.get("payout_currency", currency)),
        years=_years(wanted.get("years", 3)),
        ends_at=whole_number(wanted, "ends_at", world.clock.seconds(), 1_000_000_000, 2**40),
        owner=str(wanted.get("owner", default_owner(seed))),
        listings=whole_number(wanted, "listings", default_listings(orders), 5, 2000),
    )
    for code in (plan.currency, plan.payout_currency):
        if code not in currencies():
            raise ValueError(f"currency must be one of {', '.join(currencies())}")
    if plan.seed in world.seeds:
        raise Taken(f"a shop of seed {plan.seed} is already there")
    return plan


async def open_shop(world: World, wanted: Doc) -> Doc:
    """Build the shop beside the loop, so that other requests are answered meanwhile."""
    front = Front(Shop(read_plan(world, wanted)), world.folder)
    # Taken before the first await: two requests cannot take one seed. The shop opens when it is whole.
    world.seeds.add(front.shop.seed)
    world.building.append(front)
    await asyncio.to_thread(front.shelf.build)
    if wanted.get("warm"):
        await asyncio.to_thread(front.shelf.warm)
    world.building.remove(front)
    world.fronts[front.shop.ids.shop] = front
    scopes = tuple(wanted.get("scopes", SCOPES))
    return {
        **describe(front),
        **pair(world, front.shop.ids.user, scopes, None),
        "keystring": world.keystring,
        "shared_secret": world.shared_secret,
    }


def describe(front: Front) -> Doc:
    shop, plan = front.shop, front.shop.plan
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


def pair(world: World, user_id: int, scopes: tuple[str, ...], expires_in: int | None) -> Doc:
    issued = world.tokens.issue(user_id, scopes, expires_in)
    return {
        "access_token": issued["access_token"],
        "refresh_token": issued["refresh_token"],
        "expires_in": issued["expires_in"],
        "expires_at": int(world.clock.now() + issued["expires_in"]),
    }


def _years(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 20:
        raise ValueError("years must be a number above 0 and at most 20")
    return float(value)
