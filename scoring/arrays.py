"""A caller's arrays to columns: checked as an event's values are, in place of them.

Rules:
- What an event's value may be, an array's cell may be, and it becomes the same number or string.
- Numbers are checked by vectorised code; strings, which NumPy keeps as objects, by C functions over all of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.columns import Columns, build_column, float32_column, image_column, narrowed, without
from scoring.explain import describe
from scoring.manifest import Feature
from scoring.outcomes import Rejected

__all__ = ["check_column", "check_columns"]

_TWO_TO_63 = 2.0**63


def check_columns(features: Sequence[Feature], arrays: Columns) -> tuple[dict[str, NDArray[Any]], dict[int, Rejected]]:
    """Return a caller's arrays as `build_columns` returns an event's values, and the rows that are refused.

    Args:
        features: all features.
        arrays: an array for each, by its name, as `check_column` takes it and of N rows; a nullable one may be absent.
    """
    columns = _checked_block([feature for feature in features if feature.dtype == "float32"], arrays)
    rows = len(next(iter(arrays.values())))
    refused: dict[int, Rejected] = {}
    for feature in features:
        if feature.name in columns:
            continue
        if feature.name in arrays or not feature.nullable:
            columns[feature.name], wrong = check_column(feature, arrays[feature.name])
        else:
            columns[feature.name], wrong = build_column(feature, [None] * rows)
        refused = wrong | refused
    return columns, refused


def _checked_block(features: Sequence[Feature], arrays: Columns) -> dict[str, NDArray[Any]]:
    given = [feature for feature in features if feature.name in arrays and arrays[feature.name].dtype.kind in "iuf"]
    if not given:
        return {}
    wide = np.array([arrays[feature.name] for feature in given], np.float64)
    if not all(feature.nullable for feature in given):
        needed = np.array([not feature.nullable for feature in given])
        if np.isnan(wide[needed]).any():
            return {}
    return dict(narrowed(tuple(feature.name for feature in given), wide) or {})


def check_column(feature: Feature, array: NDArray[Any]) -> tuple[NDArray[Any], dict[int, Rejected]]:
    """Return a caller's array in the feature's dtype, and the rows that it cannot take, as `build_column` does.

    A number is rounded to a float feature's precision, as an event's is; an integer feature takes floats that are
    whole. NaN, and None among strings, is a null. A rejection calls the feature by its name: there is no event.

    Args:
        feature: what the array is for.
        array: shape [N], or [N, *shape]: booleans, integers, floats, or objects that are strings or None. An image is
            given as pixels of its shape, or as N strings of base64.
    """
    if feature.textual:
        return _texts(feature, array)
    if feature.dtype == "image" and array.dtype == object:
        return _encoded_images(feature, array)
    if array.dtype.kind not in ("b" if feature.dtype == "bool" else "iuf"):
        expected = "booleans" if feature.dtype == "bool" else "numbers"
        return _no_row(feature, array, f"{feature.name} is {_kind(array)}; expected {expected}")
    if feature.dtype == "bool":
        return array.astype(np.bool_), {}
    if feature.dtype == "int64":
        return _whole(feature, array)
    return _floats(feature, array.astype(np.float64))


def _texts(feature: Feature, array: NDArray[Any]) -> tuple[NDArray[Any], dict[int, Rejected]]:
    if array.dtype != object:
        return _no_row(feature, array, f"{feature.name} is {_kind(array)}; expected strings")
    values = array.tolist()
    if set(map(type, values)) == {str} and max(map(len, values)) <= feature.max_length:
        return array, {}
    refused = {
        row: why
        for row, value in enumerate(values)
        if (why := _why_not(feature, value, feature.max_length)) is not None
    }
    kept = ["" if row in refused or text is None else text for row, text in enumerate(values)]
    return np.array(kept, object), refused


def _encoded_images(feature: Feature, array: NDArray[Any]) -> tuple[NDArray[Any], dict[int, Rejected]]:
    values = array.tolist()
    refused = {row: why for row, value in enumerate(values) if (why := _why_not(feature, value)) is not None}
    column, wrong = image_column(
        feature.name, feature.shape or (), ["" if row in refused else text for row, text in enumerate(values)]
    )
    return column, wrong | refused


def _why_not(feature: Feature, value: Any, longest: int | None = None) -> Rejected | None:
    """Return why a value is no string for the feature; None when it is one."""
    if value is None and feature.nullable:
        return None
    null = " or null" if feature.nullable else ""
    found = f"{feature.name} is {describe(value)}; expected a string{null}"
    if not isinstance(value, str):
        return Rejected("wrong_type", found, feature.name)
    if longest is not None and len(value) > longest:
        return Rejected("too_long", f"{found} of length <= {longest}", feature.name)
    return None


def _whole(feature: Feature, array: NDArray[Any]) -> tuple[NDArray[Any], dict[int, Rejected]]:
    """Integers as int64; of floats those that are integers, for nothing is to be lost."""
    if array.dtype.kind == "f":
        wide = array.astype(np.float64)
        wrong = (wide != np.floor(wide)) | ~((wide >= -_TWO_TO_63) & (wide < _TWO_TO_63))
    else:
        wide, wrong = array, array > np.iinfo(np.int64).max
    kept, refused = without(feature.name, wide, wrong, "wrong_type", "an integer within 64 bits")
    return kept.astype(np.int64), refused


def _floats(feature: Feature, wide: NDArray[np.float64]) -> tuple[NDArray[Any], dict[int, Rejected]]:
    nulls: dict[int, Rejected] = {}
    if not feature.nullable:
        wide, nulls = without(feature.name, wide, np.isnan(wide), "wrong_type", "a number")
    if feature.dtype == "float64":
        column, refused = without(feature.name, wide, np.isinf(wide), "out_of_range", "a finite number")
    else:
        column, refused = float32_column(feature.name, wide)
    return column, refused | nulls


def _no_row(feature: Feature, array: NDArray[Any], reason: str) -> tuple[NDArray[Any], dict[int, Rejected]]:
    return array, dict.fromkeys(range(len(array)), Rejected("wrong_type", reason, feature.name))


def _kind(array: NDArray[Any]) -> str:
    return {"b": "an array of booleans", "O": "an array of strings"}.get(array.dtype.kind, f"an array of {array.dtype}")
