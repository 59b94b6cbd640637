"""The problems between two portions: in bounds, and none is forgotten silently."""

from stream_worker.replay.problems import MAX_PROBLEMS, Problems, number_of, without_known
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
    assert told[-1] == Problem(path="a", offset=MAX_PROBLEMS - 1, words="7 more problems after this one", count=7)
    assert number_of(told) == MAX_PROBLEMS + 7
    assert problems.take() == []


def test_what_stands_for_many_counts_as_many():
    problems = Problems()
    for _ in range(MAX_PROBLEMS + 1):
        problems.append(Problem(path="a", offset=0, words="wrong", count=3))
    assert number_of(problems.take()) == 3 * (MAX_PROBLEMS + 1)


def test_what_is_wrong_with_a_whole_file_is_known_from_one_part_of_it():
    whole = [Problem(path="a", offset=number, words=f"it has {number} bytes now", whole=True) for number in (1, 2)]
    others = [problem(1), Problem(path="b", offset=2, words="changed", whole=True)]
    assert without_known([whole[1], *others], [whole[0], problem(1)]) == others
    assert without_known(others, []) is others
