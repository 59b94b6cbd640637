"""What the journal's folder keeps for who follows the live stream: of which archive, to where, and as whom."""

import msgspec
import pytest

from scoring.errors import ConfigurationError
from stream_worker.replay.folders import LocalFolder
from stream_worker.replay.handover import begun_with, ends_of, followed, note_followed, scored
from stream_worker.replay.output import PLAN, REPLAYED, SUMMARY, Finished
from stream_worker.replay.premises import Premises
from stream_worker.replay.summary import summary_of
from stream_worker.replay.tally import Tally
from stream_worker.replay.targets import StreamTarget
from tests.models.graphs import payments_manifest
from tests.stream.kafka import source_settings

ENDS = {"tx/0": 7, "tx/11": 3}
SUMMARY_OF_IT = summary_of(payments_manifest(), [], Tally(records=12, ends=ENDS))


def premises(files=("a.avro",), version="v", **more):
    fields = {"model": "payments:1", "manifest": "m", "options": {"--stream": "tx"}, "groups": "g"}
    return Premises(files=dict.fromkeys(files, (100, version)), **fields | more)


@pytest.fixture
def work(tmp_path):
    """The folder of a journal whose replay has ended."""
    target = StreamTarget(tmp_path / "journal", "predictions")
    target.work.put(PLAN, msgspec.json.encode(premises()))
    target.appear(Finished(summary=SUMMARY_OF_IT.to_json(), picture=b"", parts={}, join=lambda *_: None))
    return target.work


def test_what_was_scored_and_where_it_ends(work):
    found = scored(work, premises())
    assert found == SUMMARY_OF_IT
    assert ends_of(found, "tx") == {0: 7, 11: 3}
    assert ends_of(found, "other") == {}


def test_the_row_numbers_of_a_table_are_no_positions():
    ends = {"tx/0": 7, "tx/table.parquet/0": 999, "tx/table.parquet/1": 5}
    assert ends_of(summary_of(payments_manifest(), [], Tally(ends=ends)), "tx") == {0: 7}


def test_nothing_was_scored_to_the_end(work):
    for folder in (LocalFolder(work.root / "nowhere"), work):
        assert scored(folder, premises()) is None
        work.put(PLAN, b"")  # another replay is under way, or this one was killed as it ended
    work.remove(PLAN, REPLAYED)
    assert scored(work, premises()) is None


def test_with_which_files_an_unfinished_one_was_begun(work):
    assert begun_with(work) is None
    work.put(PLAN, msgspec.json.encode(premises(files=("a.avro", "b.avro"))))
    assert set(begun_with(work)) == {"a.avro", "b.avro"}
    work.put(PLAN, b"{}")
    assert begun_with(work) is None


@pytest.mark.parametrize(
    "now",
    [
        premises(files=("a.avro", "b.avro"), groups="others"),
        premises(model="payments:2", manifest="another"),
    ],
    ids=["it has grown", "a newer model is deployed"],
)
def test_what_has_changed_since_does_not_undo_it(work, now):
    assert scored(work, now) == SUMMARY_OF_IT


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (premises(files=("b.avro",)), "it had none of the files that are in the archive now"),
        (premises(version="w"), r"a\.avro has changed \(100 bytes then, 100 now\)"),
        (premises(options={"--stream": "other"}), "--stream was tx and is other"),
    ],
)
def test_the_journal_of_something_else(work, now, words):
    with pytest.raises(ConfigurationError, match=rf"journal is the journal of another replay: {words}\. Pass --over"):
        scored(work, now)


def test_a_file_of_another_version(work):
    work.put(SUMMARY, b"{}")
    with pytest.raises(ConfigurationError, match="was written by another version of Weir: name another --journal"):
        scored(work, premises())


def test_as_whom_it_is_followed(work):
    source = source_settings("localhost:9092", "tx", group="one")
    assert not followed(work, source)
    note_followed(work, source)
    assert followed(work, source.model_copy(update={"bootstrap_servers": "localhost:9093"}))
    with pytest.raises(
        ConfigurationError, match="followed on 'tx' as group 'one', and would be on 'tx' as 'two': what"
    ):
        followed(work, source.model_copy(update={"group": "two"}))


def test_begun_anew_nothing_of_it_is_left(work):
    note_followed(work, source_settings("localhost:9092", "tx"))
    StreamTarget(work.root, "predictions").clear()
    assert work.is_empty()
