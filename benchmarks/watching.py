"""200 sellers look at /backfill/status every two seconds while eight workers load shops beside them.

    python -m benchmarks.watching            about two minutes; docs/performance.md has the figures
    python -m benchmarks.watching --sellers 50 --orders 1000 --seconds 10    a quick look

Exit status 1 when the goal is missed: 95 of 100 answers within 100 ms, and no answer but 200.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import jwt

from benchmarks.world import World, cpu_seconds, workers, world
from execution import operations

EVERY_S = 2.0
GOAL_MS = 100.0
# Four processes of two threads: eight workers.
PROCESSES = 4
_SELLERS = """
    with users as (insert into auth.users (id, email) select gen_random_uuid(), gen_random_uuid() || '@example.com'
                   from generate_series(1, %s) returning id)
    select id::text from users"""
_PARKED = """
    with account as (insert into public.connected_accounts (user_id, platform, shop_id)
                     select id::uuid, 'etsy', '1' from unnest(%s::text[]) as id returning id, user_id),
         run as (insert into public.sync_runs (connection_id, user_id, job_type, trigger)
                 select id, user_id, 'backfill', 'benchmark' from account returning id, user_id)
    insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, status, position,
                                  run_after)
    select a.user_id, a.id, r.id, 'etsy', e.name, 'backfill', case when e.at = 0 then 'parked' else 'waiting' end, e.at,
           case when e.at = 0 then now() + interval '1 day' end
    from account as a join run as r on r.user_id = a.user_id,
         (values ('orders', 0), ('listings', 1), ('payments', 2), ('customers', 3)) as e (name, at)
    returning 1"""


@contextmanager
def web(env: dict[str, str]) -> Iterator[int]:
    """`keeper web`, as a dyno runs it: one process. Its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "web", "--host", "127.0.0.1", "--port", str(port)], env=env)
    url = f"http://127.0.0.1:{port}"
    try:
        while not _answers(url):
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", trust_env=False).is_success
    except httpx.TransportError:
        return False


def token(env: dict[str, str], user_id: str) -> str:
    now = int(time.time())
    claims = {"iss": f"{env['SUPABASE_URL']}/auth/v1", "aud": "authenticated", "role": "authenticated", "sub": user_id}
    return jwt.encode({**claims, "iat": now, "exp": now + 3600}, env["SUPABASE_JWT_SECRET"], algorithm="HS256")


async def watch(port: int, tokens: list[str], seconds: float) -> tuple[list[float], Counter[int]]:
    """Every seller on a connection of their own; latencies in milliseconds, and how often which status came.

    Plain sockets: a client that needs more of the two cores than the server does would measure itself.
    """
    took: list[float] = []
    statuses: Counter[int] = Counter()
    ends_at = time.monotonic() + seconds

    async def seller(bearer: str) -> None:
        await asyncio.sleep(random.uniform(0, EVERY_S))  # noqa: S311  so that they do not look in step
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        question = get("/backfill/status", port, bearer)
        while time.monotonic() < ends_at:
            began = time.monotonic()
            writer.write(question)
            statuses[await answer(reader)] += 1
            took.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - began)))
        writer.close()

    await asyncio.gather(*(seller(bearer) for bearer in tokens))
    return took, statuses


def get(path: str, port: int, bearer: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode()


async def answer(reader: asyncio.StreamReader) -> int:
    """The status of an answer whose body has been read."""
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split()[1])


def sellers_of(here: World, number: int, shops: int, orders: int) -> list[str]:
    """A few whose shops are being loaded, and many whose jobs wait for tomorrow's budget."""
    loading = [here.seller(here.shop(orders, seed)).user_id for seed in range(1, shops + 1)]
    waiting = [str(user_id) for (user_id,) in here.sql(_SELLERS, number - shops)]
    here.sql(_PARKED, waiting)
    for user_id in loading:
        operations.start_backfill(here.app, user_id=user_id, platform=None, entities=[], again=False)
    return loading + waiting


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("--sellers", type=int, default=200)
    wanted.add_argument("--shops", type=int, default=8, help="how many of them are being loaded")
    wanted.add_argument("--orders", type=int, default=8000, help="of each of these shops")
    wanted.add_argument("--seconds", type=float, default=30)
    asked = wanted.parse_args()
    with world() as here:
        env = {**here.env, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
        users = sellers_of(here, asked.sellers, asked.shops, asked.orders)
        with web(env) as port, workers(env, PROCESSES):
            asyncio.run(watch(port, [token(env, user) for user in users], 3))  # everything has been asked for once
            before = cpu_seconds()
            took, statuses = asyncio.run(watch(port, [token(env, user) for user in users], asked.seconds))
            spent = {name: used - before.get(name, 0.0) for name, used in cpu_seconds().items()}
            ((loading,),) = here.sql("select count(*) from public.sync_jobs where status in ('queued', 'running')")
    tell(took, statuses, spent, loading=int(loading))


def tell(took: list[float], statuses: Counter[int], spent: dict[str, float], *, loading: int) -> None:
    ranked = sorted(took)
    median, p95, worst = (ranked[int(len(ranked) * share)] for share in (0.5, 0.95, 0.9999))
    print(f"{len(took)} answers {dict(statuses)}, jobs still loading at the end: {loading}")
    print(f"median {median:.0f} ms, 95 % {p95:.0f} ms, worst {worst:.0f} ms (goal: 95 % within {GOAL_MS:.0f} ms)")
    print(
        "processor seconds: " + ", ".join(f"{name} {used:.1f}" for name, used in sorted(spent.items()) if used > 0.05)
    )
    sys.exit(0 if p95 < GOAL_MS and set(statuses) == {200} and loading else 1)


if __name__ == "__main__":
    main()
