"""What the run loop asks of a source and a sink."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import msgspec

from scoring import Event

__all__ = ["Batch", "Handover", "Outgoing", "Partition", "Sink", "Source"]

Partition = tuple[str, int]
"""A stream's id and the number of one of its partitions."""

Handover = Callable[[Collection[Partition]], Awaitable[None]]
"""Called by a source before these partitions move: finish what is being published and commit it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Events as they were fetched.

    Attributes:
        events: those of one partition stand together, in its order.
        ends: for each partition, the position after its last event here.
        epoch: the source's when these partitions were given to it, or later.
    """

    events: Sequence[Event]
    ends: Mapping[Partition, int]
    epoch: int


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One message to publish.

    Attributes:
        partition: of the event it answers; messages with equal ones keep their order.
    """

    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int


class Source(Protocol):
    """Where events come from; opened and closed by `async with`.

    A source keeps an epoch, and moves on to the next whenever partitions are taken away. Before it lets them go it
    awaits the handover. What was fetched from them before that is somebody else's to score.
    """

    @property
    def epoch(self) -> int:
        """How often partitions were taken away."""
        ...

    def holds(self, batch: Batch) -> bool:
        """Return whether the partitions of a batch have been held without a break since it was fetched."""
        ...

    def on_handover(self, handover: Handover) -> None:
        """Set what is awaited before partitions are let go. Called once, before the source is opened."""
        ...

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            SourceError: nobody answers, or the stream does not exist.
        """
        ...

    async def __aexit__(self, *exception: object) -> None:
        """Leave, inside a bound of its own."""
        ...

    async def fetch(self, *, max_events: int, max_wait: float) -> Batch | None:
        """Return the next events, or None when there were none for a while.

        Args:
            max_events: return at most so many.
            max_wait: once there is an event, wait at most so many seconds for more.

        Raises:
            SourceError: reading failed for longer than is allowed.
        """
        ...

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Record that everything before these positions is done; those of partitions not held are passed over.

        Raises:
            SourceError: the positions could not be recorded.
        """
        ...

    async def lag(self) -> Mapping[Partition, int]:
        """Return, for each partition held, how many events wait behind the last one fetched.

        Raises:
            SourceError: the server does not answer.
        """
        ...


class Sink(Protocol):
    """Where messages go; opened and closed by `async with`."""

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            SinkError: nobody answers, or the stream does not exist.
        """
        ...

    async def __aexit__(self, *exception: object) -> None:
        """Leave, inside a bound of its own."""
        ...

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[int]:
        """Return when all messages are acknowledged, but for those that are too large for the stream.

        Returns:
            The places, among the messages, of those that the stream will never take.

        Raises:
            SinkError: they were not, for longer than is allowed; some of them may have been published.
        """
        ...
