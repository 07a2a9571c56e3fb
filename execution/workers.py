"""Doorbells: Dramatiq carries no state, only "there may be work". Postgres decides what the work is.

A doubled bell is harmless, a lost one is made up for by the clock. Dramatiq's own retries are off: a failure is a
column of the job. Run by `keeper worker` (dramatiq execution.workers).
"""

from __future__ import annotations

import contextlib
import random
import threading

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker

from execution import jobs, traces
from execution.app import App
from execution.errors import KeeperError, LeaseLost, StoreUnavailable
from execution.job_runner import JobRunner, SliceOutcome
from execution.process import lease_returns
from execution.process.heartbeat import Heartbeat
from execution.process.shutdown import EXIT_SECONDS, HeldLeases, Shutdown
from execution.process.wakeup_broker import WakeupBroker
from execution.settings import Settings
from execution.store import Patience
from execution.valkey import Valkey, connect_valkey, why_away

QUEUE = "sync"
# More bells than this in the queue say nothing new.
_MOST_BELLS = 32
_LOOK_SECONDS = 10.0
_BELL_PATIENCE_S = 2.0

log = structlog.get_logger()


class Stopping(dramatiq.Middleware):
    """Sees to it that the process ends in time, and not before the last slice has given its job back."""

    def __init__(self, shutdown: Shutdown) -> None:
        self._shutdown = shutdown

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002
        self._shutdown.start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002
        # The poller's slice is in no thread of Dramatiq's.
        self._shutdown.held_leases.wait_until_empty(EXIT_SECONDS)
        traces.flush()


class Poller(dramatiq.Middleware):
    """Looks for work without a bell now and then, so that work goes on, slower, while Valkey is away."""

    def __init__(self, stop: threading.Event, rng: random.Random) -> None:
        self._stop = stop
        self._rng = rng

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002
        threading.Thread(target=self._look, name="poller", daemon=True).start()

    def _look(self) -> None:
        while not self._stop.wait(self._rng.uniform(_LOOK_SECONDS / 2, _LOOK_SECONDS)):
            try:
                answer_bell(runner())
            except Exception:
                # Whatever it was, the next look is due: nobody starts this thread again.
                log.exception("look_failed")


class Heart(dramatiq.Middleware):
    """Says that this process is there, as long as it takes work."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002
        threading.Thread(target=self._beat, name="heart", daemon=True).start()

    def _beat(self) -> None:
        app = App(settings=Settings.load())
        Heartbeat(app.hasty_store, "worker", app.clock).until(self._stop)
        app.hasty_store.close()


def make_broker(settings: Settings, middleware: list[dramatiq.Middleware]) -> RedisBroker:
    """A broker with none of Dramatiq's own middleware: no retries, no age limits, no results.

    A Valkey that hangs costs a bell some seconds, never a thread for good.
    """
    url = settings.redis_url.get_secret_value()
    client = connect_valkey(url, installation=settings.installation, patience_s=_BELL_PATIENCE_S)
    return WakeupBroker(client=client, namespace=client.key("bells"), middleware=middleware)  # type: ignore[no-untyped-call]  # unannotated there


def ring(broker: dramatiq.Broker) -> None:
    """Say that there may be work. Valkey away: nothing is lost, the clock rings later."""
    try:
        broker.enqueue(dramatiq.Message(queue_name=QUEUE, actor_name="work_one_job", args=(), kwargs={}, options={}))
    except (redis.RedisError, dramatiq.errors.BrokerConnectionError) as error:
        log.warning("bell_not_rung", error=why_away(error))


def bells_waiting(client: Valkey) -> int:
    """How many bells nobody has answered yet."""
    return int(client.llen(f"{client.key('bells')}:{QUEUE}"))


def answer_bell(job_runner: JobRunner) -> None:
    """Work slices until no job is due. Whose job is next, each claim says: a thread never keeps a shop."""
    try:
        while job_runner.work_one() is not SliceOutcome.IDLE:
            pass
    except KeeperError as error:
        log.warning("no_work_done", error=str(error))


def tick(app: App, broker: dramatiq.Broker) -> dict[str, object]:
    """One beat of the clock: rescue lapsed leases, wake parked jobs, ring for what is due. May run twice at once."""
    # Before leases are rescued: whoever ended in good order has not died.
    try:
        lease_returns.settle(app.hasty_store, app.valkey)
    except StoreUnavailable as error:
        # One row that somebody holds must not stop the beat for all; what is noted stays noted.
        log.warning("lease_returns_wait", error=error.message)
    beat: dict[str, object] = jobs.tick(app.store)
    due = min(int(str(beat["queued"])), _MOST_BELLS)
    try:
        missing = due - bells_waiting(app.valkey)
    except redis.RedisError as error:
        log.warning("bells_not_counted", error=why_away(error))
        missing = 0
    for _ in range(missing):
        ring(broker)
    return beat


def _hand_back(lease_id: str) -> None:
    """From outside of the slice, over a connection of its own: the slice's may be the one that hangs."""
    app = App(settings=Settings.load(), patience=Patience(attempts=2, answer_s=2.0))
    try:
        with contextlib.suppress(LeaseLost):
            app.store.rpc("hand_back_job", p_lease_id=lease_id)
    except StoreUnavailable:
        lease_returns.note(app.valkey, lease_id)
        raise


_held_leases = HeldLeases()
shutdown = Shutdown(held_leases=_held_leases, give_back=_hand_back)
_runner: JobRunner | None = None
_runner_lock = threading.Lock()


def runner() -> JobRunner:
    """The runner of this process, made when the first bell rings."""
    global _runner  # noqa: PLW0603  one a process, shared by its threads
    with _runner_lock:
        if _runner is None:
            _runner = App(settings=Settings.load(), stopping=shutdown.asked.is_set, held_leases=_held_leases).runner()
        return _runner


def set_up() -> RedisBroker:
    """Make the process's broker and declare the actor on it."""
    poller = Poller(shutdown.asked, random.Random())  # noqa: S311
    broker = make_broker(Settings.load(), [Stopping(shutdown), poller, Heart(shutdown.asked)])
    dramatiq.set_broker(broker)

    @dramatiq.actor(queue_name=QUEUE, broker=broker)
    def work_one_job() -> None:
        """Work what is due. The message is only a doorbell."""
        answer_bell(runner())

    return broker
