"""A status as SQL `backfill_status` tells it, with any field changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from web.pages.formats import Formats, formats_for

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
CONNECTION = "9d35f1c0-0d1b-4a5e-8a3e-6d0b0a8f7c11"


def reader(zone: str = "America/New_York", language: str = "en-US") -> Formats:
    return formats_for(accept_language=language, zone=zone, now=NOW)


def later(**delta: float) -> str:
    return (NOW + timedelta(**delta)).isoformat()


def job(entity: str = "orders", status: str = "running", **fields: Any) -> dict[str, Any]:
    return {
        "platform": "etsy",
        "connection_id": CONNECTION,
        "shop_id": "30010001",
        "entity": entity,
        "status": status,
        "records_done": 450,
        "records_total": 1200,
        "fraction": None,
        "calls_used": 6,
        "run_after": None,
        "park_reason": None,
        "park_code": None,
        "error_code": None,
        "seller_message": None,
        "started_at": later(minutes=-3),
        "finished_at": None,
        "certificate": None,
        "last_complete": None,
        "backfill_calls_per_day": 5000,
        **fields,
    }


def completed(entity: str = "orders", **certificate: Any) -> dict[str, Any]:
    proof = {
        "provider_count": 1159,
        "distinct_keys": 1159,
        "rejected": 0,
        "earliest": "2023-11-22T15:00:00+00:00",
        "latest": "2026-11-21T15:00:00+00:00",
        "issued_at": later(hours=-2),
        "checks": [{"name": "count", "ok": True, "detail": {}}, {"name": "of_engineers", "ok": True, "detail": {}}],
        **certificate,
    }
    return job(entity, "completed", certificate=proof, finished_at=later(hours=-2))


def with_rejects(entity: str = "orders", message: str = "10 of 10 records could not be read.") -> dict[str, Any]:
    proof = completed(entity, provider_count=10, distinct_keys=10, rejected=10)["certificate"]
    ended = {"finished_at": later(hours=-2), "error_code": "records_rejected", "seller_message": message}
    return job(entity, "completed_with_rejects", certificate=proof, **ended)


def failed(
    entity: str = "orders", code: str = "reconnect_needed", message: str = "Please reconnect."
) -> dict[str, Any]:
    return job(entity, "failed", error_code=code, seller_message=message, finished_at=later(hours=-1))


def status(*jobs: dict[str, Any], **connection: Any) -> dict[str, Any]:
    named = {"connection_id": CONNECTION, "platform": "etsy", "shop_id": "30010001", "shop_name": "TeaAndTwine"}
    return {
        "now": NOW.isoformat(),
        "connections": [named | {"status": "connected"} | connection],
        "jobs": list(jobs),
    }
