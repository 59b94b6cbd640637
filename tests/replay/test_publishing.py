"""Answers to a stream: acknowledged before they are recorded, in order, and the same when they come again."""

import json
from contextlib import closing, suppress

import pytest

from scoring import Event
from scoring.errors import SinkError, StalledError
from stream_worker.fakes import FakeSink, hang
from stream_worker.replay.folders import LocalFolder
from stream_worker.replay.group import replay_group
from stream_worker.replay.journal import Journal
from stream_worker.replay.publishing import StreamParts
from stream_worker.replay.records import Portion
from stream_worker.replay.selection import Selection
from tests.replay.reading import FEW, archive, payment, read
from tests.replay.staging import Stage

RECORDS = 60


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="module")
def group(stage):
    records = [payment(number) if number % 10 else b"{}" for number in range(RECORDS)]
    (made,) = archive(stage.folder / "archive", records, partition=3)
    return made


class Publishing:
    def __init__(self, stage, group, folder, *, reader=read, timeout=20.0):
        self.stage, self.group, self.reader, self.timeout = stage, group, reader, timeout
        self.sink, self.dead_letters = FakeSink(), FakeSink("dead_letters")
        self.journal = Journal(LocalFolder(folder), group.name)

    def run(self, portions=None):
        """Replay to the end, or so many portions."""
        parts = StreamParts(lambda: (self.sink, self.dead_letters), model="payments:1", stall_timeout=self.timeout)
        with parts as destination:
            steps = replay_group(
                self.group,
                read=self.reader,
                pipeline=self.stage.pipeline,
                destination=destination,
                journal=self.journal,
                selection=Selection(),
            )
            with closing(steps):
                for _ in range(portions if portions is not None else RECORDS):
                    if next(steps, None) is None:
                        return

    def values(self):
        return [message.value for message in self.sink.messages]


def test_all_is_published_in_order(stage, group, tmp_path):
    publishing = Publishing(stage, group, tmp_path)
    publishing.run()
    assert publishing.values() == stage.published([group])
    first = publishing.sink.messages[0]
    assert (first.key, first.partition, dict(first.headers)["weir-source"]) == (b"key-1", 3, b"events/3/1")
    letters = publishing.dead_letters.messages
    assert [message.key for message in letters] == [b"key-%d" % number for number in range(0, RECORDS, 10)]
    assert dict(letters[0].headers)["weir-error-code"] == b"missing_field"
    assert [entry.is_last for entry in publishing.journal.entries()] == [False] * 8 + [True]


def test_what_was_acknowledged_is_not_published_again(stage, group, tmp_path):
    publishing = Publishing(stage, group, tmp_path)
    for _ in range(RECORDS // FEW + 2):
        publishing.run(portions=1)
    assert publishing.values() == stage.published([group])


def test_killed_before_it_was_recorded_a_portion_comes_twice_with_the_same_bytes(stage, group, tmp_path, monkeypatch):
    publishing = Publishing(stage, group, tmp_path)
    kept = Journal.append

    def killed(journal, entry):
        if entry.cursor["line"] == 3 * FEW and len(publishing.values()) < 25:
            raise KeyboardInterrupt
        kept(journal, entry)

    monkeypatch.setattr(Journal, "append", killed)
    with suppress(KeyboardInterrupt):
        publishing.run()
    assert len(publishing.journal.entries()) == 2
    publishing.run()
    values, expected = publishing.values(), stage.published([group])
    assert list(dict.fromkeys(values)) == expected
    assert len(values) == len(expected) + FEW - 1


def test_a_sink_that_fails_stops_it_and_records_nothing(stage, group, tmp_path):
    publishing = Publishing(stage, group, tmp_path)
    publishing.run(portions=2)
    publishing.sink.delay = 0.01

    def fails_later(group, *, cursor):
        for number, portion in enumerate(read(group, cursor=cursor)):
            if number == 1:
                publishing.sink.error = SinkError("sink: nobody acknowledges")
            yield portion

    publishing.reader = fails_later
    with pytest.raises(SinkError, match="sink: nobody acknowledges"):
        publishing.run()
    assert len(publishing.journal.entries()) <= 3
    publishing.sink.error, publishing.reader = None, read
    publishing.run()
    assert publishing.values() == stage.published([group])


def test_a_client_that_hangs_is_told(stage, group, tmp_path, monkeypatch):
    publishing = Publishing(stage, group, tmp_path, timeout=0.2)
    monkeypatch.setattr(FakeSink, "publish", lambda *_: hang())
    with pytest.raises(StalledError, match=r"publishing took longer than 0\.2 s"):
        publishing.run()


def unplaced(group, *, cursor):
    for portion in read(group, cursor=cursor):
        events = [Event(event.value, event.key, (("weir-source", b"theirs"),)) for event in portion.events]
        yield Portion(events=events, cursor=portion.cursor)


def test_records_without_a_position_name_their_file(stage, group, tmp_path):
    publishing = Publishing(stage, group, tmp_path, reader=unplaced)
    publishing.run()
    assert publishing.values() == stage.published([group])
    assert {(message.partition, tuple(message.headers)) for message in publishing.sink.messages} == {
        (3, (("weir-source", b"events"),))
    }
    letter = publishing.dead_letters.messages[0]
    assert letter.headers[0] == ("weir-source", b"theirs")
    assert [value for name, value in letter.headers[1:] if name == "weir-source"] == [b"events"]
    assert letter.partition == 3


def test_a_prediction_that_is_too_large_becomes_a_dead_letter(stage, group, tmp_path):
    publishing = Publishing(stage, group, tmp_path)
    publishing.sink.largest = 10
    publishing.run()
    tally = publishing.journal.entries()[0].tally
    assert tally.dead_letters == {"missing_field": 1, "prediction_too_large": 7}
    assert tally.predictions == 0
    assert len(publishing.dead_letters.messages) == RECORDS
    assert json.loads(publishing.dead_letters.messages[1].value)["id"] == "p1"


def test_one_of_a_record_without_a_position_names_its_file_too(stage, group, tmp_path):
    publishing = Publishing(stage, group, tmp_path, reader=unplaced)
    publishing.sink.largest = 10
    publishing.dead_letters.largest = 60  # the shortest of them, without their values
    publishing.run()
    letters = publishing.dead_letters.messages
    assert len(letters) == RECORDS
    for letter in letters:
        assert [value for name, value in letter.headers if name == "weir-source"][-1] == b"events"
        assert letter.partition == 3
    assert {dict(letter.headers)["weir-error-code"] for letter in letters} == {
        b"missing_field",
        b"prediction_too_large",
    }
