"""The newest orders, as lists show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from web.context import Web
from web.pages.formats import Formats
from web.pages.money_words import link
from web.pages.shop_names import titles_of


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    platform: str
    key: str
    title: str
    number: str
    day: str
    total: str
    href: str


def recent_orders(web: Web, user_id: str, formats: Formats, *, most: int) -> tuple[OrderLine, ...]:
    """What came in last, over all shops."""
    rows: Sequence[Mapping[str, Any]] = web.app.store.rpc("recent_orders", p_user_id=user_id, p_limit=most)
    titles = titles_of(rows)
    return tuple(_line(row, titles[row["connection_id"]], formats) for row in rows)


def _line(row: Mapping[str, Any], title: str, formats: Formats) -> OrderLine:
    number = str(row["order_number"] or row["platform_id"])
    return OrderLine(
        platform=row["platform"],
        key=f"{row['connection_id']}-{row['platform_id'].rpartition('/')[2]}",
        title=title,
        number=f"Order {number if number.startswith('#') else '#' + number}",
        day=formats.day(datetime.fromisoformat(row["ordered_at"])),
        href=link("/reports/order", connection_id=row["connection_id"], id=row["platform_id"]),
        total="unknown" if row["total_amount"] is None else formats.money(int(row["total_amount"]), row["currency"]),
    )
