"""Whatever a report shows, every platform that sells fills: or it is said here that the platform has no such thing."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.schema.jobworld import claim, queue
from tests.schema.rows import Connection
from tests.schema.sample_records import SHAPES, sample
from tests.worlds.users import make_seller

# Each way in which a platform's orders come, and what no record of that platform tells.
NOT_TOLD: dict[str, set[str]] = {
    # No dispute is a record of its own there.
    "etsy_receipts": {"disputes_unknown"},
    # Fees are not among what is read; an order's country would need an approval.
    "shopify_orders": {"fees", "country"},
    "shopify_rest_orders": {"fees", "country"},
    # A till asks for no country and gives no number; of which item a line is the catalog says, by a derivation.
    "square_orders": {"country", "order_number", "listing_platform_id", "sku"},
}
# No record's: the name that the shop has, and the cost, which a printer tells.
OTHERS = {"shop_name", "cost", "costed", "cost_source", "cost_amount", "cost_currency", "profit"}
# What no record should be.
OTHERS |= {"unclassified", "unclassified_amount"}
# Every amount of a sample is the same: a price less its discount is nothing.
OTHERS |= {"amount"}


def test_every_way_in_which_orders_come_is_here(db: Connection) -> None:
    sellers = {row[0] for row in db.execute("select platform from private.sales_channels")}

    assert {name for name, (p, shape) in SHAPES.items() if shape.table == "orders" and p in sellers} == set(NOT_TOLD)


@pytest.mark.parametrize("name", NOT_TOLD)
def test_every_report_finds_its_columns(clean: None, db: Connection, name: str) -> None:
    user = shop_with_one_of_everything(db, name)

    while any(one(db, "select public.roll_money(%s, 31)", user).values()):
        pass
    figures = one(db, "select public.figures(%s, 'month', 'UTC', '2000-01-01')", user)
    profits = [row[0] for row in db.execute("select to_jsonb(p) from private.order_profits(%s) as p", (user,))]
    shown = {
        "sums": total(figures["sums"]),
        "best_sellers": total(figures["best_sellers"]),
        "recent_orders": total(one(db, "select public.recent_orders(%s)", user)),
        "order_profits": total(profits),
    }

    known = OTHERS | NOT_TOLD[name]
    assert [
        (report, c) for report, row in shown.items() for c, told in row.items() if not told and c not in known
    ] == []


def shop_with_one_of_everything(db: Connection, name: str) -> str:
    """A user whose shop has a record of each shape of the platform, its orders by this one."""
    platform, orders = SHAPES[name]
    user, lease = make_seller(db, platform), str(uuid.uuid4())
    queue(db, user, (platform, "orders"))
    claim(db, lease)
    for of, shape in SHAPES.values():
        if of == platform and (shape.table != "orders" or shape == orders):
            db.execute(
                "select private.land_records(j, %s, '2026-01-03', %s) from public.sync_jobs as j where j.lease_id = %s",
                (shape.name, json.dumps([sample(shape)]), lease),
            )
    db.execute("update public.order_payments set status = 'completed'")
    # More than the taxes in it; and what a derivation finds out.
    db.execute("update public.orders set total_amount = 10 * total_amount, is_test = false")
    db.execute("update public.line_items set total_amount = 10 * total_amount")
    # Where there is no journal of sales, an order says itself what was sold.
    db.execute("delete from public.order_journals")
    db.execute("update public.payments set order_platform_id = '7', entry_type = 'transaction'")
    return user


def one(db: Connection, query: str, *arguments: Any) -> Any:
    row = db.execute(query.encode(), arguments).fetchone()
    assert row is not None
    return row[0]


def total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each column whether any row fills it."""
    assert rows
    return {column: any(row[column] for row in rows) for column in rows[0]}
