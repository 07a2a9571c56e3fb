"""The whole product for a browser: stack, stand-ins, the web process's application and workers in threads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from execution.app import App
from execution.job_runner import SliceOutcome
from execution.settings import Settings
from tests.in_thread import serving as serving_in_thread
from tests.worlds.process import close_app
from web.app import create_app

_LOOK_SECONDS = 0.05


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
        try:
            with serving_in_thread(api, listening) as server:
                try:
                    yield site
                finally:
                    # A page that is open holds its stream: a person's browser would, too.
                    server.force_exit = True
        finally:
            close_app(api.state.web.app)


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
            while not self._stop.is_set() and runner.work_one() is not SliceOutcome.IDLE:
                pass
            self._app.store.rpc("tick")
