"""How many rows are looked at, and which: a bound on what watching costs, whatever comes in."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sampler", "spread"]

_BURST_S: Final = 1.0


class Sampler:
    """Allows so many rows a second; what was not used of the last second may be used at once."""

    def __init__(self, rows_per_second: int) -> None:
        """Begin with the allowance of a second."""
        self._rate = float(rows_per_second)
        self._allowance = self._rate * _BURST_S
        self._last: float | None = None

    def allow(self, rows: int, now: float) -> int:
        """Return how many of some rows may be looked at.

        Args:
            rows: how many there are.
            now: of a monotonic clock, in seconds.
        """
        passed = 0.0 if self._last is None else now - self._last
        self._last = now
        self._allowance = min(self._rate * _BURST_S, self._allowance + passed * self._rate)
        allowed = min(rows, int(self._allowance))
        self._allowance -= allowed
        return allowed


def spread(rows: int, count: int) -> NDArray[np.intp] | slice:
    """Return `count` of the places 0 to `rows` - 1, at equal distances and ascending; a slice where it is all."""
    if count >= rows:
        return slice(None)
    places: NDArray[np.intp] = (2 * np.arange(count, dtype=np.intp) + 1) * rows // (2 * count)
    return places
