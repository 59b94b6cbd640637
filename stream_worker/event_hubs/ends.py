"""Where partitions end, asked of the service now and then: for the lag, and to notice a link that went silent."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.eventhub.aio import EventHubConsumerClient

from stream_worker.event_hubs.held import Held

__all__ = ["Ends"]

_AGE_S = 15.0  # each question opens a connection of its own, so an answer serves for a while
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _End:
    asked: float
    first: int
    last: int  # -1 of the first where the partition is empty


class Ends:
    """The ends of the partitions that are held."""

    def __init__(self, client: EventHubConsumerClient, silence_s: float) -> None:
        """Ask through a client; a link may be silent for so many seconds, though there are events."""
        self._client = client
        self._silence_s = silence_s
        self._ends: dict[int, _End] = {}
        self._asking = asyncio.Semaphore(_AT_ONCE)
        self._behind: dict[int, float] = {}

    def arrived(self, number: int) -> None:
        """Note that events of a partition came, or that it is let go."""
        self._behind.pop(number, None)

    async def lag(self, held: Mapping[int, Held]) -> dict[int, int]:
        """Return how many events stand behind the last one fetched of each partition.

        Raises:
            EventHubError: the service does not answer.
        """
        asked = dict(held)
        ends = await asyncio.gather(*(self._end(number) for number in asked))
        lag = {}
        for (number, partition), end in zip(asked.items(), ends, strict=True):
            before = end.first - 1 if partition.last is None else max(partition.last, end.first - 1)
            lag[number] = max(0, end.last - before)
            # without a position it is not known whether any of them are for us
            if lag[number] and not partition.waiting and partition.last is not None:
                self._behind.setdefault(number, time.monotonic())
            else:
                self._behind.pop(number, None)
        return lag

    def silent(self) -> int | None:
        """Return a partition that has had events for us for too long, while none came and none waits here."""
        now = time.monotonic()
        return next((number for number, since in self._behind.items() if now - since > self._silence_s), None)

    async def _end(self, number: int) -> _End:
        known = self._ends.get(number)
        if known is None or time.monotonic() - known.asked > _AGE_S:
            async with self._asking:
                asked = time.monotonic()
                told: dict[str, Any] = await self._client.get_partition_properties(str(number))
            first, last = int(told["beginning_sequence_number"]), int(told["last_enqueued_sequence_number"])
            known = self._ends[number] = _End(asked, first, first - 1 if told["is_empty"] else last)
        return known
