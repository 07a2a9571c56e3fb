"""Puts the parts of one process together, from its settings. Nothing here decides anything."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from execution.brake import DeletionBrake
from execution.budget.budgets import Budget, CallClass, Scope, load_budgets, scope_of
from execution.budget.person_calls import person_calls
from execution.catalog import PLATFORMS, Catalog, directives, platform_named
from execution.clock import Clock, SystemClock
from execution.connections.connector import Connector
from execution.connections.disconnect import Disconnector
from execution.connections.registration import registration_of
from execution.events.endpoint import Endpoint, endpoint_of
from execution.events.schedule import Schedule
from execution.events.sender import Sender
from execution.http.call_record import CallRecord
from execution.http.circuit_breaker import CircuitBreaker
from execution.http.transport import DEADLINE_S, LIVE_DEADLINE_S, HttpTransport
from execution.job_runner import JobRunner
from execution.jobs import LEASE_SECONDS, Job
from execution.keyring import Keyring
from execution.platform_client import PlatformClient
from execution.platforms.platform import Platform
from execution.platforms.subscriptions import Registration
from execution.process import boot, lease_returns
from execution.process.shutdown import HeldLeases
from execution.rate_limiter import RateLimiter
from execution.rejects import RejectLimits
from execution.settings import Settings
from execution.slices.doubts import DoubtWaits
from execution.slices.job_slice import Client
from execution.store import AS_LONG_AS_IT_TAKES, IN_PASSING, Patience, Store
from execution.token_manager import TokenManager
from execution.tokens.care import TokenCare
from execution.tokens.refresh import Refresher
from execution.tokens.rules import TokenSource
from execution.valkey import Valkey, connect_valkey


class Whose(Protocol):
    """Whose calls they are: a job's, a new connection's, those of a pair of tokens."""

    @property
    def platform(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def shop_id(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class _Nobody:
    """No seller's: what is asked with the application's key alone. No token goes along."""

    platform: str
    user_id: str = ""
    shop_id: str = ""

    def access_token(self) -> str:
        return ""

    def renew(self, rejected: str) -> str:
        return rejected

    def give_up(self, reason: str) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class App:
    """The parts of one process. Each is made when it is first used."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    rng: random.Random = field(default_factory=random.Random)
    stopping: Callable[[], bool] = lambda: False
    patience: Patience = AS_LONG_AS_IT_TAKES
    held_leases: HeldLeases = field(default_factory=HeldLeases)

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(readings=self.settings.readings())

    @cached_property
    def store(self) -> Store:
        return Store(self.settings, clock=self.clock, rng=self.rng, patience=self.patience)

    @cached_property
    def hasty_store(self) -> Store:
        """For what may be done the next time: one try, and no long wait for a row that somebody holds."""
        return Store(self.settings, clock=self.clock, rng=self.rng, patience=IN_PASSING)

    @cached_property
    def valkey(self) -> Valkey:
        url = self.settings.redis_url.get_secret_value()
        return connect_valkey(url, installation=self.settings.installation)

    @cached_property
    def budgets(self) -> Mapping[str, Budget]:
        return load_budgets(*directives())

    @cached_property
    def limiter(self) -> RateLimiter:
        return RateLimiter(
            self.store,
            self.valkey,
            self.budgets,
            self.clock,
            stopping=self.stopping,
            shadow=self.settings.budget_shadow,
        )

    @cached_property
    def transport(self) -> HttpTransport:
        return HttpTransport(self.clock)

    @cached_property
    def call_record(self) -> CallRecord:
        return CallRecord(self.store, self.clock)

    @cached_property
    def keyring(self) -> Keyring:
        return self.settings.keyring()

    @cached_property
    def connector(self) -> Connector:
        return Connector(
            store=self.store,
            keyring=self.keyring,
            platform_settings=self.settings.platform,
            client_of=self.live_client,
            refresher_of=self.refresher_of,
            give_back=self.limiter.give_back,
            check_in=self.check_boot,
            entities_of=self.catalog.of,
            hears_of=lambda name: self.hears_at(name) is not None,
        )

    @cached_property
    def disconnector(self) -> Disconnector:
        return Disconnector(
            store=self.store,
            keyring=self.keyring,
            refresher_of=self.refresher_of,
            client_of=self.live_client,
            give_back=self.limiter.give_back,
            hears_at=self.hears_at,
        )

    @cached_property
    def token_care(self) -> TokenCare:
        return TokenCare(
            store=self.store,
            keyring=self.keyring,
            platforms=PLATFORMS,
            refresher_of=self.refresher_of,
        )

    def hears_at(self, name: str) -> Registration | None:
        """Where a platform's webhooks are to go; None where this process has no address, or no secret for them."""
        return registration_of(self.settings, platform_named(name))

    @cached_property
    def event_schedule(self) -> Schedule:
        """How often an event out is tried, as the directive declares it."""
        return Schedule.load()

    @cached_property
    def event_endpoint(self) -> Endpoint | None:
        """Who is told what became of tenants; None where nobody is. Raises UserError for half a setting."""
        schedule = self.event_schedule
        return endpoint_of(self.settings, self.clock, timeout=schedule.timeout, longest_wait=schedule.longest)

    def event_sender(self) -> Sender | None:
        """Who sends what is due; None where nobody is told."""
        endpoint = self.event_endpoint
        if endpoint is None:
            return None
        return Sender(store=self.store, endpoint=endpoint, schedule=self.event_schedule, rng=self.rng)

    def refresher_of(self, name: str) -> Refresher:
        """Who refreshes a platform's pairs; a UserError where its credentials are missing."""
        return Refresher(
            store=self.store,
            keyring=self.keyring,
            platform=platform_named(name),
            settings=self.settings.platform(name),
            transport=self.transport,
            clock=self.clock,
        )

    def client_of(self, job: Job) -> PlatformClient:
        """The client of a job's platform, with the tokens of the job's own tenant."""
        tokens = TokenManager(refresher=self.refresher_of(job.platform), chance=self.rng, lease_id=job.lease_id)
        # A full refresh has no calls of its own: those that read whole shops.
        call_class = "backfill" if job.job_type == "refresh" else job.job_type
        return self._client(job, call_class, tokens, self.store.now, job_id=job.id)

    def live_client(self, whose: Whose, tokens: TokenSource, *, optional: bool = False) -> PlatformClient:
        """The client for a question that a person waits for, with a token that no lease stands for.

        Its calls count in the person's own share; `optional` ones, whose answer nothing depends on, in that of all.
        """
        budget, scope = self.budgets[whose.platform], self._scope_of(whose)
        allow = person_calls(self.store, budget, scope, whose.user_id, optional=optional)
        # By our own clock: nothing that is read so is compared with a time.
        return self._client(whose, "live", tokens, self.clock.now, deadline_s=LIVE_DEADLINE_S, allow=allow)

    def key_client(self, name: str) -> PlatformClient:
        """The client that asks with the application's key alone, of a platform that has a call for that."""
        platform = platform_named(name)
        assert platform.api.key_probe is not None  # noqa: S101  (whoever asks has looked)
        headers, whose = platform.api.key_probe.headers, _Nobody(platform=name)
        keyed = replace(platform, api=replace(platform.api, headers=lambda settings, _: headers(settings)))
        return self._client(whose, "live", whose, self.clock.now, deadline_s=LIVE_DEADLINE_S, platform=keyed)

    def _client(
        self,
        whose: Whose,
        call_class: CallClass,
        tokens: TokenSource,
        db_now: Callable[[], datetime],
        *,
        deadline_s: float = DEADLINE_S,
        allow: Callable[[], None] = lambda: None,
        job_id: str = "",
        platform: Platform | None = None,
    ) -> PlatformClient:
        return PlatformClient(
            platform=platform or platform_named(whose.platform),
            settings=self.settings.platform(whose.platform),
            scope=self._scope_of(whose),
            call_class=call_class,
            tokens=tokens,
            limiter=self.limiter,
            transport=self.transport,
            db_now=db_now,
            clock=self.clock,
            shop_id=whose.shop_id,
            seen=self.call_record.note,
            deadline_s=deadline_s,
            allow=allow,
            about=({"user_id": whose.user_id} if whose.user_id else {}) | ({"job_id": job_id} if job_id else {}),
        )

    def _scope_of(self, whose: Whose) -> Scope:
        budget, settings = self.budgets[whose.platform], self.settings.platform(whose.platform)
        return scope_of(budget, settings, account=whose.user_id, shop=whose.shop_id)

    @cached_property
    def breaker(self) -> CircuitBreaker[Job, Client]:
        return CircuitBreaker(
            store=self.store,
            lease_seconds=LEASE_SECONDS,
            scope_of=lambda job: self._scope_of(job).key,
            probe=lambda job, client: platform_named(job.platform).api.identify(client.send, job.shop_id, ""),
        )

    def breakers(self) -> list[dict[str, Any]]:
        """The platforms that are away now: scope, state, reason, since when, when they are tried next."""
        circuits: list[dict[str, Any]] = self.store.rpc("breakers")
        return circuits

    def check_boot(self) -> None:
        """Raise UserError where this process must not work with this database, key ring or Valkey."""
        boot.check(self.store, self.valkey, self.keyring)

    def wait_for_boot(self) -> None:
        """The same for a process that stays: a database that is not there yet is waited for."""
        boot.wait(self.check_boot, self.clock)

    def close(self) -> None:
        """Give back the connections of the parts that were made."""
        for name in ("store", "hasty_store", "transport", "valkey"):
            part = self.__dict__.get(name)
            if part is not None:
                part.close()
        if endpoint := self.__dict__.get("event_endpoint"):
            endpoint.transport.close()

    def _after_slice(self) -> None:
        self.limiter.give_back()
        self.call_record.flush()

    @cached_property
    def doubt_waits(self) -> DoubtWaits:
        """How patient we are with a platform that does not agree with itself."""
        return DoubtWaits.load()

    @cached_property
    def reject_limits(self) -> RejectLimits:
        """How much of an entity may be rejected, as the directive declares it."""
        return RejectLimits.load()

    @cached_property
    def deletion_brake(self) -> DeletionBrake:
        """How much may go at once, as the directive declares it."""
        return DeletionBrake.load()

    def runner(self) -> JobRunner:
        """A runner of this process; threads may share it."""
        return JobRunner(
            store=self.store,
            catalog=self.catalog,
            client_of=self.client_of,
            breaker=self.breaker,
            clock=self.clock,
            rng=self.rng,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            history=self.settings.history_window,
            rejects=self.reject_limits,
            doubt_waits=self.doubt_waits,
            brake=self.deletion_brake,
            give_back=self._after_slice,
            return_later=lambda lease_id: lease_returns.note(self.valkey, lease_id),
            slice_calls=lambda job: self.limiter.slice_calls(self._scope_of(job)),
            stopping=self.stopping,
            held_leases=self.held_leases,
            hears_at=self.hears_at,
        )
