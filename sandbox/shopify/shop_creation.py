"""Making shops at the control plane's wish."""

from __future__ import annotations

from sandbox.parts.control_http import whole_number
from sandbox.parts.responses import Doc
from sandbox.parts.shop import default_owner
from sandbox.parts.shop_options import ends_at_of, free_seed, orders_of, refuse_unknown, years_of
from sandbox.shopify.data.ids import MAX_SEED
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.data.plans import PLANS
from sandbox.shopify.data.shop import ZONES, Plan, Shop, default_products
from sandbox.shopify.tokens import SCOPES
from sandbox.shopify.world import World

_FIELDS = {"seed", "orders", "currency", "years", "ends_at", "owner", "products", "plan", "scopes", "expiring"}


def read_plan(world: World, wanted: Doc) -> Plan:
    """The plan that the request means, or ValueError."""
    refuse_unknown(wanted, _FIELDS)
    seed = free_seed(wanted, world.seeds, MAX_SEED)
    orders = orders_of(wanted)
    return Plan(
        seed=seed,
        orders=orders,
        currency=_one_of(wanted, "currency", "USD", tuple(ZONES)),
        years=years_of(wanted),
        ends_at=ends_at_of(wanted, world.clock),
        owner=str(wanted.get("owner", default_owner(seed))),
        products=whole_number(wanted, "products", default_products(orders), 4, 2000),
        plan=_one_of(wanted, "plan", "standard", tuple(PLANS)),
    )


async def open_shop(world: World, wanted: Doc) -> Doc:
    live_shop = LiveShop(Shop(read_plan(world, wanted)), world.folder)
    await world.open(live_shop, live_shop.store.build)
    scopes = tuple(wanted.get("scopes", SCOPES))
    return {
        **describe(live_shop),
        **token_pair(
            world, live_shop.shop.ids.shop, scopes, expiring=bool(wanted.get("expiring", True)), expires_in=None
        ),
        "client_id": world.client_id,
        "client_secret": world.client_secret,
    }


def describe(live_shop: LiveShop) -> Doc:
    shop, plan = live_shop.shop, live_shop.shop.plan
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


def token_pair(world: World, shop_id: int, scopes: tuple[str, ...], *, expiring: bool, expires_in: int | None) -> Doc:
    issued = world.tokens.issue(shop_id, scopes, expiring=expiring, expires_in=expires_in)
    life = issued.get("expires_in")
    return {**issued, "expires_at": None if life is None else int(world.clock.now() + life)}


def _one_of(wanted: Doc, name: str, default: str, choices: tuple[str, ...]) -> str:
    value = str(wanted.get(name, default))
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}")
    return value
