"""Parquet: events in a column, or features as columns; positions, ids, nulls, types; what is damaged or too large."""

import datetime as dt
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import Event, FakeScorer, Pipeline, Position, Rejected, encode
from stream_worker.replay.archive import plan, read
from stream_worker.replay.limits import Limits
from stream_worker.replay.records import PORTION
from tests.replay.archives import make_events, write_feature_parquet, write_parquet
from tests.scoring.makers import feature, manifest

AMOUNTS = manifest(feature("amount"), feature("hour", "int64"), event_id=("id",))
MIXED = manifest(
    feature("amount", path=("payment", "amount")),
    feature("count", "int64"),
    feature("word", "string", nullable=True),
    feature("flag", "bool"),
    feature("rare", "float64", nullable=True),
)


def write(path, row_group=None, **columns):
    pq.write_table(pa.table(columns), path, row_group_size=row_group or 1_000_000)
    return path


def portions(path, described=AMOUNTS, range_bytes=33_554_432, **more):
    found = plan([str(path)], range_bytes=range_bytes)
    assert found.problems == []
    return [portion for group in found.groups for portion in read(group, manifest=described, **more)]


def events(found):
    return [event for portion in found for event in portion.events]


def problems(found):
    return [(problem.offset, problem.words) for portion in found for problem in portion.problems]


@pytest.mark.parametrize("column", ["value", "body", "Body"])
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.string(), pa.large_string()])
def test_a_column_may_hold_the_event(tmp_path, column, kind):
    path = write(tmp_path / "a.parquet", **{column: pa.array(['{"é": 1}', None, ""], kind), "other": [1, 2, 3]})
    (portion,) = portions(path)
    assert portion.events == [Event('{"é": 1}'.encode()), Event(None), Event(b"")]
    assert (portion.columns, portion.event_ids, portion.problems) == (None, None, [])


def test_events_as_a_dictionary(tmp_path):
    path = write(tmp_path / "a.parquet", value=pa.array([b"{}", b"[]", None, b"{}"]).dictionary_encode())
    (portion,) = portions(path)
    assert [event.value for event in portion.events] == [b"{}", b"[]", None, b"{}"]


def test_a_column_may_be_named(tmp_path):
    path = write(tmp_path / "a.parquet", payload=["a"], value=["b"])
    assert [event.value for event in events(portions(path, column="payload"))] == [b"a"]
    for column, words in (
        ("absent", "there is no column absent (there are payload, value)"),
        ("value", "column value is int64; expected the event, as binary or string"),
    ):
        other = write(tmp_path / "b.parquet", payload=["a"], value=[1])
        assert problems(portions(other, column=column)) == [(0, words)]


@pytest.mark.parametrize(
    ("name", "stamp"),
    [("s", 1_700_000_000), ("ms", 1_700_000_000_123), ("us", 1_700_000_000_123_999), ("ns", 1_700_000_000_123_999_999)],
)
def test_key_position_and_time_stand_beside_the_event(tmp_path, name, stamp):
    path = write(
        tmp_path / "a.parquet",
        value=["{}", "{}"],
        key=["k", None],
        partition=pa.array([3, 4], pa.int32()),
        offset=pa.array([1, 1 << 40], pa.uint64()),
        timestamp=pa.array([stamp, None], pa.timestamp(name, "UTC")),
    )
    found = plan([str(path)], stream="orders")
    (portion,) = read(found.groups[0], manifest=AMOUNTS)
    milliseconds = 1_700_000_000_000 if name == "s" else 1_700_000_000_123
    assert portion.events == [
        Event(b"{}", b"k", (), Position("orders", 3, 1), milliseconds),
        Event(b"{}", None, (), Position("orders", 4, 1 << 40), None),
    ]


def test_columns_of_other_types_are_not_taken_for_positions(tmp_path):
    path = write(tmp_path / "a.parquet", value=["{}"], key=[7], offset=["x"], timestamp=["soon"], partition=[1])
    assert events(portions(path)) == [Event(b"{}")]
    path = write(tmp_path / "b.parquet", value=["{}"], sequence_number=[7])
    assert events(portions(path)) == [Event(b"{}", None, (), Position("b", 0, 7))]


