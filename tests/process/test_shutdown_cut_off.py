"""SIGTERM while the database or Valkey hangs, or is cut off: gone in 25 seconds, and nobody is charged afterwards.

All processes are stopped at once, so that waiting for them takes the time of one.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import psycopg

from execution import workers
from execution.errors import StoreUnavailable
from execution.process import lease_returns
from tests.process.test_shutdown import hears
from tests.process.test_worker_processes import lapse, processes, until
from tests.process.time_to_end import GRACE_SECONDS, seconds_to_end
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World


class Tap:
    """A wire to a server that can be frozen (taken, never answered) or cut (refused), and thawed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._there = (parts.hostname, parts.port)
        self._flows = threading.Event()
        self._flows.set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        port = self._server.getsockname()[1]
        self.url = url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{port}")
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._flows.clear()

    def cut(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, far = self._server.accept()[0], socket.create_connection(self._there)
                with self._lock:
                    self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def taps(*urls: str) -> Iterator[list[Tap]]:
    made = [Tap(url) for url in urls]
    try:
        yield made
    finally:
        for tap in made:
            tap.cut()
            tap._flows.set()


def workers_with_a_lease(world: World) -> int:
    (row,) = world.rows("select count(distinct leased_by) as n from sync_jobs where lease_id is not null")
    return int(row["n"])


def test_who_is_cut_off_leaves_in_time_and_is_not_charged(
    world_of: Callable[[Shop], World], etsy: Etsy, product_env: dict[str, str]
) -> None:
    """A database that hangs, one that is gone, a Valkey that hangs, and a clock whose database hangs."""
    worlds = [world_of(etsy.shop(900)) for _ in range(6)]
    etsy.fault("slow", seconds=0.3, path="receipts")
    database, valkey = product_env["SUPABASE_URL"], product_env["REDIS_URL"]
    # One installation, although each process has an address of its own for its database.
    product_env = {**product_env, "KEEPER_INSTALLATION": worlds[0].app.settings.installation}
    command = "worker --processes 1 --threads 1"
    with taps(database, database, database, valkey) as (hangs, gone, clocks, bells):
        through = [{"SUPABASE_URL": hangs.url}, {"SUPABASE_URL": gone.url}, {"REDIS_URL": bells.url}]
        with (
            processes(worlds[0], {**product_env, **through[0]}, command) as (one,),
            processes(worlds[0], {**product_env, **through[1]}, command) as (two,),
            processes(worlds[0], {**product_env, **through[2]}, command) as (three,),
            processes(worlds[0], {**product_env, "SUPABASE_URL": clocks.url}, "clock --every 0.2") as (clock,),
        ):
            for world in worlds:
                world.start("orders")
            stopped = [one, two, three, clock]
            until(lambda: workers_with_a_lease(worlds[0]) == 3, "a lease of each worker")
            until(lambda: all(map(hears, stopped)), "the handlers")
            for tap in (hangs, clocks, bells):
                tap.freeze()
            gone.cut()
            took = seconds_to_end(stopped)

    assert took < GRACE_SECONDS
    assert [process.returncode for process in stopped] == [0, 0, 0, 0]
    assert workers_with_a_lease(worlds[0]) >= 2  # those without a database could not tell it
    lapse(worlds[0])
    workers.tick(worlds[0].app, workers.make_broker(worlds[0].app.settings, []))
    for world in worlds:
        job = world.job("orders")
        assert job["status"] in ("queued", "parked")
        assert (job["lease_id"], job["attempts"], job["deaths"]) == (None, 0, 0)


def test_a_row_that_somebody_holds_does_not_stop_the_beat(
    world_of: Callable[[Shop], World], etsy: Etsy, env: dict[str, str]
) -> None:
    """The others are woken and rung for; the noted lease is given back by a later beat, and nobody is charged."""
    world = world_of(etsy.shop(20))
    world.start("orders")
    lease = "7f1e3f0e-5c0a-4b0e-9a53-0c6f35d1a001"
    world.app.store.rpc("claim_job", p_lease_id=lease, p_worker="w")
    lease_returns.note(world.app.valkey, lease)
    broker = workers.make_broker(world.app.settings, [])

    with psycopg.connect(env["DATABASE_URL"]) as somebody:
        somebody.execute("select from public.sync_jobs where lease_id is not null for update")
        held = workers.tick(world.app, broker)
    later = workers.tick(world.app, broker)

    assert (held["running"], later["running"]) == (1, 0)
    assert (world.job("orders")["status"], world.job("orders")["deaths"]) == ("queued", 0)


def test_word_of_a_lease_is_kept_until_the_database_answers(world_of: Callable[[Shop], World], etsy: Etsy) -> None:
    """The clock's own database may be away still; and what no lease is holds nobody up."""
    world = world_of(etsy.shop(20))
    world.start("orders")
    lease = "7f1e3f0e-5c0a-4b0e-9a53-0c6f35d1a001"
    world.app.store.rpc("claim_job", p_lease_id=lease, p_worker="w")
    for left in (lease, "no lease at all", "7f1e3f0e-5c0a-4b0e-9a53-0c6f35d1a002"):
        lease_returns.note(world.app.valkey, left)

    class Away:
        def rpc(self, function: str, /, **_: object) -> object:
            raise StoreUnavailable(function)

    with suppress(StoreUnavailable):
        lease_returns.settle(Away(), world.app.valkey)
    settled = lease_returns.settle(world.app.store, world.app.valkey)

    assert settled == 3
    assert (world.job("orders")["status"], world.job("orders")["deaths"]) == ("queued", 0)
    assert lease_returns.settle(world.app.store, world.app.valkey) == 0
