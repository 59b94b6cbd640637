"""Columns to counts by the bins of a baseline: exactly as the converters counted the rows of training.

Rules:
- A number equal to an edge is in the bin below it. float32 columns are compared with edges and range as float32.
- A null is NaN among numbers and the empty string among strings; it is in no bin.
- All work is done in calls that take whole columns.
"""

from itertools import pairwise, repeat
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scoring import Baseline, Feature
from telemetry.drift.figures import Counts

__all__ = ["CategoryBins", "ColumnBins", "NumberBins", "bins_of", "score_bins"]

_NUMBERS = frozenset({"float32", "float64", "int64", "bool"})


class ColumnBins(Protocol):
    """The bins of one column.

    Attributes:
        baseline: the counts of training.
        ordered: whether the bins are in ascending order, and not categories.
        ranged: whether it is known what lay outside of training.
        width: of what `count` returns: a number for each bin, then nulls, then rows outside what training showed.
    """

    baseline: Baseline
    ordered: bool
    ranged: bool
    width: int

    def count(self, column: NDArray[Any]) -> Counts:
        """Return the counts of a column of shape [N]."""
        ...


class NumberBins:
    """The bins of numbers, whose outside is below the least and above the greatest of training."""

    ordered = True

    def __init__(
        self, baseline: Baseline, *, minimum: float | None = None, maximum: float | None = None, single: bool = False
    ) -> None:
        """Lay the edges out.

        Args:
            baseline: the edges, and the counts of training.
            minimum: the least number of training, where it is known.
            maximum: the greatest.
            single: whether columns are float32.
        """
        self.baseline = baseline
        self.ranged = minimum is not None or maximum is not None
        self.width = len(baseline.counts) + 2
        kind = np.float32 if single else np.float64
        with np.errstate(over="ignore"):
            self._edges = np.array(baseline.edges, kind)
            self._least = kind(-np.inf if minimum is None else minimum)
            self._greatest = kind(np.inf if maximum is None else maximum)

    def count(self, column: NDArray[Any]) -> Counts:
        """Return the counts of floats, integers or booleans."""
        values = np.ascontiguousarray(column, self._edges.dtype)
        counts = np.bincount(np.searchsorted(self._edges, values, side="left"), minlength=self.width)
        nulls = int(np.count_nonzero(np.isnan(values)))
        counts[-3] -= nulls  # NaN is sorted behind all edges
        counts[-2] = nulls
        counts[-1] = np.count_nonzero(values < self._least) + np.count_nonzero(values > self._greatest)
        return counts


class CategoryBins:
    """A bin for each category of training, and one for all others.

    Where training had more categories than were kept, it is not known which of the others it showed.
    """

    ordered = False

    def __init__(self, baseline: Baseline, categories: tuple[str, ...]) -> None:
        """Number the categories.

        Args:
            baseline: the counts of training, the last of them of all other categories.
            categories: in the order of the counts.
        """
        self.baseline = baseline
        self.ranged = not baseline.counts[-1]
        self.width = len(baseline.counts) + 2
        self._others, nulls = len(categories), len(categories) + 1
        self._numbers: dict[Any, int] = {name: number for number, name in enumerate(categories)}
        self._numbers |= {"": nulls, None: nulls}

    def count(self, column: NDArray[Any]) -> Counts:
        """Return the counts of strings."""
        numbers = map(self._numbers.get, column.tolist(), repeat(self._others))
        counts = np.bincount(np.fromiter(numbers, np.intp, len(column)), minlength=self.width)
        if self.ranged:
            counts[-1] = counts[self._others]
        return counts


def bins_of(feature: Feature) -> ColumnBins | None:
    """Return a feature's bins; None where it has no baseline of use, such as a text or a picture."""
    baseline = feature.baseline
    if baseline is None or not sum(baseline.counts) + baseline.nulls:
        return None
    if feature.dtype == "string" and len(baseline.counts) == len(feature.categories or ()) + 1:
        return CategoryBins(baseline, feature.categories or ())
    if feature.dtype in _NUMBERS and _is_ordered(baseline):
        single = feature.dtype == "float32"
        return NumberBins(baseline, minimum=feature.minimum, maximum=feature.maximum, single=single)
    return None


def score_bins(baseline: Baseline | None) -> ColumnBins | None:
    """Return the bins of the score; None where it has no baseline."""
    if baseline is None or not sum(baseline.counts) or not _is_ordered(baseline):
        return None
    return NumberBins(baseline)


def _is_ordered(baseline: Baseline) -> bool:
    edges = baseline.edges
    return len(baseline.counts) == len(edges) + 1 and all(low < high for low, high in pairwise(edges))