def test_a_row_without_a_position_has_none(tmp_path):
    path = write(tmp_path / "a.parquet", row_group=2, value=["a", "b", "c"], offset=[0, None, 2])
    assert events(portions(path)) == [
        Event(b"a", position=Position("a", 0, 0)), Event(b"b"), Event(b"c", position=Position("a", 0, 2))
    ]  # fmt: skip
    nothing = pa.array([None, None], pa.int64())
    path = write(tmp_path / "b.parquet", value=["a", "b"], partition=nothing, offset=nothing)
    assert (events(portions(path)), problems(portions(path))) == ([Event(b"a"), Event(b"b")], [])


def test_a_row_that_says_where_it_stood_in_a_way_that_makes_no_sense_is_passed_over_alone(tmp_path):
    path = write(
        tmp_path / "a.parquet",
        value=list("abcdef"),
        partition=[0, None, 3, 1 << 31, 5, None],
        offset=pa.array([1, 2, None, 4, 1 << 63, None], pa.uint64()),
    )
    with pytest.MonkeyPatch.context() as patch:
        for size in (1, 2, 6):
            patch.setattr("stream_worker.replay.parquet.PORTION", size)
            found = portions(path)
            assert events(found) == [Event(b"a", position=Position("a", 0, 1)), Event(b"f")]
            assert problems(found) == [
                (1, "column partition is null and offset is not; expected both or neither; the row was passed over"),
                (2, "column offset is null and partition is not; expected both or neither; the row was passed over"),
                (3, "column partition is 2147483648; expected -2147483648 to 2147483647; the row was passed over"),
                (
                    4,
                    (
                        "column offset is 9223372036854775808; expected -9223372036854775808 to 9223372036854775807; "
                        "the row was passed over"
                    ),
                ),
            ]
            (group,) = plan([str(path)]).groups
            for place, each in enumerate(found):
                assert list(read(group, manifest=AMOUNTS, cursor=each.cursor)) == found[place + 1 :]


def test_rows_of_features_without_a_position_stand_where_they_do_in_the_file(tmp_path):
    path = write(tmp_path / "a.parquet", amount=[1.0, 2.0], offset=pa.array([7, None]))
    (portion,) = portions(path, manifest(feature("amount")))
    assert [event.position for event in portion.events] == [Position("a", 0, 7), Position("a/rows", 0, 1)]


def test_features_may_be_columns(tmp_path):
    path = write(
        tmp_path / "a.parquet",
        **{"payment.amount": pa.array([1.5, None], pa.float32()), "count": pa.array([1, None], pa.int16()),
           "word": ["a", None], "flag": [True, None], "rare": pa.array([None, 2], pa.int64()), "more": [1, 2]},
    )  # fmt: skip
    (portion,) = portions(path, MIXED)
    assert portion.columns is not None
    assert list(portion.columns) == ["amount", "count", "word", "flag", "rare"]
    np.testing.assert_array_equal(portion.columns["amount"], np.array([1.5, np.nan], np.float32))
    assert np.ma.getmaskarray(portion.columns["count"]).tolist() == [False, True]
    assert portion.columns["word"].tolist() == ["a", None]
    assert np.ma.getmaskarray(portion.columns["flag"]).tolist() == [False, True]
    np.testing.assert_array_equal(np.ma.filled(portion.columns["rare"].astype(float), np.nan), [np.nan, 2])
    assert portion.events == [Event(None, None, (), Position("a", 0, row)) for row in range(2)]


def test_a_feature_s_name_comes_before_its_path(tmp_path):
    path = write(tmp_path / "a.parquet", **{"payment.amount": [1.0], "amount": [2.0], "count": [1], "flag": [True]})
    (portion,) = portions(path, MIXED)
    assert portion.columns is not None
    assert portion.columns["amount"].tolist() == [2.0]
    assert "rare" not in portion.columns


def test_a_feature_called_value_is_no_event(tmp_path):
    path = write(tmp_path / "a.parquet", value=["a", "b"])
    (portion,) = portions(path, manifest(feature("value", "string")))
    assert portion.columns is not None
    assert portion.columns["value"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["a", None, ""], ["a", None, ""]),
        (pa.array([1, None, -(2**63)], pa.int64()), ["1", None, str(-(2**63))]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
    ],
)
def test_ids_come_from_their_column(tmp_path, ids, expected):
    path = write(tmp_path / "a.parquet", id=ids, amount=[1.0, 2.0, 3.0], hour=[1, 2, 3])
    (portion,) = portions(path)
    assert (portion.event_ids, portion.events) == (expected, [Event(None)] * 3)


