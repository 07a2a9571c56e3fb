"""A Printify shop from a seed: every record is a pure function of the plan and the record's row in the index."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sandbox.etsy.shop import Plan as EtsyPlan
from sandbox.parts.answer import Doc
from sandbox.printify.channels import Channel, EtsyChannel, GivenOrders, ShopifyChannel
from sandbox.printify.ids import Ids
from sandbox.printify.products import Product, make_product


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a shop is made from; equal plans give equal shops. `orders` None: what the channel's orders come to."""

    seed: int
    account_id: int
    title: str
    channel: str
    machine: EtsyPlan
    orders: int | None = None
    order_ids: tuple[Doc, ...] = field(default=(), hash=False)
    # The machine is the plan of the channel's own shop, so its ids are real ones.
    from_seed: bool = False
    coverage: float = 0.95
    # No splits, reprints, re-routed lines or gaps in references: for benchmarks and arithmetic by hand.
    plain: bool = False


class Shop:
    """Everything about a shop that nobody has changed yet."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seed = plan.seed
        self.ids = Ids(plan.seed)
        self.end = plan.machine.ends_at
        self.channel = _channel(plan)

    @property
    def sales_channel(self) -> str:
        """The word in shops.json."""
        return {"custom": "custom_integration"}.get(self.plan.channel, self.plan.channel)

    @cached_property
    def products(self) -> list[Product]:
        """One for each printed listing of the channel, at most about 2,000."""
        return [
            make_product(self.seed, listing)
            for listing in self.channel.machine.listings
            if not listing.product.digital and not listing.gone
        ]

    @cached_property
    def by_number(self) -> dict[int, Product]:
        return {product.number: product for product in self.products}


def _channel(plan: Plan) -> Channel:
    if plan.from_seed and not plan.order_ids:
        return (EtsyChannel if plan.channel == "etsy" else ShopifyChannel)(plan.machine)
    return GivenOrders(plan.channel, plan.machine, list(plan.order_ids))
