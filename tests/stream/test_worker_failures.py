"""What the worker does when something fails: W3, W4, W8 and W9, and the errors that come out."""

import asyncio

import pytest

from scoring.errors import SinkError, SourceError, StalledError
from stream_worker.fakes import FakeSource, FakeStream, hang
from tests.stream.makers import GatedScorer, Stage, until, value
from tests.stream.test_worker import mixed

QUICK = {"stall_timeout_s": 0.3}


async def test_a_lost_acknowledgement_makes_a_duplicate_with_the_same_bytes():
    stream = mixed(FakeStream(), 30)
    broken = Stage(stream, script=[10])
    broken.sink.loses_acknowledgements = True

    async def lose():
        broken.sink.error = SinkError("sink: no answer in time")

    broken.source._script = iter([10, lose, 10])
    with pytest.raises(SinkError, match="sink: no answer in time"):
        await broken.run_until_it_ends()
    assert stream.committed.get(("events", 0), 0) in {0, 10}  # the error may come before the first commit
    mended = Stage(stream)
    await mended.run_until(lambda: stream.committed.get(("events", 0)) == 30)
    bytes_of: dict[object, set[object]] = {}
    for message in (*broken.sink.messages, *mended.sink.messages):
        bytes_of.setdefault(dict(message.headers)["weir-source"], set()).add((message.key, message.value))
    assert all(len(different) == 1 for different in bytes_of.values())
    assert len(bytes_of) + len(broken.dead_values() | mended.dead_values()) == 30


async def test_a_dead_letter_sink_that_is_down_stops_commits_and_ends_the_worker():
    stream = FakeStream()
    for number in range(5):
        stream.append(value(number))
    stream.append(b"{")
    stream.append(value(6))
    stage = Stage(stream, options={"batch": {"max_events": 1}})

    async def break_it():
        await until(lambda: stream.committed == {("events", 0): 5})
        stage.dead_letters.error = SinkError("dead_letters: topic 'dead' did not acknowledge")

    stage.source._script = iter([1, 1, 1, 1, 1, break_it])
    with pytest.raises(SinkError, match="dead_letters: topic 'dead' did not acknowledge"):
        await stage.run_until_it_ends()
    assert stream.committed == {("events", 0): 5}
    mended = Stage(stream)
    await mended.run_until(lambda: stream.committed == {("events", 0): 7})
    assert mended.dead_values() == {b"{"}


async def test_a_sink_that_is_down_ends_the_worker_with_nothing_committed():
    stream = mixed(FakeStream(), 10)
    stage = Stage(stream)

    async def break_it():
        stage.sink.error = SinkError("sink: topic 'predictions' did not acknowledge")

    stage.source._script = iter([break_it])
    with pytest.raises(SinkError, match="'predictions' did not acknowledge"):
        await stage.run_until_it_ends()
    assert stream.commits == []
    assert not stage.sink.is_open
    assert not stage.dead_letters.is_open


async def test_a_source_that_fails_ends_the_worker():
    with pytest.raises(SourceError, match="source: cannot read"):
        await Stage(mixed(FakeStream(), 10), script=[1, SourceError("source: cannot read")]).run_until_it_ends()


async def test_a_commit_that_fails_ends_the_worker():
    stage = Stage(mixed(FakeStream(), 10))
    stage.source.commit_error = SourceError("source: positions could not be committed")
    with pytest.raises(SourceError, match="could not be committed"):
        await stage.run_until_it_ends()


async def test_a_server_that_does_not_answer_for_the_lag_ends_the_worker(monkeypatch):
    monkeypatch.setattr("stream_worker.worker._LAG_INTERVAL_S", 0.01)
    stage = Stage(script=[None] * 10_000)
    stage.source.lag_error = SourceError("source: the cluster does not answer")
    with pytest.raises(SourceError, match="the cluster does not answer"):
        await stage.run_until_it_ends()


async def test_the_lag_is_told(monkeypatch):
    monkeypatch.setattr("stream_worker.worker._LAG_INTERVAL_S", 0.01)
    stage = Stage(mixed(FakeStream(), 10), script=[4, *[None] * 10_000])
    await stage.run_until(lambda: stage.counters.waiting == 6)


