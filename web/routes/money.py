"""A seller's money as data: days with their figures, and the events behind a day, down to the platform's record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict

from execution import daily_financial_roll as roll
from web.auth.current_user import SIGNED_IN, UserDep
from web.context import WebDep
from web.examples import EXAMPLE
from web.inputs import Day
from web.problems import responses
from web.user_facts import summed

router = APIRouter(tags=["money"], dependencies=SIGNED_IN)
_CURSOR = r"^\d{4}-\d{2}-\d{2} [0-9a-f-]{36}$"
_CLASS = r"^[a-z_]{1,40}$"
_CONNECTION = "6a0f7f0e-5f8c-4c0e-9a75-0d3a3a2a1d11"


class MoneyDay(BaseModel):
    """A day of a shop, in the shop's zone, and how it stands. Amounts are in the smallest unit of each currency.

    `state`: open, closed, or restated: closed, and changed since. `waits`: what is still to come, by name and number;
    `absent`: what was waited for long enough. `currencies`: by currency the `profit`, the `figures` (null where
    something of them is not known: `missing` names it, `disputes`), every class of events, and `of_sales`: what was
    taken back of this day's sales, whenever that was.
    """

    model_config = ConfigDict(extra="allow")

    day: date
    connection_id: str
    platform: str
    shop_id: str
    state: str
    waits: dict[str, int]
    absent: dict[str, int]
    currencies: dict[str, Any]


class MoneyDays(BaseModel):
    """A page of days, the newest first. `next` is the `after` of the page that follows; null: that was all."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "days": [
                        {
                            "day": "2026-03-04",
                            "connection_id": _CONNECTION,
                            "platform": EXAMPLE,
                            "shop_id": "30010001",
                            "state": "closed",
                            "waits": {},
                            "absent": {"uncosted": 1},
                            "currencies": {
                                "USD": {
                                    "profit": 5411,
                                    "missing": [],
                                    "figures": {
                                        "orders": 3,
                                        "gross_sales": 9000,
                                        "fees": -1289,
                                        "cost_of_goods": -2300,
                                    },
                                    "classes": {"gross_sales": 9000, "fee_selling": -585},
                                    "of_sales": None,
                                }
                            },
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )

    days: list[MoneyDay]
    next: str | None


class MoneyEvent(BaseModel):
    """One thing that happened to a seller's money, and the row that says so. Income is positive, cost negative."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    connection_id: str
    platform: str
    shop_id: str
    order_platform_id: str | None
    at: str
    sale_at: str | None
    currency: str
    amount: int
    source_table: str
    source_id: str
    detail: str | None


class MoneyEvents(BaseModel):
    """A page of a day's events, in the order of their time. `next` is the `after` of the page that follows."""

    events: list[MoneyEvent]
    next: str | None


def _is_place(after: str | None) -> str | None:
    """Raises ValueError, which is answered 422, where the day or the id is none."""
    if after is not None:
        day, connection_id = after.split(" ")
        date.fromisoformat(day)
        UUID(connection_id)
    return after


@router.get("/money/days", responses=responses(401, 422, 429, 503))
async def days(
    *,
    user: UserDep,
    web: WebDep,
    since: Annotated[Day | None, Query(description="The first day.")] = None,
    until: Annotated[Day | None, Query(description="The last day.")] = None,
    connection_id: Annotated[list[UUID] | None, Query(description="Of these shops; of all by default.")] = None,
    after: Annotated[
        str | None, Query(pattern=_CURSOR, description="`next` of the page before."), AfterValidator(_is_place)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> MoneyDays:
    """Days of all shops, the newest first: sums of money events, whether they are final, and what they wait for."""
    place = None if after is None else dict(zip(("day", "connection_id"), after.split(" "), strict=True))
    shops = None if connection_id is None else [str(one) for one in connection_id]
    ask = partial(
        roll.days, web.app.store, user.id, first=since, last=until, connections=shops, after=place, limit=limit
    )
    found = await summed(web, user.id, ("days", since, until, shops and tuple(shops), after, limit), ask)
    return MoneyDays(days=[MoneyDay(**one) for one in found["days"]], next=_cursor(found["next"]))


@router.get("/money/events", responses=responses(401, 404, 422, 429, 503))
async def events(
    *,
    user: UserDep,
    web: WebDep,
    connection_id: UUID,
    day: Day,
    money_class: Annotated[list[Annotated[str, Query(pattern=_CLASS)]] | None, Query(alias="class")] = None,
    after: Annotated[str | None, Query(max_length=300, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> MoneyEvents:
    """The events behind a shop's day, of some classes or of all."""
    shop = str(connection_id)
    ask = partial(
        roll.events, web.app.store, user.id, connection_id=shop, day=day, classes=money_class, after=after, limit=limit
    )
    key = ("events", shop, day, money_class and tuple(money_class), after, limit)
    found = await summed(web, user.id, key, ask)
    return MoneyEvents(events=[MoneyEvent(**one) for one in found["events"]], next=found["next"])


def _cursor(place: Mapping[str, Any] | None) -> str | None:
    return None if place is None else f"{place['day']} {place['connection_id']}"
