"""Answers to their sinks, and what becomes of those that a sink will never take."""

import hashlib

import pytest

from scoring import Event, Position
from scoring.errors import SinkError
from stream_worker import Outgoing
from stream_worker.delivery import Answers, deliver
from stream_worker.fakes import FakeSink

HEADERS = [("traceparent", b"00-1"), ("weir-error-code", b"empty"), ("weir-source", b"tx/0/7")]


def letter(size: int) -> Outgoing:
    return Outgoing(b"x" * size, b"card", HEADERS, 0)


async def delivered(predictions=(), letters=(), largest=100):
    sink, dead_letters = FakeSink(), FakeSink("dead_letters")
    sink.largest = dead_letters.largest = largest
    events = [Event(b"{}", b"card", (("traceparent", b"00-1"),), Position("tx", 0, n)) for n in range(len(predictions))]
    answers = Answers(answered=events, predictions=predictions, letters=letters, model="fraud:1")
    return await deliver(answers, sink=sink, dead_letters=dead_letters), sink.messages, dead_letters.messages


async def test_what_fits_goes_where_it_belongs():
    predictions, letters = [Outgoing(b"1", None, [], 0)], [letter(5)]
    assert await delivered(predictions, letters) == ([], predictions, letters)


async def test_nothing_is_published_where_there_is_nothing():
    assert await delivered() == ([], [], [])


async def test_a_prediction_that_is_too_large_becomes_the_dead_letter_of_its_event():
    messages = [Outgoing(bytes(size), None, [], 0) for size in (5, 101, 6)]
    refused, published, buried = await delivered(messages)
    assert [(why.code, why.reason) for why in refused] == [
        ("prediction_too_large", "the prediction has 101 bytes; the stream does not take so many")
    ]
    assert published == [messages[0], messages[2]]
    [dead] = buried
    assert (dead.value, dead.key, dict(dead.headers)["weir-source"]) == (b"{}", b"card", b"tx/0/1")


async def test_a_dead_letter_that_is_too_large_goes_without_its_value():
    _, _, buried = await delivered(letters=[letter(5), letter(101)])
    omitted = f"101 bytes, SHA-256 {hashlib.sha256(b'x' * 101).hexdigest()}".encode()
    assert buried == [letter(5), Outgoing(None, b"card", [*HEADERS, ("weir-value-omitted", omitted)], 0)]


class Narrow(FakeSink):
    """A sink that counts headers, and takes only so many."""

    def __init__(self, most: int) -> None:
        super().__init__("dead_letters")
        self.most = most

    async def publish(self, messages):
        refused = [place for place, message in enumerate(messages) if len(message.headers) > self.most]
        self.messages += [message for message in messages if len(message.headers) <= self.most]
        return refused


async def test_one_whose_headers_are_too_large_goes_without_those_of_its_event():
    sink = Narrow(3)
    await deliver(
        Answers(answered=[], predictions=[], letters=[letter(5)] * 1, model="m"), sink=FakeSink(), dead_letters=sink
    )
    assert sink.messages == [letter(5)]
    sink = Narrow(3)
    wide = Outgoing(b"x", b"card", [("more", b"1"), *HEADERS], 0)
    await deliver(Answers(answered=[], predictions=[], letters=[wide], model="m"), sink=FakeSink(), dead_letters=sink)
    [short] = sink.messages
    assert (short.value, short.key, [name for name, _ in short.headers]) == (
        None,
        None,
        ["weir-error-code", "weir-source", "weir-value-omitted"],
    )


async def test_one_that_will_not_fit_at_all_ends_the_worker():
    answers = Answers(answered=[], predictions=[], letters=[letter(5)], model="m")
    words = r"^dead_letters: a dead letter without its event's value and headers is still too large"
    with pytest.RaisesGroup(pytest.RaisesExc(SinkError, match=words)):
        await deliver(answers, sink=FakeSink(), dead_letters=Narrow(0))
