"""The settings of Kafka as a source and as a sink."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from models.strict import Seconds, StrictSettings

__all__ = ["LARGEST_EVENT_HUBS_REQUEST", "KafkaConnection", "KafkaSinkSettings", "KafkaSourceSettings", "Sasl", "Tls"]

# The service closes the connection of who sends a request of 1,046,528 bytes or more, and counts all that is in it.
# Microsoft asks for this; the rest is room for what surrounds the batches.
LARGEST_EVENT_HUBS_REQUEST = 1_000_000

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_SERVER = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s,:\[\]]+):(\d{1,5})")
_LARGEST_PORT = 65_535
_EVENT_HUBS_PORT = 9093
_EVENT_HUBS_SHORTEST_SESSION_S = 6


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


class Sasl(StrictSettings):
    """How to sign in to Kafka. The password comes from the environment only."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str
    password: SecretStr


class Tls(StrictSettings):
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


class KafkaConnection(StrictSettings):
    """How to reach a Kafka cluster.

    Attributes:
        flavour: `event_hubs` for the Kafka endpoint of Azure Event Hubs, with all that this service asks for.
        connection_string: of a namespace of Event Hubs, to sign in with its key; comes from the environment only.
            Without it the machine's identity signs in.
        bootstrap_servers: `host:port`, several separated by commas. For Event Hubs the namespace's host is enough, and
            with a connection string nothing.
        sasl: sign-in, where the cluster asks for one.
        tls: encryption, where the cluster has it; `tls: {}` trusts the system's certificates. Event Hubs always has it.
    """

    # what the validators below look back at stands above what they validate
    flavour: Literal["event_hubs"] | None = None
    connection_string: SecretStr | None = None
    bootstrap_servers: Annotated[Servers | None, Field(validate_default=True)] = None
    sasl: Sasl | None = None
    tls: Tls | None = None

    @field_validator("connection_string")
    @classmethod
    def _with_a_key(cls, string: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if string is None:
            return None
        if info.data.get("flavour", "event_hubs") is None:
            raise ValueError("goes with flavour: event_hubs only; another cluster is signed in to with sasl")
        fields = _fields(string)
        if not (_host(string) and fields.get("sharedaccesskeyname") and fields.get("sharedaccesskey")):
            raise ValueError("expected Endpoint=sb://host/;SharedAccessKeyName=...;SharedAccessKey=...")
        return string

    @field_validator("bootstrap_servers", mode="before")
    @classmethod
    def _namespace(cls, servers: Any, info: ValidationInfo) -> Any:
        if info.data.get("flavour") is None:
            return servers
        if servers is None and info.data.get("connection_string") is not None:
            servers = _host(info.data["connection_string"])
        if isinstance(servers, str) and "," in servers:
            raise ValueError("expected one host, such as contoso.servicebus.windows.net")
        return f"{servers}:{_EVENT_HUBS_PORT}" if isinstance(servers, str) and ":" not in servers else servers

    @field_validator("sasl")
    @classmethod
    def _no_other_sign_in(cls, sasl: Sasl | None, info: ValidationInfo) -> Sasl | None:
        if sasl is not None and info.data.get("flavour") is not None:
            raise ValueError("flavour event_hubs signs in with connection_string, or with the machine's identity")
        return sasl

    @field_validator("tls")
    @classmethod
    def _no_client_certificate(cls, tls: Tls | None, info: ValidationInfo) -> Tls | None:
        if tls is not None and tls.certificate_file is not None and info.data.get("flavour") is not None:
            raise ValueError("Event Hubs knows no clients by their certificates; give ca_file alone, or nothing")
        return tls

    @property
    def where(self) -> str | None:
        """The address; None where it is the source's."""
        return self.bootstrap_servers

    @property
    def entity(self) -> str | None:
        """The only topic that the connection string's key is good for; None where there is no such limit."""
        return _entity(self.connection_string)


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
    topic: Topic
    group: Annotated[str, Field(min_length=1, max_length=255)]
    start: Literal["earliest", "latest"] = "earliest"
    session_timeout_s: Annotated[float, Field(ge=1, le=300)] = 30.0
    fetch_bytes: Annotated[int, Field(ge=1024, le=67_108_864)] = 1_048_576
    timeout_s: Seconds = 60.0

    @field_validator("bootstrap_servers")
    @classmethod
    def _somewhere(cls, servers: str | None, info: ValidationInfo) -> str | None:
        if servers is None and "connection_string" in info.data:
            raise PydanticKnownError("missing")
        return servers

    @field_validator("topic")
    @classmethod
    def _within_reach(cls, topic: str, info: ValidationInfo) -> str:
        entity = _entity(info.data.get("connection_string"))
        if entity not in {None, topic}:
            raise ValueError(f"the connection_string is for {entity!r} alone, by its EntityPath")
        return topic

    @field_validator("session_timeout_s")
    @classmethod
    def _long_enough(cls, seconds: float, info: ValidationInfo) -> float:
        if info.data.get("flavour") is not None and seconds < _EVENT_HUBS_SHORTEST_SESSION_S:
            raise ValueError(f"Event Hubs takes {_EVENT_HUBS_SHORTEST_SESSION_S} to 300 s")
        return seconds

    @property
    def stream(self) -> str:
        """The name of what is read."""
        return self.topic


class KafkaSinkSettings(KafkaConnection):
    """A Kafka topic to write; the connection is the source's where neither of the two keys that give one is there.

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

    @property
    def stream(self) -> str:
        """The name of what is written."""
        return self.topic

    @property
    def misplaced(self) -> tuple[str, ...]:
        """The keys that say how to reach another cluster, where no other cluster is named."""
        keys = ("flavour", "sasl", "tls")
        return tuple(key for key in keys if self.where is None and getattr(self, key) is not None)

    def unfit_for(self, connection: KafkaConnection) -> str | None:
        """Return, in words, what the cluster at the end of a connection would refuse; None when there is nothing."""
        if connection.entity not in {None, self.topic}:
            only = f"the connection_string is for {connection.entity!r} alone, by its EntityPath"
            return f"topic: {only} (found {self.topic!r})"
        if connection.flavour is None:
            return None
        if self.compression not in {"none", "gzip"}:
            return f"compression: Event Hubs refuses all but none and gzip (found {self.compression!r})"
        if self.batch_bytes > LARGEST_EVENT_HUBS_REQUEST:
            most = f"{LARGEST_EVENT_HUBS_REQUEST:,}"
            return f"batch_bytes: Event Hubs takes requests of {most} bytes at most (found {self.batch_bytes:,})"
        return None


def _fields(connection_string: SecretStr) -> dict[str, str]:
    parts = (part.partition("=") for part in connection_string.get_secret_value().split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in parts}


def _entity(connection_string: SecretStr | None) -> str | None:
    return None if connection_string is None else _fields(connection_string).get("entitypath") or None


def _host(connection_string: SecretStr) -> str | None:
    """Return the namespace's host; the port that may stand beside it is that of another protocol."""
    return urlsplit(_fields(connection_string).get("endpoint", "")).hostname
