"""What a route that verifies is given: a delivery as it came. How one is proven: `execution.http.signatures`."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

from fastapi import Depends, Request

from execution.http.signatures import Delivery


async def _delivery(request: Request) -> Delivery:
    headers: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in request.headers.items():
        headers[name.lower()].append(value)
    return Delivery(headers=dict(headers), body=await request.body())


SignedDelivery = Annotated[Delivery, Depends(_delivery)]
