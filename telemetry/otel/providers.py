"""What makes spans, figures and log records: OpenTelemetry's own providers, with an end inside a deadline."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.metrics import Meter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Tracer

from telemetry.otel.exporters import exporters_named
from telemetry.otel.sampling import sampler_of
from telemetry.settings import TelemetrySettings

__all__ = ["HostProviders", "OwnProviders", "Providers"]

_NAME: Final = "weir"
_LIMITS: Final = SpanLimits(max_span_attributes=64, max_links=96, max_attribute_length=2048)
# A figure keeps these of its attributes, whatever it is given: all of them are few.
_VIEWS: Final = {
    "http.server.*": {"http.request.method", "http.response.status_code", "http.route", "url.scheme", "error.type"},
    "messaging.*": {
        "messaging.system",
        "messaging.destination.name",
        "messaging.consumer.group.name",
        "messaging.operation.name",
        "server.address",
        "server.port",
    },
    "weir.*": {
        "weir.door",
        "weir.model.name",
        "weir.model.version",
        "weir.model.digest",
        "weir.feature",
        "weir.output",
        "weir.stage",
        "weir.error.code",
        "error.type",
        "le",
        "messaging.destination.name",
        "messaging.destination.partition.id",
        "messaging.consumer.group.name",
    },
}
_LOG = logging.getLogger(__name__)


class Providers(Protocol):
    """What makes spans and figures."""

    tracer: Tracer
    event_tracer: Tracer
    meter: Meter
    request_kind: SpanKind

    def log_handler(self) -> logging.Handler | None:
        """Return what sends log records; None where somebody else does."""
        ...

    def close(self, seconds: float) -> None:
        """Send what has not been sent, within so many seconds, and end."""
        ...


class OwnProviders:
    """Providers of ours; OpenTelemetry's global ones are left alone.

    Attributes:
        tracer: makes spans; its sampler decides which are recorded.
        event_tracer: makes spans that are all recorded, for those whose number is bounded already.
        meter: makes figures.
        request_kind: of the spans of HTTP requests.
    """

    request_kind = SpanKind.SERVER

    def __init__(self, settings: TelemetrySettings, environ: Mapping[str, str]) -> None:
        """Begin to export to what the environment names.

        Raises:
            ConfigurationError: a variable of the environment is wrong.
        """
        resource = _resource(settings)
        sampler = sampler_of(settings, environ)
        self._tracers = TracerProvider(sampler, resource, shutdown_on_exit=False, span_limits=_LIMITS)
        self._event_tracers = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, span_limits=_LIMITS)
        exporters = exporters_named(settings, environ, self._tracers)
        for processor in exporters.spans:
            self._tracers.add_span_processor(processor)
            self._event_tracers.add_span_processor(processor)
        views = [View(instrument_name=name, attribute_keys=keys) for name, keys in _VIEWS.items()]
        self._meters = MeterProvider(exporters.readers, resource, shutdown_on_exit=False, views=views)
        self._loggers = LoggerProvider(resource, shutdown_on_exit=False)
        for log_processor in exporters.logs:
            self._loggers.add_log_record_processor(log_processor)
        self.tracer = self._tracers.get_tracer(_NAME)
        self.event_tracer = self._event_tracers.get_tracer(_NAME)
        self.meter = self._meters.get_meter(_NAME)

    def log_handler(self) -> logging.Handler | None:
        """Return what sends log records."""
        return LoggingHandler(logger_provider=self._loggers)

    def close(self, seconds: float) -> None:
        """Send what has not been sent, within so many seconds, and end; what is left then is let go."""
        if not _all_end((self._tracers.shutdown, self._meters.shutdown, self._loggers.shutdown), seconds):
            _LOG.warning("telemetry: not everything was sent within %g s; the rest is let go", seconds)


class HostProviders:
    """The providers that the Functions worker has set up; where it has none, these do nothing."""

    request_kind = SpanKind.INTERNAL  # the host tells of the request itself

    def __init__(self) -> None:
        self.tracer = self.event_tracer = trace.get_tracer(_NAME)
        self.meter = metrics.get_meter(_NAME)

    def log_handler(self) -> logging.Handler | None:
        """Return nothing: the host takes the log."""
        return None

    def close(self, seconds: float) -> None:
        """Leave the host's providers to the host."""
        del seconds


def _resource(settings: TelemetrySettings) -> Resource:
    """Return what we are called; what OpenTelemetry's variables say stands."""
    given = OTELResourceDetector().detect().attributes
    own = {
        "service.name": settings.service_name,
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
    }
    return Resource.create({key: value for key, value in own.items() if not given.get(key)})


def _all_end(steps: tuple[Callable[[], None], ...], seconds: float) -> bool:
    """Take steps side by side, and return whether all ended in time; threads that hang do not keep the process."""
    deadline = time.monotonic() + seconds
    threads = [threading.Thread(target=step, name="telemetry-end", daemon=True) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
