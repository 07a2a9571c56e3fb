"""Signs of life of the processes that move work."""

from __future__ import annotations

import threading

from execution import workers
from execution.process.heartbeat import Heartbeat
from tests.doubles.clocks import HastyClock


class _Told:
    def __init__(self):
        self.beats, self.heard = [], threading.Event()

    def rpc(self, name, **arguments):
        self.beats.append((name, arguments["p_kind"]))
        self.heard.set()


def test_rounds_that_are_quick_tell_one_beat_in_ten_seconds():
    told, clock = _Told(), HastyClock()
    heartbeat = Heartbeat(told, "clock", clock)

    for _ in range(11):
        heartbeat.beat()
        clock.sleep(2)

    assert told.beats == [("record_heartbeat", "clock")] * 3


def test_a_worker_process_is_seen_from_its_boot_on(app, env, db, clean, monkeypatch):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    stop = threading.Event()

    workers.Heart(stop).after_worker_boot(None, None)
    while not app.store.rpc("heartbeats")["worker"]["alive"]:
        pass
    stop.set()
    next(thread for thread in threading.enumerate() if thread.name == "heart").join(20)

    assert app.store.rpc("heartbeats")["clock"] == {"alive": 0, "age_seconds": None}
