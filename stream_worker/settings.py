"""The settings of the stream door."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from models.strict import Seconds, StrictSettings
from stream_worker.event_hubs.settings import EventHubsConnection, EventHubsSinkSettings, EventHubsSourceSettings
from stream_worker.kafka.settings import KafkaConnection, KafkaSinkSettings, KafkaSourceSettings

__all__ = ["BatchSettings", "HealthSettings", "SinkSettings", "SourceSettings", "StreamSettings"]


# Event Hubs delays the answers of those who commit a partition by Kafka more than four times a second, and a heartbeat
# would have to wait behind them.
_EVENT_HUBS_COMMIT_INTERVAL_MS = 500.0
# Each checkpoint is a paid write to a blob, for each partition.
_CHECKPOINT_INTERVAL_MS = 2000.0


def _kind(value: Any) -> str | None:
    """Return the form of a source or a sink, in the parentheses that errors leave out of a key's path."""
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    return None if kind is None else f"({kind})"


SourceSettings = Annotated[
    Annotated[KafkaSourceSettings, Tag("(kafka)")] | Annotated[EventHubsSourceSettings, Tag("(event_hubs)")],
    Discriminator(_kind),
]
SinkSettings = Annotated[
    Annotated[KafkaSinkSettings, Tag("(kafka)")] | Annotated[EventHubsSinkSettings, Tag("(event_hubs)")],
    Discriminator(_kind),
]


AnyStream = KafkaSourceSettings | EventHubsSourceSettings | KafkaSinkSettings | EventHubsSinkSettings


class BatchSettings(StrictSettings):
    """How events are gathered: batches grow with lag up to `max_events`, and wait at most `max_wait_ms` when idle."""

    max_events: Annotated[int, Field(ge=1, le=65_536)] = 4096
    max_wait_ms: Annotated[float, Field(ge=0, le=10_000)] = 5.0


class HealthSettings(StrictSettings):
    """Where `/healthz` and `/readyz` answer; the processes of one machine take ports upwards from this one."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8081


class StreamSettings(StrictSettings):
    """The stream worker.

    Attributes:
        delivery: what a reader of the predictions may count on.
        max_event_bytes: a larger event becomes a dead letter.
        commit_interval_ms: the longest that an acknowledged position stays uncommitted.
        shutdown_timeout_s: how long a stop may take before the process ends itself.
        stall_timeout_s: how long one step may take, or the event loop stand still, before the process ends itself.
    """

    source: SourceSettings
    sink: SinkSettings
    dead_letters: SinkSettings
    delivery: Literal["at_least_once", "exactly_once"] = "at_least_once"
    batch: BatchSettings = BatchSettings()
    max_event_bytes: Annotated[int, Field(ge=1, le=67_108_864)] = 1_048_576
    commit_interval_ms: Annotated[float, Field(ge=1, le=60_000, validate_default=True)] = 200.0
    shutdown_timeout_s: Seconds = 25.0
    stall_timeout_s: Seconds = 120.0
    health: HealthSettings | None = HealthSettings()

    @field_validator("commit_interval_ms")
    @classmethod
    def _not_too_often(cls, interval: float, info: ValidationInfo) -> float:
        source = info.data.get("source")
        if isinstance(source, EventHubsConnection):
            return max(interval, _CHECKPOINT_INTERVAL_MS)
        is_limited = isinstance(source, KafkaConnection) and source.flavour == "event_hubs"
        return max(interval, _EVENT_HUBS_COMMIT_INTERVAL_MS) if is_limited else interval

    @model_validator(mode="after")
    def _delivery_is_possible(self) -> Self:
        if self.delivery == "exactly_once":
            if any(map(_is_event_hubs, (self.source, self.sink, self.dead_letters))):
                raise ValueError(
                    "delivery: exactly_once needs transactions, which Event Hubs has not; use at_least_once"
                )
            raise ValueError("delivery: exactly_once is not built yet; use at_least_once")
        return self

    @model_validator(mode="after")
    def _connections(self) -> Self:
        for name, sink in (("sink", self.sink), ("dead_letters", self.dead_letters)):
            address = "bootstrap_servers" if sink.kind == "kafka" else "namespace or connection_string"
            if sink.where is None and sink.kind != self.source.kind:
                raise ValueError(f"{name} needs {address}: the source's connection is of another kind")
            for key in sink.misplaced:
                raise ValueError(f"{name}.{key} needs {name}.{address}: without that the source's connection is used")
        return self

    @model_validator(mode="after")
    def _fit_for_their_clusters(self) -> Self:
        for name, sink in (("sink", self.sink), ("dead_letters", self.dead_letters)):
            problem = sink.unfit_for(self.kafka_connection(sink)) if isinstance(sink, KafkaSinkSettings) else None
            if problem is not None:
                raise ValueError(f"{name}.{problem}")
        return self

    @model_validator(mode="after")
    def _distinct_streams(self) -> Self:
        source, sink, dead_letters = self.source, self.sink, self.dead_letters
        for name, other in (("sink", sink), ("dead_letters", dead_letters)):
            if self._place(other) == self._place(source):
                key = _key(other)
                raise ValueError(f"{name}.{key} is the {key} that is read, {other.stream!r}: it would feed on itself")
        if self._place(sink) == self._place(dead_letters):
            key = _key(sink)
            raise ValueError(f"sink.{key} and dead_letters.{key} are both {sink.stream!r}")
        return self

    def _place(self, stream: AnyStream) -> tuple[str, str | None, str]:
        """Return what two streams share if, and only if, they are one; a hub is the same by either of its doors."""
        connection = self.source if stream.where is None else stream
        if isinstance(connection, KafkaConnection) and connection.flavour == "event_hubs":
            return "event_hubs", str(connection.where).rpartition(":")[0].lower(), stream.stream
        return stream.kind, connection.where, stream.stream

    def kafka_connection(self, sink: KafkaSinkSettings) -> KafkaConnection:
        """Return how to reach a sink's cluster: its own settings, or the source's where it has none."""
        return self.source if sink.where is None and isinstance(self.source, KafkaConnection) else sink

    def event_hubs_connection(self, sink: EventHubsSinkSettings) -> EventHubsConnection:
        """Return how to reach a sink's namespace: its own settings, or the source's where it has none."""
        return self.source if sink.where is None and isinstance(self.source, EventHubsConnection) else sink


def _is_event_hubs(stream: AnyStream) -> bool:
    return "event_hubs" in {stream.kind, getattr(stream, "flavour", None)}


def _key(sink: KafkaSinkSettings | EventHubsSinkSettings) -> str:
    return "topic" if sink.kind == "kafka" else "hub"
