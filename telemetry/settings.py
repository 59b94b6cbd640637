"""The settings of telemetry. Where it goes is the environment's to say, as OpenTelemetry and Azure have it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from models.strict import Seconds, StrictSettings
from telemetry.collection import CollectionSettings
from telemetry.drift import DriftSettings
from telemetry.logs import LogSettings

__all__ = ["TelemetrySettings"]


class TelemetrySettings(StrictSettings):
    """What is told of the work, and how much of it.

    Attributes:
        service_name: what the service is called; in Application Insights the cloud role.
        traces_per_second: batches and requests that are traced, about so many a second, unless their caller's trace is
            sampled or OTEL_TRACES_SAMPLER says otherwise.
        event_spans_per_second: events that get a span of their own, at most so many a second: those whose producer's
            trace is sampled, that are labelled positive, or that became dead letters.
        links: producers' spans that a batch's span names; Application Insights shows no more than 96.
        metrics_interval_s: how often figures are sent.
        flush_s: how long the end of a process may wait for what has not been sent.
        storage: where Azure Monitor's exporter keeps what it could not send; without it a folder for temporary files.
        storage_bytes: how much that may be; with 0 nothing is kept.
        drift: the window over which what models see is compared with training; None compares nothing.
        collection: where inputs and outputs of a share of the events are kept; None keeps none.
        logs: how the log is written.
    """

    service_name: Annotated[str, Field(min_length=1, max_length=256)] = "weir"
    traces_per_second: Annotated[float, Field(ge=0, le=1000)] = 5.0
    event_spans_per_second: Annotated[int, Field(ge=0, le=1000)] = 10
    links: Annotated[int, Field(ge=0, le=96)] = 32
    metrics_interval_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    flush_s: Seconds = 5.0
    storage: Path | None = None
    storage_bytes: Annotated[int, Field(ge=0, le=1_073_741_824)] = 52_428_800
    drift: DriftSettings | None = DriftSettings()
    collection: CollectionSettings | None = None
    logs: LogSettings = LogSettings()
