"""Gathers the problems between two portions, in bounds: a file may consist of nothing else."""

from collections.abc import Sequence

from stream_worker.replay.records import Problem

__all__ = ["MAX_PROBLEMS", "Problems"]

MAX_PROBLEMS = 1000


class Problems:
    """The problems since the portion before."""

    def __init__(self) -> None:
        self._told: list[Problem] = []
        self._more = 0

    def __len__(self) -> int:
        return len(self._told)

    def append(self, problem: Problem) -> None:
        """Add one; beyond the bound it is only counted."""
        if len(self._told) < MAX_PROBLEMS:
            self._told.append(problem)
        else:
            self._more += 1

    def take(self) -> Sequence[Problem]:
        """Return them, and begin anew."""
        told, more = self._told, self._more
        self._told, self._more = [], 0
        if more:
            last = told[-1]
            told.append(Problem(path=last.path, offset=last.offset, words=f"{more} more problems after this one"))
        return told
