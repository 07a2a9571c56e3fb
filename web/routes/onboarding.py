"""The onboarding webhook: a user is ready, so their history is loaded. 202 means that the jobs are committed."""

from __future__ import annotations

import hashlib
import time
import uuid
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from execution.backfill_manager import QueueOutcome
from execution.errors import StoreError
from execution.http.signatures import Delivery, NotSigned, any_equal, standard_id
from execution.platform_settings import secrets_of
from web.auth.deliveries import DeliveryDep
from web.backfills import BackfillRequest, job_rows
from web.context import Web, WebDep
from web.examples import EXAMPLE
from web.problems import Problem, refusal_of, responses
from web.user_facts import status_of

router = APIRouter(tags=["webhooks"])

_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "oneOf": [
                    {
                        "title": "OnboardingCompleted",
                        "type": "object",
                        "required": ["data"],
                        "properties": {
                            "type": {"type": "string", "const": "onboarding.completed"},
                            "timestamp": {"type": "string", "format": "date-time"},
                            "data": {
                                "type": "object",
                                "required": ["user_id"],
                                "properties": {"user_id": {"type": "string", "format": "uuid"}},
                            },
                        },
                    },
                    {
                        "title": "SupabaseDatabaseWebhook",
                        "type": "object",
                        "required": ["type", "table", "schema", "record"],
                        "properties": {
                            "type": {"enum": ["INSERT", "UPDATE"]},
                            "table": {"const": "profiles"},
                            "schema": {"const": "public"},
                            "record": {"type": "object"},
                            "old_record": {"type": ["object", "null"]},
                        },
                    },
                ]
            },
            "examples": {
                "onboarding": {
                    "value": {
                        "type": "onboarding.completed",
                        "timestamp": "2026-11-22T10:00:00Z",
                        "data": {"user_id": "6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11"},
                    }
                },
                "supabase": {
                    "value": {
                        "type": "UPDATE",
                        "table": "profiles",
                        "schema": "public",
                        "record": {"user_id": "6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11", "onboarding_completed": True},
                        "old_record": {"onboarding_completed": False},
                    }
                },
            },
        }
    },
}
_HEADERS = [
    {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": text}
    for name, text in (
        ("webhook-id", "Standard Webhooks: the id of the message; a repeat brings the same"),
        ("webhook-timestamp", "Unix seconds, at most five minutes away"),
        ("webhook-signature", "`v1,` and base64 of the HMAC-SHA256 of `id.timestamp.body`; several with spaces"),
        ("x-webhook-secret", "Instead of these three, from a Supabase database webhook: SUPABASE_WEBHOOK_SECRET"),
    )
]


class JobOutcome(BaseModel):
    """What became of one entity."""

    platform: str
    connection_id: str
    shop_id: str
    entity: str
    outcome: QueueOutcome


class Accepted(BaseModel):
    """The jobs are committed. `run_ids`: one a shop; none where nothing had to be queued, or nothing is connected."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_ids": ["0c1f3f0e-6b53-4d0c-8d6a-6f8f3ad3a911"],
                    "jobs": [
                        {
                            "platform": EXAMPLE,
                            "connection_id": "9d35f1c0-0d1b-4a5e-8a3e-6d0b0a8f7c11",
                            "shop_id": "30010001",
                            "entity": "orders",
                            "outcome": "queued",
                        }
                    ],
                }
            ]
        }
    )

    run_ids: list[str]
    jobs: list[JobOutcome]


@router.post(
    "/webhooks/onboarding",
    status_code=202,
    responses=responses(400, 401, 404, 413, 503),
    openapi_extra={"requestBody": _BODY, "parameters": _HEADERS},
)
async def onboarding(delivery: DeliveryDep, web: WebDep) -> Accepted:
    """Queue a new user's backfill. Verified before it is parsed, stored with its jobs, repeated without effect."""
    source, name = _verified(web, delivery)
    user_id = _user_in(source, delivery.body)
    if user_id is None:
        return Accepted(run_ids=[], jobs=[])
    return await run_in_threadpool(_accept, web, source, name, user_id)


def _verified(web: Web, delivery: Delivery) -> tuple[str, str]:
    """Who sent it, and the delivery's id."""
    if "x-webhook-secret" not in delivery.headers:
        secrets = secrets_of(web.app.settings.webhook_secret)
        return "onboarding", standard_id(delivery, secrets, now=time.time())
    secret = delivery.only("x-webhook-secret")
    if not any_equal([secret], secrets_of(web.app.settings.supabase_webhook_secret)):
        raise NotSigned
    # Supabase numbers no deliveries: the event itself is the id, and a repeat is the same bytes.
    return "supabase", hashlib.sha256(delivery.body).hexdigest()


def _user_in(source: str, body: bytes) -> str | None:
    """The user that the event is about; None where the event asks for nothing."""
    try:
        event = orjson.loads(body)
        record = event["record"] if source == "supabase" else event.get("data", event)
        if source == "supabase" and not _asks(event):
            return None
        return str(uuid.UUID(record.get("user_id") or record["id"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError):
        raise Problem(400, "not_an_event", "The body names no user.") from None


def _asks(event: dict[str, Any]) -> bool:
    """A new profile, or one whose onboarding has just been completed."""
    if event.get("table") != "profiles" or event.get("schema") != "public":
        return False
    if event["type"] == "INSERT":
        return True
    before = event.get("old_record") or {}
    completed = event["record"].get("onboarding_completed") is True
    return event["type"] == "UPDATE" and completed and before.get("onboarding_completed") is not True


def _accept(web: Web, source: str, delivery: str, user_id: str) -> Accepted:
    status = status_of(web, user_id)
    try:
        rows = job_rows(web, status, BackfillRequest())
    except Problem as problem:
        if problem.code != "not_connected":
            raise
        rows = []  # nothing is connected yet: connecting starts the backfill
    try:
        accepted = web.app.store.rpc(
            "accept_delivery",
            p_source=source,
            p_delivery_id=delivery,
            p_user_id=user_id,
            p_trigger=f"{source} webhook",
            p_jobs=rows,
        )
    except StoreError as error:
        raise refusal_of(error) from None
    if not accepted["repeat"]:
        web.manager.ring()
    return Accepted(run_ids=accepted["run_ids"], jobs=accepted["jobs"])
