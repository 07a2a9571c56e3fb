"""What a backfill would cost, before it starts: calls by entity, days under the budget, when it would be ready.

What was read before is known from that reading. Of what never was, the platform is asked for its count, by one call an
entity at most, through the one client and on the part of the budget that people wait for; the answer is remembered for
a while. How many calls a count makes is the paginator's to say.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from execution.app import App
from execution.backfill_manager import OUTCOME_WORDS, QueueOutcome
from execution.catalog import platform_named
from execution.connections.choice import origins
from execution.errors import Fatal, Refusal, Signal, Snooze, StoreError, UserError
from execution.http.messages import Request, Response
from execution.jobs import CERTIFIED, OPEN
from execution.keyring import TokenUnreadable
from execution.operations import calls_per_day, manager
from execution.pagination.paginator import Bounds
from execution.pagination.registry import paginator_of
from execution.platforms.platform import Platform
from execution.platforms.rights import RIGHT_MISSING, missing_rights, right_missing
from execution.reports import budget as budget_report
from execution.reports import progress
from execution.seller_messages import MESSAGES, message_of
from execution.slices.slice_work import FREEZE_MARGIN
from execution.terminal import moment_text
from execution.tokens.stored_pair import opened
from execution.verification import stream_bounds

_REMEMBERED_S, _FAILURE_REMEMBERED_S, _MOST_REMEMBERED = 600.0, 30.0, 10_000

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The calls of one entity; or None, and why nobody can say, in words for a seller."""

    calls: int | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class _Borrowed:
    """A token for one question. It is never renewed here: a worker holds the lease that this takes."""

    token: str

    def access_token(self) -> str:
        return self.token

    def renew(self, rejected: str) -> str:
        del rejected
        raise Fatal("the token is not taken any more", code="renewed_first")

    def give_up(self, reason: str) -> None:
        pass


class Estimates:
    """One a process, so that repeated questions are asked of the platform once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], tuple[float, Expected]] = {}

    def of(
        self,
        user_id: str,
        status: Mapping[str, Any],
        rows: Sequence[Mapping[str, Any]],
        *,
        again: bool = False,
        since: datetime | None = None,
    ) -> dict[str, Any]:
        """`rows` as the job table has them. Answers {jobs, platforms, calls, complete, ready_at}."""
        newest = {(job["connection_id"], job["entity"]): job for job in status["jobs"]}
        jobs = [self._job(user_id, row, newest, again=again, since=since) for row in rows]
        platforms = [self._ready(name, jobs, newest) for name in dict.fromkeys(job["platform"] for job in jobs)]
        return {
            "jobs": jobs,
            "platforms": platforms,
            "calls": sum(job["calls"] or 0 for job in jobs),
            "complete": all(job["calls"] is not None for job in jobs),
            "ready_at": max((one["ready_at"] for one in platforms if one["ready_at"]), default=None),
        }

    def _job(
        self,
        user_id: str,
        row: Mapping[str, Any],
        newest: Mapping[Any, Mapping[str, Any]],
        *,
        again: bool,
        since: datetime | None,
    ) -> dict[str, Any]:
        """One entity: what starting it does, and the calls that are still to come."""
        before = newest.get((row["connection_id"], row["entity"]))
        outcome: QueueOutcome = "queued"
        if before is not None and before["status"] in OPEN:
            outcome, expected = "already_running", _to_come(before)
        elif before is not None and before["status"] == "completed" and not before["doubted_at"] and not again:
            outcome, expected = "already_complete", Expected(calls=0)
        elif before is not None and before["status"] in CERTIFIED and since is None:
            expected = Expected(calls=int(before["calls_used"]))
        else:
            expected = self._asked(user_id, row, since)
        known = {"calls": expected.calls, "reason": expected.reason}
        named = {name: row[name] for name in ("platform", "connection_id", "shop_id", "entity")}
        return {**named, "outcome": outcome, **known}

    def _asked(self, user_id: str, row: Mapping[str, Any], since: datetime | None) -> Expected:
        """What the platform says, remembered for ten minutes; why it could not be asked, for half a minute."""
        # By months: a question that is moved by a second is the same one, and costs the platform nothing more.
        since = since and since.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        key = (user_id, row["connection_id"], row["entity"], since.isoformat() if since else "")
        now = self._app.clock.monotonic()
        with self._lock:
            self._known = {name: known for name, known in self._known.items() if known[0] > now}
            if key in self._known:
                return self._known[key][1]
        expected = self._ask(user_id, row, since)
        lasts = _REMEMBERED_S if expected.calls is not None else _FAILURE_REMEMBERED_S
        with self._lock:
            if len(self._known) < _MOST_REMEMBERED:
                self._known[key] = (now + lasts, expected)
        return expected

    def _ask(self, user_id: str, row: Mapping[str, Any], since: datetime | None) -> Expected:
        platform, entity = platform_named(row["platform"]), self._app.catalog.find(row["platform"], row["entity"])
        listing = entity.listing
        if listing is None:
            return Expected(calls=0)
        uses = platform.rights.of(entity.steps)
        try:
            shop = self._app.store.rpc("tokens_of_connection", p_user_id=user_id, p_connection_id=row["connection_id"])
            send, created_at = self._send_of(shop)
            granted = shop and shop["rights"]
            if missing := missing_rights(uses, None if granted is None else frozenset(granted)):
                raise right_missing(missing)
            bounds = stream_bounds(listing, created_at, self._window(since))
            paginator = paginator_of(listing)
            count = paginator.ask_count(send, bounds)
        except Signal as signal:
            log.info("estimate_not_asked", platform=platform.name, entity=entity.name, reason=signal.reason)
            if isinstance(signal, Refusal) and signal.code == RIGHT_MISSING:
                signal = signal.naming(right=", ".join(uses))
            return Expected(calls=None, reason=_why(signal, platform))
        except (UserError, TokenUnreadable, StoreError) as error:
            log.warning("estimate_not_asked", platform=platform.name, entity=entity.name, reason=str(error))
            return Expected(calls=None, reason=MESSAGES["count_not_told"])
        finally:
            self._app.limiter.give_back()
        if count is None:
            return Expected(calls=None, reason=MESSAGES["count_not_told"])
        return Expected(calls=paginator.calls_for(count, bounds))

    def _send_of(self, shop: Mapping[str, Any] | None) -> tuple[Any, datetime | None]:
        """How to ask for this shop, and since when it exists."""
        if shop is None or shop["status"] != "connected" or shop["access_token"] is None:
            raise Fatal("not connected", code="not_connected")
        if shop["is_paused"]:
            raise Fatal("the shop is left alone", code="paused")
        if shop["expires_in_seconds"] is not None and shop["expires_in_seconds"] < 5:
            raise Fatal("the token has expired", code="renewed_first")
        pair = opened(dict(shop), self._app.keyring)
        client = self._app.live_client(pair, _Borrowed(token=pair.access), optional=True)

        def send(request: Request, /) -> Response:
            return client.send(replace(request, path=request.path.replace("{shop_id}", pair.shop_id)))

        created_at = shop["shop_created_at"]
        return send, datetime.fromisoformat(created_at) if created_at else None

    def _window(self, since: datetime | None) -> Bounds:
        """As a job would freeze it now."""
        now = self._app.store.now()
        begins = since or self._app.settings.history_window.start(before=now) or datetime(2000, 1, 1, tzinfo=UTC)
        return Bounds(start=int(begins.timestamp()), end=int((now - FREEZE_MARGIN).timestamp()))

    def _ready(
        self, platform: str, jobs: Sequence[Mapping[str, Any]], newest: Mapping[Any, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """A platform's calls against what backfills may call, as `keeper budget` reckons."""
        calls = sum(job["calls"] or 0 for job in jobs if job["platform"] == platform)
        known = all(job["calls"] is not None for job in jobs if job["platform"] == platform)
        facts = self._app.store.rpc("budget_report", p_platform=platform)
        now = datetime.fromisoformat(facts["now"])
        wakes = [
            datetime.fromisoformat(job["run_after"])
            for job in newest.values()
            if job["platform"] == platform and job["status"] == "parked" and job["run_after"]
        ]
        wait = budget_report.wait_for(facts, calls, platform, self._app.budgets[platform])
        ready = max([now, *wakes]) + wait
        return {
            "platform": platform,
            "calls": calls,
            "calls_per_day": calls_per_day(self._app, platform),
            "days": wait // timedelta(days=1),
            "ready_at": ready.isoformat() if known else None,
        }


