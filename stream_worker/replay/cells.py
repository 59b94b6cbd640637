"""The cells of a table's column, as arrays of features or as what an event is made of."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from scoring import Feature

__all__ = ["as_bytes", "as_feature", "as_integers", "as_milliseconds", "as_texts", "is_bytes", "is_text", "joined"]
__all__ += ["sizes_of"]

_TO_MILLISECONDS = {"ms": 1, "us": 1_000, "ns": 1_000_000}


def is_text(kind: pa.DataType) -> bool:
    """Return whether cells of a type are strings."""
    inner = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(inner) or types.is_large_string(inner))


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether cells of a type are strings or bytes."""
    inner = kind.value_type if types.is_dictionary(kind) else kind
    return is_text(kind) or bool(types.is_binary(inner) or types.is_large_binary(inner))


def as_feature(cells: pa.Array, feature: Feature) -> NDArray[Any]:
    """Return a feature's cells; a null is masked, among floats it is NaN, among strings None."""
    if types.is_null(cells.type):
        return _nothing(len(cells), feature)
    if is_text(cells.type):
        return _strings(cells)
    if not cells.null_count or types.is_floating(cells.type):
        return _numpy(cells)
    zero = pa.scalar(0).cast(cells.type)
    masked: NDArray[Any] = np.ma.masked_array(_numpy(cells.fill_null(zero)), _numpy(cells.is_null()))
    return masked


def as_bytes(cells: pa.Array) -> Sequence[bytes | None]:
    """Return strings or bytes as bytes."""
    if types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if is_text(cells.type):
        cells = cells.cast(pa.large_binary() if types.is_large_string(cells.type) else pa.binary())
    return cast("list[bytes | None]", cells.to_pylist())


def sizes_of(cells: pa.Array) -> Sequence[int]:
    """Return how many bytes strings or bytes have; a null has none."""
    if types.is_dictionary(cells.type):
        return [0 if each is None else len(each) for each in as_bytes(cells)]
    return cast("list[int]", _numpy(pc.binary_length(cells).fill_null(0)).tolist())


def as_texts(cells: pa.Array) -> Sequence[str | None]:
    """Return strings as they are, and integers in digits."""
    if types.is_integer(cells.type):
        return [None if each is None else str(each) for each in cells.to_pylist()]
    return cast("list[str | None]", _strings(cells).tolist())


def as_integers(cells: pa.Array) -> Sequence[int | None]:
    """Return integers, and None for a null."""
    return cast("list[int | None]", cells.to_pylist())


def as_milliseconds(cells: pa.Array) -> Sequence[int | None]:
    """Return times as milliseconds since 1970."""
    whole = cells.cast(pa.int64())
    numbers = _numpy(whole.fill_null(0))
    unit = cells.type.unit
    found = (numbers * 1000 if unit == "s" else numbers // _TO_MILLISECONDS[unit]).tolist()
    if not whole.null_count:
        return cast("list[int | None]", found)
    return [None if null else each for each, null in zip(found, _numpy(whole.is_null()).tolist(), strict=True)]


def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays as one, with what is masked in any of them."""
    if len(parts) == 1:
        return parts[0]
    join: Any = np.ma.concatenate if any(map(np.ma.isMaskedArray, parts)) else np.concatenate
    whole: NDArray[Any] = join(parts)
    return whole


def _strings(cells: pa.Array) -> NDArray[Any]:
    if types.is_dictionary(cells.type):
        words = _strings(cells.dictionary)
        known: NDArray[Any] = np.array([*words.tolist(), None], object)
        cased: NDArray[Any] = known[_numpy(cells.indices.fill_null(len(words)))]
        return cased
    try:
        return _numpy(cells)
    except (UnicodeDecodeError, pa.ArrowException):  # it wraps the former, where it can
        column = np.empty(len(cells), object)
        column[:] = list(map(_text_or_bytes, as_bytes(cells)))
        return column


def _text_or_bytes(cell: bytes | None) -> str | bytes | None:
    """Return text, and as they are the bytes that are none: the pipeline refuses them."""
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return cell


def _nothing(rows: int, feature: Feature) -> NDArray[Any]:
    """Return nulls: a column of which no cell has a value says no more of its type."""
    if feature.textual or feature.dtype == "image":
        return np.full(rows, None, object)
    zeros: NDArray[Any] = np.zeros(rows, {"int64": np.int64, "bool": np.bool_}.get(feature.dtype, np.float64))
    masked: NDArray[Any] = np.ma.masked_array(zeros, np.ones(rows, np.bool_))
    return masked


def _numpy(cells: pa.Array) -> NDArray[Any]:
    return cast("NDArray[Any]", cells.to_numpy(zero_copy_only=False))
