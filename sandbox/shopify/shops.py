"""Making shops at the control plane's wish."""

from __future__ import annotations

import asyncio
from typing import Any

from sandbox.parts.answer import Doc
from sandbox.parts.control import Taken, whole_number
from sandbox.shopify.front import Front
from sandbox.shopify.ids import MAX_SEED
from sandbox.shopify.money import SHOP_CURRENCIES
from sandbox.shopify.plans import PLANS
from sandbox.shopify.shop import Plan, Shop, default_owner, default_products
from sandbox.shopify.tokens import SCOPES
from sandbox.shopify.world import World

MAX_ORDERS = 3_000_000
_FIELDS = {"seed", "orders", "currency", "years", "ends_at", "owner", "products", "plan", "scopes", "expiring"}


def read_plan(world: World, wanted: Doc) -> Plan:
    """The plan that the request means, or ValueError."""
    if unknown := set(wanted) - _FIELDS:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: {', '.join(sorted(_FIELDS))}")
    seed = wanted.get("seed")
    if seed is None:
        seed = next(number for number in range(1, MAX_SEED) if number not in world.seeds)
    orders = whole_number(wanted, "orders", 1200, 0, MAX_ORDERS)
    plan = Plan(
        seed=whole_number({"seed": seed}, "seed", 0, 0, MAX_SEED),
        orders=orders,
        currency=_one_of(wanted, "currency", "USD", SHOP_CURRENCIES),
        years=_years(wanted.get("years", 3)),
        ends_at=whole_number(wanted, "ends_at", world.clock.seconds(), 1_000_000_000, 2**40),
        owner=str(wanted.get("owner", default_owner(seed))),
        products=whole_number(wanted, "products", default_products(orders), 4, 2000),
        plan=_one_of(wanted, "plan", "standard", tuple(PLANS)),
    )
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
    world.building.remove(front)
    world.fronts[front.shop.ids.shop] = front
    scopes = tuple(wanted.get("scopes", SCOPES))
    return {
        **describe(front),
        **pair(world, front.shop.ids.shop, scopes, expiring=bool(wanted.get("expiring", True)), expires_in=None),
        "client_id": world.client_id,
        "client_secret": world.client_secret,
    }


def describe(front: Front) -> Doc:
    shop, plan = front.shop, front.shop.plan
    return {
        "seed": plan.seed,
        "shop_id": shop.ids.shop,
        "shop_domain": shop.domain,
        "shop_name": shop.name,
        "owner": plan.owner,
        "currency": plan.currency,
        "plan": plan.plan,
        "orders": plan.orders,
        "products": plan.products,
        "years": plan.years,
        "created_timestamp": shop.opened,
        "ends_at": plan.ends_at,
    }


def pair(world: World, shop_id: int, scopes: tuple[str, ...], *, expiring: bool, expires_in: int | None) -> Doc:
    issued = world.tokens.issue(shop_id, scopes, expiring=expiring, expires_in=expires_in)
    life = issued.get("expires_in")
    return {**issued, "expires_at": None if life is None else int(world.clock.now() + life)}


def _one_of(wanted: Doc, name: str, default: str, choices: tuple[str, ...]) -> str:
    value = str(wanted.get(name, default))
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}")
    return value


def _years(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 20:
        raise ValueError("years must be a number above 0 and at most 20")
    return float(value)
