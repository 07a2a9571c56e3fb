"""What an order is before it is written down, and which orders a channel's sales become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sandbox.parts.order_times import DAY
from sandbox.parts.seeded_random import SeededRandom
from sandbox.printify.channels import Sale
from sandbox.printify.shop import Shop

HOUR = 3600
# Of orders that are neither old nor done, by how the docs name them.
OPEN_STATUSES = (
    "pending",
    "on-hold",
    "sending-to-production",
    "in-production",
    "partially-fulfilled",
    "payment-not-received",
    "has-issues",
    "cost-calculation",
    "unfulfillable",
    "sending_to_production_delegate",
    "sending_to_production_delegate_sync",
    "source-check-failed",
)
STATUSES = (*OPEN_STATUSES, "canceled", "fulfilled")


class Row(NamedTuple):
    """What the index keeps of an order: enough to make it again.

    `ref` is the channel's sale, `half` the order that has the other lines, `first` the one that a reprint repeats,
    `again` the reprint; -1 where there is none.
    """

    pos: int
    created: int
    status: str
    role: str
    ref: int = -1
    half: int = -1
    first: int = -1
    again: int = -1


def plan_rows(shop: Shop) -> Iterator[Row]:
    """Rows of the whole shop; as many as the plan says, where it says a number."""
    wanted = shop.plan.orders
    rows = _sales_rows(shop)
    if wanted is None:
        yield from rows
        return
    made = 0
    for row in rows:
        if made == wanted:
            return
        yield row
        made += 1
    start = shop.channel.start
    for pos in range(made, wanted):
        created = start + (shop.end - start) * pos // wanted
        yield _alone(shop, pos, created, ("api", "manual")[pos % 2])


def _sales_rows(shop: Shop) -> Iterator[Row]:
    pos = 0
    share = round(shop.plan.coverage * 1000)
    for sale in shop.channel.sales():
        rng = SeededRandom(f"{shop.seed}:sale:{sale.ref}")
        if not rng.chance(share):
            continue
        for row in _rows_of_sale(shop, rng, sale, pos):
            yield row
            pos = row.pos + 1


def _rows_of_sale(shop: Shop, rng: SeededRandom, sale: Sale, pos: int) -> Iterator[Row]:
    """Usually one; sometimes two that share the lines, sometimes a reprint later, sometimes one of another kind too."""
    created = min(sale.at + rng.between(30, 2 * HOUR), shop.end)
    status = "canceled" if sale.canceled_at else _status(shop, pos, created)
    later = created + rng.between(6 * DAY, 25 * DAY)
    plain = shop.plan.plain
    split = not plain and len(sale.lines) > 1 and rng.chance(60)
    again = not plain and status != "canceled" and later <= shop.end and rng.chance(20)
    half = pos + 1 if split else -1
    reprint = pos + 1 + split if again else -1
    yield Row(pos, created, status, "sale", sale.ref, half=half, again=reprint)
    if split:
        yield Row(half, created, status, "split", sale.ref, half=pos)
    if again:
        yield Row(reprint, later, _status(shop, reprint, later), "reprint", sale.ref, first=pos)
    if not plain and rng.chance(25):
        other = pos + 1 + split + again
        yield _alone(shop, other, min(created + rng.below(DAY), shop.end), rng.pick(("manual", "sample", "api")))


def _alone(shop: Shop, pos: int, created: int, role: str) -> Row:
    """An order without a sale."""
    return Row(pos, created, _status(shop, pos, created), role)


def _status(shop: Shop, pos: int, created: int) -> str:
    """Old orders are done, young ones are on their way; one in a hundred never gets there."""
    rng = SeededRandom(f"{shop.seed}:status:{pos}")
    age = shop.end - created
    roll = rng.below(1000)
    if roll < 12:
        return OPEN_STATUSES[rng.below(len(OPEN_STATUSES))]
    if roll < 24:
        return "canceled"
    if age > 6 * DAY:
        return "fulfilled"
    if age > DAY:
        return rng.pick(("in-production", "in-production", "sending-to-production", "partially-fulfilled"))
    return rng.pick(("pending", "on-hold", "cost-calculation", "in-production"))
