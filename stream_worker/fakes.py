"""A source and a sink without a server, for tests: what they do next is said in a script or set by a switch."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Self

from scoring import Event, Position
from scoring.errors import SinkError, SourceError, StreamError
from stream_worker.ports import Batch, Handover, Outgoing, Partition

__all__ = ["FakeSink", "FakeSource", "FakeStream", "Step", "hang"]

Step = int | None | Exception | Callable[[], Awaitable[object]]
"""What one fetch does: return at most so many events, or none, raise, or await something and take the next step."""

_IDLE_S = 0.002


async def hang() -> None:
    """Never return."""
    await asyncio.Event().wait()


class FakeStream:
    """A stream with its partitions, its committed positions and the members that share it.

    Attributes:
        committed: the last committed position of each partition.
        commits: every commit, in order.
        down: whether its server answers nobody.
    """

    def __init__(self, name: str = "events", partitions: int = 1) -> None:
        self.name = name
        self.committed: dict[Partition, int] = {}
        self.commits: list[dict[Partition, int]] = []
        self.down = False
        self._logs: dict[Partition, list[Event]] = {(name, number): [] for number in range(partitions)}
        self._members: list[FakeSource] = []
        self._moving = asyncio.Lock()

    def append(
        self,
        value: bytes | None,
        *,
        partition: int = 0,
        key: bytes | None = None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> Event:
        """Add an event to a partition."""
        log = self._logs[self.name, partition]
        event = Event(value, key, headers, Position(self.name, partition, len(log)))
        log.append(event)
        return event

    @property
    def partitions(self) -> Sequence[Partition]:
        """All partitions."""
        return list(self._logs)

    def events(self, partition: Partition, start: int, count: int) -> Sequence[Event]:
        """Return at most `count` events from a position on."""
        return self._logs[partition][start : start + count]

    def end(self, partition: Partition) -> int:
        """Return the position after a partition's last event."""
        return len(self._logs[partition])

    async def join(self, member: "FakeSource") -> None:
        """Share the partitions with one more member."""
        await self._share([*self._members, member])

    async def leave(self, member: "FakeSource") -> None:
        """Share the partitions among the others."""
        await self._share([other for other in self._members if other is not member])

    async def move(self) -> None:
        """Take all partitions away and give each back to the member that had it."""
        await self._share(self._members)

    async def _share(self, members: "Sequence[FakeSource]") -> None:
        async with self._moving:
            for member in self._members:
                await member.revoke()
            self._members = list(members)
            for index, member in enumerate(self._members):
                member.assign([key for key in self._logs if key[1] % len(members) == index])


class FakeSource:
    """Reads a `FakeStream`.

    Attributes:
        commit_error: what every commit raises, where set.
        lag_error: what asking for the lag raises, where set.
    """

    def __init__(self, stream: FakeStream, script: Iterable[Step] = ()) -> None:
        """Set up what the first fetches do; after the script each returns what there is."""
        self._stream = stream
        self._script = iter(script)
        self._epoch = 0
        self._handover: Handover | None = None
        self._next: dict[Partition, int] = {}  # for each partition held, the position to read from
        self._settled = asyncio.Event()
        self.commit_error: SourceError | None = None
        self.lag_error: SourceError | None = None

    @property
    def epoch(self) -> int:
        """How often partitions were taken away."""
        return self._epoch

    def holds(self, batch: Batch) -> bool:
        """Return whether no partition was taken away since the batch was fetched."""
        return batch.epoch == self._epoch

    def on_handover(self, handover: Handover) -> None:
        """Set what is awaited before partitions are let go."""
        self._handover = handover

    async def __aenter__(self) -> Self:
        """Join.

        Raises:
            SourceError: the stream is down.
        """
        if self._stream.down:
            raise SourceError(f"source: {self._stream.name} does not answer")
        await self._stream.join(self)
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Leave."""
        self._handover = None
        await self._stream.leave(self)

    async def fetch(self, *, max_events: int, max_wait: float) -> Batch | None:  # noqa: ARG002 - there is no more later
        """Do what the script says next.

        Raises:
            SourceError: the script says so, or the stream is down.
        """
        step = next(self._script, max_events)
        while callable(step):
            await step()
            step = next(self._script, max_events)
        if isinstance(step, Exception):
            raise step
        await self._settled.wait()
        if self._stream.down:
            raise SourceError(f"source: {self._stream.name} does not answer")
        batch = None if step is None else self._take(min(step, max_events))
        if batch is None:
            await asyncio.sleep(_IDLE_S)
        return batch

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Record positions of the partitions that are held.

        Raises:
            SourceError: `commit_error`, or the stream is down.
        """
        await asyncio.sleep(0)
        if self.commit_error is not None or self._stream.down:
            raise self.commit_error or SourceError(f"source: {self._stream.name} does not answer")
        held = {key: position for key, position in positions.items() if key in self._next}
        if held:
            self._stream.committed |= held
            self._stream.commits.append(held)

    async def lag(self) -> Mapping[Partition, int]:
        """Return how many events wait in each partition.

        Raises:
            SourceError: `lag_error`, or the stream is down.
        """
        if self.lag_error is not None or self._stream.down:
            raise self.lag_error or SourceError(f"source: {self._stream.name} does not answer")
        return {key: self._stream.end(key) - position for key, position in self._next.items()}

    async def revoke(self) -> None:
        """Move on to the next epoch, await the handover, and let the partitions go."""
        self._settled.clear()
        self._epoch += 1
        if self._handover is not None:
            with suppress(StreamError):  # partitions move all the same
                await self._handover(list(self._next))
        self._next = {}

    def assign(self, partitions: Iterable[Partition]) -> None:
        """Hold these partitions, each from its committed position on."""
        self._next = {key: self._stream.committed.get(key, 0) for key in partitions}
        self._settled.set()

    def _take(self, count: int) -> Batch | None:
        events: list[Event] = []
        ends: dict[Partition, int] = {}
        for key, position in self._next.items():
            taken = self._stream.events(key, position, count - len(events))
            if taken:
                events.extend(taken)
                ends[key] = self._next[key] = position + len(taken)
        return Batch(events=events, ends=ends, epoch=self._epoch) if events else None


class FakeSink:
    """Keeps what is published.

    Attributes:
        messages: all that was published, in order.
        error: what publishing raises, where set.
        loses_acknowledgements: whether messages are kept before `error` is raised.
        hangs: whether publishing never returns.
        delay: seconds that publishing takes.
        largest: the most bytes that a value may have.
        publishing: how many calls are under way.
    """

    def __init__(self, name: str = "sink") -> None:
        self.name = name
        self.messages: list[Outgoing] = []
        self.error: SinkError | None = None
        self.loses_acknowledgements = False
        self.hangs = False
        self.delay = 0.0
        self.largest = 16_777_216
        self.publishing = 0
        self.is_open = False

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            SinkError: `error`, where it is set.
        """
        if self.error is not None:
            raise self.error
        self.is_open = True
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Leave."""
        self.is_open = False

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[int]:
        """Keep the messages, and return the places of those whose values are too large.

        Raises:
            SinkError: `error`.
        """
        self.publishing += 1
        try:
            await (hang() if self.hangs else asyncio.sleep(self.delay))
            if self.error is not None and not self.loses_acknowledgements:
                raise self.error
            sizes = [len(message.value or b"") for message in messages]
            self.messages.extend(m for m, size in zip(messages, sizes, strict=True) if size <= self.largest)
            if self.error is not None:
                raise self.error
            return [place for place, size in enumerate(sizes) if size > self.largest]
        finally:
            self.publishing -= 1
