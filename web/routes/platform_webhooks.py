"""Platforms' webhooks: verified as each platform says, kept once, answered at once. A job reads the object again.

A route a platform, made of what its package tells. Nothing of a body but ids is used, and no body is stored.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from execution.catalog import PLATFORMS
from execution.platforms.webhooks import Event, Webhooks
from web.auth.signatures import SignedDelivery
from web.context import Web, WebDep
from web.problems import responses


class Received(BaseModel):
    """The delivery is kept; a repeat gets the same."""

    received: bool = True


def router() -> APIRouter:
    """The routes of the platforms that there are now."""
    router = APIRouter(tags=["webhooks"])
    for name, platform in PLATFORMS.items():
        if platform.webhooks:
            router.add_api_route(
                f"/webhooks/{name}",
                _receive(name, platform.webhooks),
                methods=["POST"],
                name=name,
                description=platform.webhooks.about,
                responses=responses(400, 401, 413, 503),
                openapi_extra=_document(platform.webhooks.sent_as),
            )
    return router


def _document(text: str) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "description": text,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    }


def _receive(platform: str, webhooks: Webhooks) -> Callable[[SignedDelivery, WebDep], Awaitable[Received]]:
    async def receive(delivery: SignedDelivery, web: WebDep) -> Received:
        webhooks.prove(delivery, web.app.settings.webhook_secrets(platform), time.time())
        event = webhooks.read(delivery)
        return Received() if event is None else await _keep(web, platform, event)

    return receive


async def _keep(web: Web, platform: str, event: Event) -> Received:
    """Store the delivery with what it asks for; only then is it answered."""
    accepted = await run_in_threadpool(
        web.app.store.rpc,
        "accept_platform_event",
        p_platform=platform,
        p_delivery_id=event.delivery,
        p_shop_id=event.shop_id,
        p_topic=event.topic,
        p_effect=event.effect,
        p_kind=event.kind,
        p_object_ids=list(event.object_ids),
        p_table=event.table,
        p_happened_at=event.happened_at.isoformat() if event.happened_at else None,
        p_subject=dict(event.subject),
        p_email=event.email,
    )
    if accepted["connections"] and event.effect == "read":
        web.manager.ring()
    return Received()
