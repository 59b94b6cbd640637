"""What the files of an archive keep of where their events stood."""

import pyarrow.parquet as pq
import pytest

from scoring import Event, Position
from scoring.errors import ConfigurationError
from stream_worker.replay import archive
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.places import Looking, kept_by
from tests.models.graphs import payments_manifest
from tests.replay.archives import write_capture, write_feature_parquet, write_jsonl, write_parquet
from tests.replay.reading import payment

EVENTS = [Event(payment(n), b"", (), Position("tx", 1, n), 1000 * n) for n in range(40)]
HERE = StorageOptions()


@pytest.fixture
def kept(tmp_path):
    def kept(pattern=None, column=None):
        plan = archive.plan([str(tmp_path)], pattern=pattern)
        looking = Looking(manifest=payments_manifest(), column=column, pattern=pattern, storage=HERE)
        return {found.path.removeprefix(f"{tmp_path}/"): found[1:] for found in kept_by(plan.groups, looking)}

    return kept


def test_lines_keep_nothing(kept, tmp_path):
    write_jsonl(tmp_path / "a.jsonl", EVENTS)
    assert kept() == {"a.jsonl": ("nothing", False)}


def test_tables(kept, tmp_path):
    write_parquet(tmp_path / "places.parquet", EVENTS, row_group=10)
    write_parquet(tmp_path / "nothing.parquet", EVENTS, places=False)
    write_feature_parquet(tmp_path / "rows.parquet", EVENTS)
    table = pq.read_table(tmp_path / "places.parquet")
    pq.write_table(table.drop_columns("partition"), tmp_path / "numbers.parquet")
    pq.write_table(table.drop_columns("sequence_number"), tmp_path / "partitions.parquet")
    assert kept() == {
        "nothing.parquet": ("nothing", False),
        "numbers.parquet": ("numbers", True),
        "partitions.parquet": ("nothing", True),
        "places.parquet": ("places", True),
        "rows.parquet": ("nothing", False),
    }


def test_a_table_that_cannot_be_read_is_for_the_replay_to_tell(kept, tmp_path):
    write_parquet(tmp_path / "damaged.parquet", EVENTS)
    plan = archive.plan([str(tmp_path)])
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 no more")
    looking = Looking(manifest=payments_manifest(), column=None, pattern=None, storage=HERE)
    assert list(kept_by(plan.groups, looking)) == []


def test_captures(kept, tmp_path):
    write_capture(tmp_path, EVENTS)
    assert set(kept().values()) == {("places", True)}


def test_a_capture_whose_path_does_not_say_the_partition(kept, tmp_path):
    write_capture(tmp_path / "made", EVENTS, per_file=100)
    [found] = (tmp_path / "made").rglob("*.avro")
    found.rename(tmp_path / "alone.avro")
    looking = Looking(manifest=payments_manifest(), column=None, pattern=None, storage=HERE)
    plan = archive.plan([str(tmp_path / "alone.avro")])
    assert list(kept_by(plan.groups, looking)) == [(str(tmp_path / "alone.avro"), "numbers", True)]


def test_a_pattern_that_is_none():
    looking = Looking(manifest=payments_manifest(), column=None, pattern="{Nobody}", storage=HERE)
    with pytest.raises(ConfigurationError):
        list(kept_by([], looking))