LISTS = pa.array([[1.0]])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"amount": ["a"]}, "column amount is string; expected a number"),
        ({"amount": [True]}, "column amount is bool; expected a number"),
        ({"amount": LISTS}, "column amount is list<element: double>; expected a number"),
        ({"hour": [1.0]}, "column hour is double; expected an integer"),
        ({"id": [1.0]}, "column id is double; expected the events' ids, as string or int64"),
        ({"id": pa.array([1], pa.uint64())}, "column id is uint64; expected the events' ids, as string or int64"),
        ({"id": None}, "there is no column id with the events' ids (there are amount, hour)"),
        (
            {"amount": None},
            (
                "neither a column with the event (value, body, Body: binary or string) nor the features amount "
                "(there are id, hour)"
            ),
        ),
        (
            {"amount": None, "hour": None},
            (
                "neither a column with the event (value, body, Body: binary or string) nor the "
                "features amount, hour (there are id)"
            ),
        ),
    ],
)
def test_columns_that_do_not_fit_are_one_problem_of_the_file(tmp_path, columns, words):
    given_columns = {"id": ["a"], "amount": [1.0], "hour": [1]} | columns
    path = write(tmp_path / "a.parquet", **{name: cells for name, cells in given_columns.items() if cells is not None})
    assert problems(portions(path)) == [(0, words)]


@pytest.mark.parametrize(
    ("dtype", "cells", "expected"),
    [
        ("string", [1], "string"),
        ("text", [b"a"], "string"),
        ("bool", [1], "bool"),
        ("int64", [True], "an integer"),
        ("float64", [dt.date(2024, 1, 1)], "a number"),
        ("float32", pa.array(["1.50"]).cast(pa.decimal128(5, 2)), "a number"),
    ],
)
def test_each_dtype_has_its_columns(tmp_path, dtype, cells, expected):
    path = write(tmp_path / "a.parquet", x=cells)
    ((_, words),) = problems(portions(path, manifest(feature("x", dtype))))
    assert words.startswith("column x is ")
    assert words.endswith(f"; expected {expected}")


def test_a_tensor_is_read_from_events_only(tmp_path):
    path = write(tmp_path / "a.parquet", x=[[1.0, 2.0]])
    ((_, words),) = problems(portions(path, manifest(feature("x", "tensor", shape=(2,)))))
    assert words.endswith("expected tensors in a column with the event")


def test_a_misfit_is_told_once_however_many_groups_there_are(tmp_path):
    path = write(tmp_path / "a.parquet", row_group=10, amount=["a"] * 100, hour=[1] * 100, id=["a"] * 100)
    found = plan([str(path)], range_bytes=1)
    assert len(found.groups) == 10
    assert len(portions(path, range_bytes=1)) == 1


