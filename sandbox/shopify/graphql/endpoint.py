"""POST /admin/api/{version}/graphql.json: price, bucket, answer (sheet section 3.3). Errors too are HTTP 200."""

from __future__ import annotations

import math
from typing import Any

from sandbox.parts.responses import Doc, HttpResponse, ok
from sandbox.shopify.buckets import Buckets
from sandbox.shopify.data.plans import PLANS
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.engine import Engine, Prepared, extensions, read_body
from sandbox.shopify.graphql.errors import QueryError, throttled, too_expensive
from sandbox.shopify.settings import Settings


class GraphqlApi:
    """One engine for all shops."""

    def __init__(self, engine: Engine, points: Buckets, settings: Settings) -> None:
        self.engine = engine
        self.points = points
        self.settings = settings

    def respond(self, ctx: Context, body: bytes, content_type: bytes, note: Doc) -> HttpResponse:
        """`note` gets what the ledger should know: the operation, and what it cost."""
        try:
            text, variables, name = read_body(body, content_type)
            prepared = self.engine.prepare(text, variables, name)
        except QueryError as error:
            note["operation"] = "graphql:invalid"
            return ok({"errors": list(error.errors)})
        note["operation"] = f"graphql:{'+'.join(prepared.roots)}"
        if prepared.introspects:
            return ok(self.engine.introspect(prepared))
        return self._priced(ctx, prepared, note)

    def _priced(self, ctx: Context, prepared: Prepared, note: Doc) -> HttpResponse:
        settings, shop = self.settings, ctx.live_shop.shop
        allowance = PLANS[shop.plan.plan]
        bucket = self.points.look(shop.ids.shop, allowance.points, allowance.points_per_s)
        requested = math.ceil(prepared.cost.points() * settings.points_scale)
        note["cost"] = note["requested"] = requested
        status = {"maximumAvailable": allowance.points, "restoreRate": allowance.points_per_s}
        if requested > settings.most_points:
            note["cost"] = 0
            return ok({"errors": [too_expensive(requested, settings.most_points)]})
        if requested > bucket.available or note.pop("force_throttle", False):
            note["cost"], note["rate"] = 0, "throttled"
            price = _price(requested, None, {**status, "currentlyAvailable": math.floor(bucket.available)})
            return ok({"errors": [throttled()], "extensions": {"cost": price}})
        bucket.available -= requested
        document = self._run(ctx, prepared)
        actual = min(requested, math.ceil(prepared.cost.points(ctx.counts) * settings.points_scale))
        bucket.available = min(bucket.available + requested - actual, bucket.size)
        note["cost"], note["rate"] = actual, "counted"
        price = _price(requested, actual, {**status, "currentlyAvailable": math.floor(bucket.available)})
        document["extensions"] = extensions(ctx, price)
        return ok(document)

    def _run(self, ctx: Context, prepared: Prepared) -> Doc:
        """`errors` stands before `data` when there is one, as graphql-ruby writes it."""
        try:
            data: Any = self.engine.execute(prepared, ctx)
        except QueryError as error:
            return {"errors": list(error.errors)}
        return {"errors": ctx.errors, "data": data} if ctx.errors else {"data": data}


def _price(requested: int, actual: int | None, status: Doc) -> Doc:
    ordered = {name: status[name] for name in ("maximumAvailable", "currentlyAvailable", "restoreRate")}
    return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": ordered}
