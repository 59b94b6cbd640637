"""What the environment names as the destinations of telemetry."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

__all__ = ["AZURE_MONITOR", "OTLP", "Destination", "destinations", "is_left_to_host", "is_named"]

AZURE_MONITOR: Final = "APPLICATIONINSIGHTS_CONNECTION_STRING"
OTLP: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)
_HOSTED: Final = ("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY", "PYTHON_ENABLE_OPENTELEMETRY")

_GLOBAL: Final = "https://dc.services.visualstudio.com"  # where Azure's exporter sends what has no other address


class Destination(NamedTuple):
    """An address that telemetry is sent to, and the variable that names it."""

    variable: str
    url: str


def destinations(environ: Mapping[str, str]) -> Iterator[Destination]:
    """Yield what the environment names; of a connection string the address alone, which is no secret."""
    if environ.get(AZURE_MONITOR):
        pairs = (part.partition("=") for part in environ[AZURE_MONITOR].split(";"))
        fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
        yield Destination(AZURE_MONITOR, _ingestion(fields))
    for name in OTLP:
        if environ.get(name):
            yield Destination(name, environ[name])


def _ingestion(fields: Mapping[str, str]) -> str:
    if "ingestionendpoint" in fields:
        return fields["ingestionendpoint"]
    if "endpointsuffix" not in fields:
        return _GLOBAL
    location = f"{fields['location']}." if "location" in fields else ""
    return f"https://{location}dc.{fields['endpointsuffix']}"


def is_left_to_host(environ: Mapping[str, str]) -> bool:
    """Return whether the Azure Functions worker is told to set OpenTelemetry up."""
    return any(environ.get(name, "").lower() in {"true", "1"} for name in _HOSTED)


def is_named(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names any destination, and does not forbid it."""
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not disabled and any(environ.get(name) for name in (AZURE_MONITOR, *OTLP))
