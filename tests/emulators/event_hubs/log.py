"""Event hubs and their partitions: what is stored, in which order, and who is told of it.

Rules:
- Everything here belongs to the server's own thread. What is stored never changes; other threads may copy it.
- Sequence numbers count every event of a partition from 0. Offsets are byte positions: they grow by the events' sizes.
- Enqueued times never go back, whatever the clock does.
"""

import bisect
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver

from .messages import Event, StoredEvent, decode, with_annotations

__all__ = ["EventHub", "Partition", "Stored"]

# The service begins at 0, where an offset cannot be told from a sequence number.
_FIRST_OFFSET = 1024
_EVENT_OVERHEAD = 56


class Stored(NamedTuple):
    """A stored event: its place, and its message as receivers get it."""

    sequence_number: int
    offset: int
    enqueued_time: int
    message: bytes

    def decoded(self) -> StoredEvent:
        """Decode it for a test to look at."""
        return decode(self.message, self.sequence_number, self.offset, self.enqueued_time)


class Reader(Protocol):
    """A receiver of a partition."""

    epoch: int | None

    def deliver(self) -> None:
        """Send what has been stored since."""


class Partition:
    """One partition of an event hub."""

    def __init__(self, name: str, clock: Callable[[], float] = time.time) -> None:
        self.name = name
        self.stored: list[Stored] = []
        self.first = 0  # the first event that retention has left
        self.readers: dict[str, list[Reader]] = {}
        self._clock = clock
        self._next_offset = _FIRST_OFFSET

    def append(self, events: Iterable[Event]) -> None:
        """Store events, one after another, and have every receiver deliver them."""
        now = max(int(self._clock() * 1000), self.stored[-1].enqueued_time if self.stored else 0)
        offset, stored = self._next_offset, self.stored
        for event in events:
            number = len(stored)
            stored.append(Stored(number, offset, now, with_annotations(event, number, offset, now)))
            offset += event.size + _EVENT_OVERHEAD
        self._next_offset = offset
        for reader in list(itertools.chain.from_iterable(self.readers.values())):
            reader.deliver()

    @property
    def last(self) -> Stored | None:
        """The newest event, whether retention has left it or not."""
        return self.stored[-1] if self.stored else None

    def after_offset(self, offset: int, *, inclusive: bool) -> int:
        """Return the index of the first event behind, or at, an offset."""
        return self._find(offset, "offset", inclusive=inclusive)

    def after_time(self, milliseconds: int, *, inclusive: bool) -> int:
        """Return the index of the first event that was stored after, or at, a time."""
        return self._find(milliseconds, "enqueued_time", inclusive=inclusive)

    def _find(self, value: int, attribute: str, *, inclusive: bool) -> int:
        find = bisect.bisect_left if inclusive else bisect.bisect_right
        return find(self.stored, value, key=attrgetter(attribute))


class EventHub:
    """An event hub: its partitions, its consumer groups, and how events are spread."""

    def __init__(
        self,
        name: str,
        partitions: int,
        *,
        groups: Sequence[str],
        max_message_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.created_at = int(clock() * 1000)
        self.max_message_bytes = max_message_bytes
        self.groups = {group.lower() for group in groups}
        self.partitions = {str(number): Partition(str(number), clock) for number in range(partitions)}
        self._resolver: Any = PartitionResolver(list(self.partitions))  # type: ignore[no-untyped-call]

    def choose(self, key: bytes | None) -> Partition:
        """Return the partition of a key, by the service's hash; without a key, the next one in turn."""
        if key:
            return self.partitions[self._resolver.get_partition_id_by_partition_key(key.decode())]
        return self.partitions[self._resolver.get_next_partition_id()]
