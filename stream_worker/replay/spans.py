"""A set of numbers as spans of consecutive ones: small, as long as they come nearly in order."""

from bisect import bisect_right
from collections.abc import Sequence

__all__ = ["Spans"]


class Spans:
    """A set of numbers that only grows."""

    def __init__(self, spans: Sequence[Sequence[int]] = ()) -> None:
        """Begin with the spans that `as_lists` gave."""
        self._starts = [start for start, _ in spans]
        self._stops = [stop for _, stop in spans]

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._starts, number)
        return place > 0 and number < self._stops[place - 1]

    def add(self, number: int) -> None:
        """Take a number in, once."""
        place = bisect_right(self._starts, number)
        joins_left = place > 0 and self._stops[place - 1] == number
        joins_right = place < len(self._starts) and self._starts[place] == number + 1
        if joins_left and joins_right:
            del self._starts[place], self._stops[place - 1]
        elif joins_left:
            self._stops[place - 1] = number + 1
        elif joins_right:
            self._starts[place] = number
        else:
            self._starts.insert(place, number)
            self._stops.insert(place, number + 1)

    def as_lists(self) -> list[list[int]]:
        """Return the first number of each span, and the one after its last."""
        return [[start, stop] for start, stop in zip(self._starts, self._stops, strict=True)]
