"""What Bazaar has: orders, into the table that other platforms' orders stand in."""

from __future__ import annotations

from execution.streams import Column, Entity, Kind, OffsetPages, Records, Stream, Window

ORDERS = Stream(
    name="orders",
    path="/shops/{shop_id}/orders",
    pages=OffsetPages(limit=10),
    params={"order": "oldest"},
    newest_first={"order": "newest"},
    window=Window(min_param="from", max_param="to", time_at="placed", from_shop_creation=True),
    records=Records(
        name="orders",
        table="orders",
        key="id",
        updated=("changed",),
        currency="currency",
        leave_out=("buyer",),
        columns=(
            Column("order_number", "number", Kind.TEXT),
            Column("status", "state", Kind.LOWER),
            Column("ordered_at", "placed", Kind.EPOCH),
            Column("total_amount", "total", Kind.MAJOR),
        ),
    ),
)

ENTITIES = (Entity(name="orders", table="orders", steps=(ORDERS,), time_column="ordered_at", complete_read=True),)
