"""The problems between two portions: in bounds, and none is forgotten silently."""

from stream_worker.replay.problems import MAX_PROBLEMS, Problems
from stream_worker.replay.records import Problem


def problem(number):
    return Problem(path="a", offset=number, words="wrong")


def test_problems_are_taken_once():
    problems = Problems()
    problems.append(problem(1))
    assert (problems.take(), problems.take()) == ([problem(1)], [])


def test_beyond_a_thousand_they_are_only_counted():
    problems = Problems()
    for number in range(MAX_PROBLEMS + 7):
        problems.append(problem(number))
    told = problems.take()
    assert len(told) == MAX_PROBLEMS + 1
    assert told[-1] == Problem(path="a", offset=MAX_PROBLEMS - 1, words="7 more problems after this one")
    assert problems.take() == []
