"""What stays bounded: what is under way when the sink is slow (W6), and a stop (W7)."""

import asyncio
import time

import pytest

from scoring.errors import StalledError
from stream_worker.fakes import FakeSource, FakeStream, hang
from tests.stream.makers import GatedScorer, Stage, until, value
from tests.stream.test_worker import mixed

BATCHES = 5  # being published, waiting for it, scored, waiting for that, fetched


def numbered(count):
    stream = FakeStream()
    for number in range(count):
        stream.append(value(number))
    return stream


def fetched(stage):
    return stage.source._next.get(("events", 0), 0)


class TestASlowSink:
    async def test_fetching_pauses(self):
        stage = Stage(numbered(1000), options={"batch": {"max_events": 10}})
        stage.sink.delay = 0.05
        most = 0

        def measured():
            nonlocal most
            most = max(most, fetched(stage) - len(stage.sink.messages))
            return len(stage.sink.messages) >= 100

        await stage.run_until(measured)
        assert most <= BATCHES * 10
        assert most > 10  # the stages do work side by side

    async def test_a_hanging_sink_stops_the_fetching(self):
        stage = Stage(numbered(1000), options={"batch": {"max_events": 10}, "stall_timeout_s": 0.4})
        stage.sink.hangs = True
        task = asyncio.create_task(stage.worker.run(stage.stop))
        await until(lambda: stage.sink.publishing > 0, task)
        await asyncio.sleep(0.2)
        assert fetched(stage) <= BATCHES * 10
        with pytest.raises(StalledError):
            await task
        assert stage.sink.messages == []


class TestAStop:
    async def test_what_was_fetched_is_finished_and_committed(self):
        scorer = GatedScorer()
        stage = Stage(numbered(100), options={"batch": {"max_events": 10}, "commit_interval_ms": 60_000}, scorer=scorer)
        async with stage.running() as task:
            await until(lambda: fetched(stage) == 30, task)
            stage.stop.set()
            await asyncio.sleep(0.02)
            scorer.gate.set()
        answered = len(stage.sink.messages)
        assert answered == 30
        assert stage.stream.committed == {("events", 0): answered}

    async def test_nothing_is_answered_again_after_it(self):
        stream = mixed(FakeStream(partitions=2), 300, 2)
        sources = []
        for _ in range(6):
            stage = Stage(stream, options={"batch": {"max_events": 7}, "commit_interval_ms": 60_000})
            stage.sink.delay = 0.003
            await stage.run_until(lambda stage=stage: len(stage.sink.messages) > 10)
            messages = (*stage.sink.messages, *stage.dead_letters.messages)
            sources += [dict(message.headers)["weir-source"] for message in messages]
        assert len(sources) == len(set(sources))
        assert len(sources) == sum(stream.committed.values())

    async def test_it_does_not_wait_for_a_fetch(self):
        stage = Stage(script=[hang])
        started = time.monotonic()
        await stage.run_until(lambda: stage.worker.status.phase == "running")
        assert time.monotonic() - started < 1

    async def test_it_does_not_wait_for_a_connection(self):
        class Slow(FakeSource):
            async def __aenter__(self):
                await hang()
                return self

        stage = Stage()
        stage.worker._source = Slow(stage.stream)
        started = time.monotonic()
        await stage.run_until(lambda: stage.sink.is_open)
        assert not stage.sink.is_open
        assert time.monotonic() - started < 1

    async def test_it_ends_by_its_deadline(self):
        scorer = GatedScorer()
        stage = Stage(numbered(5), options={"shutdown_timeout_s": 0.2}, scorer=scorer)
        task = asyncio.create_task(stage.worker.run(stage.stop))
        try:
            await until(scorer.entered.is_set, task)
            stage.stop.set()
            with pytest.raises(StalledError, match=r"the stop took longer than stream.shutdown_timeout_s \(0.2 s\)"):
                await task
        finally:
            scorer.gate.set()
        assert stage.stream.commits == []

    async def test_a_stop_before_the_start_connects_nothing_for_long(self):
        stage = Stage(numbered(5))
        stage.stop.set()
        await stage.run_until_it_ends()
        assert not stage.sink.is_open
        assert stage.sink.messages == []
