"""What a route that verifies is given: headers, and the body as it came. A signature is over bytes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from execution.http.signatures import Delivery


async def _delivery(request: Request) -> Delivery:
    headers: dict[str, list[str]] = {}
    # In one pass: asking for each name would look through all of them, each time.
    for name, value in request.headers.items():
        headers.setdefault(name, []).append(value)
    return Delivery(headers=headers, body=await request.body())


DeliveryDep = Annotated[Delivery, Depends(_delivery)]
