"""How many values of each feature are null, and how many lie outside what training saw: over every row."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import Feature, Manifest
from scoring.columns import Block, Columns

__all__ = ["FeatureCounts"]

_MOST: Final = 1000  # features; each is a figure of its own
_CELLS: Final = 65_536  # that are looked at in one step


class FeatureCounts:
    """Counts of one model's features.

    Attributes:
        features: those that are counted: numbers, and strings with known categories; the first thousand.
        nulls: values that were null, by feature.
        outside: values below the smallest or above the largest seen in training, or of a category not seen.
        rows: how many were looked at.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.features: Sequence[Feature] = [feature for feature in manifest.features if _is_counted(feature)][:_MOST]
        self.nulls = np.zeros(len(self.features), np.int64)
        self.outside = np.zeros(len(self.features), np.int64)
        self.rows = 0
        self._together = _Together(self.features) if len(self.features) == len(manifest.features) else None
        self._known = {
            feature.name: frozenset({*feature.categories, ""} if feature.nullable else feature.categories)
            for feature in self.features
            if feature.categories is not None
        }

    def add(self, batches: Sequence[Columns]) -> None:
        """Count rows of columns as the model is fed them: NaN and the empty string are nulls."""
        blocks = [columns for columns in batches if isinstance(columns, Block)]
        if self._together is not None and len(blocks) == len(batches):  # as usual: a few calls for all features
            cells = blocks[0].matrix if len(blocks) == 1 else np.concatenate([block.matrix for block in blocks])
            self.rows += len(cells)
            nulls, outside = self._together.count(cells)
            self.nulls += nulls
            self.outside += outside
            return
        laid = [dict(columns.items()) for columns in batches]
        self.rows += sum(len(next(iter(columns.values()))) for columns in laid)
        for place, feature in enumerate(self.features):
            parts = [columns[feature.name] for columns in laid]
            column = parts[0] if len(parts) == 1 else np.concatenate(parts)
            if feature.textual:
                self._add_strings(place, feature, column)
            else:
                self._add_numbers(place, feature, column)

    def _add_numbers(self, place: int, feature: Feature, column: NDArray[Any]) -> None:
        if feature.nullable:
            self.nulls[place] += np.count_nonzero(np.isnan(column))
        if feature.minimum is not None:
            self.outside[place] += np.count_nonzero(column < _as(column, feature.minimum))
        if feature.maximum is not None:
            self.outside[place] += np.count_nonzero(column > _as(column, feature.maximum))

    def _add_strings(self, place: int, feature: Feature, column: NDArray[Any]) -> None:
        values: list[str] = column.tolist()
        if feature.nullable:
            self.nulls[place] += values.count("")
        self.outside[place] += len(values) - sum(map(self._known[feature.name].__contains__, values))


class _Together:
    """Counts features that are all float32 in one pass over their cells, one feature after the other in each row."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self._width = len(features)
        self._rows = max(1, _CELLS // max(1, self._width))
        least = [-np.inf if feature.minimum is None else feature.minimum for feature in features]
        greatest = [np.inf if feature.maximum is None else feature.maximum for feature in features]
        with np.errstate(over="ignore"):
            self._least = np.tile(np.array(least, np.float32), self._rows)
            self._greatest = np.tile(np.array(greatest, np.float32), self._rows)

    def count(self, matrix: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the nulls and the values outside of training, of each column of a matrix [N, features]."""
        nulls, outside = np.zeros(self._width, np.int64), np.zeros(self._width, np.int64)
        for start in range(0, len(matrix), self._rows):
            cells = matrix[start : start + self._rows].reshape(-1)
            nulls += self._by_feature(np.isnan(cells))
            outside += self._by_feature((cells < self._least[: len(cells)]) | (cells > self._greatest[: len(cells)]))
        return nulls, outside

    def _by_feature(self, cells: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(np.flatnonzero(cells) % self._width, minlength=self._width)


def _as(column: NDArray[Any], bound: float) -> Any:
    """Return a bound of training as the column would hold it: in float32 the largest value seen is not above itself."""
    return column.dtype.type(bound) if column.dtype.kind == "f" else bound


def _is_counted(feature: Feature) -> bool:
    if feature.dtype == "string":
        return feature.categories is not None
    return feature.dtype in {"float32", "float64", "int64"}
