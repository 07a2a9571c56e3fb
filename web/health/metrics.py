"""Metrics for Prometheus: what this process answered, and the pipeline as health sees it. Routes by name, no ids."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution import traces
from web.health.pipeline import Snapshot
from web.health.platform_health import platform_health
from web.health.readiness import Check
from web.health.thresholds import PROCESSES, alarms, numbers_of

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Numbers that are older are told no more: nobody knows whether they still hold.
STALE_S = 300.0
# What a span may be called by; anybody may send any other word.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """One a process, with a registry of its own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.responses = Counter(
            "keeper_http_answers",
            "Answers by route, method and status",
            ["route", "method", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "keeper_http_seconds",
            "Time until an answer began",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
            registry=registry,
        )

    def text(self, snapshot: Snapshot, checks: Sequence[Check], platforms: Iterable[str]) -> bytes:
        """The exposition: this process's counts, what it can reach, then the pipeline's."""
        families = [*_reached(snapshot, checks), *_pipeline(_known(snapshot), platforms)]
        return generate_latest(self._registry) + generate_latest(_registry_of(_Families(families)))


class MetricsMiddleware:
    """Counts every answer by the route's template; what no route knows is one line, whatever was asked.

    Each answer carries an id, which every line that is logged for it has as `web_request_id`.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, request_id = time.monotonic(), uuid.uuid4().hex
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "unknown")
                self._metrics.responses.labels(route, method, message["status"]).inc()
                self._metrics.seconds.labels(route).observe(time.monotonic() - began)
                span.called(f"{method} {route}")
                span.note(http__route=route, http__response__status_code=message["status"])
                if message["status"] >= 500:
                    span.failed(str(message["status"]))
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        with (
            structlog.contextvars.bound_contextvars(web_request_id=request_id),
            traces.span("web request", "server", web_request_id=request_id, http__request__method=method) as span,
        ):
            await self._app(scope, receive, counted)


_NUMBERS = {
    "error_rate": "Of the jobs that ended in the last hour, how many failed for good",
    "jobs_quarantined": "Jobs that people have to look at",
    "jobs_with_rejects": "Jobs of the last hour that ended without what could not be mapped",
    "records_rejected": "Records that could not be mapped",
    "deletions_held": "Tables of shops of which so much seems to be gone that nothing went",
    "lookbacks_grown": "Entities whose records come later than declared",
    "lookbacks_over": "Entities whose records come later than rounds look back",
    "samples_differ": "Entities of which an old page differed from its platform within a week, unseen by rounds",
    "money_unclassified": "Days of sellers that hold money of a kind without a class",
    "obligations_open": "Requests about privacy that are not settled",
    "obligation_oldest_seconds": "How long the oldest of them is open",
    "events_waiting": "Events that the embedding service has not received yet",
    "events_lag_seconds": "How long the oldest of them waits",
    "events_failing_seconds": "How long one of them has been tried in vain",
    "events_given_up": "Events that were given up in a day",
}


class _Families:
    def __init__(self, families: list[Metric]) -> None:
        self._found = families

    def collect(self) -> list[Metric]:
        return self._found


def _registry_of(collector: Any) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def _known(snapshot: Snapshot) -> dict[str, Any] | None:
    """What a look brought, as long as it can be taken for what is."""
    return snapshot.facts if snapshot.age_s is not None and snapshot.age_s <= STALE_S else None


def _reached(snapshot: Snapshot, checks: Sequence[Check]) -> Iterator[Metric]:
    # What an older look brought is told beside it for a while: whoever reads it must know that it stands still.
    seen = snapshot.facts is not None and not snapshot.fault
    yield GaugeMetricFamily("keeper_pipeline_seen", "Whether the newest look at the database succeeded", int(seen))
    if snapshot.age_s is not None:
        yield GaugeMetricFamily("keeper_pipeline_age_seconds", "How old the pipeline's numbers are", snapshot.age_s)
    ready = GaugeMetricFamily("keeper_part_ready", "Whether this process can use a part now", labels=["part"])
    for check in checks:
        ready.add_metric([check.name], int(check.ok))
    yield ready


def _pipeline(facts: dict[str, Any] | None, platforms: Iterable[str]) -> Iterator[Metric]:
    if facts is None:
        return
    yield GaugeMetricFamily("keeper_jobs_queued", "Jobs that could be claimed now", facts["queue"]["queued"])
    yield GaugeMetricFamily(
        "keeper_queue_lag_seconds", "How long the longest waiting one waits", float(facts["queue"]["lag_seconds"])
    )
    yield GaugeMetricFamily("keeper_jobs_running", "Jobs with a lease", facts["running"])
    numbers = numbers_of(facts)
    for name, text in _NUMBERS.items():
        yield GaugeMetricFamily(f"keeper_{name}", text, numbers[name])
    alive = GaugeMetricFamily("keeper_processes_alive", "Processes seen within half a minute", labels=["process"])
    for kind in PROCESSES:
        alive.add_metric([kind], facts["heartbeats"][kind]["alive"])
    yield alive
    deaf = GaugeMetricFamily(
        "keeper_shops_without_webhooks", "Connected shops whose webhooks do not all work", labels=["platform"]
    )
    for name, counts in sorted(facts.get("webhooks", {}).items()):
        deaf.add_metric([name], counts["shops"] - counts["working"])
    yield deaf
    firing = GaugeMetricFamily("keeper_alarms", "Thresholds that are passed", labels=["alarm", "level"])
    for alarm in alarms(facts):
        firing.add_metric([alarm.name, alarm.level], 1)
    yield firing
    score = GaugeMetricFamily("keeper_platform_score", "Health of a platform, 0 to 100", labels=["platform"])
    parked = GaugeMetricFamily("keeper_jobs_parked", "Jobs that wait for a time", labels=["platform"])
    circuits = GaugeMetricFamily("keeper_circuits_open", "Circuit breakers that are not closed", labels=["platform"])
    for name in platforms:
        health = platform_health(name, facts)
        score.add_metric([name], health["score"])
        parked.add_metric([name], health["parked"])
        circuits.add_metric([name], len(health["circuits"]))
    yield from (score, parked, circuits)
    yield from _sizes(facts["tables"])
    yield from _lookbacks(facts["lookbacks"])
    yield from _sampled(facts["sampling"]["platforms"])
    calls = GaugeMetricFamily(
        "keeper_platform_calls_last_hour", "Calls to platforms", labels=["platform", "endpoint", "outcome"]
    )
    for row in facts["calls"]:
        calls.add_metric([row["platform"], row["endpoint"], row["outcome"]], int(row["calls"]))
    yield calls


def _lookbacks(told: list[dict[str, Any]]) -> Iterator[Metric]:
    used = GaugeMetricFamily(
        "keeper_lookback_seconds", "How far behind its bound the next round begins", labels=["platform", "entity"]
    )
    learned = GaugeMetricFamily(
        "keeper_lateness_seconds", "How late the last of a thousand records comes", labels=["platform", "entity"]
    )
    for one in told:
        used.add_metric([one["platform"], one["entity"]], float(one["used_seconds"]))
        # With too few records nothing is known, and nothing is told.
        if one["learned_seconds"] is not None:
            learned.add_metric([one["platform"], one["entity"]], float(one["learned_seconds"]))
    yield from (used, learned)


def _sampled(told: dict[str, dict[str, float]]) -> Iterator[Metric]:
    compared = GaugeMetricFamily(
        "keeper_sampled_records", "Records of random old pages that were compared, fading", labels=["platform"]
    )
    differed = GaugeMetricFamily(
        "keeper_sampled_differences", "Those of them that differed, fading", labels=["platform"]
    )
    for platform, counts in sorted(told.items()):
        compared.add_metric([platform], counts["compared"])
        differed.add_metric([platform], counts["differences"])
    yield from (compared, differed)


def _sizes(tables: dict[str, dict[str, int | None]]) -> Iterator[Metric]:
    size = GaugeMetricFamily("keeper_table_bytes", "What a table takes, with its indexes", labels=["table"])
    rows = GaugeMetricFamily("keeper_table_rows", "About how many rows a table has", labels=["table"])
    for name, told in sorted(tables.items()):
        size.add_metric([name], told["bytes"] or 0)
        if (count := told["rows"]) is not None:
            rows.add_metric([name], count)
    yield from (size, rows)
