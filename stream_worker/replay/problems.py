"""Gathers the problems between two portions, in bounds: a file may consist of nothing else. And counts them."""

from collections.abc import Collection, Iterable, Sequence

from stream_worker.replay.records import Problem

__all__ = ["MAX_PROBLEMS", "Problems", "number_of", "without_known"]

MAX_PROBLEMS = 1000


def number_of(problems: Iterable[Problem]) -> int:
    """Return how many problems these stand for."""
    return sum(problem.count for problem in problems)


def without_known(problems: Sequence[Problem], known: Collection[Problem]) -> Sequence[Problem]:
    """Return problems without those of whole files that are known: each part of a file tells of them."""
    told = {problem.path for problem in known if problem.whole}
    if not told:
        return problems
    return [problem for problem in problems if not problem.whole or problem.path not in told]


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
            self._more += problem.count

    def take(self) -> Sequence[Problem]:
        """Return them, and begin anew."""
        told, more = self._told, self._more
        self._told, self._more = [], 0
        if more:
            last, words = told[-1], f"{more} more problems after this one"
            told.append(Problem(path=last.path, offset=last.offset, words=words, count=more))
        return told
