"""Structs to columns: one NumPy array a feature, and a rejection for each row that a vectorised check refuses."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from scoring.explain import describe
from scoring.images import InvalidImageError, decode_image
from scoring.manifest import Feature
from scoring.outcomes import Rejected, RejectionCode
from scoring.schema import Group

__all__ = [
    "EVENT_ID",
    "Columns",
    "build_column",
    "build_columns",
    "float32_column",
    "image_column",
    "narrowed",
    "transpose",
    "without",
]

Columns = Mapping[str, NDArray[Any]]
EVENT_ID = ""  # where transpose keeps the event ids: no feature has an empty name

_FLOAT32_MAX = float(np.finfo(np.float32).max)


def transpose(group: Group, structs: Sequence[msgspec.Struct]) -> dict[str, Sequence[Any]]:
    """Return the values of each feature over all structs, by feature name, and the event ids as `EVENT_ID`."""
    values: dict[str, Sequence[Any]] = {}
    for member, column in zip(group.members, zip(*map(astuple, structs), strict=True), strict=True):
        if isinstance(member, Group):
            absent = member.absent
            nested = column if absent is None else [absent if item is None else item for item in column]
            values |= transpose(member, nested)
        else:
            values[EVENT_ID if member is None else member.name] = column
    return values


@lru_cache(64)
def _places(names: tuple[str, ...]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(names)}


class Block(Mapping[str, NDArray[Any]]):
    """Features of one dtype as one matrix, each column also to be had by its name.

    Attributes:
        names: of the columns, in order.
        matrix: shape [N, features].
    """

    def __init__(self, names: tuple[str, ...], matrix: NDArray[Any]) -> None:
        self.names = names
        self.matrix = matrix

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.matrix[:, _places(self.names)[name]]

    def places(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of columns."""
        numbers = _places(self.names)
        return [numbers[name] for name in names]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def build_columns(
    features: Sequence[Feature], values: Mapping[str, Sequence[Any]], floats: tuple[str, ...]
) -> tuple[Columns, dict[int, Rejected]]:
    """Return the arrays of all features, by name, and the rows that one of them cannot take.

    Args:
        features: in the manifest's order.
        values: of each feature over all rows.
        floats: the names of those that are float32, in the same order.
    """
    # most features are of one kind: laid out together, a single row costs a few NumPy calls and not a few a feature
    block = _block(floats, values)
    if block is not None and len(floats) == len(features):
        return block, {}
    columns: dict[str, NDArray[Any]] = {} if block is None else dict(block)
    refused: dict[int, Rejected] = {}
    for feature in features:
        if feature.name not in columns:
            columns[feature.name], wrong = build_column(feature, values[feature.name])
            refused = wrong | refused  # the first feature's complaint about a row stands
    return columns, refused


def _block(names: tuple[str, ...], values: Mapping[str, Sequence[Any]]) -> Block | None:
    """Return float32 features together; None where there are none, or a value of any is refused."""
    if not names:
        return None
    wide = np.array(list(chain.from_iterable(map(values.__getitem__, names))), np.float64).reshape(len(names), -1)
    return narrowed(names, wide)


def narrowed(names: tuple[str, ...], wide: NDArray[np.float64]) -> Block | None:
    """Return the rows of `wide` as float32 columns, one for each name; None where a value is outside."""
    if (np.abs(wide) > _FLOAT32_MAX).any():
        return None
    return Block(names, np.ascontiguousarray(wide.astype(np.float32).T))


def build_column(feature: Feature, values: Sequence[Any]) -> tuple[NDArray[Any], dict[int, Rejected]]:
    """Return a feature's array of shape [N] (or [N, *shape]) in its dtype, and the rows that it cannot take.

    Nulls are NaN in a float column and the empty string in a string column. A refused row holds a harmless value.
    """
    if feature.textual:
        return _strings(feature, values), {}
    if feature.dtype == "float32":
        return float32_column(feature.dotted, np.array(values, np.float64))
    if feature.dtype == "tensor":
        array = np.array(values, np.float64).reshape(len(values), *(feature.shape or ()))
        return float32_column(feature.dotted, array)
    if feature.dtype == "image":
        return image_column(feature.dotted, feature.shape or (), values)
    return np.array(values, {"float64": np.float64, "int64": np.int64, "bool": np.bool_}[feature.dtype]), {}


def _strings(feature: Feature, values: Sequence[Any]) -> NDArray[Any]:
    if feature.nullable and None in values:
        values = ["" if value is None else value for value in values]
    column = np.empty(len(values), object)
    column[:] = values
    return column


def float32_column(called: str, wide: NDArray[np.float64]) -> tuple[NDArray[np.float32], dict[int, Rejected]]:
    """Return numbers as float32, and the rows whose numbers are not within it; what holds them is called `called`."""
    outside = np.abs(wide) > _FLOAT32_MAX  # False for NaN, which only a null can be
    kept, refused = without(called, wide, outside, "out_of_range", "a number within float32")
    return kept.astype(np.float32), refused


def image_column(
    called: str, shape: tuple[int, ...], values: Sequence[str]
) -> tuple[NDArray[np.float32], dict[int, Rejected]]:
    """Return images in base64 as float32 of `shape`, and the rows that hold none."""
    column = np.zeros((len(values), *shape), np.float32)
    refused: dict[int, Rejected] = {}
    for row, text in enumerate(values):
        try:
            column[row] = decode_image(text, shape)
        except InvalidImageError as error:
            reason = f"{called} is {error}; expected base64 of a whole PNG or JPEG"
            refused[row] = Rejected("invalid_image", reason, called)
    return column, refused


def without(
    called: str, array: NDArray[Any], wrong: NDArray[np.bool_], code: RejectionCode, expected: str
) -> tuple[NDArray[Any], dict[int, Rejected]]:
    """Return the array with a zero in each wrong cell, and a rejection of each row that has one."""
    if not wrong.any():
        return array, {}
    refused: dict[int, Rejected] = {}
    for row in np.unique(np.nonzero(wrong)[0]).tolist():
        found = describe(array[row][wrong[row]].flat[0].item())
        refused[row] = Rejected(code, f"{called} is {found}; expected {expected}", called)
    return np.where(wrong, array.dtype.type(0), array), refused
