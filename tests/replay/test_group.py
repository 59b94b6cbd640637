"""A group from its first record to its last, interrupted anywhere."""

import itertools
import json
import threading
from contextlib import closing
from dataclasses import replace

import pytest

from scoring import Event
from scoring.errors import ConfigurationError, SinkError
from stream_worker.replay.folders import LocalFolder
from stream_worker.replay.group import replay_group
from stream_worker.replay.journal import Journal
from stream_worker.replay.parts import FileParts, NoParts
from stream_worker.replay.rows import rows_in
from stream_worker.replay.selection import Selection
from tests.replay.reading import FEW, archive, payment, read
from tests.replay.staging import PART, Stage, content, lines, rows_of

RECORDS = 100


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="module")
def group(stage):
    records = [payment(number) for number in range(RECORDS)]
    records[5] = b'{"id": "p5", "amount": '
    records[30] = payment(30, country="xx")
    records[40] = b"!the block is damaged"
    records[41] = b""
    (made,) = archive(stage.folder / "archive", records)
    return made


class Going:
    """A replay of a group into a folder."""

    def __init__(self, stage, group, folder, *, form="jsonl", selection=None, reader=read, destination=None, **more):
        self.folder = folder
        self.journal = Journal(LocalFolder(folder), group.name)
        self.steps = replay_group(
            group,
            read=reader,
            pipeline=stage.pipeline,
            destination=destination or FileParts(LocalFolder(folder), rows_in(form, stage.manifest), PART),
            journal=self.journal,
            selection=selection or Selection(),
            **more,
        )

    def to_the_end(self):
        return list(self.steps)

    def tally(self):
        first, *others = [entry.tally for entry in self.journal.entries()]
        for other in others:
            first += other
        return first


def test_every_record_is_one_prediction_or_one_dead_letter(stage, group, tmp_path):
    going = Going(stage, group, tmp_path)
    *_, last = going.to_the_end()
    assert lines(tmp_path) == stage.published([group])
    letters = [json.loads(line) for line in lines(tmp_path, "dead_letters")]
    assert [(letter["error_code"], letter["source"]) for letter in letters] == [
        ("invalid_json", "events/0/5"),
        ("scoring_failed", "events/0/30"),
    ]
    assert letters[0]["value"] == '{"id": "p5", "amount": '
    assert (letters[0]["key"], letters[0]["model"], letters[0]["headers"]) == ("key-5", "payments:1", [])
    tally = going.tally()
    assert (tally.records, tally.predictions, tally.duplicates, tally.problems) == (98, 96, 1, 1)
    assert tally.dead_letters == {"invalid_json": 1, "scoring_failed": 1}
    assert tally.shown[0].words == "the block is damaged"
    assert sum(tally.scores.values()) == sum(tally.labels.values()) == 96
    assert (last.records, last.dead_letters, last.problems, last.bytes_read) == (98, 2, 1, group.size)


