"""Traces: how long a request, a slice of a job, its pages and their calls took, told over OTLP to who collects them.

    web request                       slice ──▶ page ──▶ platform call
      └ keeper.run_ids ············· keeper.run_id    └▶ commit

Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set: then nothing is imported for it, and a span costs a comparison. A request
and the jobs that it queued are minutes and processes apart: the run's id, which both have, leads from one to the other.

Attributes are ids, names and counts that are given here. Nothing of a query, a header, a body or an exception's words:
a token or a buyer could be in them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from execution.errors import UserError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
_PROTOCOL = "http/protobuf"
# A collector that hangs must not keep a process from ending in time.
_FLUSH_MS, _EXPORT_S = 2000, 5

Kind = Literal["internal", "server", "client"]
Value = str | int | float | bool | Sequence[str]


class Span:
    """One piece of work. Ended once; ending it again changes nothing."""

    def __init__(self, span: OtelSpan | None = None) -> None:
        self._span = span

    def note(self, **attributes: Value | None) -> None:
        """Facts about it; `run_id` is told as `keeper.run_id`, and what is not known not at all."""
        if self._span is not None:
            self._span.set_attributes(_named(attributes))

    def called(self, name: str) -> None:
        """Its name, where that is known later than its beginning."""
        if self._span is not None:
            self._span.update_name(name)

    def failed(self, kind: str) -> None:
        """It did not do what it was for: by a code or a class, never by an exception's words."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415  only where traces are told

            self._span.set_status(Status(StatusCode.ERROR, kind))

    def begin(self, name: str) -> Span:
        """A part of this one, also while another is current."""
        if self._span is None or _tracer is None:
            return _NONE
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

        return Span(_tracer.start_span(name, context=set_span_in_context(self._span)))

    def end(self) -> None:
        if self._span is not None and self._span.is_recording():
            self._span.end()

    @contextmanager
    def current(self) -> Iterator[None]:
        """What begins meanwhile in this thread is a part of it. An exception is noted, by its class."""
        if self._span is None:
            yield
            return
        from opentelemetry.trace import use_span  # noqa: PLC0415

        with use_span(self._span, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except BaseException as error:
                self.failed(type(error).__name__)
                raise


_NONE = Span()
_tracer: Tracer | None = None
_provider: TracerProvider | None = None


def configure(process: str) -> None:
    """Tell traces as this process, where the environment says to whom. UserError where it says what cannot be done.

    The other variables of OpenTelemetry (headers, sampler, resource attributes, service name) count as documented.
    """
    global _tracer, _provider  # noqa: PLW0603  one a process
    address = os.environ.get(ENDPOINT, "").strip()
    if not address or _tracer is not None:
        return
    _check(address)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise UserError(
            f"{ENDPOINT} is set, and OpenTelemetry is not installed:",
            hint="install `keeper[otel]`, or unset it.",
        ) from None
    names = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or f"keeper-{process}"}
    _provider = TracerProvider(resource=Resource.create(names))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=_EXPORT_S)))
    _tracer = _provider.get_tracer("keeper")


def flush() -> None:
    """Tell what is not told yet, before the process ends; within two seconds."""
    if _provider is not None:
        _provider.force_flush(_FLUSH_MS)


def shut_down() -> None:
    """Tell the rest, and no more from now on."""
    global _tracer, _provider  # noqa: PLW0603
    if _provider is not None:
        _provider.shutdown()
    _tracer = _provider = None


def span(name: str, kind: Kind = "internal", **attributes: Value | None) -> AbstractContextManager[Span]:
    """The work of a block, as a part of what is current."""
    if _tracer is None:
        return _OFF
    return _block(begin(name, kind, **attributes))


def begin(name: str, kind: Kind = "internal", **attributes: Value | None) -> Span:
    """The same without a block: whoever begins it ends it."""
    if _tracer is None:
        return _NONE
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    return Span(_tracer.start_span(name, kind=SpanKind[kind.upper()], attributes=_named(attributes)))


def note(**attributes: Value | None) -> None:
    """Facts about what is current."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span  # noqa: PLC0415

        Span(get_current_span()).note(**attributes)


@contextmanager
def _block(begun: Span) -> Iterator[Span]:
    try:
        with begun.current():
            yield begun
    finally:
        begun.end()


_OFF: AbstractContextManager[Span] = nullcontext(_NONE)


def _named(attributes: dict[str, Value | None]) -> dict[str, Value]:
    """OpenTelemetry's own names come with a double underscore for the dot: `http__route`."""
    return {
        name.replace("__", ".") if "__" in name else f"keeper.{name}": value
        for name, value in attributes.items()
        if value is not None
    }


def _check(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{ENDPOINT} is no address:", hint="write it like http://collector:4318.")
    for variable in _PROTOCOLS:
        if os.environ.get(variable, _PROTOCOL) != _PROTOCOL:
            raise UserError(f"{variable} is not {_PROTOCOL}:", hint="traces are told in that one; unset it.")
