"""The parts of the interface: users, connections, backfills. Each method calls one function of the product."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import dramatiq

from execution import backfill_manager, full_refresh, operations, runs, tenants
from execution.app import App
from execution.backfill_manager import BackfillManager
from execution.events import outbox
from execution.full_refresh import FullRefreshes
from execution.reports import estimates, progress
from keeper.results import (
    Backfill,
    Connection,
    Disconnected,
    Estimate,
    FullRefresh,
    Queued,
    RefreshStarted,
    RolledBack,
    Run,
    ToldEvent,
    User,
    Worked,
    backfill_of,
    result,
)

# Who started it, as the runs have it on record.
TRIGGER = "library"


class _Part:
    def __init__(self, app_of: Callable[[], App]) -> None:
        self._app_of = app_of

    @property
    def _app(self) -> App:
        return self._app_of()


class Users(_Part):
    """`keeper.users`: the users of your product."""

    def create(self, email: str, *, plan: str | None = None) -> User:
        """Create a user through Supabase Auth, or answer the one with this address; put it on `plan`, if one is given.

        Raises UserError for an address or a plan that is refused, and where Supabase Auth does not answer.
        """
        return result(User, operations.create_user(self._app, email=email, plan=plan))

    def find(self, email: str) -> User | None:
        """The user with this address, or None."""
        found = operations.user_by_email(self._app, email)
        return None if found is None else result(User, found)

    def pause(self, user_id: str, *, platform: str | None = None, shop_id: str | None = None) -> None:
        """Leave a user alone, or some of the user's shops: nothing is read, and nothing is lost, until `resume`.

        Raises UserError for an unknown user, platform or shop.
        """
        tenants.pause(self._app, user_id=user_id, platform=platform, shop_id=shop_id, by=TRIGGER)

    def resume(self, user_id: str, *, platform: str | None = None, shop_id: str | None = None) -> None:
        """Take up again what was paused, where it stood. Raises as `pause` does."""
        tenants.resume(self._app, user_id=user_id, platform=platform, shop_id=shop_id, by=TRIGGER)

    def delete(self, user_id: str) -> None:
        """Delete a user in all stores, for good; `tenant.deleted` is told when it is done. Raises UserError for an
        unknown user.
        """
        tenants.delete(self._app, user_id=user_id, by=TRIGGER)


class Connections(_Part):
    """`keeper.connections`: a user's shops."""

    def connect(
        self,
        platform: str,
        user_id: str,
        *,
        shop_id: str,
        access_token: str,
        refresh_token: str | None = None,
        expires_at: datetime | None = None,
        currency: str | None = None,
    ) -> Connection:
        """Connect a shop. The token is tried on the platform before anything is stored, and stored encrypted.

        Raises UserError where the platform refuses the token, or the token is another shop's.
        """
        facts = operations.connect(
            self._app,
            platform=platform,
            user_id=user_id,
            shop_id=shop_id,
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=expires_at,
            currency=currency,
        )
        return result(Connection, {**facts, "status": "connected"})

    def list(self, user_id: str) -> tuple[Connection, ...]:
        """Every shop of the user's, also those that are disconnected. Raises UserError for an unknown user."""
        return backfill_of(backfill_manager.status(self._app.store, user_id)).connections

    def disconnect(self, user_id: str, connection_id: str) -> Disconnected:
        """End the shop's jobs, delete its tokens, and tell the platform where it has a call for that.

        What was loaded stays. Raises nothing for a connection that is not there: `disconnected` is False.
        """
        return result(Disconnected, self._app.disconnector.disconnect(user_id=user_id, connection_id=connection_id))


