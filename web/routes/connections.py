"""Connections: the list, the platforms' consent pages and back, a pasted token, and the end of a connection."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import RedirectResponse, Response

from execution import time_zones
from execution.catalog import PLATFORMS
from web import connecting, messages
from web.auth.current_user import SIGNED_IN, UserDep
from web.context import WebDep, base_url
from web.examples import EXAMPLE
from web.problems import Problem, responses
from web.user_facts import connections_of

_SHOPS = "; ".join(
    f"{platform.title}: your-shop{platform.words.shop.suffix}" for platform in PLATFORMS.values() if platform.words.shop
)
Platform = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,30}$", examples=[EXAMPLE])]
Shop = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,120}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{8,4096}$")]

router = APIRouter(tags=["connections"], dependencies=SIGNED_IN)


class Connection(BaseModel):
    """A shop, and how fresh it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "connection_id": "9d35f1c0-0d1b-4a5e-8a3e-6d0b0a8f7c11",
                    "platform": EXAMPLE,
                    "shop_id": "30010001",
                    "shop_name": "Tea and Thread",
                    "currency": "USD",
                    "status": "connected",
                    "connected_at": "2026-11-22T10:00:00+00:00",
                    "last_synced_at": None,
                    "syncing": True,
                    "token_ends_at": None,
                }
            ]
        }
    )

    connection_id: str
    platform: str
    shop_id: str
    shop_name: str
    currency: str | None
    status: Literal["connected", "reconnect_needed", "disconnected"]
    connected_at: str
    last_synced_at: str | None
    syncing: bool
    token_ends_at: str | None = Field(
        description="A pasted token that ends within a month: the seller should paste a new one before"
    )


class Disconnected(BaseModel):
    """`revoked`: the platform has been told as well, where it can be."""

    disconnected: bool
    revoked: bool


class TokenAccepted(BaseModel):
    """The shop that a pasted token belongs to."""

    platform: str
    connection_id: str
    shop_id: str
    shop_name: str


@router.get("/connections", responses=responses(401, 503))
def connections(user: UserDep, web: WebDep) -> list[Connection]:
    """Every shop that the user ever connected, as it is now."""
    return [Connection(**row) for row in connections_of(web, user.id)]


class TimeZone(BaseModel):
    """In which zone a shop's days begin. `said_by`: `platform`, `seller`, `other_shop`, `guess`, or null: nobody."""

    connection_id: str
    zone: str | None = Field(examples=["Europe/Riga"])
    said_by: Literal["platform", "seller", "other_shop", "guess"] | None


@router.get("/time-zones", responses=responses(401, 503))
def time_zone_list(user: UserDep, web: WebDep) -> list[TimeZone]:
    """The zone of each shop, and who says so."""
    return [TimeZone(**one) for one in time_zones.zones_of(web.app.store, user.id).values()]


@router.put("/connections/{connection_id}/time-zone", responses=responses(401, 403, 404, 409, 413, 415, 422, 429, 503))
def time_zone(
    connection_id: UUID,
    user: UserDep,
    web: WebDep,
    zone: Annotated[str, Form(max_length=60, examples=["Europe/Riga"])],
) -> TimeZone:
    """Say in which zone a shop's days begin, where its platform does not tell."""
    connecting.say_time_zone(web, user.id, str(connection_id), zone)
    return TimeZone(**time_zones.zones_of(web.app.store, user.id)[str(connection_id)])


@router.post(
    "/connect-{platform}",
    status_code=303,
    response_class=RedirectResponse,
    responses=responses(
        401, 403, 404, 413, 415, 422, 429, 503, also={303: {"description": "To the platform's consent page"}}
    ),
)
def connect(
    *,
    platform: Platform,
    user: UserDep,
    web: WebDep,
    request: Request,
    shop: Annotated[str, Form(max_length=100, description=_SHOPS)] = "",
    return_to: Annotated[str, Form(max_length=200)] = connecting.HOME,
) -> RedirectResponse:
    """To the platform's consent page. What comes back must name this very beginning: user, platform, ten minutes."""
    url = connecting.begin(web, user.id, platform, base_url=base_url(web, request), shop=shop, return_to=return_to)
    return RedirectResponse(url, 303)


@router.get(
    "/oauth/{platform}/callback",
    status_code=303,
    response_class=RedirectResponse,
    responses=responses(400, 401, 404, 422, 503, also={303: {"description": "To the page where it began"}}),
)
def callback(
    *,
    platform: Platform,
    user: UserDep,
    web: WebDep,
    request: Request,
    state: Annotated[str, Query(max_length=200)],
    code: Annotated[str, Query(max_length=4096)] = "",  # noqa: ARG001  for the document; the whole query is read
) -> RedirectResponse:
    """Where the platforms send a seller back. Tokens are tried and stored, and the backfill starts."""
    given = request.query_params.multi_items()
    query = dict(given)
    if not state or len(query) != len(given):  # a name that comes twice is read differently by different readers
        raise Problem(400, "wrong_state")
    result = connecting.finish(web, user.id, platform, query)
    outcome = {"problem": result.problem, "platform": platform} if result.problem else {"connected": platform}
    return RedirectResponse(f"{result.return_to}?{urlencode(outcome)}", 303)


@router.post("/connect-{platform}/token", responses=responses(401, 403, 404, 413, 415, 422, 429, 503))
def connect_token(
    platform: Platform,
    user: UserDep,
    web: WebDep,
    access_token: Annotated[Token, Form()],
    shop_id: Annotated[str, Form(pattern=r"^[A-Za-z0-9.-]{0,100}$")] = "",
) -> TokenAccepted:
    """Connect with a token that the seller made at the platform and pasted, where it has such tokens."""
    if platform not in PLATFORMS or PLATFORMS[platform].words.pasted is None:
        raise Problem(404, "unknown_platform", messages.NO_PASTED_TOKENS)
    return TokenAccepted(**connecting.connect_by_token(web, user.id, platform, access_token, shop_id))


@router.post(
    "/disconnect-{platform}", response_model=Disconnected, responses=responses(401, 403, 404, 413, 422, 429, 503)
)
def disconnect(
    platform: Platform,
    user: UserDep,
    web: WebDep,
    request: Request,
    shop_id: Annotated[Shop | None, Form(description="Where several of the platform are connected")] = None,
) -> Response:
    """End a connection: its jobs end, its tokens are deleted, and the platform is told where it can be."""
    result = connecting.disconnect_shop(web, user.id, platform, shop_id)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(connecting.HOME, 303)
    return Response(Disconnected(**result).model_dump_json(), media_type="application/json")
