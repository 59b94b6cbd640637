"""What the columns of a table are for."""

import pyarrow as pa
import pytest

from scoring import Event
from stream_worker.replay.records import Group
from stream_worker.replay.tables import MisfitError, Piece, Shape, shape_of
from tests.scoring.makers import feature, manifest

MANIFEST = manifest(feature("amount"), feature("word", "string", nullable=True), event_id=("meta", "id"))
GROUP = Group(number=0, name="a", kind="parquet", files=(), stream="a", partition=7)


def shape(column=None, described=MANIFEST, **types):
    return shape_of(pa.schema(types), described, column)


def test_an_event_column_wins_over_features():
    found = shape(amount=pa.float64(), body=pa.binary(), key=pa.string(), partition=pa.int32(), offset=pa.int64())
    assert found == Shape(value="body", key="key", partition="partition", offset="offset")
    assert found.columns == ["body", "key", "partition", "offset"]


def test_features_and_ids_are_found_by_name_and_by_path():
    found = shape(**{"amount": pa.int8(), "meta.id": pa.string(), "more": pa.date32(), "timestamp": pa.timestamp("us")})
    assert found == Shape(features=((MANIFEST.features[0], "amount"),), event_id="meta.id", time="timestamp")
    assert found.columns == ["meta.id", "timestamp", "amount"]


def test_a_column_has_one_use():
    described = manifest(feature("offset"), feature("key", "string"), event_id=("partition",))
    found = shape(described=described, offset=pa.int64(), key=pa.string(), partition=pa.int64())
    assert (found.offset, found.key, found.partition) == (None, None, None)
    assert [name for _, name in found.features] == ["offset", "key"]


def test_the_sequence_number_comes_before_the_offset():
    assert shape(value=pa.string(), offset=pa.int64(), sequence_number=pa.int64()).offset == "sequence_number"


def test_many_columns_are_not_all_listed():
    with pytest.raises(MisfitError) as caught:
        shape(**{f"c{number}": pa.int8() for number in range(100)})
    assert str(caught.value).endswith("(there are c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 90 more)")


def test_a_table_of_nullable_features_needs_one_of_them():
    described = manifest(feature("x", nullable=True), feature("y", nullable=True))
    assert [name for _, name in shape(described=described, y=pa.float32()).features] == ["y"]
    with pytest.raises(MisfitError) as caught:
        shape(described=described, z=pa.float32())
    assert "nor the features x, y (there are z)" in str(caught.value)


def test_rows_without_anything_of_their_own_share_one_event():
    found = shape(**{"amount": pa.float64(), "meta.id": pa.string()})
    (piece,) = found.pieces(pa.record_batch({"amount": [1.0, 2.0], "meta.id": ["a", "b"]}), 5, GROUP)
    assert (piece.start, piece.stop, piece.event_ids) == (5, 7, ["a", "b"])
    assert piece.events[0] is piece.events[1]


def test_pieces_are_cut():
    found = shape(value=pa.string())
    (piece,) = found.pieces(pa.record_batch({"value": ["a", "bb", None]}), 5, GROUP)
    assert piece.sizes == [1, 2, 0]
    assert piece.between(1, 3) == Piece(6, [Event(b"bb"), Event(None)], [2, 0], None, None)