class Runs(_Part):
    """`keeper.runs`: what was read and what it changed, and taking it back."""

    def list(
        self,
        user_id: str,
        *,
        platform: str | None = None,
        shop_id: str | None = None,
        before: datetime | None = None,
        limit: int = 20,
    ) -> tuple[Run, ...]:
        """The user's runs, the newest first; `before` goes on where a list ended. Raises UserError for an unknown user,
        platform or shop.
        """
        app = self._app
        shops = operations.status(app, user_id=user_id, platform=platform, shop_id=shop_id)["connections"]
        until = before.isoformat() if before else None
        found = runs.of_user(app.store, user_id, shops, before=until, limit=limit)
        return tuple(result(Run, one) for one in found)

    def show(self, user_id: str, run_id: str) -> Run:
        """One run of the user's. Raises UserError where there is none."""
        return result(Run, runs.one(self._app.store, run_id, user_id=user_id))

    def roll_back(
        self, user_id: str, run_id: str, *, with_later: bool = False, dry_run: bool = False, actor: str = TRIGGER
    ) -> RolledBack:
        """Take a run of the user's back, in one transaction: every row and watermark as it was before it.

        A rollback is a run itself, and is taken back in the same way; `actor` says on record who did it. Raises
        UserError with a code where it cannot be: `unknown_run`, `already_undone`, `run_is_open`, `record_is_over`,
        `changed_nothing`, `entity_is_read`, `too_many_rows`, or `later_runs`, which `with_later` takes back as well.
        """
        facts = runs.roll_back(
            self._app.store, run_id, user_id=user_id, actor=actor, with_later=with_later, dry_run=dry_run
        )
        return result(RolledBack, facts)


class Events(_Part):
    """`keeper.events`: what the embedding service was told, and telling it again."""

    def list(
        self, *, user_id: str | None = None, kind: str | None = None, state: str | None = None, limit: int = 50
    ) -> tuple[ToldEvent, ...]:
        """The newest events, of one user, type (`sync.completed`) or state (`waiting`, `sent`, `given_up`) where it is
        named. A month of them is kept. Raises UserError for a state that is none.
        """
        found = outbox.listed(self._app.store, user_id=user_id, kind=kind, state=state, limit=limit)
        return tuple(result(ToldEvent, one) for one in found)

    def resend(self, *event_ids: str, given_up_since: datetime | None = None) -> int:
        """Send these once more, and all that were given up since, under the ids that they had; answers how many.

        Raises UserError where nothing is named, or nothing of that name is there.
        """
        return outbox.resent(self._app.store, event_ids, given_up_since=given_up_since)


class Refreshes(_Part):
    """`keeper.refreshes`: read a shop anew beside what is there, and swap it in when it is proven."""

    def __init__(self, app_of: Callable[[], App], broker_of: Callable[[], dramatiq.Broker]) -> None:
        super().__init__(app_of)
        self._broker_of = broker_of

    @cached_property
    def _refreshes(self) -> FullRefreshes:
        return operations.full_refreshes(self._app, self._broker_of())

    def start(
        self,
        user_id: str,
        *,
        confirm: str | None = None,
        platform: str | None = None,
        shop_id: str | None = None,
        dry_run: bool = False,
    ) -> RefreshStarted:
        """Begin a full refresh of one shop; `confirm` is its name, and one that is open is left alone. Answers at once:
        workers do the work, and the clock swaps in what is proven, in one transaction. Until then nothing changes.

        Raises UserError with a code: `ambiguous_shop`, `unknown_shop`, `not_connected`, `not_loaded`,
        `backfill_is_open`, or `wrong_shop_name`.
        """
        facts = self._refreshes.start(
            user_id, confirm=confirm, platform=platform, shop_id=shop_id, trigger=TRIGGER, dry_run=dry_run
        )
        entities = {one: [job["entity"] for job in facts["jobs"] if job["outcome"] == one] for one in _LEFT_OR_TAKEN}
        return result(RefreshStarted, {**facts, "entities": entities["queued"], "left_out": entities["not_loaded"]})

    def status(
        self, user_id: str, *, platform: str | None = None, shop_id: str | None = None
    ) -> tuple[FullRefresh, ...]:
        """The newest full refresh of each of the user's shops that ever had one. Raises UserError for an unknown user,
        platform or shop.
        """
        found = full_refresh.status(self._app.store, user_id, platform=platform, shop_id=shop_id)
        nothing = {"tables": {}, "held_back": 0}
        return tuple(result(FullRefresh, {**one, **(one["result"] or nothing)}) for one in found)

    def cancel(self, user_id: str, run_id: str) -> None:
        """End one that is open: nothing changes. Raises UserError (`not_open`) where there is none."""
        full_refresh.cancel(self._app.store, user_id, run_id, by=TRIGGER)