def test_columns_that_come_twice_are_a_problem(tmp_path):
    table = pa.table(
        [pa.array([1.0]), pa.array([2.0]), pa.array([1]), pa.array(["a"])], ["amount", "amount", "hour", "id"]
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert problems(portions(tmp_path / "a.parquet")) == [(0, "there are 2 columns amount; expected one")]


def test_columns_of_nulls_alone_are_nulls(tmp_path):
    nothing = pa.nulls(2)
    path = write(tmp_path / "a.parquet", amount=nothing, count=nothing, word=nothing, flag=nothing, rare=nothing)
    found = portions(path, MIXED)
    assert (
        scored(MIXED, found)
        == [Rejected("wrong_type", "payment.amount is null; expected a number", "payment.amount")] * 2
    )


def test_text_that_is_not_utf8_is_refused_in_its_row(tmp_path):
    text = pa.Array.from_buffers(pa.string(), 3, [None, *pa.array([b"a", b"\xff", b"c"]).buffers()[1:]])
    path = write(tmp_path / "a.parquet", x=text)
    described = manifest(feature("x", "string"))
    outcomes = scored(described, portions(path, described))
    assert outcomes[1] == Rejected("wrong_type", "x is not UTF-8; expected a string", "x")
    assert [isinstance(outcome, Rejected) for outcome in outcomes] == [False, True, False]


def scored(described, found):
    pipeline = Pipeline(described, FakeScorer(lambda columns: np.zeros(len(next(iter(columns.values()))))))
    return [
        outcome
        for portion in found
        for outcome in pipeline.finish(
            pipeline.run(pipeline.prepare_columns(portion.events, portion.columns, portion.event_ids))
        )
    ]


def test_columns_and_events_get_the_same_bytes(tmp_path):
    some = make_events(5000)
    write_feature_parquet(tmp_path / "a.parquet", some, row_group=700)
    pipeline = Pipeline(AMOUNTS, FakeScorer(lambda columns: columns["amount"] + columns["hour"]))
    outcomes = []
    for portion in portions(tmp_path / "a.parquet"):
        prepared = pipeline.prepare_columns(portion.events, portion.columns, portion.event_ids)
        outcomes += pipeline.finish(pipeline.run(prepared))
    assert encode(outcomes) == encode(pipeline.score(some))


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 100),
    row_group=st.integers(5, 60),
    size=st.integers(5, 50),
    form=st.sampled_from(["value", "columns"]),
)
def test_portions_are_full_and_reading_goes_on_behind_any(tmp_path_factory, count, row_group, size, form):
    folder = tmp_path_factory.mktemp("rows")
    make = write_parquet if form == "value" else write_feature_parquet
    path = make(folder / "a.parquet", make_events(count), row_group=row_group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream_worker.replay.parquet.PORTION", size)
        (group,) = plan([str(path)]).groups
        found = list(read(group, manifest=AMOUNTS))
        assert [len(portion.events) for portion in found[:-1]] == [size] * (len(found) - 1)
        assert sum(len(portion.events) for portion in found) == count
        assert [portion.cursor["row"] for portion in found] == [min(size * n, count) for n in range(1, len(found) + 1)]
        assert found[-1].bytes_read == group.size
        for place, portion in enumerate(found):
            assert told(read(group, manifest=AMOUNTS, cursor=portion.cursor)) == told(found[place + 1 :])


def told(found):
    return [
        (
            list(portion.events),
            {name: cells.tolist() for name, cells in (portion.columns or {}).items()},
            portion.event_ids,
            portion.problems,
            portion.cursor,
            portion.bytes_read,
        )
        for portion in found
    ]


def spoil(path, start, stop):
    text = bytearray(path.read_bytes())
    text[start:stop] = bytes(byte ^ 0xFF for byte in text[start:stop])
    path.write_bytes(bytes(text))


@pytest.mark.parametrize("codec", ["snappy", "gzip", "zstd"])
def test_a_damaged_row_group_is_told_with_its_row_and_the_others_are_read(tmp_path, codec):
    path = tmp_path / "a.parquet"
    some = make_events(3000)
    table = pa.table({"value": [event.value for event in some]})
    pq.write_table(table, path, row_group_size=1000, compression=codec, use_dictionary=False, data_page_size=4000)
    column = pq.read_metadata(path).row_group(1).column(0)
    middle = column.data_page_offset + column.total_compressed_size // 2
    spoil(path, middle, middle + 300)
    found = portions(path)
    ((offset, words),) = problems(found)
    assert 1000 <= offset < 2000
    assert words.startswith("row group 1 cannot be read from here on: ")
    expected = [event.value for event in [*some[:1000], *some[2000:]]]
    kept = [event.value for event in events(found)]
    assert [value for value in kept if value in set(expected)] == expected
    assert kept == [event.value for event in [*some[:offset], *some[2000:]]]


def test_a_page_whose_checksum_is_wrong_is_told(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"value": ["{}"] * 100}), path, compression="none", use_dictionary=False, write_page_checksum=True
    )
    place = path.read_bytes().index(b"{}") + 300
    spoil(path, place, place + 1)
    found = portions(path)
    assert events(found) == []
    assert "CRC" in problems(found)[0][1]


BOMB = 60_000_000


