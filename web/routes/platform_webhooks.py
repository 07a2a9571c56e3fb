"""Platforms' webhooks: verified as each platform says, kept once, answered at once. A job reads the object again.

A route for every platform that has any (`Platform.webhooks`). Nothing of a body but ids is used, and no body is stored.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from execution.catalog import PLATFORMS
from execution.platforms.webhooks import Event, NotAnEvent, Webhooks
from execution.seller_messages import MESSAGES
from web.auth.deliveries import DeliveryDep
from web.context import Web, WebDep
from web.problems import Problem, responses


class Received(BaseModel):
    """The delivery is kept; a repeat gets the same."""

    received: bool = True


def router_of_platforms() -> APIRouter:
    """A route for each platform that is known now."""
    router = APIRouter(tags=["webhooks"])
    for name, platform in PLATFORMS.items():
        if platform.webhooks is not None:
            router.add_api_route(
                f"/webhooks/{name}",
                _receiver(name, platform.webhooks),
                methods=["POST"],
                name=name,
                description=platform.webhooks.about,
                responses=responses(400, 401, 413, 503),
                openapi_extra=_document(platform.webhooks.sent_as),
            )
    return router


def _receiver(platform: str, webhooks: Webhooks) -> Callable[..., Awaitable[Received]]:
    async def receive(delivery: DeliveryDep, web: WebDep) -> Received:
        settings = web.app.settings
        delivery = replace(delivery, url=f"{(settings.public_url or '').rstrip('/')}/webhooks/{platform}")
        webhooks.prove(delivery, settings.webhook_secrets(platform), time.time())
        try:
            event = webhooks.read(delivery)
        except NotAnEvent:
            raise Problem(400, "not_an_event", "The body is not one that this platform sends.") from None
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
        p_happened_at=event.happened_at.isoformat() if event.happened_at else None,
        p_subject=dict(event.subject),
        p_email=event.email,
        p_seller_message=MESSAGES["disconnected"],
    )
    if accepted["connections"] and event.effect in ("read", "gone", "rights"):
        web.manager.ring()
    return Received()


def _document(text: str) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "description": text,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    }
