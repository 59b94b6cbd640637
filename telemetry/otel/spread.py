"""Values counted by bounds, a batch at a time, and shown as counters: `le` is the bound, as Prometheus has it.

OpenTelemetry's own histogram takes one value at a time, in Python, which costs more than scoring an event; and Azure
Monitor keeps of it no more than the count, the sum and the extremes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spread"]


class Spread:
    """Counts of values by bounds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = np.array(bounds, np.float64)
        self._labels = [f"{bound:g}" for bound in bounds] + ["+Inf"]
        self._counts = np.zeros(len(bounds) + 1, np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Count values; one that equals a bound lies within it."""
        if values.size:
            self._counts += np.bincount(np.searchsorted(self._bounds, values), minlength=len(self._counts))

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Yield each bound with how many values did not exceed it."""
        yield from zip(self._labels, np.cumsum(self._counts).tolist(), strict=True)
