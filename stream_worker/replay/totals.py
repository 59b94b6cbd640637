"""How far a replay is, over all its groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from stream_worker.replay.group import TOLD, Progress
from stream_worker.replay.records import Problem

__all__ = ["Totals"]


@dataclass(slots=True)
class Totals:
    """How far all groups are together.

    Attributes:
        records: of all runs.
        dead_letters: likewise.
        problems: likewise.
        bytes_read: likewise.
        begun_with: the records that earlier runs had finished.
        peaks: the most memory that each process has had, by its number.
        planned: problems that are of no group.
    """

    records: int = 0
    dead_letters: int = 0
    problems: int = 0
    bytes_read: int = 0
    begun_with: int = 0
    peaks: dict[int, int] = field(default_factory=dict)
    planned: Sequence[Problem] = ()
    _latest: dict[int, Progress] = field(default_factory=dict)

    def add(self, now: Progress) -> None:
        """Take note of how far a group is."""
        before = self._latest.get(now.group, Progress(now.group))
        self._latest[now.group] = now
        self.records += now.records - before.records
        self.dead_letters += now.dead_letters - before.dead_letters
        self.problems += now.problems - before.problems
        self.bytes_read += now.bytes_read - before.bytes_read
        if now.process:
            self.peaks[now.process] = now.peak_memory

    @property
    def errors(self) -> int:
        """What counts against the threshold."""
        return self.dead_letters + self.problems

    @property
    def told(self) -> Sequence[Problem]:
        """The first problems, in the order of the groups."""
        of_groups = chain.from_iterable(self._latest[number].told for number in sorted(self._latest))
        return [*self.planned, *of_groups][:TOLD]
