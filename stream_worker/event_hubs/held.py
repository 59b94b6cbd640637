"""What a source keeps of one partition while it holds it.

Rules:
- Only one portion of events waits here; the client's callback waits with it, and that is what holds the client back.
- Events come in the order of their sequence numbers, each once: after a lost connection the client delivers again what
  stood in its buffer, and that is passed over.
- The offset of each event that was handed out is kept until its position is committed: checkpoints need both.
"""

import asyncio
import logging
from collections.abc import Sequence

from scoring import Event

__all__ = ["Held"]

_LOG = logging.getLogger(__name__)


class Held:
    """One partition.

    Attributes:
        since: the source's epoch when the partition was given to it.
        leaving: whether the partition is being let go.
        last: the sequence number of the last event that was handed out, or after which reading begins; None where
            that is not known.
    """

    def __init__(self, *, since: int, checkpoint: int | None, from_the_first: bool) -> None:
        """Hold a partition.

        Args:
            since: the source's epoch.
            checkpoint: the sequence number after which reading begins, where there is one.
            from_the_first: whether it begins with the first event otherwise.
        """
        self.since = since
        self.leaving = False
        self.last = -1 if checkpoint is None and from_the_first else checkpoint
        self._received = checkpoint
        self._waiting: list[Event] = []
        self._offsets: dict[int, str] = {}
        self._taken = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many events have arrived and were not handed out."""
        return len(self._waiting)

    async def put(self, events: Sequence[Event], offsets: Sequence[str]) -> None:
        """Add events with their offsets, and wait until all are handed out or the partition is let go."""
        self._taken.clear()
        for event, offset in zip(events, offsets, strict=True):
            sequence = _sequence(event)
            if self._received is None or sequence > self._received:
                self._warn_of_a_gap(event, sequence)
                self._received = sequence
                self._waiting.append(event)
                self._offsets[sequence] = offset
        if self._waiting:
            await self._taken.wait()

    def take(self, count: int) -> list[Event]:
        """Hand out at most so many events."""
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        if taken:
            self.last = _sequence(taken[-1])
        if not self._waiting:
            self._taken.set()
        return taken

    def leave(self) -> None:
        """Forget what has not been handed out: somebody else will read it."""
        self.leaving = True
        self._waiting = []
        self._taken.set()

    def offset(self, sequence: int) -> str | None:
        """Return the offset of an event that was handed out and not committed; None where there is none."""
        return self._offsets.get(sequence)

    def committed(self, sequence: int) -> None:
        """Forget the offsets up to an event."""
        self._offsets = {other: offset for other, offset in self._offsets.items() if other > sequence}

    def _warn_of_a_gap(self, event: Event, sequence: int) -> None:
        if self._received is not None and sequence > self._received + 1:
            _LOG.warning(
                "%s: the %d events before it were deleted by the hub's retention before they were read",
                event.position,
                sequence - self._received - 1,
            )


def _sequence(event: Event) -> int:
    return -1 if event.position is None else event.position.offset
