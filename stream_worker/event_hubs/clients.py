"""Clients that only look: they try once, and are closed inside a bound."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.identity.aio import DefaultAzureCredential

from stream_worker.event_hubs.connection import client_options, close
from stream_worker.event_hubs.settings import EventHubsConnection, EventHubsSourceSettings

__all__ = ["consumer", "producer"]

_ONCE: Final[dict[str, Any]] = {"retry_total": 0}


@asynccontextmanager
async def consumer(
    source: EventHubsSourceSettings, credential: DefaultAzureCredential | None
) -> AsyncIterator[EventHubConsumerClient]:
    """Give a client of the source's hub and group; it reads nothing by itself."""
    options = client_options(source, source.hub, credential) | _ONCE
    client = EventHubConsumerClient(**options, consumer_group=source.group)
    try:
        yield client
    finally:
        await close(client.close(), "a client of the source")


@asynccontextmanager
async def producer(
    connection: EventHubsConnection, hub: str, credential: DefaultAzureCredential | None
) -> AsyncIterator[EventHubProducerClient]:
    """Give a client that could send to a hub."""
    client = EventHubProducerClient(**(client_options(connection, hub, credential) | _ONCE))
    try:
        yield client
    finally:
        await close(client.close(), "a client of a sink")
