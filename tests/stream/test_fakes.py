"""The fakes keep what the real ones keep; and their scripts and switches work."""

import pytest

from scoring import Event
from scoring.errors import SinkError, SourceError
from stream_worker import Outgoing
from stream_worker.fakes import FakeSink, FakeSource, FakeStream
from tests.stream.sink_contract import SinkContract
from tests.stream.source_contract import SourceContract


class FakeSourceWorld:
    def __init__(self) -> None:
        self._server = FakeStream("transactions", partitions=2)
        self.stream = self._server.name

    def append(self, *events: Event, partition: int = 0) -> None:
        for event in events:
            self._server.append(event.value, partition=partition, key=event.key, headers=event.headers)

    def source(self) -> FakeSource:
        return FakeSource(self._server)

    def absent(self) -> FakeSource:
        return self.missing("events")

    def missing(self, name: str = "'nowhere'") -> FakeSource:
        server = FakeStream(name)
        server.down = True
        return FakeSource(server)

    def take_down(self) -> None:
        self._server.down = True


class TestFakeSource(SourceContract):
    @pytest.fixture
    def world(self):
        return FakeSourceWorld()

    @pytest.fixture
    def fragile_world(self):
        return FakeSourceWorld()

    async def test_it_does_what_the_script_says(self):
        stream = FakeStream()
        for number in range(10):
            stream.append(b"%d" % number)
        source = FakeSource(stream, [2, None, stream.move, 1, SourceError("source: enough")])
        async with source:
            first, second, third = [await source.fetch(max_events=5, max_wait=0) for _ in range(3)]
            assert [event.value for event in first.events] == [b"0", b"1"]
            assert second is None
            assert [event.value for event in third.events] == [b"0"]
            assert third.epoch > first.epoch
            with pytest.raises(SourceError, match="enough"):
                await source.fetch(max_events=5, max_wait=0)
            assert len((await source.fetch(max_events=5, max_wait=0)).events) == 5


class FakeSinkWorld:
    def __init__(self) -> None:
        self._sink = FakeSink()

    def sink(self) -> FakeSink:
        return self._sink

    def limited(self) -> FakeSink:
        self._sink.largest = 100_000
        return self._sink

    def absent(self) -> FakeSink:
        self._sink.error = SinkError("sink: it does not answer")
        return self._sink

    def missing(self) -> FakeSink:
        self._sink.error = SinkError("sink: there is no 'nowhere'")
        return self._sink

    def published(self) -> list[Outgoing]:
        return self._sink.messages

    def published_to_limited(self) -> list[Outgoing]:
        return self._sink.messages

    def take_down(self) -> None:
        self._sink.error = SinkError("sink: it does not answer")


class TestFakeSink(SinkContract):
    @pytest.fixture
    def world(self):
        return FakeSinkWorld()

    @pytest.fixture
    def fragile_world(self):
        return FakeSinkWorld()

    @pytest.mark.parametrize("kept", [True, False])
    async def test_an_error_comes_before_or_after_the_messages_are_kept(self, kept):
        sink = FakeSink()
        async with sink:
            sink.error, sink.loses_acknowledgements = SinkError("lost"), kept
            with pytest.raises(SinkError, match="lost"):
                await sink.publish([Outgoing(b"1", None, [], 0)])
        assert len(sink.messages) == kept
