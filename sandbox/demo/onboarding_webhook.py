"""What a service's onboarding does when a seller is ready: one signed delivery (Standard Webhooks)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from execution.http.signatures import standard_headers
from sandbox.stack import StackError

_PATIENCE_S = 10.0


def send_onboarding(url: str, env: Mapping[str, str], user_id: str) -> dict[str, Any]:
    """Send `onboarding.completed` of a user, and the same once more, as senders do that missed the answer.

    Answers what the first was told; the second must be told the same, and start nothing.
    """
    body = orjson.dumps({"type": "onboarding.completed", "data": {"user_id": user_id}})
    headers = standard_headers([env["WEBHOOK_SECRET"]], f"msg_{uuid.uuid4().hex}", int(time.time()), body)
    with httpx.Client(base_url=url, trust_env=False, timeout=_PATIENCE_S) as http:
        first, again = (http.post("/webhooks/onboarding", content=body, headers=headers) for _ in range(2))
    if first.status_code != httpx.codes.ACCEPTED or again.json() != first.json():
        raise StackError(f"the onboarding webhook answered {first.status_code} and {again.status_code}: {first.text}")
    outcome: dict[str, Any] = first.json()
    return outcome
