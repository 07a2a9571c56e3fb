"""A seller's orders and products as data, with what each came to. What is not known is null, and `missing` names it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict

from execution import money_lists
from execution.money_lists import Filter
from web.auth.current_user import SIGNED_IN, UserDep
from web.context import WebDep
from web.cursors import AfterOrder, AfterProduct, cursor, place_of
from web.examples import EXAMPLE
from web.inputs import Day
from web.problems import responses
from web.user_facts import summed

router = APIRouter(tags=["sales"], dependencies=SIGNED_IN)
_CONNECTION = "6a0f7f0e-5f8c-4c0e-9a75-0d3a3a2a1d11"
_FIGURES = dict.fromkeys(money_lists.FIGURES, 0) | {"gross_sales": 9000, "discounts": -900, "fees": -1289}
_WORD = r"^[^\x00-\x1f]{1,80}$"


class Sales(BaseModel):
    model_config = ConfigDict(extra="allow")

    connection_id: str
    platform: str
    shop_id: str
    shop_name: str | None
    currency: str
    # What is not known: `cost`, `fees`, `disputes`, `unclassified`, `other_currency`, `not_counted`.
    missing: list[str]


class Order(Sales):
    """An order and all that ever happened to it, in the smallest unit of its currency; costs are negative.

    `figures`: in the order's own currency, null where something of it is not known; `missing` says what: `cost` of
    goods that nobody told, `fees` that are not told yet, `disputes` of which nobody says what they took, entries that
    are `unclassified`, a part in an `other_currency`, or that it is `not_counted`: not paid, a test, or voided.
    `currencies`: all of them, by figure.
    """

    platform_id: str
    order_number: str | None
    ordered_at: str
    # The shop's own day.
    day: date | None
    status: str | None
    is_paid: bool | None
    country: str | None
    total_amount: int | None
    items: list[dict[str, Any]]
    figures: dict[str, int | None]
    currencies: dict[str, Any]


class Orders(BaseModel):
    """A page of orders, the newest first. `next` is the `after` of the page that follows; null: that was all.

    A page of a search may be short, or empty, while `next` is not null: it looked through orders until `looked_until`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "orders": [
                        {
                            "connection_id": _CONNECTION,
                            "platform": EXAMPLE,
                            "shop_id": "30010001",
                            "shop_name": "TeaAndTwine",
                            "platform_id": "2100000001",
                            "order_number": "2100000001",
                            "ordered_at": "2026-03-04T12:00:00+00:00",
                            "day": "2026-03-04",
                            "status": "completed",
                            "is_paid": True,
                            "country": "US",
                            "currency": "USD",
                            "total_amount": 8100,
                            "items": [{"title": "Mug", "sku": "MUG-1", "quantity": 2, "price_amount": 4500}],
                            "figures": _FIGURES | {"cost_of_goods": None, "profit": None},
                            "currencies": {},
                            "missing": ["cost"],
                        }
                    ],
                    "next": None,
                    "looked_until": None,
                }
            ]
        }
    )

    orders: list[Order]
    next: str | None
    looked_until: str | None


class Product(Sales):
    """What was sold of a product in a time. Costs and refunds are negative.

    `revenue` is before refunds and without shipping and taxes; `margin` is what is left of it after refunds and the
    cost of the goods, null where the cost of some pieces (`uncosted_units`) is not known. What belongs to an order as
    a whole is shared out to its items by their value; `product` is empty for what belongs to no item that is known.
    """

    product: str
    listing_platform_id: str | None
    variant_platform_id: str | None
    sku: str | None
    title: str | None
    units: int
    revenue: int
    discounts: int
    refunds: int
    uncosted_units: int
    cost_of_goods: int | None
    cost_of_shipping: int | None
    margin: int | None


class Products(BaseModel):
    """A page of products, the most revenue first. `next` is the `after` of the next page; null: that was all."""

    products: list[Product]
    next: str | None


def _one_of(kind: type[BaseModel]) -> AfterValidator:
    """Whether a cursor is one of ours: else it is answered 422."""

    def check(after: str) -> str:
        place_of(kind, after)
        return after

    return AfterValidator(check)


Platforms = Annotated[list[Annotated[str, Query(pattern=r"^[a-z0-9_]{1,40}$")]] | None, Query(alias="platform")]
Shops = Annotated[list[UUID] | None, Query(alias="connection_id", description="Of these shops; of all by default.")]
First = Annotated[Day | None, Query(alias="since", description="The first day, of each shop's own zone.")]
Last = Annotated[Day | None, Query(alias="until", description="The last day.")]
Words = list[Annotated[str, Query(pattern=_WORD)]] | None
_AFTER = Query(max_length=600, description="`next` of the page before.")


@router.get("/orders", responses=responses(401, 422, 429, 503))
async def orders(
    *,
    user: UserDep,
    web: WebDep,
    platform: Platforms = None,
    connection_id: Shops = None,
    since: First = None,
    until: Last = None,
    country: Annotated[Words, Query(description="Two letters; of these. ZZ: not told.")] = None,
    status: Annotated[Words, Query(description="As the platform calls it; one of these.")] = None,
    search: Annotated[str, Query(max_length=80, description="A number, or part of a title or an SKU.")] = "",
    after: Annotated[str | None, _AFTER, _one_of(AfterOrder)] = None,
    limit: Annotated[int, Query(ge=1, le=money_lists.MOST)] = 100,
) -> Orders:
    """Orders of all shops, the newest first: what was bought, and what each came to, from money events."""
    chosen = Filter(
        platforms=platform or (),
        connections=[str(one) for one in connection_id or ()],
        first=since,
        last=until,
        countries=country or (),
        statuses=status or (),
        search=search.replace("\0", ""),
    )
    place = place_of(AfterOrder, after)
    found = await summed(
        web,
        user.id,
        ("orders", repr(chosen), after, limit),
        lambda: money_lists.orders(web.app.store, user.id, chosen, after=place, limit=limit),
    )
    return Orders(
        orders=[Order(**one) for one in found["orders"]],
        next=cursor(found["next"]),
        looked_until=found["looked_until"],
    )


@router.get("/products", responses=responses(401, 422, 429, 503))
async def products(
    *,
    user: UserDep,
    web: WebDep,
    platform: Platforms = None,
    connection_id: Shops = None,
    since: First = None,
    until: Last = None,
    search: Annotated[str, Query(max_length=80, description="A part of a title or an SKU.")] = "",
    by: Annotated[Literal["product", "variant"], Query()] = "product",
    after: Annotated[str | None, _AFTER, _one_of(AfterProduct)] = None,
    limit: Annotated[int, Query(ge=1, le=money_lists.MOST)] = 100,
) -> Products:
    """What was sold of each product or variant: pieces, revenue, refunds, cost and margin, from money events."""
    chosen = Filter(
        platforms=platform or (),
        connections=[str(one) for one in connection_id or ()],
        first=since,
        last=until,
        search=search.replace("\0", ""),
        by=by,
    )
    place = place_of(AfterProduct, after)
    found = await summed(
        web,
        user.id,
        ("products", repr(chosen), after, limit),
        lambda: money_lists.products(web.app.store, user.id, chosen, after=place, limit=limit),
    )
    return Products(products=[Product(**one) for one in found["products"]], next=cursor(found["next"]))
