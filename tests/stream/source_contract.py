"""What every `Source` must keep: inherit from `SourceContract` and say where its events come from."""

import asyncio
import time
from collections.abc import Collection, Sequence
from typing import Protocol

import pytest

from scoring import Event
from scoring.errors import SourceError
from stream_worker import Batch, Partition, Source

BOUND_S = 30.0  # for anything that a server must do first
CLOSING_S = 8.0


class SourceWorld(Protocol):
    """A stream of two partitions on a server, and the sources that read it as members of one group."""

    stream: str

    def append(self, *events: Event, partition: int = 0) -> None:
        """Add events with these values, keys and headers to a partition."""

    def source(self) -> Source:
        """Return one more member; none of its promises may take longer than a few seconds to break."""

    def absent(self) -> Source:
        """Return a source whose server is nowhere."""

    def missing(self) -> Source:
        """Return a source whose stream does not exist; it is called 'nowhere'."""

    def take_down(self) -> None:
        """Let the server answer nobody from now on."""


class Reader:
    """Fetches until it has what it was asked for, and checks every batch on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.ends: dict[Partition, int] = {}

    async def read(self, count: int, *, max_events: int = 1000) -> list[Event]:
        events: list[Event] = []
        async with asyncio.timeout(BOUND_S):
            while len(events) < count:
                batch = await self.source.fetch(max_events=max_events, max_wait=0.01)
                if batch is not None:
                    self._check(batch, max_events)
                    events += batch.events
        return events

    async def read_to(self, value: bytes) -> list[Event]:
        events = await self.read(1)
        while events[-1].value != value:
            events += await self.read(1)
        return events

    def _check(self, batch: Batch, max_events: int) -> None:
        assert 0 < len(batch.events) <= max_events
        assert self.source.holds(batch)
        at = [(event.position.stream, event.position.partition) for event in batch.events if event.position is not None]
        assert len(at) == len(batch.events)
        runs = [key for index, key in enumerate(at) if index == 0 or key != at[index - 1]]
        assert len(runs) == len(set(runs))  # those of one partition stand together
        last = {key: event.position.offset for key, event in zip(at, batch.events, strict=True) if event.position}
        assert dict(batch.ends) == {key: offset + 1 for key, offset in last.items()}
        self.ends |= batch.ends


def bodies(events: Sequence[Event], partition: int | None = None) -> list[bytes | None]:
    return [
        e.value for e in events if partition is None or (e.position is not None and e.position.partition == partition)
    ]


def numbers(start: int, stop: int) -> list[Event]:
    return [Event(f"{number}".encode()) for number in range(start, stop)]


class SourceContract:
    """The promises of the port. A subclass gives two fixtures.

    Attributes:
        repeats_headers: whether a header may come twice.
        hands_over_cleanly: whether a partition's new owner begins where the former one left off; else it may begin
            earlier.
    """

    repeats_headers = True
    hands_over_cleanly = True

    @pytest.fixture
    def world(self) -> SourceWorld:
        """A stream that is empty."""
        raise NotImplementedError

    @pytest.fixture
    def fragile_world(self) -> SourceWorld:
        """The same on a server that may be taken down."""
        raise NotImplementedError

    @pytest.fixture
    def shared_world(self, world: SourceWorld) -> SourceWorld:
        """The same on a server that lets several members read."""
        return world

    async def test_events_arrive_as_they_were_sent(self, world):
        again = (("one", b""),) if self.repeats_headers else ()
        sent = [
            Event(b'{"a": 1}', b"key", (("one", b"1"), ("two", b"\x00\xff"), *again)),
            Event(b"", b"", ()),
            Event(None, b"deleted", ()),
            Event(b"\x00\xff", None, (("\u00fc", b"x"),)),
        ]
        world.append(*sent)
        async with world.source() as source:
            received = await Reader(source).read(4)
        assert [(e.value, e.key, e.headers) for e in received] == [(e.value, e.key, e.headers) for e in sent]
        assert [e.position and (e.position.stream, e.position.offset) for e in received] == [
            (world.stream, offset) for offset in range(4)
        ]

    async def test_a_partitions_events_keep_their_order(self, world):
        world.append(*numbers(0, 300), partition=0)
        world.append(*numbers(300, 500), partition=1)
        async with world.source() as source:
            reader = Reader(source)
            received = await reader.read(500, max_events=70)
        assert bodies(received, 0) == [e.value for e in numbers(0, 300)]
        assert bodies(received, 1) == [e.value for e in numbers(300, 500)]
        assert reader.ends == {(world.stream, 0): 300, (world.stream, 1): 200}

    async def test_an_event_of_five_megabytes_comes_whole(self, world):
        large = bytes(5_000_000)
        world.append(Event(large), Event(b"next"))
        async with world.source() as source:
            received = await Reader(source).read(2)
        assert bodies(received) == [large, b"next"]

    async def test_a_quiet_stream_answers_none_after_a_while(self, world):
        world.append(Event(b"first"))
        async with world.source() as source:
            await Reader(source).read(1)
            started = time.monotonic()
            assert await source.fetch(max_events=10, max_wait=0.01) is None
            assert time.monotonic() - started < 2

    async def test_what_was_committed_does_not_come_again_and_the_rest_does(self, world):
        world.append(*numbers(0, 10), partition=0)
        world.append(*numbers(10, 20), partition=1)
        async with world.source() as source:
            await Reader(source).read(20)
            await source.commit({(world.stream, 0): 4})
            await source.commit({(world.stream, 0): 7, (world.stream, 1): 10, (world.stream, 17): 5})
        world.append(*numbers(20, 22), partition=1)
        async with world.source() as source:
            received = await Reader(source).read(5)
        assert bodies(received, 0) == [b"7", b"8", b"9"]
        assert bodies(received, 1) == [b"20", b"21"]

    async def test_positions_of_partitions_that_are_not_held_are_passed_over(self, world):
        world.append(*numbers(0, 2))
        async with world.source() as source:
            await Reader(source).read(2)
            await source.commit({(world.stream, 17): 5, ("elsewhere", 0): 1})
            await source.commit({})

    async def test_the_lag_is_what_waits_behind_the_last_fetch(self, world):
        world.append(*numbers(0, 20), partition=0)
        world.append(*numbers(0, 10), partition=1)
        async with world.source() as source:
            reader = Reader(source)
            received = await reader.read(1, max_events=5)
            assert sum((await source.lag()).values()) == 30 - len(received)
            await reader.read(30 - len(received))
            assert await source.lag() == {(world.stream, 0): 0, (world.stream, 1): 0}

    async def test_the_handover_comes_before_partitions_move(self, shared_world):
        world = shared_world
        for partition in (0, 1):
            world.append(*numbers(0, 10), partition=partition)
        first, second = world.source(), world.source()
        reader = Reader(first)
        epochs: list[int] = []

        async def hand_over(partitions: Collection[Partition]) -> None:
            assert partitions
            epochs.append(first.epoch)
            await first.commit(reader.ends)

        first.on_handover(hand_over)
        async with first:
            await reader.read(20)
            epoch = first.epoch
            reading = asyncio.create_task(self._keep_reading(first))
            async with second:
                for partition in (0, 1):
                    world.append(*numbers(10, 12), partition=partition)
                received = bodies(await Reader(second).read_to(b"11"))
                # of the one partition that moved, from where it was left
                assert received[-2:] == [b"10", b"11"]
                assert len(received) == 2 or not self.hands_over_cleanly
            reading.cancel()
        assert epochs[0] > epoch

    async def _keep_reading(self, source: Source) -> None:
        while True:
            await source.fetch(max_events=100, max_wait=0.01)

    async def test_a_server_that_is_nowhere_is_told_in_words(self, world):
        started = time.monotonic()
        with pytest.raises(SourceError, match=r"source: .*does not answer"):
            async with world.absent():
                pass
        assert time.monotonic() - started < BOUND_S

    async def test_a_stream_that_does_not_exist_is_told_in_words(self, world):
        with pytest.raises(SourceError, match=r"source: .*'nowhere'"):
            async with world.missing():
                pass

    async def test_a_server_that_went_away_is_noticed_in_a_bound(self, fragile_world):
        fragile_world.append(*numbers(0, 2))
        async with fragile_world.source() as source:
            await Reader(source).read(2)
            fragile_world.take_down()
            started = time.monotonic()
            with pytest.raises(SourceError, match="source: "):
                await source.lag()
            with pytest.raises(SourceError, match="source: "):
                await source.commit({(fragile_world.stream, 0): 2})
            assert time.monotonic() - started < BOUND_S
            closing = time.monotonic()
        assert time.monotonic() - closing < CLOSING_S
