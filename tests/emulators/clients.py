"""The SDK's clients as the tests of the emulators use them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient

from tests.emulators.event_hubs import EventHubsServer

__all__ = ["Received", "consumer", "producer", "receiving"]

QUICK = {"retry_total": 5, "retry_backoff_factor": 0.02, "retry_backoff_max": 0.2}
WAIT_SECONDS = 20.0


def producer(hubs: EventHubsServer, hub: str, **options: Any) -> EventHubProducerClient:
    """Make a client that sends; its retries come quickly."""
    return EventHubProducerClient.from_connection_string(hubs.connection_string(hub), **QUICK | options)


def consumer(hubs: EventHubsServer, hub: str, group: str = "$Default", **options: Any) -> EventHubConsumerClient:
    """Make a client that receives; its retries come quickly."""
    return EventHubConsumerClient.from_connection_string(
        hubs.connection_string(hub), group, **QUICK | {"load_balancing_interval": 0.2} | options
    )


class Received:
    """What a client has received so far."""

    def __init__(self) -> None:
        self.events: list[EventData] = []
        self.partitions: list[str] = []
        self.errors: list[Exception] = []
        self.newest: dict[str, Any] | None = None
        self._changed = asyncio.Event()

    async def on_event(self, context: Any, event: EventData) -> None:
        """Keep an event."""
        self.events.append(event)
        self.partitions.append(context.partition_id)
        self.newest = context.last_enqueued_event_properties
        self._changed.set()

    async def on_error(self, _: Any, error: Exception) -> None:
        """Keep an error."""
        self.errors.append(error)
        self._changed.set()

    async def until(self, events: int = 0, errors: int = 0) -> None:
        """Wait for so many events, and for so many errors."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.events) < events or len(self.errors) < errors:
                self._changed.clear()
                await self._changed.wait()

    @property
    def bodies(self) -> list[str]:
        """The events' bodies as text."""
        return [event.body_as_str() for event in self.events]

    @property
    def numbers(self) -> list[int]:
        """The events' sequence numbers."""
        return [event.sequence_number for event in self.events]


@contextlib.asynccontextmanager
async def receiving(
    client: EventHubConsumerClient, received: Received | None = None, **options: Any
) -> AsyncIterator[Received]:
    """Receive, from the start of the partitions where nothing else is asked for."""
    received = received or Received()
    options = {"starting_position": "-1"} | options
    task = asyncio.create_task(client.receive(received.on_event, on_error=received.on_error, **options))
    try:
        yield received
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
