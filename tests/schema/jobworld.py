"""Jobs as the worker's role sees them: users with shops, and the functions called with plain arguments."""

from __future__ import annotations

import json
import uuid
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.schema.rows import Connection

LOST = "lease_lost"
CERTIFICATE = {"distinct_keys": 0, "checks": []}


def call(db: Connection, function: str, **arguments: Any) -> Any:
    """What a function answers, as JSON; the role of the connection is set by whoever opened it."""
    named = sql.SQL(", ").join(
        sql.SQL("{} => {}").format(sql.Identifier(name), sql.Literal(Jsonb(v) if isinstance(v, dict | list) else v))
        for name, v in arguments.items()
    )
    row = db.execute(sql.SQL("select to_jsonb({}({}))").format(sql.Identifier("public", function), named)).fetchone()
    assert row is not None
    return row[0]


def refusal(db: Connection, function: str, **arguments: Any) -> str:
    """The message of the error that this call must end with; nothing of it stays."""
    try:
        with db.transaction():
            call(db, function, **arguments)
    except psycopg.Error as error:
        return error.diag.message_primary or ""
    return "no error"


def queue(
    db: Connection,
    user: str,
    *jobs: tuple[str, str],
    job_type: str = "backfill",
    again: bool = False,
    priority: int = 0,
) -> list[str]:
    """Queue (platform, entity) pairs in this order; answers the outcomes."""
    wanted = [
        {"platform": platform, "entity": entity, "priority": priority, "position": position}
        for position, (platform, entity) in enumerate(jobs)
    ]
    answer = call(db, "queue_jobs", p_user_id=user, p_job_type=job_type, p_trigger="test", p_jobs=wanted, p_rerun=again)
    return [job["outcome"] for job in answer["jobs"]]


def claim(db: Connection, lease: str | None = None) -> dict[str, Any] | None:
    return call(db, "claim_job", p_lease_id=lease or str(uuid.uuid4()), p_worker="test")


def complete(db: Connection, lease: str) -> None:
    call(db, "complete_job", p_lease_id=lease, p_certificate=CERTIFICATE, p_watermark=None)


def fail(db: Connection, lease: str) -> None:
    call(db, "fail_job", p_lease_id=lease, p_code="broken", p_error="it broke", p_seller_message="sorry")


def commit_empty_page(db: Connection, lease: str, seq: int, records: list[Any] | None = None) -> dict[str, Any]:
    """A page of Etsy receipts through the real commit."""
    envelope = {
        "page_id": str(uuid.uuid4()), "lease_id": lease, "stream": "receipts",
        "shape": "receipts", "records_at": "results", "seq": seq, "fetched_at": "2026-01-01T00:00:00Z",
        "part": 0, "pass": 1, "position": 0, "cursor": {},
    }  # fmt: skip
    document = json.dumps({"page": {"count": 0, "results": records or []}, "envelope": envelope})
    row = db.execute("select public.commit_page(%s)", [document]).fetchone()
    assert row is not None
    answer: dict[str, Any] = row[0]
    return answer
