"""What a journal tells after any interruption."""

import pytest

from scoring.errors import SinkError
from stream_worker.replay.folders import LocalFolder
from stream_worker.replay.journal import Entry, Journal
from stream_worker.replay.records import Problem
from stream_worker.replay.tally import Tally

PROBLEM = Problem(path="a.avro", offset=7, words="cut off")
ENTRIES = [
    Entry(
        cursor={"line": 8},
        bytes_read=100,
        tally=Tally(records=8, predictions=6, dead_letters={"empty": 2}, scores={3: 6}, labels={"yes": 6}),
        files={"predictions/g/part-00000.jsonl": 12},
    ),
    Entry(cursor={"line": 16}, tally=Tally(records=8, duplicates=1, outside=2, problems=1, shown=(PROBLEM,)), number=1),
    Entry(cursor={"line": 20}, tally=Tally(), is_last=True, number=2),
]


@pytest.fixture
def folder(tmp_path):
    return LocalFolder(tmp_path / "work")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "work" / "journal" / "g.jsonl"


def journal(folder):
    return Journal(folder, "g")


@pytest.fixture
def whole(folder):
    for entry in ENTRIES:
        journal(folder).append(entry)


def test_a_new_one_tells_nothing(folder, path):
    assert journal(folder).entries() == []
    assert not path.exists()


@pytest.mark.usefixtures("whole")
def test_it_tells_what_it_was_told(folder):
    assert journal(folder).entries() == ENTRIES


@pytest.mark.usefixtures("whole")
def test_a_last_line_that_is_cut_anywhere_is_none(folder, path):
    content = path.read_bytes()
    *_, last = content.splitlines(keepends=True)
    for kept in range(1, len(last)):
        path.write_bytes(content[: len(content) - len(last) + kept])
        assert journal(folder).entries() == ENTRIES[:2]
        assert path.read_bytes() == content[: len(content) - len(last) + kept]  # who looks changes nothing
        assert journal(folder).entries(repair=True) == ENTRIES[:2]
        journal(folder).append(ENTRIES[2])
        assert path.read_bytes() == content


@pytest.mark.parametrize("garbage", [b"\0" * 40, b"\0" * 40 + b"\n", b"{}\n"])
@pytest.mark.usefixtures("whole")
def test_a_last_line_of_something_else_is_none(garbage, folder, path):
    content = path.read_bytes()
    path.write_bytes(content + garbage)
    assert journal(folder).entries() == ENTRIES
    assert path.read_bytes() == content + garbage
    assert journal(folder).standing(repair=True).parts == 3
    assert path.read_bytes() == content


@pytest.mark.usefixtures("whole")
def test_damage_elsewhere_is_told(folder, path):
    first, rest = path.read_bytes().split(b"\n", maxsplit=1)
    path.write_bytes(first[:-9] + b"\n" + rest)
    with pytest.raises(SinkError) as error:
        journal(folder).entries()
    assert str(error.value) == f"{folder}/journal/g.jsonl: line 1 is damaged; remove {folder} to begin anew"


def test_many_lines_become_one(folder, path, monkeypatch):
    monkeypatch.setattr("stream_worker.replay.journal._MANY", 3)
    kept = journal(folder)
    sizes = []
    for number in range(10):
        files = {f"predictions/g/part-{number}": number}
        entry = Entry(cursor={"line": number}, bytes_read=number, tally=Tally(records=1), files=files, number=number)
        kept.append(entry)
        sizes.append(path.read_bytes().count(b"\n"))
    assert sizes == [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]
    standing = journal(folder).standing()
    assert (standing.cursor, standing.bytes_read, standing.tally.records, standing.parts) == ({"line": 9}, 9, 10, 10)
    assert list(standing.files.values()) == list(range(10))
    journal(folder).append(Entry(cursor={"line": 10}, tally=Tally(records=1), is_last=True, number=10))
    assert journal(folder).standing().parts == 11
    assert journal(folder).standing().is_last


def parts(numbers, *, last):
    return [
        Entry(cursor={"line": number + 1}, tally=Tally(records=1), number=number, is_last=number == last)
        for number in numbers
    ]


@pytest.mark.parametrize("many", [1000, 3])
def test_of_two_writers_the_first_line_of_each_part_counts(many, folder, monkeypatch):
    monkeypatch.setattr("stream_worker.replay.journal._MANY", many)
    one, other = journal(folder), journal(folder)
    for writer in (one, other):
        assert writer.entries(repair=True) == []
    slow, quick = (iter(parts(range(8), last=7)) for _ in range(2))
    for writer, entries, count in (
        (one, slow, 2),
        (other, quick, 7),
        (one, slow, 4),
        (other, quick, 1),
        (one, slow, 2),
    ):
        for _ in range(count):
            writer.append(next(entries))
    standing = journal(folder).standing()
    assert (standing.tally.records, standing.parts, standing.cursor, standing.is_last) == (8, 8, {"line": 8}, True)


def test_a_line_that_does_not_go_on_from_those_before_is_none(folder):
    for entry in parts([0, 1, 3, 4], last=4):
        journal(folder).append(entry)
    standing = journal(folder).standing()
    assert (standing.parts, standing.is_last) == (2, False)
    for entry in parts([2, 3, 4], last=4):
        journal(folder).append(entry)
    standing = journal(folder).standing()
    assert (standing.parts, standing.is_last, standing.tally.records) == (5, True, 5)
