"""An onboarding webhook in a FastAPI service of your own: a seller is ready, so their history is loaded.

ONBOARDING_SECRET=... uvicorn onboarding_webhook:app     (with Keeper's environment)
"""

from __future__ import annotations

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

from keeper import Keeper, StoreUnavailable, UserError


class Onboarded(BaseModel):
    """What the rest of the service sends."""

    user_id: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    with Keeper() as keeper:
        app.state.keeper = keeper
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/onboarded", status_code=202)
async def onboarded(event: Onboarded, x_secret: Annotated[str, Header()] = "") -> dict[str, int]:
    """Queue the seller's backfill. A repeat is harmless: what runs or is complete is left alone."""
    if not hmac.compare_digest(x_secret.encode(), os.environ["ONBOARDING_SECRET"].encode()):
        raise HTTPException(401)
    keeper: Keeper = app.state.keeper
    try:
        started = await keeper.in_thread(keeper.backfills.start, event.user_id)
    except UserError as error:
        # No such user, or no shop yet: connecting one is what starts the backfill then.
        raise HTTPException(409, error.message) from None
    except StoreUnavailable:
        # The sender tries again.
        raise HTTPException(503) from None
    return {"queued": sum(job.outcome == "queued" for job in started.jobs)}
