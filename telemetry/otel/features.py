"""How many values of each feature are null, and how many lie outside what training saw: over every row."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring import Feature, Manifest
from scoring.columns import Columns

__all__ = ["FeatureCounts"]

_MOST: Final = 1000  # features; each is a figure of its own


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
        self._known = {
            feature.name: frozenset({*feature.categories, ""} if feature.nullable else feature.categories)
            for feature in self.features
            if feature.categories is not None
        }

    def add(self, batches: Sequence[Columns]) -> None:
        """Count rows of columns as the model is fed them: NaN and the empty string are nulls."""
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


def _as(column: NDArray[Any], bound: float) -> Any:
    """Return a bound of training as the column would hold it: in float32 the largest value seen is not above itself."""
    return column.dtype.type(bound) if column.dtype.kind == "f" else bound


def _is_counted(feature: Feature) -> bool:
    if feature.dtype == "string":
        return feature.categories is not None
    return feature.dtype in {"float32", "float64", "int64"}
