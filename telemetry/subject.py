"""What a stream is called in OpenTelemetry's conventions for messaging, and in Application Insights' map."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["Place", "StreamSubject", "System"]

System = Literal["kafka", "eventhubs"]

_AZURE_NAMESPACE: Final = "Microsoft.EventHub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One topic or hub.

    Attributes:
        system: what holds it.
        name: the topic or hub.
        address: the server's name, of one of them where there are several.
        port: where it listens.
    """

    system: System
    name: str
    address: str
    port: int

    @property
    def attributes(self) -> Mapping[str, str | int]:
        """What spans and figures about it carry."""
        return {
            "messaging.system": self.system,
            "messaging.destination.name": self.name,
            "server.address": self.address,
            "server.port": self.port,
        }

    @property
    def mapped(self) -> Mapping[str, str | int]:
        """The same for spans, with what Azure Monitor's exporter looks for to draw its map."""
        if self.system == "eventhubs":
            return {**self.attributes, "az.namespace": _AZURE_NAMESPACE}
        return {**self.attributes, "messaging.destination": self.name, "net.peer.name": self.address}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSubject:
    """The stream that a worker serves.

    Attributes:
        source: where events come from.
        group: the consumer group.
        sink: where predictions go.
    """

    source: Place
    group: str
    sink: Place
