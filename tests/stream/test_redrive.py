"""Dead letters go back as they were, once, in order; what is refused again waits."""

import pytest

from scoring import Event, Position, Rejected
from scoring.errors import SinkError
from stream_worker.fakes import FakeSink, FakeSource, FakeStream
from stream_worker.messages import dead_letter
from stream_worker.redrive import redrive

WHY = Rejected("wrong_type", "amount is null; expected a number", "amount")


def letters(count: int, partitions: int = 2) -> FakeStream:
    stream = FakeStream("dead", partitions)
    for number in range(count):
        at = Position("transactions", number % 5, number)
        event = Event(b"%d" % number, b"key", (("mine", b"1"), ("mine", b"2")), at)
        letter = dead_letter(event, WHY, "fraud:1")
        stream.append(letter.value, partition=number % partitions, key=letter.key, headers=tuple(letter.headers))
    return stream


async def test_each_goes_back_to_its_partition_without_our_headers():
    stream, sink = letters(20), FakeSink()
    assert await redrive(FakeSource(stream), sink) == {"wrong_type": 20}
    assert {message.value for message in sink.messages} == {b"%d" % number for number in range(20)}
    for message in sink.messages:
        assert message.partition == int(message.value) % 5
        assert message.headers == [("mine", b"1"), ("mine", b"2")]
        assert message.key == b"key"
    assert sum(stream.committed.values()) == 20


async def test_one_partition_keeps_its_order():
    sink = FakeSink()
    await redrive(FakeSource(letters(50, partitions=1)), sink)
    for partition in range(5):
        values = [int(message.value) for message in sink.messages if message.partition == partition]
        assert values == sorted(values)


async def test_what_comes_while_it_runs_waits_for_the_next_time():
    stream = letters(10, partitions=1)

    class RefusedAgain(FakeSink):
        async def publish(self, messages):
            await super().publish(messages)
            for message in messages:
                stream.append(message.value, headers=(("weir-source", b"transactions/0/1"),))

    assert (await redrive(FakeSource(stream), RefusedAgain())).total() == 10
    assert stream.end(("dead", 0)) == 20


async def test_nothing_is_committed_that_was_not_sent():
    stream, sink = letters(10), FakeSink()

    async def fail(messages):
        raise SinkError("source: topic 'transactions' did not acknowledge: no answer in time")

    sink.publish = fail
    with pytest.raises(SinkError):
        await redrive(FakeSource(stream), sink)
    assert stream.committed == {}


async def test_a_letter_of_somebody_else_goes_to_its_own_partition():
    stream, sink = FakeStream("dead", 3), FakeSink()
    stream.append(b"{}", partition=2)
    assert await redrive(FakeSource(stream), sink) == {"unknown": 1}
    assert [message.partition for message in sink.messages] == [2]


async def test_no_letters_are_no_work():
    assert await redrive(FakeSource(letters(0)), FakeSink()) == {}
