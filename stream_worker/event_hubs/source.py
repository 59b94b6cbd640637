"""An event hub as a source.

Rules:
- The client reads ahead by a bounded number of events, and its callback waits until they are fetched: a slow sink
  stops the reading. A batch is of one partition, so that losing another costs nothing.
- When a partition goes, its epoch ends before anything else is awaited, then the handover is awaited inside a bound.
- Positions are sequence numbers. A checkpoint is written for explicit positions only, and never goes back.
- Where to begin is decided once: "latest" is written down as a checkpoint before anything is read, for the client would
  take it anew, and pass over events, whenever it connects again.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Self

from azure.eventhub import CloseReason, EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.identity.aio import DefaultAzureCredential

from scoring.errors import SourceError, StreamError
from stream_worker.event_hubs.checkpoints import Checkpoints
from stream_worker.event_hubs.connection import FAILURES, client_options, close, in_words, is_missing
from stream_worker.event_hubs.ends import Ends
from stream_worker.event_hubs.held import Held
from stream_worker.event_hubs.links import Links
from stream_worker.event_hubs.messages import to_event
from stream_worker.event_hubs.opening import begin_at_the_end, check_group, checkpoint, open_checkpoints, where
from stream_worker.event_hubs.settings import EventHubsSourceSettings
from stream_worker.event_hubs.troubles import Troubles
from stream_worker.ports import Batch, Handover, Partition

__all__ = ["EventHubsSource"]

_LOG = logging.getLogger(__name__)
_POLL_S = 0.2  # how long a fetch waits for the first event before it says that there is none
_START_S = 20.0
_CANCEL_S = 1.0
_BALANCED = 6  # how often ownership is looked at within the time after which it is lost


class EventHubsSource:
    """Reads an event hub as one of the members of a consumer group."""

    def __init__(self, settings: EventHubsSourceSettings) -> None:
        self._settings = settings
        self._where = where(settings)
        self._epoch = 0
        self._handover: Handover | None = None
        self._handover_s = min(10.0, settings.session_timeout_s / 3)
        self._held: dict[int, Held] = {}
        self._turn = 0
        self._arrived = asyncio.Event()
        self._ended = ""
        self._connections = AsyncExitStack()
        self._receiving: asyncio.Task[None] | None = None
        self._client: EventHubConsumerClient
        self._checkpoints: Checkpoints
        self._ends: Ends
        self._troubles: Troubles

    @property
    def epoch(self) -> int:
        """How often partitions were taken away."""
        return self._epoch

    def holds(self, batch: Batch) -> bool:
        """Return whether the batch's partition has been held without a break since it was fetched."""
        held = [self._held.get(number) for _, number in batch.ends]
        return all(each is not None and not each.leaving and each.since <= batch.epoch for each in held)

    def on_handover(self, handover: Handover) -> None:
        """Set what is awaited before partitions are let go."""
        self._handover = handover

    async def __aenter__(self) -> Self:
        """Connect, see that the hub and the container exist and the clocks agree, and join the group.

        Raises:
            SourceError: nobody answers, a sign-in is refused, or something is not there.
        """
        try:
            async with asyncio.timeout(_START_S):
                await self._open()
        except BaseException as error:
            await self._close()
            if isinstance(error, TimeoutError):
                raise SourceError(f"{self._where} does not answer: {in_words(error)}") from error
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Leave the group."""
        await self._close()

    async def fetch(self, *, max_events: int, max_wait: float) -> Batch | None:  # noqa: ARG002 - the client waits itself
        """Return the next events of one partition, or None when there were none for a while.

        Raises:
            SourceError: reading has failed for longer than is allowed.
        """
        await self._raise_what_lasts()
        if not any(held.waiting for held in self._held.values()):
            self._arrived.clear()
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        numbers = sorted(self._held)
        for number in numbers[self._turn :] + numbers[: self._turn]:
            if events := self._held[number].take(max_events):
                self._turn = (numbers.index(number) + 1) % len(numbers)
                end = {(self._settings.hub, number): int(self._held[number].last or 0) + 1}
                return Batch(events=events, ends=end, epoch=self._epoch)
        return None

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Write checkpoints for explicit positions; those of partitions that are not held are passed over.

        Raises:
            SourceError: the container did not take them in time.
        """
        try:
            async with asyncio.timeout(self._settings.timeout_s), asyncio.TaskGroup() as group:
                for (hub, number), position in positions.items():
                    held = self._held.get(number)
                    if held is not None and hub == self._settings.hub:
                        group.create_task(self._write(held, number, position - 1))
        except* FAILURES as errors:
            error = errors.exceptions[0]
            raise SourceError(f"source: checkpoints could not be written: {in_words(error)}") from error

    async def lag(self) -> Mapping[Partition, int]:
        """Return, for each partition held, how many events wait behind the last one fetched.

        Raises:
            SourceError: the service does not answer, or has events for us and delivers none.
        """
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                lag = await self._ends.lag(self._held)
        except FAILURES as error:
            raise SourceError(f"{self._where} does not answer: {in_words(error)}") from error
        silent = self._ends.silent()
        if silent is not None:
            raise SourceError(
                f"source: partition {silent} has {lag.get(silent, 0):,} events for us, and none came for "
                f"{self._settings.timeout_s:g} s"
            )
        return {(self._settings.hub, number): count for number, count in lag.items()}

    async def _write(self, held: Held, number: int, sequence: int) -> None:
        offset = held.offset(sequence)
        if offset is not None:
            await self._checkpoints.update_checkpoint(checkpoint(self._settings, number, offset, sequence))
            held.committed(sequence)

    async def _open(self) -> None:
        settings, credential = self._settings, None
        if settings.connection_string is None or settings.checkpoints.connection_string is None:
            credential = DefaultAzureCredential()
            await self._connections.enter_async_context(credential)
        self._checkpoints = await open_checkpoints(settings, credential, self._connections)
        try:
            self._client = EventHubConsumerClient(
                **client_options(settings, settings.hub, credential),
                consumer_group=settings.group,
                checkpoint_store=self._checkpoints,
                load_balancing_interval=settings.session_timeout_s / _BALANCED,
                partition_ownership_expiration_interval=settings.session_timeout_s,
            )
            self._connections.push_async_callback(self._leave)
            partitions = await self._client.get_partition_ids()
        except FAILURES as error:
            if is_missing(error):
                raise SourceError(f"{self._where} has no event hub {settings.hub!r} (source.hub)") from error
            raise SourceError(f"{self._where} does not answer: {in_words(error)}") from error
        links = Links(self._client, settings.group)
        await check_group(links, settings, partitions[0])
        self._troubles = Troubles(links, settings.timeout_s, begins_at=self._begins_at)
        self._ends = Ends(self._client, settings.timeout_s)
        if settings.start == "latest":
            await begin_at_the_end(self._client, self._checkpoints, settings, partitions)
        self._receiving = asyncio.create_task(self._receive())

    async def _receive(self) -> None:
        """Let the client read, each partition at its checkpoint, or where the settings say that one without begins."""
        settings = self._settings
        try:
            await self._client.receive_batch(
                self._on_events,
                max_batch_size=settings.prefetch,
                prefetch=settings.prefetch,
                starting_position="-1" if isinstance(settings.start, str) else settings.start,
                on_error=self._on_error,
                on_partition_initialize=self._on_open,
                on_partition_close=self._on_close,
            )
        except FAILURES as error:
            self._ended = in_words(error)

    def _begins_at(self, number: int) -> str:
        known = self._checkpoints.known.get(number)
        return "-1" if known is None else str(known["offset"])

    async def _on_open(self, context: PartitionContext) -> None:
        number = int(context.partition_id)
        _LOG.info("reading partition %d", number)
        known = self._checkpoints.known.get(number)
        self._held[number] = Held(
            since=self._epoch,
            checkpoint=None if known is None else int(known["sequence_number"]),
            from_the_first=isinstance(self._settings.start, str),
        )

    async def _on_events(self, context: PartitionContext, events: list[EventData]) -> None:
        number = int(context.partition_id)
        held = self._held.get(number)
        if held is None or held.leaving:
            return
        self._troubles.ended(number)
        self._ends.arrived(number)
        self._arrived.set()
        await held.put(
            [to_event(event, self._settings.hub, number) for event in events], [str(event.offset) for event in events]
        )

    async def _on_close(self, context: PartitionContext, reason: CloseReason) -> None:
        number = int(context.partition_id)
        held = self._held.get(number)
        if held is None:
            return
        self._epoch += 1
        held.leave()
        _LOG.info("partition %d is let go (%s)", number, reason.name)
        try:
            if self._handover is not None:
                async with asyncio.timeout(self._handover_s):
                    await self._handover([(self._settings.hub, number)])
        except (TimeoutError, StreamError) as error:
            why = in_words(error) if isinstance(error, TimeoutError) else error
            _LOG.warning("a partition is let go before all was committed, some events come again: %s", why)
        finally:
            del self._held[number]
            self._ends.arrived(number)

    async def _on_error(self, context: PartitionContext | None, error: Exception) -> None:
        _LOG.info("%s: %s", "ownership" if context is None else f"partition {context.partition_id}", in_words(error))
        self._troubles.failed(None if context is None else int(context.partition_id), error)

    async def _raise_what_lasts(self) -> None:
        lasting = self._ended or await self._troubles.lasting(self._held)
        if lasting:
            raise SourceError(f"{self._where}: cannot read {self._settings.hub!r}: {lasting}")

    async def _leave(self) -> None:
        """Give the partitions back; the client's own loop ends only when it is cancelled."""
        await close(self._client.close(), "the Event Hubs consumer")
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.wait((self._receiving,), timeout=_CANCEL_S)

    async def _close(self) -> None:
        self._handover = None
        await self._connections.aclose()
