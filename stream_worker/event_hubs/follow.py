"""An event hub and a consumer group of which nobody reads: where it stands, and moving it."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Self

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient
from azure.identity.aio import DefaultAzureCredential

from scoring.errors import SourceError
from stream_worker.event_hubs.checkpoints import Checkpoints
from stream_worker.event_hubs.connection import FAILURES, client_options, close, in_words, is_missing
from stream_worker.event_hubs.opening import checkpoint, open_checkpoints, where
from stream_worker.event_hubs.settings import EventHubsSourceSettings

__all__ = ["LiveHub"]

_BOUND_S = 20.0
_FROM_THE_FIRST = "-1"  # an offset that stands before every event


class LiveHub:
    """An event hub, and the checkpoints of a group."""

    def __init__(self, settings: EventHubsSourceSettings) -> None:
        """Set it up without connecting."""
        self._settings = settings
        self._connections = AsyncExitStack()
        self._properties: dict[int, dict[str, Any]] = {}
        self._client: EventHubConsumerClient
        self._checkpoints: Checkpoints

    async def __aenter__(self) -> Self:
        """Connect, and look at every partition.

        Raises:
            SourceError: nobody answers, a sign-in is refused, or something is not there.
        """
        try:
            async with asyncio.timeout(_BOUND_S):
                await self._open()
        except BaseException as error:
            await self._connections.aclose()
            if isinstance(error, FAILURES):
                hub = self._settings.hub
                missing = f"has no event hub {hub!r} (source.hub)"
                words = missing if is_missing(error) else f"does not answer: {in_words(error)}"
                raise SourceError(f"{where(self._settings)} {words}") from error
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Leave."""
        await self._connections.aclose()

    async def firsts(self) -> Mapping[int, int]:
        """Return the sequence number of the first event of each partition, or of the next where there is none."""
        return {
            number: told["last_enqueued_sequence_number"] + 1 if told["is_empty"] else told["beginning_sequence_number"]
            for number, told in self._properties.items()
        }

    async def ends(self) -> Mapping[int, int]:
        """Return the sequence number behind the last event of each partition."""
        return {number: told["last_enqueued_sequence_number"] + 1 for number, told in self._properties.items()}

    async def standing(self) -> Mapping[int, int]:
        """Return the sequence numbers behind the checkpoints.

        Raises:
            SourceError: the container cannot be read.
        """
        settings = self._settings
        try:
            async with asyncio.timeout(_BOUND_S):
                await self._checkpoints.list_checkpoints(str(settings.where), settings.hub, settings.group)
        except FAILURES as error:
            raise SourceError(f"source: checkpoints could not be read: {in_words(error)}") from error
        return {number: int(known["sequence_number"]) + 1 for number, known in self._checkpoints.known.items()}

    async def move(self, positions: Mapping[int, int]) -> None:
        """Write checkpoints.

        Raises:
            SourceError: the container did not take them.
        """
        try:
            async with asyncio.timeout(_BOUND_S):
                for number, position in positions.items():
                    offset = await self._offset(number, position - 1)
                    await self._checkpoints.update_checkpoint(checkpoint(self._settings, number, offset, position - 1))
        except FAILURES as error:
            raise SourceError(f"source: checkpoints could not be written: {in_words(error)}") from error

    async def _open(self) -> None:
        settings, credential = self._settings, None
        if settings.connection_string is None or settings.checkpoints.connection_string is None:
            credential = await self._connections.enter_async_context(DefaultAzureCredential())
        self._checkpoints = await open_checkpoints(settings, credential, self._connections)
        self._client = EventHubConsumerClient(
            **client_options(settings, settings.hub, credential), consumer_group=settings.group
        )
        self._connections.push_async_callback(self._leave)
        for number in await self._client.get_partition_ids():
            self._properties[int(number)] = await self._client.get_partition_properties(number)

    async def _leave(self) -> None:
        await close(self._client.close(), "the Event Hubs consumer")

    async def _offset(self, number: int, sequence: int) -> str:
        """Return the offset of an event, which a checkpoint needs; that before all events where it is gone."""
        told = self._properties[number]
        if told["is_empty"] or sequence < told["beginning_sequence_number"]:
            return _FROM_THE_FIRST
        if sequence == told["last_enqueued_sequence_number"]:
            return str(told["last_enqueued_offset"])
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def take(_: object, event: EventData | None) -> None:
            if event is not None and not found.done():
                found.set_result(str(event.offset))

        receiving = asyncio.ensure_future(
            self._client.receive(
                take, partition_id=str(number), starting_position=sequence, starting_position_inclusive=True, prefetch=1
            )
        )
        try:
            return await found
        finally:
            receiving.cancel()
