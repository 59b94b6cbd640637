"""Where the rows of a table stood."""

import pyarrow as pa
import pytest

from scoring import Position
from stream_worker.replay.records import Group
from stream_worker.replay.row_positions import Misfit, PlaceColumns, positions_of

GROUP = Group(number=0, name="a", kind="parquet", files=(), stream="tx", partition=7, place="tx/b/a")
BOTH = PlaceColumns("partition", "offset")


def look(columns, *, numbered=False, **cells):
    rows = pa.record_batch({"value": pa.nulls(2)} | {name: pa.array(each) for name, each in cells.items()})
    return positions_of(rows, 5, columns, GROUP, numbered=numbered)


def test_positions_come_from_the_columns_and_the_partition_from_the_group_where_there_is_none():
    assert look(BOTH, partition=[1, 2], offset=[3, 4]) == ([Position("tx", 1, 3), Position("tx", 2, 4)], ())
    assert look(PlaceColumns(None, "offset"), offset=[3, 4]) == ([Position("tx", 7, 3), Position("tx", 7, 4)], ())


def test_rows_without_a_position_have_none_or_are_numbered_where_nothing_else_tells_them_apart():
    assert look(None) == ([None, None], ())
    assert look(None, numbered=True) == ([Position("tx/b/a", 7, 5), Position("tx/b/a", 7, 6)], ())
    assert look(BOTH, partition=[None, 1], offset=[None, 3]) == ([None, Position("tx", 1, 3)], [])
    assert look(BOTH, partition=[None, 1], offset=[None, 3], numbered=True) == (
        [Position("tx/b/a/rows", 7, 5), Position("tx", 1, 3)], []
    )  # fmt: skip
    assert look(PlaceColumns(None, "offset"), offset=[None, 3]) == ([None, Position("tx", 7, 3)], [])


@pytest.mark.parametrize(
    ("partition", "offset", "words"),
    [
        (1, None, "column offset is null and partition is not; expected both or neither"),
        (None, 1, "column partition is null and offset is not; expected both or neither"),
        (1 << 31, 1, "column partition is 2147483648; expected -2147483648 to 2147483647"),
        (-1 - (1 << 31), 1, "column partition is -2147483649; expected -2147483648 to 2147483647"),
        (1, 1 << 63, f"column offset is {1 << 63}; expected {-(1 << 63)} to {(1 << 63) - 1}"),
    ],
)
def test_a_position_that_makes_no_sense_is_a_misfit(partition, offset, words):
    cells = pa.array([0, offset], pa.uint64() if offset and offset > 1 else pa.int64())
    _, misfits = look(BOTH, partition=[0, partition], offset=cells)
    assert misfits == [Misfit(6, words)]


def test_no_rows_are_no_rows():
    rows = pa.record_batch({"partition": pa.array([], pa.int64()), "offset": pa.array([], pa.int64())})
    assert positions_of(rows, 5, BOTH, GROUP, numbered=True) == ([], ())
