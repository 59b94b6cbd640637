"""Arrays in place of events: the same values pass, become the same columns, and are refused in the same cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scoring import Rejected
from scoring.arrays import check_column, check_columns
from scoring.columns import build_column
from tests.scoring.makers import base64_text, feature, image_bytes

LARGEST = float(np.finfo(np.float32).max)


def texts(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("dtype", "array", "expected"),
    [
        ("float32", np.array([1.5, -2]), np.array([1.5, -2], np.float32)),
        ("float32", np.array([16777217, 2**53 + 1]), np.array([16777216, 2**53], np.float32)),
        ("float32", np.array([0.1], np.float16), np.array([np.float16(0.1)], np.float32)),
        ("float64", np.array([0.1], np.float32), np.array([np.float32(0.1)], np.float64)),
        ("float64", np.array([2**64 - 1], np.uint64), np.array([2.0**64])),
        ("int64", np.array([1, 255], np.uint8), np.array([1, 255])),
        ("int64", np.array([2**63 - 1, -(2**63)]), np.array([2**63 - 1, -(2**63)])),
        ("int64", np.array([3.0, -(2.0**63)], np.float32), np.array([3, -(2**63)])),
        ("bool", np.array([True, False]), np.array([True, False])),
        ("string", texts("a", ""), texts("a", "")),
        ("text", texts("a b", "日本"), texts("a b", "日本")),
    ],
)
def test_an_array_becomes_the_features_column(dtype, array, expected):
    column, refused = check_column(feature("x", dtype), array)
    assert column.dtype == expected.dtype
    np.testing.assert_array_equal(column, expected)
    assert refused == {}


@pytest.mark.parametrize(
    ("dtype", "array", "code", "reason"),
    [
        ("float32", np.array([0, 1e39]), "out_of_range", "x is 1e+39; expected a number within float32"),
        ("float32", np.array([0, -np.inf]), "out_of_range", "x is -inf; expected a number within float32"),
        ("float32", np.array([0, np.nan]), "wrong_type", "x is nan; expected a number"),
        ("float64", np.array([0, np.nan]), "wrong_type", "x is nan; expected a number"),
        ("float64", np.array([0, np.inf]), "out_of_range", "x is inf; expected a finite number"),
        ("int64", np.array([0, 2.5]), "wrong_type", "x is 2.5; expected an integer within 64 bits"),
        (
            "int64",
            np.array([0, 2.0**63]),
            "wrong_type",
            "x is a number of 18 digits; expected an integer within 64 bits",
        ),
        ("int64", np.array([0, np.nan]), "wrong_type", "x is nan; expected an integer within 64 bits"),
        (
            "int64",
            np.array([0, 2**63], np.uint64),
            "wrong_type",
            "x is a number of 19 digits; expected an integer within 64 bits",
        ),
        (
            "string",
            texts("a", "b" * 257),
            "too_long",
            "x is a string of 257 characters; expected a string of length <= 256",
        ),
        ("string", texts("a", None), "wrong_type", "x is null; expected a string"),
        ("text", texts("a", 5), "wrong_type", "x is 5; expected a string"),
    ],
)
def test_a_cell_is_refused_as_an_events_value_is(dtype, array, code, reason):
    column, refused = check_column(feature("x", dtype, path=("a", "b")), array)
    assert refused == {1: Rejected(code, reason, "x")}
    assert len(column) == 2


@pytest.mark.parametrize(
    ("dtype", "array", "reason"),
    [
        ("float32", np.array([True, False]), "x is an array of booleans; expected numbers"),
        ("int64", texts("1", "2"), "x is an array of strings; expected numbers"),
        ("float32", np.array([1j, 2j]), "x is an array of complex128; expected numbers"),
        ("bool", np.array([0, 1]), "x is an array of int64; expected booleans"),
        ("string", np.array([0, 1]), "x is an array of int64; expected strings"),
    ],
)
def test_an_array_of_another_kind_is_refused_whole(dtype, array, reason):
    _, refused = check_column(feature("x", dtype), array)
    assert refused == dict.fromkeys((0, 1), Rejected("wrong_type", reason, "x"))


def test_nulls_pass_where_there_may_be_some():
    numbers, none = check_column(feature("x", nullable=True), np.array([np.nan, 1]))
    strings, nobody = check_column(feature("x", "string", nullable=True), texts(None, "a"))
    assert (none, nobody) == ({}, {})
    np.testing.assert_array_equal(numbers, np.array([np.nan, 1], np.float32))
    assert strings.tolist() == ["", "a"]
    _, refused = check_column(feature("x", "string", nullable=True), texts(None, 5))
    assert refused[1].reason == "x is 5; expected a string or null"


def test_tensors_and_images_come_as_numbers_or_as_an_event_has_them():
    pixels = np.arange(8.0).reshape(2, 1, 2, 2)
    tensor, _ = check_column(feature("x", "tensor", shape=(1, 2, 2)), pixels)
    image, _ = check_column(feature("x", "image", shape=(1, 2, 2)), pixels)
    np.testing.assert_array_equal(tensor, pixels.astype(np.float32))
    np.testing.assert_array_equal(image, tensor)
    encoded = base64_text(image_bytes(Image.new("L", (2, 2), 9)))
    decoded, refused = check_column(feature("x", "image", shape=(1, 2, 2)), texts(encoded, None, "AAAA"))
    assert decoded[0].tolist() == [[[9, 9], [9, 9]]]
    assert {row: why.code for row, why in refused.items()} == {1: "wrong_type", 2: "invalid_image"}


def test_the_first_features_complaint_about_a_row_stands():
    features = (feature("a"), feature("b"), feature("c", "string", nullable=True), feature("d", nullable=True))
    columns, refused = check_columns(features, {"a": np.array([1, np.inf, 3]), "b": np.array([np.nan, np.nan, 1])})
    assert {row: why.field for row, why in refused.items()} == {0: "b", 1: "a"}
    assert columns["c"].tolist() == ["", "", ""]
    assert np.isnan(columns["d"]).all()


@given(st.lists(st.floats(allow_infinity=False), min_size=1), st.booleans())
def test_floats_are_what_an_events_are(values, nullable):
    each = feature("x", nullable=nullable)
    columns, refused = check_columns((each,), {"x": np.array(values)})
    expected, wrong = build_column(each, [None if np.isnan(value) else value for value in values])
    if not nullable:
        wrong |= dict.fromkeys(np.flatnonzero(np.isnan(values)).tolist())
    assert refused.keys() == wrong.keys()
    kept = [row for row in range(len(values)) if row not in refused]
    np.testing.assert_array_equal(columns["x"][kept], expected[kept])
