"""All that watches one process, from the settings and what the environment names.

Rules:
- Where no destination is named there are no spans and no figures, and OpenTelemetry's machinery is not even imported.
- Under Azure Functions the worker's own OpenTelemetry is used, and nothing of ours sends anything.
- What fails while it watches says so in the log, and never fails what it watches.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from scoring import Manifest
from telemetry.collection import Collector, refuse_unknown_names
from telemetry.destinations import is_left_to_host, is_named
from telemetry.drift import Drift
from telemetry.logs import RateLimit, RedactingHandler, Redactor
from telemetry.observer import Observer, Observers
from telemetry.requests import Guarded, NullRequests, RequestObserver
from telemetry.settings import TelemetrySettings
from telemetry.slices import NullSlices, SliceObserver
from telemetry.subject import StreamSubject

if TYPE_CHECKING:
    from telemetry.otel.providers import Providers

__all__ = ["Telemetry"]

_AT_LEAST_S = 0.5
_SENDING = ("azure.core", "azure.monitor", "opentelemetry", "requests", "urllib3")


class Telemetry:
    """Watches one process; used as a context manager, it ends with the block."""

    def __init__(self, settings: TelemetrySettings, environ: Mapping[str, str], redactor: Redactor) -> None:
        """Begin to send to what the environment names, and to collect what the settings say.

        Args:
            settings: how much is told.
            environ: where it goes.
            redactor: takes secrets out of texts.

        Raises:
            ConfigurationError: a variable of the environment, or a setting, is wrong.
        """
        self._settings = settings
        self._redactor = redactor
        self._end_by: float | None = None
        self._providers = _providers(settings, environ)
        self._drift = Drift(settings.drift) if settings.drift is not None and self._providers is not None else None
        self._collector = None if settings.collection is None else Collector(settings.collection)
        self._log_handler = self._attach_to_log()

    def __enter__(self) -> Self:
        """Watch."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Send and write what waits, inside the bound."""
        self.close()

    def check(self, manifests: Sequence[Manifest]) -> None:
        """See that the settings fit the models that are deployed.

        Raises:
            ConfigurationError: a column that is to be collected, or hashed, is nothing that they are fed.
        """
        if self._settings.collection is not None:
            refuse_unknown_names(self._settings.collection, manifests)

    def stream(self, subject: StreamSubject) -> Observer:
        """Return what watches a stream."""
        if self._providers is None:
            return Observers(self._others())
        from telemetry.otel.metrics import StreamMetrics  # noqa: PLC0415 - see the rules
        from telemetry.otel.stream_spans import StreamSpans  # noqa: PLC0415

        spans = StreamSpans(
            self._providers.tracer,
            self._providers.event_tracer,
            subject,
            links=self._settings.links,
            event_spans_per_second=self._settings.event_spans_per_second,
            redact=self._redactor.text,
        )
        self._show("stream")
        return Observers((spans, StreamMetrics(self._providers.meter, subject), *self._others()))

    def rows(self, door: str) -> Observer | None:
        """Return what watches rows that come by another door than a stream; None where nobody cares."""
        if self._providers is None:
            others = self._others()
            return Observers(others) if others else None
        from telemetry.otel.metrics import RowMetrics  # noqa: PLC0415 - see the rules

        self._show(door)
        return Observers((RowMetrics(self._providers.meter, door), *self._others()))

    def requests(self) -> RequestObserver:
        """Return what watches the requests of an HTTP door."""
        if self._providers is None:
            return NullRequests()
        from telemetry.otel.http_spans import HttpSpans  # noqa: PLC0415 - see the rules

        kind, redact = self._providers.request_kind, self._redactor.text
        return Guarded(HttpSpans(self._providers.tracer, self._providers.meter, redact=redact, kind=kind))

    def slices(self) -> SliceObserver:
        """Return what watches a replay."""
        if self._providers is None:
            return NullSlices()
        from telemetry.otel.slice_spans import SliceSpans  # noqa: PLC0415 - see the rules

        return SliceSpans(self._providers.event_tracer)

    def end_by(self, moment: float) -> None:
        """Let the end take no longer than until a moment of the monotonic clock, but for half a second."""
        self._end_by = moment

    @property
    def seconds_left(self) -> float:
        """How long the end may take."""
        if self._end_by is None:
            return self._settings.flush_s
        return min(self._settings.flush_s, max(self._end_by - time.monotonic(), _AT_LEAST_S))

    def close(self) -> None:
        """Send and write what waits, inside the bound; nothing is watched any more."""
        deadline = time.monotonic() + self.seconds_left
        if self._log_handler is not None:
            logging.getLogger().removeHandler(self._log_handler)
        if self._collector is not None:
            self._collector.close(max(0.0, (deadline - time.monotonic()) / 2))
        if self._providers is not None:
            self._providers.close(max(0.0, deadline - time.monotonic()))

    def _attach_to_log(self) -> logging.Handler | None:
        """Let the root logger's records be sent too, but for those about the sending itself."""
        inner = None if self._providers is None else self._providers.log_handler()
        if inner is None:
            return None
        logs = self._settings.logs
        handler = RedactingHandler(inner, self._redactor)
        handler.addFilter(
            RateLimit(repeats=logs.repeats_per_minute, seconds=60, lines_per_second=logs.lines_per_second)
        )
        handler.setLevel(logs.level.upper())
        handler.addFilter(lambda record: not record.name.startswith(_SENDING))
        logging.getLogger().addHandler(handler)
        return handler

    def _others(self) -> tuple[Observer, ...]:
        return tuple(each for each in (self._drift, self._collector) if each is not None)

    def _show(self, door: str) -> None:
        """Make figures of what drift and the collection know."""
        from telemetry.otel.others import show_collection, show_drift  # noqa: PLC0415 - see the rules

        assert self._providers is not None  # noqa: S101 - it is only called where there are some
        if self._drift is not None:
            show_drift(self._providers.meter, self._drift, door)
        if self._collector is not None:
            show_collection(self._providers.meter, self._collector)


def _providers(settings: TelemetrySettings, environ: Mapping[str, str]) -> "Providers | None":
    hosted = "FUNCTIONS_WORKER_RUNTIME" in environ
    if not (is_left_to_host(environ) if hosted else is_named(environ)):
        return None
    from telemetry.otel.providers import HostProviders, OwnProviders  # noqa: PLC0415 - see the rules

    return HostProviders() if hosted else OwnProviders(settings, environ)