_LEFT_OR_TAKEN = ("queued", "not_loaded")


class Backfills(_Part):
    """`keeper.backfills`: start one, see how it stands, work it."""

    def __init__(self, app_of: Callable[[], App], broker_of: Callable[[], dramatiq.Broker]) -> None:
        super().__init__(app_of)
        self._broker_of = broker_of

    @cached_property
    def _manager(self) -> BackfillManager:
        return operations.manager(self._app, self._broker_of())

    def start(
        self,
        user_id: str,
        *,
        platform: str | None = None,
        shop_id: str | None = None,
        entities: Sequence[str] = (),
        again: bool = False,
    ) -> Queued:
        """Queue what the user's shops need; what runs or is complete is left alone, `again` reads it once more.

        Answers at once: workers do the work. Raises UserError for an unknown user, platform, shop or entity, and where
        nothing is connected.
        """
        facts = self._manager.start(
            user_id, platform=platform, shop_id=shop_id, entities=entities, trigger=TRIGGER, again=again
        )
        return result(Queued, facts)

    def estimate(
        self,
        user_id: str,
        *,
        platform: str | None = None,
        shop_id: str | None = None,
        entities: Sequence[str] = (),
        again: bool = False,
    ) -> Estimate:
        """What `start` would cost: by what it cost before, else by the platform's own count. Queues nothing.

        Raises UserError as `start` does.
        """
        facts = estimates.of_user(
            self._app, user_id=user_id, platform=platform, shop_id=shop_id, entities=entities, again=again
        )
        return result(Estimate, facts)

    def status(self, user_id: str, *, platform: str | None = None, shop_id: str | None = None) -> Backfill:
        """How the user's backfill stands: shops, jobs, certificates, failures; of some shops where they are named.

        Raises UserError for an unknown user, platform or shop.
        """
        facts: Mapping[str, Any] = operations.status(self._app, user_id=user_id, platform=platform, shop_id=shop_id)
        return backfill_of(facts if platform is None and shop_id is None else progress.of_its_jobs(facts))

    def watch(self, user_id: str, *, every_seconds: float = 1.0) -> Iterator[Backfill]:
        """The status now and after each change, until the backfill has ended. Raises as `status` does."""
        before: Backfill | None = None
        while True:
            found = self.status(user_id)
            if before is None or _differ(before, found):
                yield found
            if found.ended:
                return
            before = found
            self._app.clock.sleep(every_seconds)

    async def watch_async(self, user_id: str, *, every_seconds: float = 1.0) -> AsyncIterator[Backfill]:
        """`watch` for asynchronous code: the questions are asked in threads, the waits hold nobody."""
        before: Backfill | None = None
        while True:
            found = await asyncio.to_thread(self.status, user_id)
            if before is None or _differ(before, found):
                yield found
            if found.ended:
                return
            before = found
            await asyncio.sleep(every_seconds)

    def run_until_idle(self, *, wait_seconds: float = 60.0) -> Worked:
        """Work jobs in this process until nothing is due within `wait_seconds`: for scripts, and where no worker runs.

        Raises KeeperError where a job waits for a setting to be mended.
        """
        return result(Worked, operations.run_until_idle(self._app, wait_seconds=wait_seconds))


def _differ(before: Backfill, after: Backfill) -> bool:
    return (before.status, before.connections, before.jobs) != (after.status, after.connections, after.jobs)
