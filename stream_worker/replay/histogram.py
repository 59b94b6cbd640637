"""How scores are spread: counts that add up over portions, groups and processes, whatever their order."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["BARS", "Bar", "Buckets", "Spread"]

BARS = 20

Buckets = Mapping[int, int]
"""How many scores fell into each bucket, by the bucket's number; a higher number holds higher scores."""

_FINE = 100  # buckets between 0 and 1, a whole number to a bar
_STEPS = 64  # buckets to a power of two
_LARGEST = 1000  # exponent of two; larger scores are counted as this large, and as much smaller ones as 0
_SHIFT = _LARGEST + 1  # makes exponents positive


class Bar(NamedTuple):
    """How many scores were at least `low` and below `high`; the highest bar has those that equal `high` too."""

    low: float
    high: float
    predictions: int


class Spread(msgspec.Struct, frozen=True):
    """How scores are sorted into buckets.

    Attributes:
        bounded: whether they are probabilities, and the buckets equal parts of 0 to 1; otherwise each is about a
            hundredth of its scores wide, for nobody knows how large the scores will be.
    """

    bounded: bool

    def count(self, scores: NDArray[np.float64]) -> dict[int, int]:
        """Return how many of the scores, all of them finite, are in each bucket."""
        numbers, counts = np.unique(self._bounded(scores) if self.bounded else self._open(scores), return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    def bars(self, buckets: Buckets) -> list[Bar]:
        """Return the buckets gathered into `BARS` bars of equal width; none where there are no scores."""
        if not buckets:
            return []
        edges = {number: self._edges(number) for number in buckets}
        low, high = (0.0, 1.0) if self.bounded else (edges[min(buckets)][0], edges[max(buckets)][1])
        width = high - low or 1.0
        counts = [0] * BARS
        for number, count in buckets.items():
            middle = sum(edges[number]) / 2
            counts[min(BARS - 1, int((middle - low) / width * BARS))] += count
        starts = [low + width * place / BARS for place in range(BARS + 1)]
        return [Bar(*edge, count) for edge, count in zip(pairwise(starts), counts, strict=True)]

    def middle(self, number: int) -> float:
        """Return the middle of a bucket."""
        return sum(self._edges(number)) / 2

    @staticmethod
    def _bounded(scores: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.clip(np.floor(scores * _FINE), 0, _FINE - 1).astype(np.int64)

    @staticmethod
    def _open(scores: NDArray[np.float64]) -> NDArray[np.int64]:
        mantissas, exponents = np.frexp(np.clip(np.abs(scores), None, 2.0**_LARGEST))
        steps = np.floor((mantissas - 0.5) * 2 * _STEPS) + 1
        sizes = (exponents.astype(np.int64) + _SHIFT) * _STEPS + steps.astype(np.int64)
        return np.where(exponents <= -_LARGEST, 0, np.sign(scores).astype(np.int64) * sizes)

    def _edges(self, number: int) -> tuple[float, float]:
        if self.bounded:
            return number / _FINE, (number + 1) / _FINE
        if number == 0:
            return 0.0, 0.0
        exponent, step = divmod(abs(number) - 1, _STEPS)
        near, far = (np.ldexp(0.5 + (step + above) / (2 * _STEPS), exponent - _SHIFT) for above in (0, 1))
        return (float(near), float(far)) if number > 0 else (-float(far), -float(near))
