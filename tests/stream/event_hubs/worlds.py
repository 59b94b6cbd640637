"""Event Hubs as the contracts' world: a server on the wire, and Azurite for the checkpoints."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from scoring import Event
from stream_worker import Outgoing
from stream_worker.event_hubs.settings import EventHubsSinkSettings, EventHubsSourceSettings
from stream_worker.event_hubs.sink import EventHubsSink
from stream_worker.event_hubs.source import EventHubsSource
from tests.emulators.event_hubs import EventHubsServer
from tests.stream.kafka import closed_port

MAX_MESSAGE_BYTES = 6_000_000
SESSION_S = 4.0


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def nowhere() -> str:
    """Return the connection string of a server that does not run."""
    return f"Endpoint=sb://127.0.0.1:{closed_port()};SharedAccessKeyName=weir;SharedAccessKey=key;UseDevelopmentEmulator=true"


class EventHubsSourceWorld:
    def __init__(
        self, hubs: EventHubsServer, azurite: Any, take_down: Callable[[], None] | None = None, **more: Any
    ) -> None:
        self.hubs = hubs
        self.stream = hubs.create_hub(unique("events"), 2, groups=("scoring",), max_message_bytes=MAX_MESSAGE_BYTES)
        self.azurite = azurite
        self.container = azurite.create_container()
        self.more = {"session_timeout_s": SESSION_S, "timeout_s": 10} | more
        self.take_down = take_down or hubs.down

    def append(self, *events: Event, partition: int = 0) -> None:
        for event in events:
            properties: dict[str, Any] = dict(event.headers)
            if event.key == b"":
                properties["weir-key"] = event.key
            self.hubs.append(
                self.stream, partition, event.value, key=(event.key or b"").decode() or None, properties=properties
            )

    def settings(self, **more: Any) -> EventHubsSourceSettings:
        fields = {
            "kind": "event_hubs",
            "connection_string": self.hubs.connection_string(),
            "hub": self.stream,
            "group": "scoring",
            "checkpoints": {"container": self.container, "connection_string": self.azurite.connection_string},
        }
        return EventHubsSourceSettings.model_validate(fields | self.more | more)

    def source(self, **more: Any) -> EventHubsSource:
        return EventHubsSource(self.settings(**more))

    def absent(self) -> EventHubsSource:
        return self.source(connection_string=nowhere())

    def missing(self) -> EventHubsSource:
        return self.source(hub="nowhere")


class EventHubsSinkWorld:
    def __init__(self, hubs: EventHubsServer, take_down: Callable[[], None] | None = None, **more: Any) -> None:
        self.hubs = hubs
        self.hub = hubs.create_hub(unique("predictions"), 2, max_message_bytes=MAX_MESSAGE_BYTES)
        self.more = {"timeout_s": 10} | more
        self.take_down = take_down or hubs.down

    def sink(self, hub: str | None = None, **more: Any) -> EventHubsSink:
        fields = {"kind": "event_hubs", "connection_string": self.hubs.connection_string(), "hub": hub or self.hub}
        settings = EventHubsSinkSettings.model_validate(fields | self.more | more)
        return EventHubsSink(settings, settings, name="sink")

    def limited(self) -> EventHubsSink:
        self.limited_hub = self.hubs.create_hub(unique("limited"), 1, max_message_bytes=100_000)
        return self.sink(self.limited_hub)

    def published_to_limited(self) -> list[Outgoing]:
        return self.published(self.limited_hub, 1)

    def absent(self) -> EventHubsSink:
        return self.sink(connection_string=nowhere())

    def missing(self) -> EventHubsSink:
        return self.sink("nowhere")

    def published(self, hub: str | None = None, partitions: int = 2) -> list[Outgoing]:
        return [
            Outgoing(stored.body, _key(stored), _headers(stored.properties), partition)
            for partition in range(partitions)
            for stored in self.hubs.events(hub or self.hub, partition)
        ]


def _key(stored: Any) -> bytes | None:
    if "weir-key" in stored.properties:
        return bytes(stored.properties["weir-key"])
    return None if stored.partition_key is None else str(stored.partition_key).encode()


def _headers(properties: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [
        (name, value.encode() if isinstance(value, str) else value)
        for name, value in properties.items()
        if name != "weir-key"
    ]


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