def _to_come(job: Mapping[str, Any]) -> Expected:
    done = progress.share(job)
    if done <= 0.02 or not job["calls_used"]:
        return Expected(calls=None, reason=MESSAGES["just_begun"])
    return Expected(calls=math.ceil(job["calls_used"] * (1 - done) / done))


def _why(signal: Signal, platform: Platform) -> str:
    if isinstance(signal, Fatal):
        return message_of(signal, platform)
    return MESSAGES["ask_later" if isinstance(signal, Snooze) else "platform_away"]


def of_user(
    app: App,
    *,
    user_id: str,
    platform: str | None,
    shop_id: str | None = None,
    entities: Sequence[str],
    again: bool,
) -> dict[str, Any]:
    """What `operations.start_backfill` would cost; queues nothing."""
    status, rows = manager(app).wanted(user_id, platform=platform, shop_id=shop_id, entities=entities)
    return Estimates(app).of(user_id, status, rows, again=again)


def as_text(estimate: Mapping[str, Any]) -> str:
    """For a person at a terminal."""
    origin = origins(estimate["jobs"])
    lines = [f"{origin(job)} {job['entity']}: {_as_words(job)}" for job in estimate["jobs"]]
    for one in estimate["platforms"]:
        allowed = f" of {one['calls_per_day']:,} a day" if one["calls_per_day"] else ""
        ready = (
            f"; ready about {moment_text(datetime.fromisoformat(one['ready_at']))}"
            if one["ready_at"] and one["calls"]
            else ""
        )
        mine = [job for job in estimate["jobs"] if job["platform"] == one["platform"]]
        least = "at least " if any(job["calls"] is None for job in mine) else ""
        lines.append(f"{one['platform']} in all: {least}{_calls(one['calls'])}{allowed}{ready}")
    return "\n".join([*lines, "Nothing was started."])


def _as_words(job: Mapping[str, Any]) -> str:
    """What starting would do with an entity: nothing is queued yet, so that word does not fall."""
    if job["outcome"] == "already_complete":
        return OUTCOME_WORDS["already_complete"]
    before = f"{OUTCOME_WORDS['already_running']}, " if job["outcome"] == "already_running" else ""
    if job["calls"] is None:
        return f"{before}calls not known. {job['reason']}"
    return before + (f"about {_calls(job['calls'])}" if job["calls"] else "no calls")


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"