@pytest.mark.parametrize("codec", ["gzip", "zstd", "snappy"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_a_page_that_is_a_bomb_is_told_and_not_opened(tmp_path, codec, dictionary):
    path = tmp_path / "a.parquet"
    table = pa.table({"value": [b"{}", bytes(BOMB), b"[]"]})
    pq.write_table(table, path, row_group_size=1, compression=codec, use_dictionary=dictionary)
    del table
    before = pa.total_allocated_bytes()
    peak = pa.default_memory_pool().max_memory()
    tracemalloc.start()
    found = portions(path, limits=Limits(max_block_bytes=1_000_000))
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [event.value for event in events(found)] == [b"{}", b"[]"]
    ((offset, words),) = problems(found)
    assert offset == 1
    assert "that claims 600000" in words
    assert words.endswith("bytes; at most 1000000 are read")
    assert traced < 10_000_000
    assert pa.total_allocated_bytes() - before < 10_000_000
    assert pa.default_memory_pool().max_memory() <= max(peak, before + 10_000_000)


def test_a_dictionary_of_long_texts_takes_no_more_than_a_block_at_once(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"value": [b"x" * 500_000] * 600}), path)
    assert path.stat().st_size < 100_000
    (group,) = plan([str(path)]).groups
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    limits = Limits(max_event_bytes=1000, max_block_bytes=5_000_000)
    found = list(read(group, manifest=AMOUNTS, limits=limits))
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(events(found)) == 10
    assert len(problems(found)) == 590
    assert problems(found)[0] == (
        10,
        (
            "an event of 500000 bytes; at most 1000 are accepted, and among its neighbours are so many larger ones "
            "that it was passed over"
        ),
    )
    assert traced < 60_000_000
    assert pa.total_allocated_bytes() - before < 60_000_000


def test_a_file_that_changes_or_vanishes_is_told(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", make_events(100))
    (group,) = plan([str(path)]).groups
    write_parquet(path, make_events(101))
    (portion,) = read(group, manifest=AMOUNTS)
    assert problems([portion])[-1][1].startswith("changed while it was read: it had ")
    path.unlink()
    (portion,) = read(group, manifest=AMOUNTS)
    assert [words for _, words in problems([portion])] == ["vanished while it was read: there is no such file"]


def test_a_file_with_fewer_row_groups_than_were_planned_is_told(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", make_events(1000), row_group=100)
    groups = plan([str(path)], range_bytes=1).groups
    write_parquet(path, make_events(100), row_group=100)
    (portion,) = read(groups[9], manifest=AMOUNTS)
    assert (list(portion.events), len(portion.problems)) == ([], 1)


GOOD = make_events(600)


@settings(max_examples=60, deadline=None)
@given(flips=st.lists(st.integers(0, 10**8), min_size=1, max_size=4), form=st.sampled_from(["value", "columns"]))
def test_flipped_bits_never_stop_a_replay(tmp_path_factory, flips, form):
    folder = tmp_path_factory.mktemp("flipped")
    path = (write_parquet if form == "value" else write_feature_parquet)(folder / "a.parquet", GOOD, row_group=100)
    text = bytearray(path.read_bytes())
    for flip in flips:
        text[flip // 8 % len(text)] ^= 1 << flip % 8
    path.write_bytes(bytes(text))
    found = plan([str(folder)])
    for group in found.groups:
        for portion in read(group, manifest=AMOUNTS, limits=Limits(max_block_bytes=10_000_000)):
            assert len(portion.events) <= PORTION
            if portion.columns is not None:
                Pipeline(AMOUNTS, FakeScorer(lambda columns: columns["amount"])).prepare_columns(
                    portion.events, portion.columns, portion.event_ids
                )


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(
        path, pa.schema([("amount", pa.float64()), ("hour", pa.int64()), ("id", pa.int64())])
    ) as writer:
        for _ in range(12):
            numbers = np.random.default_rng(0).random(50_000)
            writer.write_table(pa.table({"amount": numbers, "hour": range(50_000), "id": range(50_000)}))
    assert Path(path).stat().st_size > 6_000_000
    (group,) = plan([str(path)], range_bytes=1 << 40).groups
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    rows, allocated = 0, 0
    for portion in read(group, manifest=AMOUNTS):
        rows += len(portion.events)
        allocated = max(allocated, pa.total_allocated_bytes() - before)
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 600_000
    assert traced < 10_000_000
    assert allocated < 20_000_000
