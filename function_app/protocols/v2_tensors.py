"""Tensors of the Open Inference Protocol 2: JSON or binary to NumPy arrays, and back.

In JSON a tensor's data is flat or nested. In binary it is little-endian and row-major without gaps; each of BYTES has
its length before it, in 4 bytes.

Rules:
- A shape is checked before its data is looked at, so nothing is allocated that a body does not hold.
- An array has the datatype's own precision; what is outside its range is refused and not turned into infinity.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import chain
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from function_app.problems import ProblemError, bad_request
from scoring.nesting import too_deep

__all__ = ["DATATYPES", "datatype_of", "from_binary", "from_json", "to_binary", "to_json"]

DATATYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BYTES": np.dtype(object),
}
_NAMES = {dtype: name for name, dtype in DATATYPES.items()}
_LENGTH = np.dtype("<u4")
_OPENING = re.compile(rb"[\s\[]*")
_PLACE = re.compile(r"\$((?:\[\d+\])+)")


def from_json(called: str, data: bytes, datatype: str, shape: Sequence[int]) -> NDArray[Any]:
    """Return a tensor whose data is JSON.

    Args:
        called: the tensor's name.
        data: nested arrays of the tensor's shape, or one flat array. A null stands for NaN among floats, and for itself
            among BYTES.
        datatype: one of `DATATYPES`.
        shape: its shape, of positive numbers.

    Raises:
        ProblemError: 400, names the tensor and the row.
    """
    opening = _OPENING.match(data)
    depth = opening[0].count(b"[") if opening else 0
    if depth not in {1, len(shape)} or too_deep(data):
        raise bad_request(f"input {called!r}: its data nests {depth} deep; expected 1 or {len(shape)}")
    try:
        values = _decoder(datatype, depth)(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_decoded(called, error, shape, depth) from error
    for size in shape[1:depth]:
        if set(map(len, values)) != {size}:
            raise _not_of_shape(called, shape)
        values = list(chain.from_iterable(values))
    if len(values) != prod(shape):
        raise _not_of_shape(called, shape)
    return _array(called, values, datatype, shape)


def from_binary(called: str, data: memoryview, datatype: str, shape: Sequence[int]) -> NDArray[Any]:
    """Return a tensor whose data is binary.

    Raises:
        ProblemError: 400, names the tensor, and the row where it is one row's fault.
    """
    if datatype == "BYTES":
        return np.array(_texts(called, data, shape), object).reshape(shape)
    dtype = DATATYPES[datatype]
    if len(data) != prod(shape) * dtype.itemsize:
        raise bad_request(
            f"input {called!r}: {datatype} of the shape {list(shape)} takes {prod(shape) * dtype.itemsize} bytes, "
            f"not {len(data)}"
        )
    if datatype == "BOOL":
        octets = np.frombuffer(data, np.uint8)
        if (octets > 1).any():
            row = int((octets > 1).argmax()) * shape[0] // len(octets)
            raise bad_request(f"input {called!r}, row {row}: a byte of BOOL is 0 or 1", row=row)
    return np.frombuffer(data, dtype).reshape(shape)


def to_json(array: NDArray[Any]) -> list[Any]:
    """Return a tensor's data, flat: floats as the double that each is."""
    flat: list[Any] = array.ravel().tolist()
    return flat


def to_binary(array: NDArray[Any]) -> bytes:
    """Return a tensor's data as binary."""
    if array.dtype == object:
        texts = [text.encode() for text in array.ravel().tolist()]
        return b"".join(chain.from_iterable((len(text).to_bytes(4, "little"), text) for text in texts))
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def datatype_of(array: NDArray[Any]) -> str:
    """Return the datatype of an array."""
    return _NAMES[array.dtype.newbyteorder("<")]


@cache
def _decoder(datatype: str, depth: int) -> Any:
    kind: Any = {"b": bool, "f": float | None, "O": str | None}.get(DATATYPES[datatype].kind, int)
    for _ in range(depth):
        kind = list[kind]
    return msgspec.json.Decoder(kind).decode


def _array(called: str, values: list[Any], datatype: str, shape: Sequence[int]) -> NDArray[Any]:
    dtype = DATATYPES[datatype]
    try:
        with np.errstate(over="ignore"):  # what becomes infinite is looked for below
            array = np.array(values, np.float64 if dtype.kind == "f" else dtype).astype(dtype).reshape(shape)
    except OverflowError as error:
        bounds = np.iinfo(dtype)
        place = next(place for place, value in enumerate(values) if not bounds.min <= value <= bounds.max)
        raise _outside(called, place, datatype, shape, len(values)) from error
    if dtype.kind == "f" and np.isinf(array).any():  # JSON has no infinity
        raise _outside(called, int(np.isinf(array).argmax()), datatype, shape, len(values))
    return array


def _texts(called: str, data: memoryview, shape: Sequence[int]) -> list[str]:
    """Return the strings of BYTES, as many as the shape has cells."""
    count, start = prod(shape), 0
    texts: list[str] = []
    while len(texts) < count:
        stop = start + _LENGTH.itemsize
        stop += int.from_bytes(data[start:stop], "little")
        if start + _LENGTH.itemsize > len(data) or stop > len(data):
            raise bad_request(f"input {called!r}: its {len(data)} bytes end inside string {len(texts)} of {count}")
        try:
            texts.append(str(data[start + _LENGTH.itemsize : stop], "utf-8"))
        except UnicodeDecodeError as error:
            row = len(texts) * shape[0] // count
            raise bad_request(f"input {called!r}, row {row}: a string is not UTF-8", row=row) from error
        start = stop
    if start != len(data):
        raise bad_request(f"input {called!r}: {len(data) - start} bytes are left after its {count} strings")
    return texts


def _not_decoded(called: str, error: Exception, shape: Sequence[int], depth: int) -> ProblemError:
    """Translate msgspec's message, e.g. "Expected `int`, got `str` - at `$[3][0]`"."""
    what, _, where = str(error).partition(" - at `")
    place = _PLACE.match(where)
    if place is None:
        return bad_request(f"input {called!r}: its data is not what was expected: {what}")
    first = int(place[1].removeprefix("[").split("]")[0])
    row = first if depth > 1 else first * shape[0] // prod(shape)
    return bad_request(f"input {called!r}, row {row}: {what}", row=row)


def _outside(called: str, place: int, datatype: str, shape: Sequence[int], cells: int) -> ProblemError:
    row = place * shape[0] // cells
    return bad_request(f"input {called!r}, row {row}: a number is outside {datatype}", row=row)


def _not_of_shape(called: str, shape: Sequence[int]) -> ProblemError:
    return bad_request(f"input {called!r}: its data is not of the shape {list(shape)}")
