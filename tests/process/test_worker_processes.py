"""Real worker and clock processes: signals, kills, a Valkey that forgets or is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.process.time_to_end import GRACE_SECONDS, seconds_to_end
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World


@contextmanager
def processes(world: World, env: dict[str, str], *commands: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """`keeper` processes as a dyno runs them, each in its own group; whatever is left at the end is killed."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "execution", *command.split()],
            env={**os.environ, **env, "LOG_LEVEL": "critical"},
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for something that other processes do; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def pages(world: World) -> int:
    return int(world.rows("select count(*) as n from sync_pages")[0]["n"])


def lapse(world: World) -> None:
    """Let every lease lapse now rather than in a minute."""
    world.db.execute("update public.sync_jobs set lease_expires_at = now() where status = 'running'")


def ended(world: World) -> bool:
    return not world.jobs("waiting", "queued", "running", "parked")


@pytest.fixture
def busy(world_of: Callable[[Shop], World], etsy: Etsy) -> World:
    """A shop whose orders take a while, because every answer is slow."""
    world = world_of(etsy.shop(orders=900))
    etsy.fault("slow", seconds=0.3, path="receipts")
    return world


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_in_time_and_gives_the_job_back(
    busy: World, product_env: dict[str, str], number: signal.Signals
) -> None:
    """Stopped in mid job: exit within the grace period, no lease left, no attempt and no death charged."""
    with processes(busy, product_env, "worker --processes 1 --threads 1") as (worker,):
        busy.start("orders")
        until(lambda: pages(busy) >= 1, "a first page")
        took = seconds_to_end([worker], lambda process: process.send_signal(number))

    job = busy.job("orders")
    assert took < GRACE_SECONDS
    assert (job["status"], job["lease_id"], job["attempts"], job["deaths"]) == ("queued", None, 0, 0)
    assert 1 <= job["page_seq"] < 9


def test_a_worker_yields_to_whoever_waits_for_an_answer(busy: World, product_env: dict[str, str]) -> None:
    """On a machine that both share, the web process goes first: seen in the process that works the pages."""
    own = os.getpriority(os.PRIO_PROCESS, 0)

    with processes(busy, product_env, "worker --processes 1 --threads 1", "worker --nice 0") as (worker, equal):
        busy.start("orders")
        until(lambda: pages(busy) >= 1, "a first page")
        levels = [os.getpriority(os.PRIO_PGRP, process.pid) for process in (worker, equal)]

    assert levels == [min(own + 10, 19), own]


def test_killed_workers_lose_nothing(busy: World, product_env: dict[str, str]) -> None:
    """Every worker process is killed in mid page, again and again: the tables equal the source, one death a kill."""
    with processes(busy, product_env, "clock --every 0.2"):
        busy.start()
        for kill in range(3):
            with processes(busy, product_env, "worker --processes 2 --threads 1") as (worker,):
                until(lambda kill=kill: pages(busy) > 2 * kill, "another page")
                os.killpg(worker.pid, signal.SIGKILL)
            lapse(busy)
        with processes(busy, product_env, "worker --processes 2 --threads 1"):
            until(lambda: ended(busy), "the end of the backfill")

    assert busy.statuses() == dict.fromkeys(("orders", "listings", "payments", "customers"), "completed")
    assert busy.wrong() == []


def test_valkey_may_forget_everything(busy: World, product_env: dict[str, str]) -> None:
    """FLUSHALL in mid backfill: the clock rings again and the backfill ends as if nothing had been."""
    valkey = redis.Redis.from_url(product_env["REDIS_URL"])
    with processes(busy, product_env, "clock --every 0.2", "worker --processes 2 --threads 1"):
        busy.start()
        for seen in (1, 4, 8):
            until(lambda seen=seen: pages(busy) >= seen, "another page")
            valkey.flushall()
        until(lambda: ended(busy), "the end of the backfill")
    valkey.close()

    assert busy.wrong() == []


def test_work_goes_on_without_valkey(busy: World, product_env: dict[str, str]) -> None:
    """Nothing listens where Valkey should be: no bell can ring, yet the worker looks for itself and finishes."""
    gone = {**product_env, "REDIS_URL": "redis://127.0.0.1:1/0"}
    busy.start("orders")
    with processes(busy, gone, "worker --processes 1 --threads 1", "clock --every 0.2"):
        until(lambda: ended(busy), "the end of the orders", seconds=90)

    assert busy.statuses() == {"orders": "completed"}
    assert busy.wrong("orders", "line_items") == []


def test_a_stopped_process_that_wakes_up_late_writes_nothing(busy: World, product_env: dict[str, str]) -> None:
    """SIGSTOP past the lease, another worker takes over, SIGCONT: the late pages are refused."""
    with processes(busy, product_env, "worker --processes 1 --threads 1") as (sleeper,):
        busy.start("orders")
        until(lambda: pages(busy) >= 1, "a first page")
        os.killpg(sleeper.pid, signal.SIGSTOP)
        lapse(busy)
        with processes(busy, product_env, "worker --processes 1 --threads 1", "clock --every 0.2"):
            until(lambda: pages(busy) >= 3, "pages of the other worker")
            os.killpg(sleeper.pid, signal.SIGCONT)
            until(lambda: ended(busy), "the end of the orders")

    seqs = [row["seq"] for row in busy.rows("select seq from sync_pages order by committed_at")]
    assert seqs == list(range(len(seqs)))
    assert busy.wrong("orders", "line_items") == []
