"""A crowd of open jobs, made by SQL: most waiting behind another, many parked, the rest queued."""

from __future__ import annotations

import json
from typing import Any

from tests.schema.rows import Connection

_USERS = "insert into auth.users (id) select gen_random_uuid() from generate_series(1, %(users)s)"
_ACCOUNTS = """insert into public.connected_accounts (user_id, platform, shop_id)
    select user_id, 'etsy', '1' from public.profiles
    where not exists (select from public.connected_accounts as a where a.user_id = profiles.user_id)"""
_RUNS = """insert into public.sync_runs (connection_id, user_id, job_type, trigger)
    select id, user_id, 'backfill', 'crowd' from public.connected_accounts as a
    where not exists (select from public.sync_runs as r where r.connection_id = a.id)"""
_JOBS = """
insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, priority, position, status,
                              run_after, park_reason)
select a.user_id, a.id, r.id, 'etsy', 'entity' || position, 'backfill', 10 + position, position,
       case when position > 0 then 'waiting' when abs(hashtext(a.id::text)) %% 4 = 0 then 'queued' else 'parked' end,
       case when position = 0 and abs(hashtext(a.id::text)) %% 4 <> 0 then now() + interval '1 day' end, 'crowd'
from public.connected_accounts as a join public.sync_runs as r on r.connection_id = a.id,
     generate_series(0, 9) as position
where not exists (select from public.sync_jobs as j where j.user_id = a.user_id)"""


def gather(db: Connection, jobs: int, *, analyze: bool = True) -> None:
    """So many open jobs, ten a user: one of them at the head of the line, a quarter of those heads queued."""
    for statement in (_USERS, _ACCOUNTS, _RUNS, _JOBS):
        db.execute(statement, {"users": jobs // 10})
    if analyze:
        db.execute("analyze public.sync_jobs, public.connected_accounts, public.profiles")


def pages_touched(db: Connection, statement: str, *parameters: Any) -> int:
    """Buffers that a call reads or hits, those of the statements inside its functions as well."""
    row = db.execute(f"explain (analyze, buffers, format json, timing off) {statement}", parameters).fetchone()
    assert row is not None
    document = row[0] if isinstance(row[0], list) else json.loads(row[0])
    plan = document[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
