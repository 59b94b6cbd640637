"""The hook that a replay tells of what it has finished."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["NullSlices", "SliceFacts", "SliceObserver"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceFacts:
    """A part of an archive that was scored, and written down.

    Attributes:
        group: what it is a part of: a partition of a stream, or a file.
        number: which part, from 0 on.
        model: the reference of the model.
        start: when its reading began, in nanoseconds since 1970 UTC.
        end: when it was written down.
        records: how many it has.
        predictions: how many of them got one.
        dead_letters: how many did not.
        problems: what could not be read.
    """

    group: str
    number: int
    model: str
    start: int
    end: int
    records: int
    predictions: int
    dead_letters: int
    problems: int


class SliceObserver(Protocol):
    """Receives slices; it is quick and does not raise."""

    def finished(self, facts: SliceFacts) -> None:
        """A slice is written down."""
        ...


class NullSlices:
    """Receives slices and forgets them."""

    def finished(self, facts: SliceFacts) -> None:
        """Forget it."""
