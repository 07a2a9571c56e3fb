"""What the dashboard draws, as data: sums by platform and time, and the newest orders. Renders whatever is there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from web.auth.current_user import SIGNED_IN, UserDep
from web.context import WebDep
from web.examples import EXAMPLE
from web.inputs import Moment
from web.problems import Problem, responses
from web.user_facts import figures_of

router = APIRouter(tags=["dashboard"], dependencies=SIGNED_IN)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Figures(BaseModel):
    """Sums in the smallest unit of each currency; two currencies are never added. See SQL `figures`."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "rows": [
                        {
                            "platform": EXAMPLE,
                            "currency": "USD",
                            "starts": "2026-11-01",
                            "orders": 41,
                            "revenue": 120_455,
                            "refunds": 0,
                            "fees": 9_870,
                            "cost": 40_110,
                        }
                    ]
                }
            ]
        },
    )


class RecentOrder(BaseModel):
    """An order in one line; the amount in the smallest unit of its currency."""

    model_config = ConfigDict(extra="allow")

    platform: str
    connection_id: str
    shop_id: str
    shop_name: str
    platform_id: str
    order_number: str | None
    ordered_at: str
    total_amount: int | None
    currency: str


@router.get("/dashboard/figures", responses=responses(401, 422, 429, 503))
async def figures(
    *,
    user: UserDep,
    web: WebDep,
    unit: Annotated[Literal["day", "month", "year"], Query()] = "month",
    zone: Annotated[str, Query(pattern=r"^[A-Za-z0-9_+/-]{1,64}$")] = "UTC",
    since: Annotated[Moment | None, Query()] = None,
) -> Figures:
    """Orders, revenue, fees, COGS by platform, currency and unit of time, of what has arrived so far."""
    _check_zone(zone)
    return Figures(**await figures_of(web, user.id, unit=unit, zone=zone, since=since or _BEGINNING))


@router.get("/dashboard/recent-orders", responses=responses(401, 422, 503))
def recent_orders(user: UserDep, web: WebDep, limit: Annotated[int, Query(ge=1, le=50)] = 8) -> list[RecentOrder]:
    """The newest orders over all shops."""
    found: list[dict[str, Any]] = web.app.store.rpc("recent_orders", p_user_id=user.id, p_limit=limit)
    return [RecentOrder(**row) for row in found]


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Problem(422, "unknown_zone") from None
