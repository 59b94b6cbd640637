"""The settings of Azure Event Hubs as a source and as a sink."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr, model_validator

from models.strict import Seconds, StrictSettings

__all__ = ["CheckpointSettings", "EventHubsConnection", "EventHubsSinkSettings", "EventHubsSourceSettings"]

_HUB = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,254}[a-zA-Z0-9])?")
_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_NAMESPACE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9](:\d{1,5})?")


def _hub(name: str) -> str:
    if not _HUB.fullmatch(name):
        raise ValueError("expected 1 to 256 letters, digits, '.', '_' and '-', a letter or digit first and last")
    return name


def _container(name: str) -> str:
    if not _CONTAINER.fullmatch(name):
        raise ValueError("expected 3 to 63 small letters, digits and single '-'")
    return name


def _namespace(host: str) -> str:
    if not _NAMESPACE.fullmatch(host) or "." not in host:
        raise ValueError("expected a host such as contoso.servicebus.windows.net")
    return host


def _account(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError("expected an address such as https://contoso.blob.core.windows.net")
    return url


Hub = Annotated[str, AfterValidator(_hub)]


class CheckpointSettings(StrictSettings):
    """The blob container that keeps who reads which partition, and how far.

    Attributes:
        container: its name; it must exist.
        account_url: the storage account, signed in to with the machine's identity.
        connection_string: the account and its key instead; comes from the environment only.
    """

    container: Annotated[str, AfterValidator(_container)]
    account_url: Annotated[str, AfterValidator(_account)] | None = None
    connection_string: SecretStr | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.account_url is None) == (self.connection_string is None):
            raise ValueError("expected account_url, to sign in with an identity, or connection_string, and not both")
        return self


class EventHubsConnection(StrictSettings):
    """How to reach a namespace.

    Attributes:
        namespace: its host, signed in to with the machine's identity.
        connection_string: the namespace and a key instead; comes from the environment only.
    """

    namespace: Annotated[str, AfterValidator(_namespace)] | None = None
    connection_string: SecretStr | None = None

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.namespace is not None and self.connection_string is not None:
            raise ValueError("expected namespace, to sign in with an identity, or connection_string, and not both")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.connection_string is not None and not self.where:
            raise ValueError(
                "connection_string: expected Endpoint=sb://host/;SharedAccessKeyName=...;SharedAccessKey=..."
            )
        return self

    @property
    def where(self) -> str | None:
        """The namespace's host; None where it is the source's."""
        if self.connection_string is None:
            return self.namespace
        parts = (part.partition("=") for part in self.connection_string.get_secret_value().split(";"))
        fields = {name.strip().lower(): value.strip() for name, _, value in parts}
        return urlsplit(fields.get("endpoint", "")).netloc


class EventHubsSourceSettings(EventHubsConnection):
    """An event hub to read.

    Attributes:
        hub: its name.
        group: the consumer group.
        checkpoints: where positions are kept.
        start: where to begin in a partition that has no checkpoint: a moment, or one of its ends.
        session_timeout_s: after how long without a sign of life other workers take a worker's partitions.
        prefetch: how many events of a partition the client asks for ahead.
        timeout_s: how long the service may be silent before the worker gives up.
    """

    kind: Literal["event_hubs"]
    hub: Hub
    group: Annotated[str, Field(min_length=1, max_length=255)]
    checkpoints: CheckpointSettings
    start: Literal["earliest", "latest"] | AwareDatetime = "earliest"
    session_timeout_s: Annotated[float, Field(ge=1, le=300)] = 30.0
    prefetch: Annotated[int, Field(ge=1, le=10_000)] = 300
    timeout_s: Seconds = 60.0

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.where:
            raise ValueError("expected namespace, to sign in with an identity, or connection_string")
        return self

    @property
    def stream(self) -> str:
        """The name of what is read."""
        return self.hub


class EventHubsSinkSettings(EventHubsConnection):
    """An event hub to write; the connection is the source's where neither of its two keys is given.

    Attributes:
        hub: its name.
        timeout_s: how long a message may wait for its acknowledgement before the worker gives up.
    """

    kind: Literal["event_hubs"]
    hub: Hub
    timeout_s: Seconds = 30.0

    @property
    def stream(self) -> str:
        """The name of what is written."""
        return self.hub

    @property
    def misplaced(self) -> tuple[str, ...]:
        """The keys that say how to reach another namespace, where no other namespace is named: there are none."""
        return ()
