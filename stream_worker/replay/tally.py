"""What became of records, in numbers that add up: over portions, over groups, and over runs that were interrupted."""

from collections import Counter
from collections.abc import Mapping
from typing import Self, TypeVar

import msgspec

from stream_worker.replay.problems import number_of, without_known
from stream_worker.replay.records import Problem

__all__ = ["SHOWN", "Tally"]

SHOWN = 1000
"""Problems that are kept in words; more are only counted."""

KeyT = TypeVar("KeyT", int, str)


class Tally(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of records.

    Attributes:
        records: that were read, and were asked for.
        predictions: how many of them have one.
        dead_letters: how many have none, by error code.
        labels: how many predictions have each label.
        scores: how many predictions are in each bucket of a `Spread`.
        duplicates: records passed over, because they had come already.
        outside: records passed over, because they were not asked for.
        problems: how many there were; one of a whole file counts once, however many parts of it tell so.
        shown: the first of them.
        ends: the highest sequence number or offset of each partition, by `stream/partition`, of all that was read.
    """

    records: int = 0
    predictions: int = 0
    dead_letters: dict[str, int] = {}
    labels: dict[str, int] = {}
    scores: dict[int, int] = {}
    duplicates: int = 0
    outside: int = 0
    problems: int = 0
    shown: tuple[Problem, ...] = ()
    ends: dict[str, int] = {}

    @property
    def errors(self) -> int:
        """What counts against the error threshold."""
        return self.problems + sum(self.dead_letters.values())

    def __add__(self, other: Self) -> "Tally":
        later = without_known(other.shown, self.shown)
        again = 0 if later is other.shown else number_of(other.shown) - number_of(later)
        return Tally(
            records=self.records + other.records,
            predictions=self.predictions + other.predictions,
            dead_letters=_sum(self.dead_letters, other.dead_letters),
            labels=_sum(self.labels, other.labels),
            scores=_sum(self.scores, other.scores),
            duplicates=self.duplicates + other.duplicates,
            outside=self.outside + other.outside,
            problems=self.problems + other.problems - again,
            shown=(*self.shown, *later)[:SHOWN],
            ends=_highest(self.ends, other.ends),
        )


def _sum(one: Mapping[KeyT, int], other: Mapping[KeyT, int]) -> dict[KeyT, int]:
    """Return both counts together, in the order of their keys: what is written of them is to be the same each time."""
    together = Counter(one)
    together.update(other)
    return dict(sorted(together.items()))


def _highest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Return the higher of both numbers, in the order of their keys."""
    return {key: max(each[key] for each in (one, other) if key in each) for key in sorted({*one, *other})}