@pytest.mark.parametrize("broken", ["source", "sink", "dead_letters"])
async def test_a_connection_that_fails_closes_the_others(broken):
    stage = Stage()
    if broken == "source":
        stage.stream.down = True
    else:
        getattr(stage, broken).error = SinkError(f"{broken}: nobody there")
    with pytest.raises((SinkError, SourceError), match=broken):
        await stage.run_until_it_ends()
    assert not stage.sink.is_open
    assert not stage.dead_letters.is_open


class TestHanging:
    async def test_fetching(self):
        with pytest.raises(StalledError, match=r"fetching took longer than stream.stall_timeout_s \(0.3 s\)"):
            await Stage(script=[hang], options=QUICK).run_until_it_ends()

    async def test_scoring(self):
        scorer = GatedScorer()
        try:
            with pytest.raises(StalledError, match="scoring took longer"):
                await Stage(mixed(FakeStream(), 5), scorer=scorer, options=QUICK).run_until_it_ends()
        finally:
            scorer.gate.set()

    @pytest.mark.parametrize("sink", ["sink", "dead_letters"])
    async def test_publishing(self, sink):
        stage = Stage(mixed(FakeStream(), 30), options=QUICK)
        getattr(stage, sink).hangs = True
        with pytest.raises(StalledError, match="publishing took longer"):
            await stage.run_until_it_ends()
        assert stage.stream.commits == []

    async def test_committing(self):
        stage = Stage(mixed(FakeStream(), 5), options=QUICK)
        stage.source.commit = lambda positions: hang()  # type: ignore[method-assign]
        with pytest.raises(StalledError, match="committing took longer"):
            await stage.run_until_it_ends()

    async def test_asking_for_the_lag(self, monkeypatch):
        monkeypatch.setattr("stream_worker.worker._LAG_INTERVAL_S", 0.01)
        stage = Stage(script=[None] * 10_000, options=QUICK)
        stage.source.lag = hang  # type: ignore[method-assign,assignment]
        with pytest.raises(StalledError, match="asking the source for its lag took longer"):
            await stage.run_until_it_ends()

    async def test_connecting(self):
        class Slow(FakeSource):
            async def __aenter__(self):
                await hang()
                return self

        stage = Stage(options=QUICK)
        stage.worker._source = Slow(stage.stream)
        with pytest.raises(StalledError, match="connecting took longer"):
            await stage.run_until_it_ends()
        assert not stage.sink.is_open

    async def test_closing_is_left_behind(self, monkeypatch):
        monkeypatch.setattr("stream_worker.worker._ABORT_S", 0.1)
        stage = Stage(script=[SourceError("source: gone")])
        stage.sink.__class__ = type("Clinging", (type(stage.sink),), {"__aexit__": lambda *_: hang()})
        with pytest.raises(SourceError, match="gone"):
            await stage.run_until_it_ends()


class TestErrors:
    async def test_a_defect_comes_out_as_itself(self):
        class Raising:
            def run(self, columns):
                raise TypeError("a defect")

        with pytest.raises(TypeError, match="a defect"):
            await Stage(mixed(FakeStream(), 3), scorer=Raising()).run_until_it_ends()

    async def test_what_is_told_in_words_goes_before_a_defect(self):
        from stream_worker.worker import _first

        told = SinkError("told")
        nested = ExceptionGroup("inner", [TypeError("b"), told])
        assert _first(ExceptionGroup("outer", [TypeError("a"), nested])) is told

    async def test_both_sinks_down_is_one_error(self):
        stage = Stage(mixed(FakeStream(), 30))

        async def break_both():
            stage.sink.error = SinkError("first")
            stage.dead_letters.error = SinkError("second")

        stage.source._script = iter([break_both])
        with pytest.raises(SinkError, match=r"first|second"):
            await stage.run_until_it_ends()

    async def test_an_observer_that_raises_is_a_defect_and_nothing_is_committed(self):
        stage = Stage(mixed(FakeStream(), 3))
        stage.counters.__class__ = type("Raising", (type(stage.counters),), {"__slots__": (), "batch": _refuse})
        with pytest.raises(RuntimeError, match="observer"):
            await stage.run_until_it_ends()
        assert stage.stream.commits == []


def _refuse(self, facts):
    raise RuntimeError("observer")


async def test_a_worker_that_is_cancelled_closes_what_it_opened():
    stage = Stage(script=[hang])
    task = asyncio.create_task(stage.worker.run(stage.stop))
    await until(lambda: stage.worker.status.phase == "running", task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not stage.sink.is_open
