"""The settings of the stream door."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

__all__ = ["BatchSettings", "HealthSettings", "KafkaConnection", "KafkaSinkSettings", "KafkaSourceSettings", "Sasl"]
__all__ += ["StreamSettings", "Tls"]

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_SERVER = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s,:\[\]]+):(\d{1,5})")
_LARGEST_PORT = 65_535


def _topic(name: str) -> str:
    if not _TOPIC.fullmatch(name):
        raise ValueError("expected 1 to 249 letters, digits, '.', '_' and '-'")
    return name


def _servers(text: str) -> str:
    for server in text.split(","):
        match = _SERVER.fullmatch(server.strip())
        if match is None or not 0 < int(match[1]) <= _LARGEST_PORT:
            raise ValueError("expected host:port, several separated by commas")
    return text


Topic = Annotated[str, AfterValidator(_topic)]
Servers = Annotated[str, AfterValidator(_servers)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sasl(_Settings):
    """How to sign in to Kafka. The password comes from the environment only."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str
    password: SecretStr


class Tls(_Settings):
    """How to encrypt the connection to Kafka.

    Attributes:
        ca_file: certificates to trust; the system's where None.
        certificate_file: the client's certificate, for mutual TLS.
        key_file: the client's key.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class KafkaConnection(_Settings):
    """How to reach a Kafka cluster.

    Attributes:
        bootstrap_servers: `host:port`, several separated by commas.
        sasl: sign-in, where the cluster asks for one.
        tls: encryption, where the cluster has it; `tls: {}` trusts the system's certificates.
    """

    bootstrap_servers: Servers | None = None
    sasl: Sasl | None = None
    tls: Tls | None = None


class KafkaSourceSettings(KafkaConnection):
    """A Kafka topic to read.

    Attributes:
        group: the consumer group.
        start: where to begin when the group has no committed position.
        session_timeout_s: after how long without a heartbeat the group takes a worker's partitions away.
        fetch_bytes: the most that one fetch brings of a partition; one larger message still comes whole.
        timeout_s: how long the cluster may be silent before the worker gives up.
    """

    kind: Literal["kafka"]
    bootstrap_servers: Servers
    topic: Topic
    group: Annotated[str, Field(min_length=1, max_length=255)]
    start: Literal["earliest", "latest"] = "earliest"
    session_timeout_s: Annotated[float, Field(ge=1, le=300)] = 30.0
    fetch_bytes: Annotated[int, Field(ge=1024, le=67_108_864)] = 1_048_576
    timeout_s: Seconds = 60.0


class KafkaSinkSettings(KafkaConnection):
    """A Kafka topic to write; the connection is the source's where `bootstrap_servers` is not given.

    Attributes:
        compression: of the batches.
        batch_bytes: the largest batch; must not exceed the topic's `max.message.bytes`.
        timeout_s: how long a message may wait for its acknowledgement before the worker gives up.
    """

    kind: Literal["kafka"]
    topic: Topic
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    batch_bytes: Annotated[int, Field(ge=1024, le=16_777_216)] = 900_000
    timeout_s: Seconds = 30.0


class BatchSettings(_Settings):
    """How events are gathered: batches grow with lag up to `max_events`, and wait at most `max_wait_ms` when idle."""

    max_events: Annotated[int, Field(ge=1, le=65_536)] = 4096
    max_wait_ms: Annotated[float, Field(ge=0, le=10_000)] = 5.0


class HealthSettings(_Settings):
    """Where `/healthz` and `/readyz` answer; the processes of one machine take ports upwards from this one."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8081


class StreamSettings(_Settings):
    """The stream worker.

    Attributes:
        delivery: what a reader of the predictions may count on.
        max_event_bytes: a larger event becomes a dead letter.
        commit_interval_ms: the longest that an acknowledged position stays uncommitted.
        shutdown_timeout_s: how long a stop may take before the process ends itself.
        stall_timeout_s: how long one step may take, or the event loop stand still, before the process ends itself.
    """

    source: KafkaSourceSettings
    sink: KafkaSinkSettings
    dead_letters: KafkaSinkSettings
    delivery: Literal["at_least_once"] = "at_least_once"
    batch: BatchSettings = BatchSettings()
    max_event_bytes: Annotated[int, Field(ge=1, le=67_108_864)] = 1_048_576
    commit_interval_ms: Annotated[float, Field(ge=1, le=60_000)] = 200.0
    shutdown_timeout_s: Seconds = 25.0
    stall_timeout_s: Seconds = 120.0
    health: HealthSettings | None = HealthSettings()

    @model_validator(mode="after")
    def _connections(self) -> Self:
        for name, sink in (("sink", self.sink), ("dead_letters", self.dead_letters)):
            for key in ("sasl", "tls"):
                if sink.bootstrap_servers is None and getattr(sink, key) is not None:
                    raise ValueError(
                        f"{name}.{key} needs {name}.bootstrap_servers: without that the source's connection is used"
                    )
        return self

    @model_validator(mode="after")
    def _distinct_topics(self) -> Self:
        source, sink, dead_letters = self.source, self.sink, self.dead_letters
        for name, other in (("sink", sink), ("dead_letters", dead_letters)):
            if self._place(other) == (source.bootstrap_servers, source.topic):
                raise ValueError(f"{name}.topic is the topic that is read, {other.topic!r}: it would feed on itself")
        if self._place(sink) == self._place(dead_letters):
            raise ValueError(f"sink.topic and dead_letters.topic are both {sink.topic!r}")
        return self

    def _place(self, sink: KafkaSinkSettings) -> tuple[str | None, str]:
        return self.connection(sink).bootstrap_servers, sink.topic

    def connection(self, sink: KafkaSinkSettings) -> KafkaConnection:
        """Return how to reach a sink's cluster: its own settings, or the source's where it has none."""
        return self.source if sink.bootstrap_servers is None else sink
