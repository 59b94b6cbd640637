"""Groups: their order and names, ranges and runs, and what is in no group."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring import FakeScorer, Pipeline
from scoring.errors import ConfigurationError
from stream_worker.replay.answers import outcomes_of
from stream_worker.replay.archive import plan, read
from tests.replay.archives import (
    avro_bytes,
    make_events,
    write_capture,
    write_feature_parquet,
    write_jsonl,
    write_parquet,
)
from tests.scoring.makers import feature, manifest

EVENTS = make_events(60, partitions=12)
MANIFEST = manifest(feature("amount"), feature("hour", "int64"), event_id=("id",))
GENUINE = Path(__file__).parent / "data" / "event-hubs-capture-2016.avro"


def test_each_partition_of_a_capture_is_a_group_in_the_order_of_its_paths(tmp_path):
    paths = write_capture(tmp_path, EVENTS, per_file=2, empty_every=2)
    found = plan([str(tmp_path)])
    assert found.problems == []
    assert [(group.number, group.name, group.partition) for group in found.groups] == [
        (partition, f"transactions-{partition}", partition) for partition in range(12)
    ]
    assert {(group.kind, group.stream, group.start, group.stop) for group in found.groups} == {
        ("capture", "transactions", 0, None)
    }
    eleventh = [str(path) for path in paths if "/transactions/11/" in str(path)]
    assert [file.path for file in found.groups[11].files] == eleventh
    assert sorted(file.path for file in found.files) == sorted(map(str, paths))


def test_files_of_a_partition_stand_by_the_time_in_their_paths(tmp_path):
    for name in ("p0_2024-1-9", "p0_2024-01-10", "p0_2023-12-31"):
        (tmp_path / f"{name}.avro").write_bytes(avro_bytes(EVENTS[:1]))
    (group,) = plan([str(tmp_path)], pattern="p{PartitionId}_{Year}-{Month}-{Day}", stream="s").groups
    assert [Path(file.path).stem for file in group.files] == ["p0_2023-12-31", "p0_2024-1-9", "p0_2024-01-10"]


def test_a_path_that_does_not_match_is_a_problem_that_says_what_was_expected(tmp_path):
    (tmp_path / "x.avro").write_bytes(avro_bytes(EVENTS[:1]))
    write_capture(tmp_path, EVENTS[:3])
    found = plan([str(tmp_path)])
    assert [(problem.path, problem.words) for problem in found.problems] == [
        (
            f"{tmp_path}/x.avro",
            (
                "the path does not say the partition: expected "
                "{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"
            ),
        )
    ]
    assert [group.name for group in found.groups] == ["transactions-0", "transactions-1", "transactions-2"]
    assert plan([str(tmp_path / "*.avro")]).groups == []


def test_a_single_file_that_is_named_is_partition_0_of_its_own_name():
    (group,) = plan([str(GENUINE)]).groups
    assert (group.name, group.stream, group.partition) == ("event-hubs-capture-2016-0", "event-hubs-capture-2016", 0)
    (group,) = plan([str(GENUINE)], stream="sensors").groups
    assert (group.name, group.stream) == ("sensors-0", "sensors")


def test_a_stream_that_is_told_wins_over_the_path(tmp_path):
    write_capture(tmp_path, EVENTS[:2])
    assert {group.stream for group in plan([str(tmp_path)], stream="other").groups} == {"other"}


def test_a_pattern_without_the_hub_needs_the_stream(tmp_path):
    (tmp_path / "3.avro").write_bytes(avro_bytes(EVENTS[:1]))
    with pytest.raises(ConfigurationError) as caught:
        plan([str(tmp_path)], pattern="{PartitionId}")
    assert str(caught.value) == "pattern '{PartitionId}' has no {EventHub}: say which stream the events are of"
    (group,) = plan([str(tmp_path)], pattern="{PartitionId}", stream="s").groups
    assert (group.stream, group.partition) == ("s", 3)


def capture(folder, *hubs):
    """Write the same numbers of partition 0 into hubs named with their namespaces."""
    for hub in hubs:
        write_capture(folder, EVENTS[:1], pattern=f"{hub}/{{PartitionId}}/{DATE}")


DATE = "{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"


def test_hubs_of_one_name_in_two_namespaces_are_kept_apart(tmp_path):
    capture(tmp_path, "east/transactions", "west/transactions", "west/logins")
    assert [(group.name, group.stream, len(group.files)) for group in plan([str(tmp_path)]).groups] == [
        ("east-transactions-0", "east/transactions", 1),
        ("logins-0", "logins", 1),
        ("west-transactions-0", "west/transactions", 1),
    ]


@pytest.mark.parametrize("hubs", [("n/logins", "n/transactions"), ("east/tx", "west/tx")])
def test_a_stream_that_is_told_never_joins_two_hubs(tmp_path, hubs):
    capture(tmp_path, *hubs)
    with pytest.raises(ConfigurationError) as caught:
        plan([str(tmp_path)], stream="tx")
    assert str(caught.value) == (
        f"--stream tx: the archive is of {hubs[0]} and {hubs[1]}, and the events of one would be taken for the "
        "other's; name the files of one of them, or leave it out"
    )
    assert [group.stream for group in plan([str(tmp_path / hubs[0])], stream="tx").groups] == ["tx"]


def test_a_pattern_without_the_partition_is_for_one_file(tmp_path):
    write_capture(tmp_path, EVENTS[:2], pattern="{EventHub}/{PartitionId}x{Year}")
    for name in ("0x2023", "1x2023"):
        (tmp_path / "transactions" / f"{name}.avro").rename(tmp_path / "transactions" / f"{name[2:]}-{name[0]}.avro")
    with pytest.raises(ConfigurationError) as caught:
        plan([str(tmp_path)], pattern="{EventHub}/{Year}-{Month}")
    assert str(caught.value) == (
        "pattern '{EventHub}/{Year}-{Month}' has no {PartitionId}, and there is more than one file: events of several "
        "partitions would be taken for each other; say where the path has it, or name one file"
    )
    (group,) = plan([str(tmp_path / "transactions" / "2023-1.avro")], pattern="{EventHub}/{Year}-{Month}").groups
    assert (group.stream, group.partition) == ("transactions", 0)


def test_lines_are_cut_into_ranges(tmp_path):
    write_jsonl(tmp_path / "b" / "10.jsonl", EVENTS)
    write_jsonl(tmp_path / "b" / "9.jsonl", EVENTS[:1])
    write_jsonl(tmp_path / "a.jsonl.gz", EVENTS)
    size = (tmp_path / "b" / "10.jsonl").stat().st_size
    groups = plan([str(tmp_path)], range_bytes=1000).groups
    assert [(group.name, group.start, group.stop) for group in groups] == [
        ("a", 0, None),
        ("b-9", 0, None),
        ("b-10-0000", 0, 1000),
        ("b-10-0001", 1000, 2000),
        ("b-10-0002", 2000, size),
    ]
    assert [group.size for group in groups[2:]] == [1000, 1000, size - 2000]
    assert [group.stream for group in groups] == ["a", "9", "10", "10", "10"]


def test_tables_are_cut_into_runs_of_row_groups(tmp_path):
    write_parquet(tmp_path / "a.parquet", make_events(1000), row_group=100)
    one = pq.read_metadata(tmp_path / "a.parquet").row_group(0).total_byte_size
    groups = plan([str(tmp_path)], range_bytes=one * 3).groups
    assert [group.start for group in groups[1:]] == [group.stop for group in groups[:-1]]
    assert (groups[0].start, groups[-1].stop) == (0, 10)
    assert len(groups) > 1
    (whole,) = plan([str(tmp_path)]).groups
    assert (whole.name, whole.start, whole.stop) == ("a", 0, 10)


@pytest.mark.parametrize(
    ("below", "stream", "places"),
    [
        (["tab"], None, ["01/part-0", "02/part-0", "top"]),
        (["tab"], "tx", ["tx/01/part-0", "tx/02/part-0", "tx/top"]),
        (["tab/01", "tab/02"], None, ["tab/01/part-0.parquet", "tab/02/part-0.parquet"]),
        (["tab/*/part-0.parquet"], None, ["01/part-0", "02/part-0"]),
    ],
)
def test_rows_that_nothing_tells_apart_have_ids_of_their_own(tmp_path, monkeypatch, below, stream, places):
    monkeypatch.chdir(tmp_path)
    for name in ("01/part-0", "02/part-0", "top"):
        write_feature_parquet(Path("tab") / f"{name}.parquet", make_events(5), row_group=2)
    described = manifest(feature("amount"), feature("hour", "int64"))
    pipeline = Pipeline(described, FakeScorer(lambda columns: columns["amount"]))
    groups = plan(below, stream=stream, range_bytes=1).groups
    portions = [portion for group in groups for portion in read(group, manifest=described)]
    found = [each for portion in portions for each in outcomes_of(portion, pipeline)]
    assert list(dict.fromkeys(event.position.stream for portion in portions for event in portion.events)) == places
    assert len({prediction.prediction_id for prediction in found}) == len(found) == 5 * len(places)
    assert {group.stream for group in groups} == ({stream} if stream else set(places))


def test_a_table_that_cannot_be_opened_is_a_problem_and_one_without_rows_has_none(tmp_path):
    write_parquet(tmp_path / "good.parquet", EVENTS)
    text = (tmp_path / "good.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(text[:-10])
    (tmp_path / "foreign.parquet").write_bytes(b"hello, world")
    (tmp_path / "short.parquet").write_bytes(b"PAR1")
    pq.write_table(pa.table({"value": pa.array([], pa.binary())}), tmp_path / "none.parquet")
    found = plan([str(tmp_path)])
    assert [group.name for group in found.groups] == ["good", "none"]
    assert list(read(found.groups[1], manifest=MANIFEST)) == []
    problems = {Path(problem.path).name: problem.words for problem in found.problems}
    assert set(problems) == {"cut.parquet", "foreign.parquet", "short.parquet"}
    assert all(words.startswith("cannot be read: not a whole Parquet file") for words in problems.values())


def test_names_are_unique_over_several_folders(tmp_path):
    for folder in ("one", "two"):
        write_jsonl(tmp_path / folder / "a.jsonl", EVENTS[:1])
    assert [group.name for group in plan([str(tmp_path / "one"), str(tmp_path / "two")]).groups] == ["a", "a-2"]


def test_the_order_is_that_of_the_paths_however_they_are_given(tmp_path):
    paths = [str(write_jsonl(tmp_path / f"{number}.jsonl", EVENTS[:1])) for number in (1, 2, 10, 11, 100)]
    for _ in range(5):
        random.shuffle(paths)
        assert [group.name for group in plan(paths).groups] == ["1", "2", "10", "11", "100"]


def test_planning_does_not_read_the_files(tmp_path):
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    capture = tmp_path / "n/h/0/2024/05/01/09/05/00.avro"
    capture.parent.mkdir(parents=True)
    with capture.open("wb") as file:
        file.truncate(1 << 40)
    found = plan([str(tmp_path)], range_bytes=1 << 32)
    assert len(found.groups) == 257
    assert found.problems == []