def test_parts_end_with_the_portion_that_fills_them(stage, group, tmp_path):
    Going(stage, group, tmp_path).to_the_end()
    sizes = [
        len(path.read_bytes().splitlines()) for path in sorted((tmp_path / "predictions" / "part=0").glob("part-*"))
    ]
    assert sizes == [PART - 1, PART + FEW - 2 - 1, PART, RECORDS - 3 * PART - FEW]
    assert sorted(path.name for path in (tmp_path / "dead_letters" / "part=0").iterdir()) == [
        "part-00000.jsonl",
        "part-00001.jsonl",
    ]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_interrupted_after_any_portion_it_ends_with_the_same_bytes(form, stage, group, tmp_path):
    Going(stage, group, tmp_path / "whole", form=form).to_the_end()
    expected = content(tmp_path / "whole")
    for portions in range(RECORDS // FEW + 1):
        folder = tmp_path / f"cut-{portions}"
        with closing(Going(stage, group, folder, form=form).steps) as steps:
            for _ in range(portions):
                next(steps)
        Going(stage, group, folder, form=form).to_the_end()
        assert content(folder) == expected


def test_what_the_journal_has_is_not_read_again(stage, group, tmp_path):
    Going(stage, group, tmp_path).to_the_end()

    def never(group, *, cursor):
        raise AssertionError

    assert Going(stage, group, tmp_path, reader=never).to_the_end() == []


def test_it_goes_on_from_the_end_of_the_last_part(stage, group, tmp_path):
    asked = []

    def noting(group, *, cursor):
        asked.append(cursor)
        yield from read(group, cursor=cursor)

    with closing(Going(stage, group, tmp_path).steps) as steps:
        for _ in range(5):
            next(steps)
    Going(stage, group, tmp_path, reader=noting).to_the_end()
    assert asked == [{"line": PART}]


def test_a_reader_that_raises_keeps_what_was_finished(stage, group, tmp_path):
    def broken(group, *, cursor):
        for number, portion in enumerate(read(group, cursor=cursor)):
            if number == 4:
                raise OSError(5, "Input/output error")
            yield portion

    with pytest.raises(OSError, match="Input/output"):
        Going(stage, group, tmp_path, reader=broken).to_the_end()
    Going(stage, group, tmp_path).to_the_end()
    assert lines(tmp_path) == stage.published([group])


def test_a_folder_that_cannot_be_written_is_told(stage, group, tmp_path):
    (tmp_path / "predictions").write_text("in the way")
    with pytest.raises(SinkError, match=r"cannot write .*part-00000\.jsonl: (File exists|Not a directory)"):
        Going(stage, group, tmp_path).to_the_end()


def test_no_thread_is_left_behind(stage, group, tmp_path):
    before = threading.active_count()
    with closing(Going(stage, group, tmp_path).steps) as steps:
        next(steps)
    assert threading.active_count() == before


def test_an_empty_group_is_done_with_one_entry(stage, tmp_path):
    (empty,) = archive(tmp_path / "archive", [])
    going = Going(stage, empty, tmp_path / "out")
    assert going.to_the_end() == []
    assert [entry.is_last for entry in going.journal.entries()] == [True]


def test_only_a_summary(stage, group, tmp_path):
    going = Going(stage, group, tmp_path, destination=NoParts(PART))
    going.to_the_end()
    assert list(content(tmp_path)) == ["journal/part=0.jsonl"]
    assert going.tally().predictions == 96


def test_records_of_a_time(stage, group, tmp_path):
    going = Going(stage, group, tmp_path, selection=Selection(from_time=50_000, to_time=60_000))
    going.to_the_end()
    assert [json.loads(line)["event_id"] for line in lines(tmp_path)] == [f"p{number}" for number in range(50, 60)]
    assert (going.tally().records, going.tally().outside) == (10, 88)


def test_records_of_some_numbers(stage, group, tmp_path):
    Going(stage, group, tmp_path, selection=Selection(from_sequence=3, to_sequence=7)).to_the_end()
    assert [json.loads(line)["event_id"] for line in lines(tmp_path)] == ["p3", "p4", "p6"]


def test_times_that_the_archive_does_not_keep(stage, group, tmp_path):
    def timeless(group, *, cursor):
        for portion in read(group, cursor=cursor):
            yield replace(portion, events=[Event(event.value) for event in portion.events])

    for selection, words in (
        (Selection(from_time=1), "--from-time and --to-time: the archive does not keep the times of its records"),
        (Selection(to_sequence=1), "--from-sequence and --to-sequence: the archive does not keep the sequence numbers"),
    ):
        with pytest.raises(ConfigurationError) as error:
            Going(stage, group, tmp_path, selection=selection, reader=timeless).to_the_end()
        assert str(error.value).startswith(words)


def test_a_row_says_what_it_is_of(stage, group, tmp_path):
    Going(stage, group, tmp_path, form="parquet").to_the_end()
    first, *_ = rows = rows_of(tmp_path)
    assert [row["prediction"].encode() for row in rows] == stage.published([group])
    prediction = json.loads(first["prediction"])
    assert first == {
        "prediction_id": prediction["prediction_id"],
        "event_id": "p0",
        "label": prediction["label"],
        "score": prediction["score"],
        "key": b"key-0",
        "stream": "events",
        "partition": 0,
        "offset": 0,
        "prediction": first["prediction"],
    }
    letter, _ = rows_of(tmp_path, "dead_letters")
    assert letter == {
        "error_code": "invalid_json",
        "error_reason": "the event is not JSON: input data was truncated",
        "error_field": "",
        "source": "events/0/5",
        "model": "payments:1",
        "key": b"key-5",
        "headers": [],
        "value": b'{"id": "p5", "amount": ',
        "stream": "events",
        "partition": 0,
        "offset": 5,
    }


def test_each_part_is_told_once_it_is_written_down(stage, group, tmp_path):
    class Told:
        def __init__(self):
            self.facts = []

        def finished(self, facts):
            assert len(going.journal.entries()) == len(self.facts) + 1
            self.facts.append(facts)

    told = Told()
    going = Going(stage, group, tmp_path, observer=told)
    going.to_the_end()
    entries = going.journal.entries()
    assert [(each.group, each.number, each.model) for each in told.facts] == [
        (group.name, number, stage.manifest.reference) for number in range(len(entries))
    ]
    assert [(each.records, each.predictions) for each in told.facts] == [
        (entry.tally.records, entry.tally.predictions) for entry in entries
    ]
    assert all(each.start <= each.end for each in told.facts)
    assert all(one.end == next_.start for one, next_ in itertools.pairwise(told.facts))


def test_one_that_wakes_late_adds_nothing_twice(stage, group, tmp_path):
    Going(stage, group, tmp_path / "whole").to_the_end()
    late, successor = (Going(stage, group, tmp_path / "both") for _ in range(2))
    for _ in range(4):
        next(late.steps)
    successor.to_the_end()
    late.to_the_end()
    standing = Journal(LocalFolder(tmp_path / "both"), group.name).standing()
    assert standing == Journal(LocalFolder(tmp_path / "whole"), group.name).standing()
    assert lines(tmp_path / "both") == stage.published([group])
