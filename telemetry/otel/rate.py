"""At most so many a second."""

import time
from collections.abc import Callable

__all__ = ["Allowance"]


class Allowance:
    """An allowance of so many in each second; what is not taken in one is not kept for the next."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._left = per_second
        self._at = clock()

    def left(self) -> int:
        """Return how many would be granted now."""
        now = self._clock()
        if now >= self._at + 1:
            self._left, self._at = self._per_second, now
        return self._left

    def take(self, wanted: int) -> int:
        """Return how many of those wanted are granted."""
        granted = min(wanted, self.left())
        self._left -= granted
        return granted
