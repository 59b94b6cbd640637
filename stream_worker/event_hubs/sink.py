"""An event hub as a sink.

A message with a key goes to the partition that the hash of Microsoft's clients gives for it, and carries the key; one
without goes to the partition with the number of its event's. Batches are filled for partitions, not for keys: a stream
of card numbers would otherwise need a batch, and a round trip, for each card. Every batch is awaited: nothing is
buffered.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Self

from azure.eventhub import EventDataBatch
from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from azure.identity.aio import DefaultAzureCredential

from scoring.errors import SinkError
from stream_worker.event_hubs.connection import FAILURES, client_options, close, in_words, is_missing
from stream_worker.event_hubs.messages import partition_key, to_message
from stream_worker.event_hubs.settings import EventHubsConnection, EventHubsSinkSettings
from stream_worker.ports import Outgoing

__all__ = ["EventHubsSink"]

_LOG = logging.getLogger(__name__)
_START_S = 20.0
_PAUSE_S = (0.1, 4.0)  # between tries, doubled from the first to the last
_BREATH = 128  # messages encoded before the event loop has a turn
_KNOWN_KEYS = 65_536  # partitions of keys that are remembered; the hash is Python


class EventHubsSink:
    """Writes an event hub in batches, each acknowledged before the next of its partition."""

    def __init__(self, settings: EventHubsSinkSettings, connection: EventHubsConnection, *, name: str) -> None:
        """Set it up without connecting.

        Args:
            settings: the hub and its bounds.
            connection: how to reach the namespace.
            name: the settings' key, for errors: `sink` or `dead_letters`.
        """
        self._settings = settings
        self._connection = connection
        self._name = name
        self._where = f"{name}: Event Hubs at {connection.where}"
        self._partitions: list[str] = []
        self._credential: DefaultAzureCredential | None = None
        self._client: EventHubProducerClient

    async def __aenter__(self) -> Self:
        """Connect, and see that the hub exists.

        Raises:
            SinkError: nobody answers, the sign-in is refused, or the hub does not exist.
        """
        if self._connection.connection_string is None:
            self._credential = DefaultAzureCredential()
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close the connections; everything was acknowledged before."""
        await self._close()

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[int]:
        """Return when all messages are acknowledged, but for those that are too large for the hub.

        Returns:
            The places, among the messages, of those that the hub will never take.

        Raises:
            SinkError: they were not, for longer than is allowed; some of them may have been published.
        """
        waiting: dict[str, list[int]] = defaultdict(list)
        for place, message in enumerate(messages):
            waiting[self._partition(message)].append(place)
        try:
            async with asyncio.timeout(self._settings.timeout_s), asyncio.TaskGroup() as group:
                sending = [
                    group.create_task(self._fill(partition, messages, places)) for partition, places in waiting.items()
                ]
        except* FAILURES as errors:
            error = _first(errors)
            raise SinkError(
                f"{self._where} did not acknowledge for {self._settings.hub!r}: {in_words(error)}"
            ) from error
        return sorted(place for task in sending for place in task.result())

    async def _fill(self, partition: str, messages: Sequence[Outgoing], places: Sequence[int]) -> list[int]:
        """Send the messages at these places to a partition, in order, and return the places that are too large."""
        refused: list[int] = []
        batch = await self._client.create_batch(partition_id=partition)
        for number, place in enumerate(places, 1):
            message = to_message(messages[place])
            if not _add(batch, message):
                if len(batch):
                    await self._send(batch)
                    batch = await self._client.create_batch(partition_id=partition)
                if not _add(batch, message):
                    refused.append(place)
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        if len(batch):
            await self._send(batch)
        return refused

    async def _send(self, batch: EventDataBatch) -> None:
        """Send a batch until it is acknowledged; the library gives up at once on some answers that pass, "busy" too."""
        pause, longest = _PAUSE_S
        while True:
            try:
                await self._client.send_batch(batch)
            except EventHubError as error:
                if is_missing(error):
                    raise
                _LOG.info("%s: a batch is sent again: %s", self._name, in_words(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
            else:
                return

    def _partition(self, message: Outgoing) -> str:
        key = partition_key(message.key)
        if key is None:
            return self._partitions[message.partition % len(self._partitions)]
        return self._partitions[_hash(key) % len(self._partitions)]

    async def _start(self) -> None:
        hub = self._settings.hub
        try:
            self._client = EventHubProducerClient(**client_options(self._connection, hub, self._credential))
            async with asyncio.timeout(_START_S):
                self._partitions = await self._client.get_partition_ids()
        except FAILURES as error:
            if is_missing(error):
                raise SinkError(f"{self._where} has no event hub {hub!r} ({self._name}.hub)") from error
            raise SinkError(f"{self._where} does not answer: {in_words(error)}") from error

    async def _close(self) -> None:
        if hasattr(self, "_client"):
            await close(self._client.close(), f"the Event Hubs producer of {self._name}")
        if self._credential is not None:
            await close(self._credential.close(), f"the identity of {self._name}")


@lru_cache(_KNOWN_KEYS)
def _hash(key: str) -> int:
    # it takes letters for bytes, and the clients in other languages drop the sign after dividing
    return abs(int(generate_hash_code(key.encode().decode("latin-1"))))  # type: ignore[no-untyped-call]


def _add(batch: EventDataBatch, message: object) -> bool:
    """Add a message, and return whether it fitted."""
    try:
        batch.add(message)  # type: ignore[arg-type]  # its annotation is a type of ours by another path
    except ValueError:
        return False
    return True


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
