"""Sixty questions for figures over a large shop at once, while others look at their pages.

    python -m benchmarks.figures                     250,000 orders, about three minutes
    python -m benchmarks.figures --orders 20000      a quick look

Exit status 1 when others wait: 99 of 100 of their answers within a second, all of them good.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import psycopg

from benchmarks.big_shop import make
from benchmarks.watching import answer, get, token, web
from benchmarks.world import cpu_seconds, world

AT_ONCE = 60
OTHERS = 20
SECONDS = 20.0
GOAL_MS = 1000.0
FIGURES = "/dashboard/figures"


@dataclass(kw_only=True)
class Answers:
    took: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


async def ask(port: int, path: str, bearer: str, until: float, answers: Answers) -> None:
    """Twice a second, or as fast as answers come; on a plain socket, as in `benchmarks.watching`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        began = time.monotonic()
        writer.write(get(path, port, bearer))
        answers.statuses[await answer(reader)] += 1
        answers.took.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(max(0.0, 0.5 - (time.monotonic() - began)))
    writer.close()


async def look(port: int, heavy: list[str], others: list[str], seconds: float) -> None:
    """One question for figures alone; others alone; then others beside the sixty."""
    first = Answers()
    await ask(port, FIGURES, heavy[0], time.monotonic() + 0.1, first)
    tell("figures, alone", first)
    await beside(port, [], others, seconds)
    before = cpu_seconds()
    theirs = await beside(port, heavy, others, seconds)
    used = {name: after - before.get(name, 0.0) for name, after in cpu_seconds().items()}
    print("processor seconds:", ", ".join(f"{name} {took:.1f}" for name, took in used.items() if took >= 0.1))
    ranked = sorted(theirs.took)
    sys.exit(0 if ranked[int(len(ranked) * 0.99)] <= GOAL_MS and set(theirs.statuses) == {200} else 1)


async def beside(port: int, heavy: list[str], others: list[str], seconds: float) -> Answers:
    theirs, figures, until = Answers(), Answers(), time.monotonic() + seconds
    await asyncio.gather(
        *(ask(port, "/backfill/status", bearer, until, theirs) for bearer in others),
        *(ask(port, FIGURES, bearer, until, figures) for bearer in heavy),
    )
    tell(f"others, beside {len(heavy)}", theirs)
    if heavy:
        tell("figures", figures)
    return theirs


def tell(who: str, answers: Answers) -> None:
    ranked = sorted(answers.took)
    median, p99 = (ranked[int(len(ranked) * share)] for share in (0.5, 0.99))
    times = f"median {median:.0f} ms, 99 % {p99:.0f} ms, worst {ranked[-1]:.0f} ms"
    print(f"{who:20} {len(ranked):>6} answers {dict(answers.statuses)}, {times}", flush=True)


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("--orders", type=int, default=250_000)
    wanted.add_argument("--users", type=int, default=1, help="so many users ask the sixty")
    asked = wanted.parse_args()
    with world() as here:
        env = {**here.env, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
        with psycopg.connect(env["DATABASE_URL"], autocommit=True, cursor_factory=psycopg.ClientCursor) as db:
            shops = [make(db, asked.orders // asked.users) for _ in range(asked.users)]
            others = [
                str(user)
                for (user,) in db.execute(
                    "insert into auth.users (id, email) select gen_random_uuid(), gen_random_uuid() || '@example.com'"
                    f" from generate_series(1, {OTHERS}) returning id".encode()
                )
            ]
        with web(env) as port:
            heavy = [token(env, shops[n % len(shops)].user) for n in range(AT_ONCE)]
            asyncio.run(look(port, heavy, [token(env, user) for user in others], SECONDS))


if __name__ == "__main__":
    main()
