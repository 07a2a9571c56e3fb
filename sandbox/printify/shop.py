"""A Printify shop from a seed: every record is a pure function of the plan and the record's row in the index."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sandbox.etsy.shop import Plan as EtsyPlan
from sandbox.parts.responses import Doc
from sandbox.printify.channels import Channel, GivenOrders, join_channels
from sandbox.printify.ids import Ids
from sandbox.printify.products import Product, make_product
from sandbox.shopify.data.shop import Plan as ShopifyPlan


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a shop is made from; equal plans give equal shops. `orders` None: what the channel's orders come to."""

    seed: int
    account_id: int
    title: str
    channel: str
    ends_at: int
    # Draws lines and buyers where no channel's shop does.
    machine: EtsyPlan
    orders: int | None = None
    order_ids: tuple[Doc, ...] = field(default=(), hash=False)
    # Plans of the channels' own shops, whose ids are real ones.
    channel_shops: tuple[EtsyPlan | ShopifyPlan, ...] = ()
    coverage: float = 0.95
    # No splits, reprints, re-routed lines or gaps in references: for benchmarks and arithmetic by hand.
    plain: bool = False


class Shop:
    """Everything about a shop that nobody has changed yet."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seed = plan.seed
        self.ids = Ids(plan.seed)
        self.end = plan.ends_at
        self.channel = _channel(plan)

    @property
    def sales_channel(self) -> str:
        """The word in shops.json."""
        return {"custom": "custom_integration"}.get(self.plan.channel, self.plan.channel)

    @cached_property
    def products(self) -> list[Product]:
        """One for each product of the channel, at most a few thousand."""
        return [make_product(self.seed, channel_product) for channel_product in self.channel.channel_products]

    @cached_property
    def by_number(self) -> dict[int, Product]:
        return {product.number: product for product in self.products}


def _channel(plan: Plan) -> Channel:
    if plan.channel_shops and not plan.order_ids:
        return join_channels(list(plan.channel_shops))
    return GivenOrders(plan.channel, plan.machine, list(plan.order_ids))
