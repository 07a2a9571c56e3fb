"""A service of your own that Keeper tells what became of tenants: each event has its effect exactly once.

EVENTS_SECRET=whsec_... EFFECTS=effects.db uvicorn event_receiver:app

The effect here is a row a tenant in SQLite: how often each kind of thing happened, as a page of yours might show it.
It and the event's id are written in one transaction, so an event that comes again finds its id and changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing

from fastapi import FastAPI, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

from keeper import Event, UserError

_TABLES = """
create table if not exists received (webhook_id text primary key, at text not null default current_timestamp);
create table if not exists happened (
    user_id text not null, type text not null, times integer not null, primary key (user_id, type));
"""

app = FastAPI()


@app.post("/keeper-events", status_code=204)
async def told(request: Request) -> None:
    """Verify, look whether it came before, have the effect, and only then say that it was received."""
    body = await request.body()
    try:
        Webhook(os.environ["EVENTS_SECRET"]).verify(body, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        raise HTTPException(401) from None
    try:
        event = Event.read(body)
    except UserError as error:
        raise HTTPException(422, error.message) from None
    await asyncio.to_thread(have_effect, request.headers["webhook-id"], event)


def have_effect(webhook_id: str, event: Event) -> None:
    """Once, however often it comes: the id and the effect are one transaction."""
    if event.data is None:
        # Of a newer release, or a test: nothing is to be done, and nobody has to send it again.
        return
    with closing(sqlite3.connect(os.environ["EFFECTS"], timeout=30, isolation_level="IMMEDIATE")) as db:
        db.executescript(_TABLES)
        with db:
            if not db.execute("insert or ignore into received (webhook_id) values (?)", [webhook_id]).rowcount:
                return
            db.execute(
                "insert into happened values (?, ?, 1) on conflict (user_id, type) do update set times = times + 1",
                [event.data.user_id, event.type],
            )
            if event.type == "tenant.deleted":
                db.execute("delete from happened where user_id = ? and type <> ?", [event.data.user_id, event.type])
