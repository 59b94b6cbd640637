"""Archives, from paths to portions: the same events out of every kind, in order and whole."""

import gzip
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import FakeScorer, Pipeline
from stream_worker.replay.answers import answer, spread_of
from stream_worker.replay.archive import plan, read
from stream_worker.replay.records import PORTION
from stream_worker.replay.selection import Selection
from stream_worker.replay.tally import Tally
from tests.replay.archives import (
    events_of,
    make_events,
    write_capture,
    write_feature_parquet,
    write_jsonl,
    write_parquet,
)
from tests.scoring.makers import feature, manifest

MANIFEST = manifest(feature("amount"), feature("hour", "int64"), event_id=("id",))


def test_nothing_is_nothing(tmp_path):
    found = plan([str(tmp_path)])
    assert (found.groups, found.problems, found.files) == ([], [], [])


def test_only_some_of_the_files_are_planned_as_if_there_were_no_others(tmp_path):
    folder = tmp_path / "archive"
    write_capture(folder, make_events(40, partitions=2), per_file=10)
    before = plan([str(folder)])
    write_capture(folder / "later", make_events(400, partitions=3), per_file=10)
    write_jsonl(folder / "0.jsonl", make_events(4))
    found = plan([str(folder)], only={file.path for file in before.files})
    assert found == before


def test_an_output_below_the_archive_is_none_of_its_files(tmp_path):
    before = plan([str(write_jsonl(tmp_path / "a.jsonl", make_events(4)).parent)])
    write_jsonl(tmp_path / "scored" / "predictions" / "a.jsonl", make_events(4))
    assert len(plan([str(tmp_path)]).groups) == 2
    assert plan([str(tmp_path)], without=[f"{tmp_path}/scored"]) == before


def test_a_file_that_has_changed_is_one_problem_however_many_ranges_tell_of_it(tmp_path):
    lines, table = write_jsonl(tmp_path / "a.jsonl", make_events(400)), tmp_path / "b.parquet"
    write_parquet(table, make_events(400), row_group=20)
    groups = plan([str(tmp_path)], range_bytes=1000).groups
    with lines.open("ab") as file:
        file.write(b"{}\n")
    table.unlink()
    pipeline = Pipeline(MANIFEST, FakeScorer(lambda columns: columns["amount"]))
    tally = Tally()
    for group in groups:
        for portion in read(group, manifest=MANIFEST):
            tally += answer(group, portion, pipeline, Selection()).tally(spread_of(MANIFEST))
    assert len(groups) > 16
    assert [(Path(problem.path).name, problem.words[:8]) for problem in tally.shown] == [
        ("a.jsonl", "changed "), ("b.parquet", "vanished")
    ]  # fmt: skip
    assert (tally.problems, tally.records) == (2, 400)


@settings(max_examples=10, deadline=None)
@given(
    count=st.integers(1, 2 * PORTION),
    range_bytes=st.integers(1000, 500_000),
    per_file=st.integers(100, 3000),
    overlap=st.integers(0, 50),
    codec=st.sampled_from(["null", "deflate", "snappy"]),
    row_group=st.integers(500, 5000),
)
def test_the_same_events_come_out_of_every_kind_of_archive(
    tmp_path_factory, count, *, range_bytes, per_file, overlap, codec, row_group
):
    folder = tmp_path_factory.mktemp("archive")
    events = make_events(count, partitions=2)
    write_capture(folder / "capture", events, codec=codec, per_file=per_file, overlap=overlap, empty_every=3)
    write_jsonl(folder / "lines" / "a.jsonl", events)
    write_jsonl(folder / "zipped" / "a.jsonl.gz", events)
    write_parquet(folder / "values" / "a.parquet", events, row_group=row_group)
    write_feature_parquet(folder / "columns" / "a.parquet", events, row_group=row_group)

    def portions(kind, **more):
        found = plan([str(folder / kind)], range_bytes=range_bytes, **more)
        assert found.problems == []
        for group in found.groups:
            cut = list(read(group, manifest=MANIFEST))
            assert all(len(portion.events) == PORTION for portion in cut[:-1])
            assert all(not portion.problems for portion in cut)
            yield from cut

    captured = [event for portion in portions("capture") for event in portion.events]
    assert captured == [*events_of(events, 0), *events_of(events, 1)]
    for kind in ("lines", "zipped"):
        assert [e.value for portion in portions(kind) for e in portion.events] == [e.value for e in events]
    in_values = [event for portion in portions("values", stream="transactions") for event in portion.events]
    assert [(e.value, e.key, e.position, e.time) for e in in_values] == [
        (e.value, e.key, e.position, e.time) for e in events
    ]
    columns = list(portions("columns"))
    assert [one for portion in columns for one in portion.columns["amount"].tolist()] == [n / 4 for n in range(count)]
    assert [one for portion in columns for one in portion.event_ids] == [f"tx-{n}" for n in range(count)]


def test_a_reader_that_is_not_read_to_its_end_closes_its_files(tmp_path):
    write_capture(tmp_path / "a", make_events(9000), per_file=1000)
    write_jsonl(tmp_path / "b.jsonl", make_events(9000))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "b.jsonl").read_bytes()))
    write_parquet(tmp_path / "d.parquet", make_events(9000))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for group in plan([str(tmp_path)]).groups:
        portions = read(group, manifest=MANIFEST)
        next(portions)
        portions.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
