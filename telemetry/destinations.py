"""What the environment names as the destinations of telemetry."""

from collections.abc import Mapping
from typing import Final

__all__ = ["AZURE_MONITOR", "OTLP", "is_left_to_host", "is_named"]

AZURE_MONITOR: Final = "APPLICATIONINSIGHTS_CONNECTION_STRING"
OTLP: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)


_HOSTED: Final = ("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY", "PYTHON_ENABLE_OPENTELEMETRY")


def is_left_to_host(environ: Mapping[str, str]) -> bool:
    """Return whether the Azure Functions worker is told to set OpenTelemetry up."""
    return any(environ.get(name, "").lower() in {"true", "1"} for name in _HOSTED)


def is_named(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names any destination, and does not forbid it."""
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not disabled and any(environ.get(name) for name in (AZURE_MONITOR, *OTLP))
