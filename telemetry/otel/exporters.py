"""Where telemetry is sent: what the environment names, each behind queues that are bounded and drop the oldest.

APPLICATIONINSIGHTS_CONNECTION_STRING names Azure Monitor, OTEL_EXPORTER_OTLP_ENDPOINT a collector of OTLP over HTTP;
both may be named. The exporters and the queues are OpenTelemetry's and Azure's own, and follow their variables.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from scoring.errors import ConfigurationError
from telemetry.destinations import AZURE_MONITOR, OTLP
from telemetry.settings import TelemetrySettings

__all__ = ["Exporters", "exporters_named", "refuse_what_cannot_be_made"]

_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
_SPOKEN: Final = "http/protobuf"
# Azure's exporter would ask addresses of Microsoft's that nobody named: for its own statistics, and for switches.
_UNASKED: Final = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}


class Exporters(NamedTuple):
    """What spans, figures and log records are handed to."""

    spans: Sequence[SpanProcessor]
    readers: Sequence[MetricReader]
    logs: Sequence[LogRecordProcessor]


class _Signals(NamedTuple):
    """What makes one destination's exporters; None where it does not get those."""

    spans: Callable[[], Any] | None
    metrics: Callable[[], Any] | None
    logs: Callable[[], Any] | None


def exporters_named(settings: TelemetrySettings, environ: Mapping[str, str], tracers: TracerProvider) -> Exporters:
    """Return the exporters to what the environment names; each has begun its thread.

    Args:
        settings: how often, and how much is kept of what could not be sent.
        environ: names the destinations.
        tracers: whose resource Azure's exporter tells of.

    Raises:
        ConfigurationError: a variable is wrong.
    """
    signals = _signals(settings, environ, tracers)
    interval = settings.metrics_interval_s * 1000
    return Exporters(
        spans=[BatchSpanProcessor(each.spans()) for each in signals if each.spans],
        readers=[
            PeriodicExportingMetricReader(each.metrics(), export_interval_millis=interval)
            for each in signals
            if each.metrics
        ],
        logs=[BatchLogRecordProcessor(each.logs()) for each in signals if each.logs],
    )


def refuse_what_cannot_be_made(settings: TelemetrySettings, environ: Mapping[str, str]) -> None:
    """Make the exporters to what the environment names, and let them go: nothing is sent, and nothing kept.

    Raises:
        ConfigurationError: a variable is wrong.
    """
    without_files = settings.model_copy(update={"storage_bytes": 0, "storage": None})
    for signal in _signals(without_files, environ, TracerProvider(shutdown_on_exit=False)):
        for make in signal:
            if make is not None:
                make().shutdown()


def _signals(settings: TelemetrySettings, environ: Mapping[str, str], tracers: TracerProvider) -> list[_Signals]:
    signals = [_azure_monitor(settings, environ, tracers)] if environ.get(AZURE_MONITOR) else []
    if any(environ.get(name) for name in OTLP):
        signals.append(_otlp(environ))
    return signals


def _azure_monitor(settings: TelemetrySettings, environ: Mapping[str, str], tracers: TracerProvider) -> _Signals:
    # imported here, as it takes half a second
    from azure.monitor.opentelemetry.exporter import (  # noqa: PLC0415
        AzureMonitorLogExporter,
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    for name, value in _UNASKED.items():
        os.environ.setdefault(name, value)
    # what cannot be sent is stored at once: a sender that tries again meanwhile would not come to that before a stop
    patience = {} if settings.storage_bytes == 0 else {"retry_total": 0, "read_timeout": max(1.0, settings.flush_s / 3)}
    options: dict[str, Any] = {
        **patience,
        "connection_string": environ[AZURE_MONITOR],
        "disable_offline_storage": settings.storage_bytes == 0,
        "storage_max_size": settings.storage_bytes,
    }
    if settings.storage is not None:
        options["storage_directory"] = str(settings.storage)

    return _Signals(
        spans=partial(_made, AzureMonitorTraceExporter, {**options, "tracer_provider": tracers}),
        metrics=partial(_made, AzureMonitorMetricExporter, options),
        logs=partial(_made, AzureMonitorLogExporter, options),
    )


def _made(kind: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    try:
        return kind(**options)
    except ValueError as error:
        raise ConfigurationError(
            f"{AZURE_MONITOR} of the environment is no connection string; "
            "expected InstrumentationKey=<a UUID>;IngestionEndpoint=https://..."
        ) from error


def _otlp(environ: Mapping[str, str]) -> _Signals:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    for name in (_PROTOCOL, *(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL" for signal in ("TRACES", "METRICS", "LOGS"))):
        protocol = environ.get(name) or _SPOKEN
        if protocol != _SPOKEN:
            raise ConfigurationError(
                f"{name} of the environment is {protocol!r}; expected {_SPOKEN}, on port 4318 of most collectors"
            )
    every, *single = (bool(environ.get(name)) for name in OTLP)
    kinds = (OTLPSpanExporter, OTLPMetricExporter, OTLPLogExporter)
    return _Signals(*(kind if every or named else None for kind, named in zip(kinds, single, strict=True)))
