"""What the worker promises while nothing fails: W1 to W4, and how partitions move."""

import asyncio
import json
import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from scoring import encode
from scoring.errors import SourceError
from stream_worker.fakes import FakeSource, FakeStream
from tests.stream.makers import GUILTY, GatedScorer, Stage, pipeline, until, value

BAD = (b"", b"{", b"[]", b'{"id": "a"}', b'{"id": "b", "x": "y"}', b'{"id": "c", "x": 1e39}', b"\xff", None)


def mixed(stream, count, partitions=1, seed=1):
    """Append events, a third of which cannot be scored, each with a value of its own."""
    chance = random.Random(seed)
    for number in range(count):
        partition = chance.randrange(partitions)
        kind = chance.randrange(6)
        body = value(number)
        if kind == 0:
            body = value(number, x=GUILTY)
        elif kind == 1:
            body = f'{{"id": "e{number}", "x": '.encode()
        stream.append(body, partition=partition, key=f"k{number % 7}".encode())
    return stream


def everything(stream):
    return [event for key in stream.partitions for event in stream.events(key, 0, stream.end(key))]


@pytest.mark.parametrize("max_events", [1, 3, 64])
async def test_every_event_ends_as_exactly_one_prediction_or_dead_letter(max_events):
    stage = Stage(mixed(FakeStream(partitions=3), 200, 3), options={"batch": {"max_events": max_events}})
    await stage.run_dry()
    dead = [message.value for message in stage.dead_letters.messages]
    answered = stage.prediction_order()
    assert len(dead) == len(set(dead))
    assert len(answered) == len(set(answered))
    assert len(dead) + len(answered) == 200
    expected = {json.loads(body)["id"] for body in map(bytes, {e.value for e in everything(stage.stream)} - set(dead))}
    assert set(answered) == expected


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_event_is_a_dead_letter_beside_its_neighbours_predictions(bad):
    stage = Stage()
    stage.stream.append(value(1))
    stage.stream.append(bad, key=b"key", headers=(("mine", b"1"), ("mine", b"2")))
    stage.stream.append(value(2))
    await stage.run_dry()
    assert stage.prediction_order() == ["e1", "e2"]
    [letter] = stage.dead_letters.messages
    assert (letter.value, letter.key) == (bad, b"key")
    assert letter.headers[:2] == [("mine", b"1"), ("mine", b"2")]
    assert dict(letter.headers)["weir-source"] == b"events/0/1"


async def test_commits_end_at_the_end_of_every_partition():
    stream = mixed(FakeStream(partitions=3), 100, 3)
    await Stage(stream).run_dry()
    assert stream.committed == {key: stream.end(key) for key in stream.partitions}


async def test_predictions_are_the_pipelines_own_bytes_with_their_keys():
    stage = Stage(options={"batch": {"max_events": 3}})
    for number in range(10):
        stage.stream.append(value(number), key=f"k{number}".encode())
    await stage.run_dry()
    expected = encode(pipeline().score(everything(stage.stream)))  # type: ignore[arg-type]
    assert [message.value for message in stage.sink.messages] == expected
    assert [message.key for message in stage.sink.messages] == [f"k{number}".encode() for number in range(10)]


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    takes=st.lists(st.one_of(st.none(), st.integers(1, 9)), max_size=20),
    partitions=st.integers(1, 4),
    seed=st.integers(0, 9),
)
def test_outputs_keep_the_order_of_each_partition(takes, partitions, seed):
    async def run():
        stage = Stage(mixed(FakeStream(partitions=partitions), 60, partitions, seed), script=takes)
        await stage.run_dry()
        for messages in (stage.sink.messages, stage.dead_letters.messages):
            seen: dict[bytes, list[int]] = {}
            for message in messages:
                _, partition, offset = dict(message.headers)["weir-source"].split(b"/")
                assert int(partition) == message.partition
                seen.setdefault(partition, []).append(int(offset))
            assert all(offsets == sorted(offsets) for offsets in seen.values())

    asyncio.run(run())


class Suspicious(FakeSource):
    """Notes commits that are ahead of what was acknowledged."""

    stage: Stage
    ahead: list[object]

    async def commit(self, positions):
        acknowledged = {dict(m.headers)["weir-source"] for m in self.stage.sink.messages}
        acknowledged |= {dict(m.headers)["weir-source"] for m in self.stage.dead_letters.messages}
        for (name, number), position in positions.items():
            missing = [n for n in range(position) if f"{name}/{number}/{n}".encode() not in acknowledged]
            self.ahead += [(number, position, missing)] if missing else []
        await super().commit(positions)


