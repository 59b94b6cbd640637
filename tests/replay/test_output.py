"""An output appears whole or not at all, wherever whoever makes it appear is interrupted."""

import io

import pyarrow.parquet as pq
import pytest

from scoring.errors import ConfigurationError, SinkError
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.folders import LocalFolder
from stream_worker.replay.output import FINISHED, PLAN, Finished
from stream_worker.replay.summary import summary_of
from stream_worker.replay.tally import Tally
from stream_worker.replay.targets import StreamTarget, target_at
from tests.models.graphs import payments_manifest
from tests.replay.staging import content

HERE = StorageOptions()
PREDICTIONS = {"predictions/a/part-00000.jsonl": b"1\n", "predictions/b/part-00000.jsonl": b"2\n3\n"}
LETTERS = {"dead_letters/b/part-00000.jsonl": b"x\n"}


def joined(kind, parts, file):
    for part in parts:
        with part() as source:
            file.write(source.read())


SUMMARY, FORMER = (summary_of(payments_manifest(), [], Tally(records=records)).to_json() for records in (7, 9))
FINISHED_OUTPUT = Finished(
    summary=SUMMARY,
    picture=b"png",
    parts={"predictions": list(PREDICTIONS), "dead_letters": list(LETTERS)},
    join=joined,
)


def work_on(target):
    """Write what a replay has written when everything is scored."""
    target.clear()
    target.work.put(PLAN, b"plan")
    for name, text in (PREDICTIONS | LETTERS).items():
        target.output.put(name, text)
    target.work.append("journal/a.jsonl", b"{}\n")


AS_FOLDER = {f"out/{name}": text for name, text in (PREDICTIONS | LETTERS).items()}
AS_FOLDER |= {"out/summary.json": SUMMARY, "out/histogram.png": b"png"}
AS_FILE = {
    "out.jsonl": b"1\n2\n3\n",
    "out.dead_letters.jsonl": b"x\n",
    "out.summary.json": SUMMARY,
    "out.histogram.png": b"png",
}


class TornError(Exception):
    """The process is killed here."""


class Torn:
    """Kills whoever does the n-th thing to a folder, before or after it is done."""

    def __init__(self, monkeypatch, after, *, done):
        self.left = after
        for name in ("put", "rename", "remove", "append"):
            monkeypatch.setattr(LocalFolder, name, self._counting(getattr(LocalFolder, name), done=done))

    def _counting(self, original, *, done):
        def counted(folder, *args):
            self.left -= 1
            if self.left >= 0 or done:
                original(folder, *args)
            if self.left < 0:
                raise TornError

        return counted


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(("name", "expected", "former"), [
    ("out", AS_FOLDER, {}),
    ("out", AS_FOLDER, {"out/summary.json": FORMER, "out/predictions/z/part-00009.jsonl": b"old"}),
    ("out.jsonl", AS_FILE, {}),
    ("out.jsonl", AS_FILE, {"out.jsonl": b"old", "out.dead_letters.jsonl": b"old"}),
])  # fmt: skip
def test_killed_at_any_step_and_done_again_it_is_the_same(  # noqa: PLR0917 - each is a parameter, or a fixture
    name, expected, former, done, tmp_path, monkeypatch
):
    for steps in range(100):
        folder = tmp_path / str(steps)
        for path, text in former.items():
            LocalFolder(folder).put(path, text)
        work_on(target_at(str(folder / name), HERE))
        with monkeypatch.context() as patched:
            Torn(patched, steps, done=done)
            try:
                target_at(str(folder / name), HERE).appear(FINISHED_OUTPUT)
            except TornError:
                torn = True
            else:
                torn = False
        again = target_at(str(folder / name), HERE)
        if again.work.get(PLAN) is not None:
            seen = content(folder)
            if again.is_there() and seen.get(f"{name}/summary.json") == SUMMARY:
                assert {path: seen[path] for path in expected} == expected
            again.appear(FINISHED_OUTPUT)
        seen = {path: text for path, text in content(folder).items() if ".partial/" not in path}
        assert seen == expected
        if not torn:
            assert content(folder) == expected
            assert steps > 4
            return
    raise AssertionError


def test_nothing_is_seen_before_the_end(tmp_path):
    target = target_at(str(tmp_path / "out"), HERE)
    work_on(target)
    assert not (tmp_path / "out").exists()
    assert not target.is_there()
    target.appear(FINISHED_OUTPUT)
    assert target.is_there()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_may_be_there(tmp_path):
    (tmp_path / "out").mkdir()
    target = target_at(str(tmp_path / "out"), HERE)
    target.check()
    work_on(target)
    target.appear(FINISHED_OUTPUT)
    assert content(tmp_path) == AS_FOLDER


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("out", lambda path: (path / "mine").mkdir(parents=True), "holds files that are not a replay's output"),
        ("out", lambda path: path.write_text("mine"), "is a file; the name of an output file ends in .parquet or"),
        ("out.jsonl", lambda path: path.mkdir(), "is a folder: name a file that is not there, or another folder"),
    ],
)
def test_what_is_not_ours_is_not_touched(name, make, words, tmp_path):
    make(tmp_path / name)
    with pytest.raises(ConfigurationError) as error:
        target_at(str(tmp_path / name), HERE).check()
    assert words in str(error.value)


@pytest.mark.parametrize("place", ["", "/", ".", "..", "a/.."])
def test_a_place_without_a_name(place):
    with pytest.raises(ConfigurationError, match="expected the name of a folder or file that is to be made"):
        target_at(place, HERE)


def test_a_place_is_told_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(target_at(place, HERE)) for place in ("out/", "a/b", "x.parquet", "/y.jsonl")] == [
        "out", "a/b", "x.parquet", "/y.jsonl",
    ]  # fmt: skip


def test_two_replays_of_one_output(tmp_path):
    one, other = (target_at(str(tmp_path / "out"), HERE) for _ in range(2))
    with one.locked(), pytest.raises(ConfigurationError, match="another replay is at work on it"), other.locked():
        pass
    with other.locked():
        pass


def test_the_journal_of_a_stream_is_kept_until_all_is_published(tmp_path):
    target = StreamTarget(tmp_path / "journal", "predictions")
    target.check()
    with target.locked():
        work_on(target)
        target.appear(FINISHED_OUTPUT)
    assert target.is_there()
    assert target.work.get(PLAN) is None
    assert target.work.get(FINISHED) is None
    target.check()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").touch()
    with pytest.raises(ConfigurationError, match=r"--journal .*other holds files that are not a replay's"):
        StreamTarget(tmp_path / "other", "predictions").check()


def test_a_file_that_fails_while_it_is_written_leaves_nothing(tmp_path):
    folder = LocalFolder(tmp_path)
    folder.put("name", b"old")
    with pytest.raises(ZeroDivisionError), folder.create("name") as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert content(tmp_path) == {"name": b"old"}


def test_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"cannot write .*/file/name: Not a directory"):
        LocalFolder(tmp_path / "file").put("name", b"")


def test_a_joined_parquet_file_has_the_rows_of_its_parts(tmp_path):
    from stream_worker.replay.parquet_rows import ParquetRows
    from tests.replay.staging import Stage

    rows = ParquetRows(Stage(tmp_path).manifest)
    empty = io.BytesIO()
    rows.join("predictions", [], empty)
    table = pq.read_table(io.BytesIO(empty.getvalue()))
    assert (len(table), table.column_names[-1]) == (0, "prediction")
