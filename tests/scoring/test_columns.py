"""Columns: each dtype's array, its nulls, its bounds, and the rows that it cannot take."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scoring import Rejected
from scoring.columns import build_column
from tests.scoring.makers import base64_text, feature, image_bytes

LARGEST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        ("float32", [1.5, -2.0], np.array([1.5, -2.0], np.float32)),
        ("float64", [0.1, 1e300], np.array([0.1, 1e300])),
        ("int64", [2**63 - 1, -(2**63)], np.array([2**63 - 1, -(2**63)])),
        ("bool", [True, False], np.array([True, False])),
        ("string", ["a", ""], np.array(["a", ""], object)),
        ("text", ["a b", "日本"], np.array(["a b", "日本"], object)),
    ],
)
def test_each_dtype_has_its_array(dtype, values, expected):
    column, refused = build_column(feature("x", dtype), values)
    assert column.dtype == expected.dtype
    np.testing.assert_array_equal(column, expected)
    assert refused == {}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_null_number_is_nan(dtype):
    column, refused = build_column(feature("x", dtype, nullable=True), [None, 1.0, None])
    np.testing.assert_array_equal(column, np.array([np.nan, 1.0, np.nan], dtype))
    assert refused == {}


@pytest.mark.parametrize("dtype", ["string", "text"])
def test_a_null_string_is_empty(dtype):
    column, _ = build_column(feature("x", dtype, nullable=True), [None, "a", ""])
    assert column.tolist() == ["", "a", ""]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_strings_stay_strings_however_long_the_column(length):
    column, _ = build_column(feature("x", "string"), ["ab"] * length)
    assert column.shape == (length,)
    assert column.tolist() == ["ab"] * length


def test_tensors_are_stacked():
    values = [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]
    column, _ = build_column(feature("x", "tensor", shape=(2, 3)), values)
    assert (column.dtype, column.shape) == (np.float32, (2, 2, 3))
    np.testing.assert_array_equal(column.ravel(), np.arange(1, 13))


def test_a_tensor_of_no_dimension_is_a_number():
    column, _ = build_column(feature("x", "tensor", shape=()), [1.0, 2.0])
    assert column.tolist() == [1.0, 2.0]


def test_float32_takes_all_that_fits():
    values = [LARGEST, -LARGEST, 1e-46, 5e-324, -0.0, 16777217.0]
    column, refused = build_column(feature("x"), values)
    np.testing.assert_array_equal(column, np.array([LARGEST, -LARGEST, 0, 0, 0, 16777216], np.float32))
    assert np.signbit(column[4])
    assert refused == {}


def test_float32_refuses_what_would_become_infinite():
    above = float(np.nextafter(LARGEST, np.inf))
    column, refused = build_column(feature("x", path=("a", "x")), [1.0, 1e39, -1e300, above, 2.0])
    assert column.tolist() == [1.0, 0.0, 0.0, 0.0, 2.0]
    assert refused == {
        1: Rejected("out_of_range", "a.x is 1e+39; expected a number within float32", "a.x"),
        2: Rejected("out_of_range", "a.x is -1e+300; expected a number within float32", "a.x"),
        3: Rejected("out_of_range", "a.x is a number of 18 digits; expected a number within float32", "a.x"),
    }


def test_a_tensor_with_one_cell_out_of_range_is_one_refusal():
    values = [[[1, 2], [3, 4]], [[1, 1e39], [-1e40, 4]]]
    column, refused = build_column(feature("x", "tensor", shape=(2, 2)), values)
    assert refused == {1: Rejected("out_of_range", "x is 1e+39; expected a number within float32", "x")}
    np.testing.assert_array_equal(column[0], [[1, 2], [3, 4]])
    assert np.isfinite(column).all()


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_each_number_is_cast_or_refused_by_itself(values):
    column, refused = build_column(feature("x", nullable=True), values)
    for row, value in enumerate(values):
        if value is not None and abs(value) > LARGEST:
            assert refused.pop(row).code == "out_of_range"
            assert np.isfinite(column[row])
        else:
            np.testing.assert_array_equal(column[row], np.float32(np.nan if value is None else value))
    assert refused == {}


def test_a_bad_image_leaves_its_neighbours_alone():
    good = base64_text(image_bytes(Image.new("L", (2, 2), 9)))
    column, refused = build_column(feature("photo", "image", shape=(1, 2, 2)), [good, "é", "AAAA", good])
    assert column.shape == (4, 1, 2, 2)
    assert column.dtype == np.float32
    assert column[[0, 3]].tolist() == [[[[9, 9], [9, 9]]]] * 2
    assert not column[[1, 2]].any()
    assert refused == {
        1: Rejected("invalid_image", "photo is not base64; expected base64 of a whole PNG or JPEG", "photo"),
        2: Rejected("invalid_image", "photo is not a PNG or JPEG; expected base64 of a whole PNG or JPEG", "photo"),
    }
