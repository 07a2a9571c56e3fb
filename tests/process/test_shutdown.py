"""SIGTERM in the worst states: the process is gone in 25 seconds, its lease is given back, nothing is charged.

The three workers are stopped at once, so that waiting for them takes the time of one.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from execution.errors import StoreUnavailable
from execution.process.shutdown import HeldLeases, Shutdown
from tests.process.test_worker_processes import processes, until
from tests.process.time_to_end import GRACE_SECONDS, seconds_to_end
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

# What Python imports first: names that end in .hangs are looked up for ever, in C's own time (no signal ends it).
HANGING_DNS = """
import socket, time
real = socket.getaddrinfo
def getaddrinfo(host, *args, **kwargs):
    while str(host).endswith(".hangs"):
        time.sleep(3600)
    return real(host, *args, **kwargs)
socket.getaddrinfo = getaddrinfo
"""


@dataclass(frozen=True, kw_only=True)
class Hole:
    """An address that takes connections and never says a word; and whether somebody waits there."""

    url: str
    asked: threading.Event


@contextmanager
def black_hole() -> Iterator[Hole]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []
        hole = Hole(url=f"http://127.0.0.1:{server.getsockname()[1]}", asked=threading.Event())

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return
                hole.asked.set()

        taker = threading.Thread(target=accept, daemon=True)
        taker.start()
        yield hole
        server.shutdown(socket.SHUT_RDWR)
        taker.join(5)
        for connection in kept:
            connection.close()


def hears(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has its handler for SIGTERM by now: a child may be at work before its parent is."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def leases(world: World) -> int:
    return len(world.rows("select 1 from public.sync_jobs where lease_id is not null"))


def test_a_worker_that_hangs_leaves_in_time_and_gives_its_lease_back(
    world_of: Callable[[Shop], World], etsy: Etsy, product_env: dict[str, str], tmp_path: Path
) -> None:
    """In a read without an answer, in a name that is never found, in a refresh of half a minute: nothing is lost."""
    (tmp_path / "sitecustomize.py").write_text(HANGING_DNS)
    worlds = [world_of(etsy.shop(20)) for _ in range(3)]
    refreshing = worlds[2]
    token_url = f"{etsy.url}/v3/public/oauth/token"
    command = "worker --processes 1 --threads 1"
    with black_hole() as silent:
        envs = [
            {**product_env, "ETSY_API_BASE_URL": silent.url, "ETSY_TOKEN_URL": token_url},
            {**product_env, "ETSY_API_BASE_URL": "http://etsy.hangs", "PYTHONPATH": str(tmp_path)},
            product_env,
        ]
        stuck: list[subprocess.Popen[bytes]] = []
        with processes(refreshing, envs[0], command) as (one,), processes(refreshing, envs[1], command) as (two,):
            for count, world in enumerate(worlds[:2], 1):
                world.start("orders")
                until(lambda count=count: leases(refreshing) == count, "a lease")
            etsy.control("POST", "/settings", token_delay_seconds=30.0)
            refreshing.db.execute(
                "update private.platform_tokens set expires_at = now() where connection_id ="
                " (select id from public.connected_accounts where user_id = %s)",
                (refreshing.user_id,),
            )
            with processes(refreshing, envs[2], command) as (three,):
                refreshing.start("orders")
                until(lambda: leases(refreshing) == 3, "all leases")
                until(lambda: bool(calls_for_tokens(etsy)), "the refresh")
                stuck += [one, two, three]
                until(lambda: all(map(hears, stuck)), "the handlers")
                took = seconds_to_end(stuck)

    etsy.control("POST", "/settings", token_delay_seconds=0.0)
    for world in worlds:
        job = world.job("orders")
        assert (job["status"], job["lease_id"], job["attempts"], job["deaths"]) == ("queued", None, 0, 0)
    assert took < GRACE_SECONDS
    assert [process.returncode for process in stuck] == [0, 0, 0]


def calls_for_tokens(etsy: Etsy) -> list[str]:
    return etsy.http.get("/_sandbox/ledger", params={"path": "oauth/token"}).text.splitlines()


def test_a_second_signal_ends_the_worker_at_once(
    world_of: Callable[[Shop], World], etsy: Etsy, product_env: dict[str, str]
) -> None:
    """Whoever asks twice does not want to wait for the page."""
    world = world_of(etsy.shop(20))
    with black_hole() as silent:
        env = {**product_env, "ETSY_API_BASE_URL": silent.url, "ETSY_TOKEN_URL": f"{etsy.url}/v3/public/oauth/token"}
        with processes(world, env, "worker --processes 1 --threads 1") as (worker,):
            world.start("orders")
            assert silent.asked.wait(60)
            until(lambda: hears(worker), "the handler")
            # What comes within a second is the same signal: a busy machine may hear the first one late.
            while worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    worker.wait(2)

    assert leases(world) == 1  # it went before the lease was given back from outside


def test_what_ends_by_itself_is_not_given_back_from_outside() -> None:
    """A slice that finishes its page in time settles its own job."""
    held_leases, given = HeldLeases(), []
    shutdown = Shutdown(held_leases=held_leases, give_back=given.append, finish_seconds=5, exit_seconds=3600)

    with held_leases.holding("lease"):
        shutdown.start()
        assert shutdown.asked.is_set()

    assert held_leases.wait_until_empty(5) == []
    assert given == []


def test_what_does_not_end_is_given_back_from_outside() -> None:
    """Also when one cannot be given back, or waits for a lock: the others are."""
    held_leases, given, other, both = HeldLeases(), [], threading.Event(), threading.Event()

    def give_back(lease_id: str) -> None:
        if lease_id == "b":
            other.set()
            raise StoreUnavailable("away")
        assert other.wait(5)
        given.append(lease_id)
        both.set()

    with held_leases.holding("a"), held_leases.holding("b"):
        Shutdown(held_leases=held_leases, give_back=give_back, finish_seconds=0.01, exit_seconds=3600).start()
        assert both.wait(10)

    assert given == ["a"]


HEARS = """
import signal, sys, threading, time
from execution.process.shutdown import HeldLeases, Shutdown
shutdown = Shutdown(held_leases=HeldLeases(), give_back=print, exit_seconds={exits})
shutdown.listen(signal.SIGTERM)
print("ready", flush=True)
time.sleep({first}); time.sleep(60)
"""


@pytest.mark.parametrize(("again_after", "status"), [(0.1, 0), (1.3, 3)])
def test_one_signal_that_comes_twice_is_not_two(again_after: float, status: int) -> None:
    """A host tells the group, and the parent tells its children: that is one. A second later it is a second one."""
    script = HEARS.format(exits=3.0, first=0)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(again_after)
        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == status
