"""Cells of a column: as arrays of features, and as what an event is made of."""

import numpy as np
import pyarrow as pa
import pytest

from stream_worker.replay.cells import as_bytes, as_feature, as_integers, as_milliseconds, as_texts, joined, sizes_of
from tests.scoring.makers import feature


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int64(), pa.uint64()])
def test_integers_keep_their_type_and_nulls_are_masked(dtype, kind):
    found = as_feature(pa.array([1, None, 127], kind), feature("x", dtype))
    assert found.dtype == kind.to_pandas_dtype()
    assert np.ma.getmaskarray(found).tolist() == [False, True, False]
    whole = as_feature(pa.array([1, 127], kind), feature("x", dtype))
    assert (np.ma.isMaskedArray(whole), whole.tolist()) == (False, [1, 127])


def test_large_integers_stay_exact_beside_a_null():
    found = as_feature(pa.array([2**63 - 1, None]), feature("x", "int64"))
    assert int(found[0]) == 2**63 - 1


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_a_null_among_floats_is_nan(kind):
    found = as_feature(pa.array([np.float16(1.5), None], kind), feature("x"))
    assert found.dtype == kind.to_pandas_dtype()
    np.testing.assert_array_equal(found, [1.5, np.nan])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_strings_are_objects_and_a_null_is_none(kind):
    found = as_feature(pa.array(["a", None, "é", "a"]).cast(kind), feature("x", "string"))
    assert (found.dtype, found.tolist()) == (np.dtype(object), ["a", None, "é", "a"])


def test_booleans():
    assert as_feature(pa.array([True, False]), feature("x", "bool")).tolist() == [True, False]
    assert as_feature(pa.array([True, None]), feature("x", "bool")).tolist() == [True, None]


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float32", [None]), ("int64", [None]), ("bool", [None]), ("text", [None])]
)
def test_a_column_of_nulls_has_the_feature_s_kind(dtype, expected):
    found = as_feature(pa.nulls(1), feature("x", dtype))
    assert found.tolist() == expected


def test_parts_are_joined_with_what_is_masked():
    plain, masked = np.array([1, 2]), np.ma.masked_array([3, 4], [True, False])
    assert joined([plain]) is plain
    assert joined([plain, plain]).tolist() == [1, 2, 1, 2]
    assert joined([plain, masked]).tolist() == [1, 2, None, 4]


def test_bytes_texts_and_integers():
    dictionary = pa.array(["ab", None, "ab"]).dictionary_encode()
    assert as_bytes(dictionary) == [b"ab", None, b"ab"]
    assert sizes_of(dictionary) == [2, 0, 2]
    assert sizes_of(pa.array(["é", None])) == [2, 0]
    assert as_texts(pa.array([1, None])) == ["1", None]
    assert as_integers(pa.array([1, None], pa.uint8())) == [1, None]


@pytest.mark.parametrize(("unit", "value"), [("s", -1), ("ms", -1000), ("us", -1_000_000), ("ns", -1_000_000_000)])
def test_times_are_milliseconds(unit, value):
    assert as_milliseconds(pa.array([value, None], pa.timestamp(unit))) == [-1000, None]
    assert as_milliseconds(pa.array([value], pa.timestamp(unit, "Europe/Berlin"))) == [-1000]
