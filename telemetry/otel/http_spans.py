"""A span and a duration for each HTTP request, in its caller's trace, and a span below it for the scoring.

Names and attributes are those of OpenTelemetry's conventions for HTTP servers.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import Token
from typing import Final

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.metrics import Meter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from telemetry.requests import Watched

__all__ = ["HttpSpans"]

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_OTHER: Final = "_OTHER"
_SHOWN: Final = 200
# Azure Monitor's exporter sends our durations as its standard figure of requests; without this, Application Insights
# would make the same figure of the requests themselves once more.
_EXTRACTED: Final = "_MS.ProcessedByMetricExtractors"
_FAILED: Final = 500
_propagator = TraceContextTextMapPropagator()


class HttpSpans:
    """Watches the requests of an HTTP door.

    Attributes:
        tracer: makes the spans.
        kind: theirs.
        redact: takes secrets out of a text.
        durations: of requests, in seconds.
        extra: attributes that every request has besides.
    """

    def __init__(
        self, tracer: Tracer, meter: Meter, *, redact: Callable[[str], str], kind: SpanKind = SpanKind.SERVER
    ) -> None:
        """Set it up.

        Args:
            tracer: makes the spans.
            meter: makes the figures.
            redact: takes secrets out of what a caller may have written into a path.
            kind: SERVER; INTERNAL behind a host that tells of the requests itself.
        """
        self.tracer = tracer
        self.kind = kind
        self.redact = redact
        self.extra: Mapping[str, str] = {_EXTRACTED: "True"} if kind is SpanKind.SERVER else {}
        self.durations = meter.create_histogram(
            "http.server.request.duration",
            "s",
            "Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._active = meter.create_up_down_counter(
            "http.server.active_requests", "{request}", "Number of active HTTP server requests."
        )

    def began(self, method: str, path: str, headers: Mapping[str, str]) -> Watched:
        """Begin the span of a request, and make it the running task's own."""
        return _Request(self, method if method in _METHODS else _OTHER, path, headers)

    def count(self, requests: int, method: str) -> None:
        """Count requests that are under way, where no host does."""
        if self.kind is SpanKind.SERVER:
            self._active.add(requests, {"http.request.method": method, "url.scheme": "http"})

    def scoring(self, model: str, rows: int | None) -> AbstractContextManager[object]:
        """Make a span of a block, below the request's."""
        attributes: dict[str, str | int] = {"weir.model": model}
        if rows is not None:
            attributes["weir.batch.rows"] = rows
        # whatever an exception says, the response tells it, and no span
        return self.tracer.start_as_current_span(
            f"score {model}", attributes=attributes, record_exception=False, set_status_on_exception=False
        )


class _Request:
    """One request."""

    def __init__(self, door: HttpSpans, method: str, path: str, headers: Mapping[str, str]) -> None:
        self._door = door
        self._method = method
        self._started = time.perf_counter()
        door.count(1, method)
        parent = _parent(headers, door.kind)
        self._name = "HTTP" if method == _OTHER else method
        self._span: Span = door.tracer.start_span(self._name, parent, door.kind, {"http.request.method": method})
        if self._span.is_recording():
            told = {"url.scheme": "http", "url.path": door.redact(path)[:_SHOWN]}
            self._span.set_attributes({**told, **_host(headers, door.redact), **door.extra})
        self._token: Token[Context] = attach(set_span_in_context(self._span))

    def ended(self, route: str, status: int) -> None:
        """End the span and note the duration."""
        detach(self._token)
        self._door.count(-1, self._method)
        attributes: dict[str, str | int] = {
            "http.request.method": self._method,
            "http.response.status_code": status,
            "url.scheme": "http",
        }
        if route:
            attributes["http.route"] = route
        if status >= _FAILED:
            attributes["error.type"] = str(status)
        if self._door.kind is SpanKind.SERVER:  # else the host measures it
            seconds = time.perf_counter() - self._started
            self._door.durations.record(seconds, attributes, set_span_in_context(self._span))
        if self._span.is_recording():
            self._span.update_name(f"{self._name} {route}" if route else self._name)
            self._span.set_attributes(attributes)
            if status >= _FAILED:
                self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _parent(headers: Mapping[str, str], kind: SpanKind) -> Context:
    """Return what a request belongs to: what the host says that runs us, else what the caller says."""
    if kind is not SpanKind.SERVER and get_current_span().get_span_context().is_valid:
        return get_current()
    return _propagator.extract(headers, Context()) if "traceparent" in headers else Context()


def _host(headers: Mapping[str, str], redact: Callable[[str], str]) -> dict[str, str | int]:
    """Return what a request says of the server it was sent to, as far as it says it."""
    name, _, port = headers.get("host", "").rpartition(":")
    if not name or port.endswith("]"):
        name, port = headers.get("host", ""), ""
    found: dict[str, str | int] = {}
    if name:
        found["server.address"] = redact(name.strip("[]"))[:_SHOWN]
    if port.isascii() and port.isdigit() and len(port) <= len("65535"):
        found["server.port"] = int(port)
    return found
