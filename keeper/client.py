"""The entrance of the interface."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import ParamSpec, Self, TypeVar

from dramatiq.brokers.redis import RedisBroker

from execution import operations, workers
from execution.app import App
from execution.reports import costs, deletions
from execution.settings import Settings
from execution.store import Patience
from execution.sync_orchestrator import SyncOrchestrator
from keeper.parts import TRIGGER, Backfills, Connections, Events, Refreshes, Runs, Users
from keeper.results import Costs, Synced, Verification, result

P = ParamSpec("P")
T = TypeVar("T")


class Keeper:
    """Keeper with the settings of the environment, or of a mapping with the same names.

    Nothing is asked of anybody before the first call, which makes sure of the database, its schema and the keys. May be
    shared by threads; `close` it, or use it in a `with` block.

    Every method may raise UserError (bad input or settings: `message` and `hint` say what to do), StoreUnavailable (the
    database does not answer; the call may be repeated) and StoreError (the database refused). All are KeeperErrors,
    with a stable `code` where programs have to tell one from another.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, *, patience_seconds: float = 30.0) -> None:
        self._settings = Settings.load(environ)
        self._patience = Patience(attempts=3, answer_s=patience_seconds)
        self._closing = ExitStack()
        self._lock = threading.Lock()
        self._made: App | None = None
        self.users = Users(self._app)
        self.connections = Connections(self._app)
        self.runs = Runs(self._app)
        self.events = Events(self._app)
        self.backfills = Backfills(self._app, lambda: self._broker)
        self.refreshes = Refreshes(self._app, lambda: self._broker)

    def sync(
        self,
        user_id: str,
        *,
        platform: str | None = None,
        shop_id: str | None = None,
        entities: Sequence[str] = (),
    ) -> Synced:
        """Look for what is new in a user's shops now; rounds come by themselves as well. What is open is left alone.

        Answers at once: workers do the work. Raises UserError for an unknown user, platform, shop or entity, and where
        nothing is connected.
        """
        return result(
            Synced,
            self._orchestrator.sync(user_id, platform=platform, shop_id=shop_id, entities=entities, trigger=TRIGGER),
        )

    def verify(self, user_id: str, *, platform: str | None = None, shop_id: str | None = None) -> Verification:
        """Hold every completed entity against its audit and proofs once more. Asks no platform.

        Raises UserError for an unknown user, platform or shop.
        """
        facts = operations.verify(self._app(), user_id=user_id, platform=platform, shop_id=shop_id)
        return result(Verification, facts)

    def restore(self, user_id: str, run_id: str) -> int:
        """Bring back every record that a run marked gone, with what went along. How many came back. Asks no platform.

        Raises UserError for a run that is none of the user's.
        """
        return int(deletions.restore(self._app().store, user_id=user_id, run_id=run_id)["restored"])

    def costs(self, user_id: str, *, platform: str | None = None, shop_id: str | None = None) -> Costs:
        """Cost of goods and profit, of all of the user's shops or of those that are named.

        Raises UserError for an unknown user, platform or shop.
        """
        app = self._app()
        shops = operations.status(app, user_id=user_id, platform=platform, shop_id=shop_id)["connections"]
        narrows = platform is not None or shop_id is not None
        return result(Costs, costs.report(app.store, user_id, limit=0, shops=shops if narrows else None))

    async def in_thread(self, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method from asynchronous code: `await keeper.in_thread(keeper.backfills.start, user_id)`."""
        return await asyncio.to_thread(method, *args, **kwargs)

    def close(self) -> None:
        """Give the connections back. Afterwards nothing may be called."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _broker(self) -> RedisBroker:
        """Rings for whatever part starts something."""
        broker = workers.make_broker(self._settings, [])
        self._closing.callback(broker.client.close)
        return broker

    @cached_property
    def _orchestrator(self) -> SyncOrchestrator:
        return operations.orchestrator(self._app(), self._broker)

    def _app(self) -> App:
        with self._lock:
            if self._made is None:
                app = App(settings=self._settings, patience=self._patience)
                self._closing.callback(app.close)
                app.check_boot()
                self._made = app
            return self._made
