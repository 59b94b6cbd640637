"""A sliding window of counts: what came in is kept in slices of time, and old slices are forgotten.

Rules:
- Times are of a monotonic clock, in seconds, and never go back.
- Memory is bounded: as many vectors as there are slices, whatever comes in.
- Whoever uses a window sees to it that one thread does so at a time.
"""

from collections import deque

import numpy as np

from telemetry.drift.figures import Counts
from telemetry.drift.settings import DriftSettings

__all__ = ["Window"]


class Window:
    """The counts of the last while: between `slices` - 1 and `slices` slices of it."""

    def __init__(self, width: int, settings: DriftSettings) -> None:
        """Begin without any.

        Args:
            width: how many counts there are.
            settings: how long the window and its slices are.
        """
        self._width = width
        self._settings = settings
        self._slices: deque[tuple[int, Counts]] = deque()

    def slice_at(self, now: float) -> int:
        """Return the number of the slice that a moment is in."""
        return int(now // self._settings.slice_s)

    def add(self, number: int, counts: Counts) -> None:
        """Add counts, of shape [width], to a slice: the newest, or one after it."""
        if self._slices and self._slices[-1][0] >= number:
            self._slices[-1][1][:] += counts
        else:
            self._slices.append((number, counts.copy()))
        self._forget(number)

    def total(self, now: float) -> Counts:
        """Return all counts of the window that ends now."""
        self._forget(self.slice_at(now))
        total = np.zeros(self._width, np.int64)
        for _, counts in self._slices:
            total += counts
        return total

    def _forget(self, newest: int) -> None:
        while self._slices and self._slices[0][0] <= newest - self._settings.slices:
            self._slices.popleft()
