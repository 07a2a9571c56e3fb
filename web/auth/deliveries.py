"""What a route that verifies is given: headers, and the body as it came. A signature is over bytes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from execution.http.signatures import Delivery


async def _delivery(request: Request) -> Delivery:
    names = request.headers
    return Delivery(headers={name: names.getlist(name) for name in names}, body=await request.body())


DeliveryDep = Annotated[Delivery, Depends(_delivery)]
