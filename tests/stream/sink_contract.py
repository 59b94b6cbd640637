"""What every `Sink` must keep: inherit from `SinkContract` and say where its messages go."""

import time
from collections.abc import Sequence
from typing import Protocol

import pytest

from scoring.errors import SinkError
from stream_worker import Outgoing, Sink

BOUND_S = 30.0
CLOSING_S = 8.0


class SinkWorld(Protocol):
    """A stream on a server, and the sinks that write it."""

    def sink(self) -> Sink:
        """Return a sink; none of its promises may take longer than a few seconds to break."""

    def limited(self) -> Sink:
        """Return a sink whose stream refuses a message of 200,000 bytes."""

    def published_to_limited(self) -> Sequence[Outgoing]:
        """Return all messages that the limited stream has."""

    def absent(self) -> Sink:
        """Return a sink whose server is nowhere."""

    def missing(self) -> Sink:
        """Return a sink whose stream does not exist; it is called 'nowhere'."""

    def published(self) -> Sequence[Outgoing]:
        """Return all messages, those of one of the stream's own partitions in its order."""

    def take_down(self) -> None:
        """Let the server answer nobody from now on."""


def message(value: bytes | None, partition: int = 0) -> Outgoing:
    return Outgoing(value, b"key", [("weir-source", b"events/0/1")], partition)


class SinkContract:
    """The promises of the port. A subclass gives three fixtures.

    Attributes:
        repeats_headers: whether a header may be sent twice.
    """

    repeats_headers = True

    @pytest.fixture
    def world(self) -> SinkWorld:
        """A stream that is empty."""
        raise NotImplementedError

    @pytest.fixture
    def strict_world(self, world: SinkWorld) -> SinkWorld:
        """The same on a server that knows which streams there are, and how large a message may be."""
        return world

    @pytest.fixture
    def fragile_world(self) -> SinkWorld:
        """The same on a server that may be taken down."""
        raise NotImplementedError

    async def test_messages_are_published_as_they_are(self, world):
        again = [("one", b"")] if self.repeats_headers else []
        sent = [
            Outgoing(b'{"score": 0.5}', b"key", [("one", b"1"), ("two", b"\x00\xff"), *again], 0),
            Outgoing(b"", b"", [], 0),
            Outgoing(None, b"deleted", [("weir-error-code", b"tombstone")], 0),
            Outgoing(b"\x00\xff", None, [("\u00fc", b"x")], 0),
        ]
        async with world.sink() as sink:
            await sink.publish(sent)
        published = [(m.value, m.key, list(m.headers)) for m in world.published()]
        assert sorted(published, key=repr) == sorted(((m.value, m.key, list(m.headers)) for m in sent), key=repr)

    async def test_messages_of_one_partition_keep_their_order(self, world):
        sent = [message(f"{partition} {number}".encode(), partition) for partition in range(7) for number in range(400)]
        async with world.sink() as sink:
            for start in range(0, len(sent), 250):
                await sink.publish(sent[start : start + 250])
        published = [m.value or b"" for m in world.published()]
        assert len(published) == len(sent)
        for partition in range(7):
            mine = [value for value in published if value.startswith(b"%d " % partition)]
            assert mine == [m.value for m in sent if m.partition == partition]

    async def test_partitions_may_alternate(self, world):
        sent = [message(f"{number % 3} {number}".encode(), number % 3) for number in range(60)]
        async with world.sink() as sink:
            await sink.publish(sent)
        published = [m.value or b"" for m in world.published()]
        for partition in range(3):
            mine = [value for value in published if value.startswith(b"%d " % partition)]
            assert mine == [m.value for m in sent if m.partition == partition]

    async def test_many_megabytes_at_once(self, world):
        sent = [message(b"%05d" % number + bytes(1000), number % 2) for number in range(4000)]
        async with world.sink() as sink:
            await sink.publish(sent)
        assert {m.value for m in world.published()} == {m.value for m in sent}

    async def test_nothing_to_publish_is_no_error(self, world):
        async with world.sink() as sink:
            await sink.publish([])
        assert world.published() == []

    async def test_a_message_of_five_megabytes(self, world):
        async with world.sink() as sink:
            await sink.publish([message(b"before"), message(bytes(5_000_000)), message(b"after", 1)])
        assert sorted(len(m.value or b"") for m in world.published()) == [5, 6, 5_000_000]

    async def test_messages_that_are_too_large_are_named_and_the_others_published_in_order(self, strict_world):
        sizes = [10_000, 200_000, 10_001, 10_002, 200_001, 10_003]
        async with strict_world.limited() as sink:
            assert list(await sink.publish([message(bytes(size)) for size in sizes])) == [1, 4]
            assert not await sink.publish([message(bytes(10_004))])
        assert [len(m.value or b"") for m in strict_world.published_to_limited()] == [
            10_000,
            10_001,
            10_002,
            10_003,
            10_004,
        ]

    async def test_a_server_that_is_nowhere_is_told_in_words(self, world):
        started = time.monotonic()
        with pytest.raises(SinkError, match=r"^sink: .*does not answer"):
            async with world.absent():
                pass
        assert time.monotonic() - started < BOUND_S

    async def test_a_stream_that_does_not_exist_is_told_in_words(self, strict_world):
        with pytest.raises(SinkError, match=r"^sink: .*'nowhere'"):
            async with strict_world.missing():
                pass

    async def test_a_server_that_went_away_is_noticed_in_a_bound(self, fragile_world):
        async with fragile_world.sink() as sink:
            await sink.publish([message(b"before")])
            fragile_world.take_down()
            started = time.monotonic()
            with pytest.raises(SinkError, match=r"^sink: "):
                await sink.publish([message(b"after")])
            assert time.monotonic() - started < BOUND_S
            closing = time.monotonic()
        assert time.monotonic() - closing < CLOSING_S
