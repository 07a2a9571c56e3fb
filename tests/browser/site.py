"""The whole product for a browser: stack, a stand-in for Etsy, the web process's application and workers in threads."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import uvicorn

from execution.app import App
from execution.job_runner import Outcome
from execution.settings import Settings
from tests.heart.world import close_app
from web.app import create_app

_LOOK_SECONDS = 0.05
_START_LIMIT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the pages are, and the settings that every process of the product has."""

    url: str
    env: dict[str, str]

    @property
    def settings(self) -> Settings:
        return Settings.load(self.env)


@contextmanager
def serving(env: dict[str, str], *, port: int = 0) -> Iterator[Site]:
    """The web application behind a real socket; it knows its own address, as a deployment's does."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        site = Site(url=url, env={**env, "PUBLIC_URL": url})
        api = create_app(App(settings=site.settings))
        config = uvicorn.Config(api, ws="none", log_level="critical")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield site
        finally:
            # A page that is open holds its stream: a person's browser would, too.
            server.should_exit = server.force_exit = True
            thread.join()
            close_app(api.state.web.app)


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A stand-in's process: its control plane, and what the product must know to reach it."""

    http: httpx.Client
    env: dict[str, str]

    def shop(self, **wanted: Any) -> dict[str, Any]:
        """A shop; its sellers are asked on a page."""
        self.http.post("/_sandbox/settings", json={"consent": "ask"}).raise_for_status()
        made: dict[str, Any] = self.http.post("/_sandbox/shops", json=wanted).raise_for_status().json()
        return made


@contextmanager
def stand_in(platform: str, folder: Path) -> Iterator[StandIn]:
    """A platform's stand-in, ended with the block."""
    ready = folder / f"{platform}.json"
    argv = [sys.executable, "-m", f"sandbox.{platform}", "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen([*argv, "--state-dir", str(folder / platform)])
    try:
        told = _told(ready, process)
        with httpx.Client(base_url=told["url"], trust_env=False, timeout=60) as http:
            yield StandIn(http=http, env=told["env"])
    finally:
        process.terminate()
        process.wait(10)


def _told(ready: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    patience = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < patience and process.poll() is None:
        if ready.exists() and ready.read_text().endswith("}"):
            told: dict[str, Any] = json.loads(ready.read_text())
            return told
        time.sleep(_LOOK_SECONDS)
    raise AssertionError(f"the stand-in did not start (exit status {process.poll()})")


class Workers:
    """Threads that work whatever is due, as `keeper worker` and `keeper clock` do."""

    def __init__(self, settings: Settings, *, threads: int = 1) -> None:
        self._stop = threading.Event()
        self._app = App(settings=settings, stopping=self._stop.is_set)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        close_app(self._app)

    def _work(self) -> None:
        runner = self._app.runner()
        while not self._stop.wait(_LOOK_SECONDS):
            while not self._stop.is_set() and runner.work_one() is not Outcome.IDLE:
                pass
            self._app.store.rpc("tick")