async def test_no_commit_is_ahead_of_what_was_acknowledged(monkeypatch):
    monkeypatch.setattr("tests.stream.makers.FakeSource", Suspicious)
    stage = Stage(
        mixed(FakeStream(partitions=2), 120, 2), options={"batch": {"max_events": 5}, "commit_interval_ms": 1}
    )
    assert isinstance(stage.source, Suspicious)
    stage.source.stage, stage.source.ahead = stage, []
    stage.sink.delay = stage.dead_letters.delay = 0.004
    await stage.run_dry()
    assert stage.source.ahead == []
    assert len(stage.stream.commits) > 5


async def test_positions_are_committed_while_the_stream_is_quiet():
    stage = Stage()
    stage.stream.append(value(1))
    async with stage.running() as task:
        await until(lambda: stage.stream.committed == {("events", 0): 1}, task)
        assert len(stage.stream.commits) == 1


async def test_a_second_worker_answers_nothing_again():
    stream = mixed(FakeStream(partitions=2), 50, 2)
    await Stage(stream).run_dry()
    mixed(stream, 0)
    later = Stage(stream)
    stream.append(value(1000))
    await later.run_until(lambda: later.answered() > 0)
    assert later.prediction_order() == ["e1000"]
    assert later.dead_letters.messages == []


async def test_facts_add_up():
    stage = Stage(mixed(FakeStream(), 60))
    await stage.run_dry()
    counters = stage.counters
    assert counters.events == 60
    assert counters.predicted == len(stage.sink.messages)
    assert sum(counters.rejected.values()) == len(stage.dead_letters.messages)
    assert set(counters.rejected) == {"invalid_json", "scoring_failed"}
    assert set(counters.seconds) == {"decode", "score", "encode", "publish"}


async def test_status_tells_the_phase():
    stage = Stage()
    assert stage.worker.status.problems() == ["the worker is starting"]
    async with stage.running() as task:
        await until(lambda: stage.worker.status.phase == "running", task)
        assert stage.worker.status.problems() == []
    assert stage.worker.status.problems() == ["the worker is stopping"]


class TestMovingPartitions:
    async def test_what_is_being_published_is_finished_and_committed_first(self):
        stream = FakeStream()
        for number in range(6):
            stream.append(value(number))
        stage = Stage(stream, options={"commit_interval_ms": 60_000})
        stage.sink.delay = 0.05

        async def move_while_publishing():
            await until(lambda: stage.sink.publishing > 0)
            await stream.move()
            assert stream.commits == [{("events", 0): 2}]

        stage.source._script = iter([2, move_while_publishing])
        await stage.run_dry()
        assert stage.prediction_order() == [f"e{number}" for number in range(6)]
        assert stage.counters.dropped_events == 0

    async def test_what_was_not_published_yet_is_dropped_and_comes_again(self):
        stream, scorer = FakeStream(), GatedScorer()
        for number in range(6):
            stream.append(value(number))

        async def move_while_scoring():
            await until(scorer.entered.is_set)
            await stream.move()
            scorer.gate.set()

        stage = Stage(stream, script=[4, move_while_scoring], scorer=scorer)
        await stage.run_dry()
        assert stage.counters.dropped_events == 4
        assert stage.prediction_order() == [f"e{number}" for number in range(6)]
        assert stream.committed == {("events", 0): 6}

    async def test_a_handover_that_failed_leaves_nothing_to_commit_later(self):
        stream = FakeStream()
        for number in range(10):
            stream.append(value(number))
        stage = Stage(stream, options={"commit_interval_ms": 100})

        async def move_without_a_commit():
            await until(lambda: len(stage.sink.messages) == 4)
            stage.source.commit_error = SourceError("source: positions could not be committed")
            await stream.move()
            stage.source.commit_error = None
            stream.committed[stream.partitions[0]] = 8  # somebody else held the partition meanwhile
            stage.source.assign(stream.partitions)

        stage.source._script = iter([4, move_without_a_commit, *[None] * 100])
        await stage.run_until(lambda: len(stage.sink.messages) == 6)
        assert stage.prediction_order() == ["e0", "e1", "e2", "e3", "e8", "e9"]
        assert stream.commits == [{("events", 0): 10}]

    async def test_two_workers_answer_each_event_once(self):
        stream = mixed(FakeStream(partitions=4), 400, 4)
        options = {"batch": {"max_events": 8}}
        first, second = Stage(stream, options=options), Stage(stream, options=options)
        for stage in (first, second):
            stage.sink.delay = 0.002
        async with first.running() as one:
            await until(lambda: len(first.sink.messages) > 20, one)
            async with second.running() as two:
                await until(lambda: len(second.sink.messages) > 20, two)
            await until(lambda: first.answered() + second.answered() == 400, one)
        messages = [m for stage in (first, second) for m in (*stage.sink.messages, *stage.dead_letters.messages)]
        sources = [dict(message.headers)["weir-source"] for message in messages]
        assert len(sources) == len(set(sources)) == 400
        assert stream.committed == {key: stream.end(key) for key in stream.partitions}
