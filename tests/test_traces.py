"""Traces: what a real collector is told of a real request and its jobs; nothing of a secret; nothing without it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from execution import traces
from execution.errors import UserError
from execution.process import logs
from tests.web.conftest import client, served, token_of, web_env, worker  # noqa: F401  fixtures
from tests.worlds.world import make_world

PLANTED = "pl4nted"


class Collector:
    """A receiver of OTLP over HTTP: keeps the bytes, and reads them as the protocol says."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[str | None] = []

    def spans(self) -> list[dict[str, Any]]:
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
                for scope in resource.scope_spans:
                    found += [self._read(one, service) for one in scope.spans]
        return found

    @staticmethod
    def _read(span: Any, service: str) -> dict[str, Any]:
        told = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
        return {"name": span.name, "id": span.span_id, "parent": span.parent_span_id, "trace": span.trace_id,
                "kind": span.kind, "told": told, "service": service, "status": span.status,
                "events": len(span.events)}  # fmt: skip


@contextmanager
def collecting() -> Iterator[tuple[str, Collector]]:
    """A collector on a port of its own, until the block ends."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.headers.append(self.headers.get("x-collector-key"))
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", collector
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as (address, found):
        monkeypatch.setenv(traces.ENDPOINT, address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=k3y")
        traces.configure("test")
        yield found
        traces.shut_down()


def _named(spans: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for one in spans if one["name"] == name]


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """What a process logs, as it writes it."""
    written = io.StringIO()
    logs.configure("info")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written), cache_logger_on_first_use=False)
    yield written
    structlog.reset_defaults()


def test_a_request_its_jobs_pages_and_calls_are_told(collector, log_lines, web_env, worker, db, etsy):  # noqa: F811, PLR0917
    # Two pages of orders: the second is fetched ahead, by another thread.
    world = make_world(worker, db, (etsy, etsy.shop(orders=120)))
    log_lines.truncate(0)
    etsy.fault("status", status=500, times=1, path="/receipts")
    token = token_of(web_env, world.user_id)
    with served(web_env) as url, client(url) as asking:
        headers = {"Authorization": f"Bearer {token}", "X-Anything": PLANTED}
        run_ids = asking.post(f"/settings/backfill?q={PLANTED}", json={}, headers=headers).json()["run_ids"]
        asking.get(f"/nowhere/{PLANTED}")
        asking.request(PLANTED, "/health/live")
    world.drain()
    traces.flush()

    spans = collector.spans()
    by_id = {one["id"]: one for one in spans}
    (asked,) = _named(spans, "POST /settings/backfill")
    slices, pages = _named(spans, "slice"), _named(spans, "page")
    # Those without a parent tried the shop's token when it was connected.
    calls = [one for one in _named(spans, "platform call") if one["parent"]]

    # The request names the runs that it queued; the slices of their jobs name them, too.
    assert [one.string_value for one in asked["told"]["keeper.run_ids"].values] == run_ids
    assert asked["told"]["keeper.user_id"] == world.user_id
    assert asked["told"]["http.response.status_code"] == 202
    assert {one["told"]["keeper.run_id"] for one in slices} == set(run_ids)
    assert {one["told"]["keeper.user_id"] for one in slices} == {world.user_id}
    assert {one["told"]["keeper.entity"] for one in slices} == set(world.statuses())
    # Each page belongs to a slice, and each has its call; the others ask for counts and proofs.
    assert len([one for one in pages if one["told"].get("keeper.stream") == "receipts"]) >= 2
    assert {by_id[one["parent"]]["name"] for one in pages} == {"slice"}
    assert {by_id[one["parent"]]["name"] for one in calls} == {"page", "slice"}
    with_calls = {one["parent"] for one in calls}
    assert [one for one in pages if one["id"] not in with_calls] == []
    assert {by_id[one["parent"]]["name"] for one in _named(spans, "commit")} == {"page"}
    assert {one["kind"] for one in calls} == {3}
    assert {one["trace"] for one in calls} <= {one["trace"] for one in slices}
    # A call is told by its endpoint; one that failed as such, by its status alone.
    failed = [one for one in calls if one["told"]["http.response.status_code"] == 500]
    assert [one["told"]["keeper.call_outcome"] for one in failed] == ["failed"]
    assert failed[0]["told"]["url.template"].endswith("/shops/{id}/receipts")
    # What nobody knows is one name, whatever was asked.
    assert {one["name"] for one in spans if "unknown" in one["name"]} == {"GET unknown"}
    assert {one["service"] for one in spans} == {"keeper-test"}
    assert set(collector.headers) == {"k3y"}

    # Nothing of a secret, a query, a header, a shop or a buyer.
    whole = b"".join(collector.bodies).decode("utf-8", "replace")
    buyers = [word for row in db.execute("select name, email from public.customers") for word in row if word]
    shops = [name for (name,) in db.execute("select shop_name from public.connected_accounts")]
    secret = [PLANTED, token, world.shop.id, f"{world.user_id}@example.com", *buyers, *shops]
    assert len(secret) > 5
    assert [word for word in secret if str(word) in whole] == []

    # Each line of the worker says whose work it was; also of the thread that fetches ahead.
    lines = [json.loads(line) for line in log_lines.getvalue().strip("\0").splitlines()]
    answered = [line for line in lines if line["event"] in ("platform_answered", "slice_ended", "slice_signal")]
    assert {line["event"] for line in answered} == {"platform_answered", "slice_ended", "slice_signal"}
    assert {line.get("run_id") for line in answered} == set(run_ids)
    assert {line.get("user_id") for line in answered} == {world.user_id}
    assert all(line.get("job_id") for line in answered)


def test_an_exception_is_told_by_its_class_alone(collector):
    with pytest.raises(ValueError, match=PLANTED), traces.span("slice"):
        raise ValueError(PLANTED)
    traces.flush()

    (span,) = collector.spans()

    assert (span["status"].code, span["status"].message, span["events"]) == (2, "ValueError", 0)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (traces.ENDPOINT, "collector:4318", "is no address"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "is not http/protobuf"),
    ],
)
def test_what_cannot_be_done_is_said(monkeypatch, variable, value, words):
    monkeypatch.setenv(traces.ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv(variable, value)

    with pytest.raises(UserError, match=words):
        traces.configure("test")


def test_a_collector_that_is_away_costs_no_work(monkeypatch):
    """Spans are told beside the work; what cannot be told is dropped."""
    monkeypatch.setenv(traces.ENDPOINT, "http://127.0.0.1:9")
    traces.configure("test")
    try:
        with traces.span("slice") as span:
            span.note(run_id="x")
    finally:
        traces.shut_down()


_WITHOUT = """
import sys, execution.workers, web.app
from execution import traces
traces.configure("web")
assert traces.span("a") is traces.span("b") and traces.begin("c") is traces.begin("d")
# Not its metrics, which the client of Valkey loads where the package is there.
loaded = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "google.protobuf")
print([name for name in sys.modules if name.startswith(loaded)])
"""


def test_without_the_variable_nothing_is_loaded():
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}

    done = subprocess.run([sys.executable, "-c", _WITHOUT], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
