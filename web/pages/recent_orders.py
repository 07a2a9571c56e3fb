"""The newest orders, as lists show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from web import messages
from web.context import Web
from web.pages.formats import Formats


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    platform: str
    key: str
    title: str
    number: str
    day: str
    total: str


def recent_orders(web: Web, user_id: str, formats: Formats, *, most: int) -> tuple[OrderLine, ...]:
    """What came in last, over all platforms."""
    rows: Sequence[Mapping[str, Any]] = web.app.store.rpc("recent_orders", p_user_id=user_id, p_limit=most)
    return tuple(_line(row, formats) for row in rows)


def _line(row: Mapping[str, Any], formats: Formats) -> OrderLine:
    number = str(row["order_number"] or row["platform_id"])
    return OrderLine(
        platform=row["platform"],
        key=row["platform_id"].rpartition("/")[2],
        title=messages.platform_title(row["platform"]),
        number=f"Order {number if number.startswith('#') else '#' + number}",
        day=formats.day(datetime.fromisoformat(row["ordered_at"])),
        total=formats.money(int(row["total_amount"]), row["currency"]),
    )
