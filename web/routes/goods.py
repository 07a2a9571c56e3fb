"""What a seller's own goods cost: listed, said, taken out and taken back."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from execution import goods_costs
from execution.goods_costs import ALWAYS, Cost
from web import goods
from web.auth.current_user import SIGNED_IN, UserDep
from web.context import WebDep
from web.inputs import Body, Day, Id
from web.problems import responses

router = APIRouter(tags=["money"], dependencies=SIGNED_IN)
_MOST = 10**12
_BIGINT = 2**63 - 1


class GoodsCost(Body):
    """What a piece costs, from a day of the shop on until the next one begins. `cost_amount`: in the currency's
    smallest unit; null: from then on it is not known.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "sku", "key": "MUG-SPK", "valid_from": "2026-03-04", "currency": "USD",
                    "cost_amount": 1250,
                }
            ]
        },
    )  # fmt: skip

    kind: Literal["sku", "listing"] = Field(description="A SKU is that of all shops, a listing that of one.")
    key: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    connection_id: Id | None = Field(None, description="The shop of a listing; null for a SKU.")
    valid_from: Day = ALWAYS
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3,4}$")]
    cost_amount: Annotated[int, Field(ge=0, le=_MOST)] | None


class SaidCost(GoodsCost):
    """One that was said. `valid_until`: the day on which the next one begins; null: it stands."""

    id: int
    valid_until: Day | None
    saved_at: str
    saved_by: str
    save_id: str


class GoodsCosts(BaseModel):
    """A page of them. `next`: the `after` of the page that follows."""

    costs: list[SaidCost]
    next: int | None


class Said(Body):
    """All of these are saved, or none."""

    costs: Annotated[list[GoodsCost], Field(min_length=1, max_length=500)]


class Saved(BaseModel):
    """What it did; `save_id` takes it back."""

    created: int
    changed: int
    unchanged: int
    save_id: str


class BadCostRow(BaseModel):
    """A row of a file that could not be read, as a spreadsheet counts them, and its column."""

    row: int
    column: str
    reason: str


class Price(BaseModel):
    """What a piece costs; null: that it is not known was said."""

    currency: str
    cost_amount: int | None


class PreviewedCost(GoodsCost):
    """A row of a file. `before`: what was said for its day until now; null: nothing was."""

    row: int
    outcome: Literal["created", "changed", "unchanged"]
    before: Price | None


class CostFile(BaseModel):
    """What a file would do, or did: `save_id` takes it back, and is null where nothing was saved. `skipped`: rows that
    name no cost. `costs`: a page of its rows; `next`: the `after` of the page that follows.
    """

    created: int
    changed: int
    unchanged: int
    skipped: int
    bad: list[BadCostRow]
    costs: list[PreviewedCost]
    next: int | None
    save_id: str | None


class Removed(BaseModel):
    removed: int
    save_id: str


class Undone(BaseModel):
    undone: int
    save_id: str


@router.get("/goods-costs", responses=responses(401, 422, 503))
def costs(
    *,
    user: UserDep,
    web: WebDep,
    search: Annotated[str, Query(max_length=80, description="A part of a SKU, or of a listing's id.")] = "",
    after: Annotated[int, Query(ge=0, le=_BIGINT, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> GoodsCosts:
    """What the user has said that goods cost, the first said first."""
    found = goods_costs.listed(web.app.store, user.id, search=search.replace("\0", ""), after=after, limit=limit)
    return GoodsCosts(costs=[SaidCost(**one) for one in found], next=found[-1]["id"] if len(found) == limit else None)


@router.put("/goods-costs", responses=responses(401, 403, 413, 415, 422, 429, 503))
def say(said: Said, user: UserDep, web: WebDep) -> Saved:
    """Say what goods cost. The days on which they were sold are counted again within minutes."""
    found = [
        Cost(**{**one.model_dump(), "connection_id": str(one.connection_id) if one.connection_id else None})
        for one in said.costs
    ]
    return Saved(**goods.save(web, user.id, found))


@router.post(
    "/goods-costs/file",
    responses=responses(401, 403, 413, 415, 422, 429, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string", "examples": ["sku,cost\nMUG-SPK,12.50\n"]}}},
        }
    },
)
async def file(
    *,
    request: Request,
    user: UserDep,
    web: WebDep,
    apply: Annotated[bool, Query(description="Save it: all of it, or nothing where a row is bad.")] = False,
    currency: Annotated[str | None, Query(pattern=r"^[A-Za-z]{3,4}$", description="Of rows that name none.")] = None,
    after: Annotated[int, Query(ge=0, le=_BIGINT, description="Rows behind this one: `next` of before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> CostFile:
    """Read costs from a CSV file: a dry run, with each row's cost until now and then, unless it says `apply`. Columns:
    `sku` or `listing`, `cost` (`unknown` ends the one before, empty ones are skipped), and where wanted `currency`,
    `valid_from` and `shop`. The body is the file itself, of 5 MB at most.
    """
    data = await request.body()

    def work() -> CostFile:
        if not apply:
            goods.count(web, user.id)
        found = goods.read(web, user.id, data, currency=currency and currency.upper())
        previews = goods_costs.compare(web.app.store, user.id, found.costs)
        saved = goods.save_all(web, user.id, found) if apply else {"save_id": None, **goods_costs.counts(previews)}
        rest = [one for one in previews if one.cost.row > after]
        page = rest[:limit]
        return CostFile(
            **saved,
            skipped=found.skipped,
            bad=[BadCostRow(**one.as_json()) for one in found.bad],
            costs=[PreviewedCost(**one.as_json()) for one in page],
            next=page[-1].cost.row if len(rest) > limit else None,
        )

    return await run_in_threadpool(work)


@router.delete("/goods-costs/{cost_id}", responses=responses(401, 403, 404, 422, 429, 503))
def remove(cost_id: Annotated[int, Path(ge=1, le=_BIGINT)], user: UserDep, web: WebDep) -> Removed:
    """Take one out, as if it had never been said."""
    return Removed(**goods.remove(web, user.id, [cost_id]))


@router.post("/goods-costs/saves/{save_id}/undo", responses=responses(401, 403, 404, 409, 422, 429, 503))
def undo(save_id: UUID, user: UserDep, web: WebDep) -> Undone:
    """Take a save or a removal back. 409 where a later one changed the same."""
    return Undone(**goods.undo(web, user.id, str(save_id)))
