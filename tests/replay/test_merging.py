"""Files merged by number: in order, whatever the ranges; whole chunks where nothing stands between."""

from hypothesis import given
from hypothesis import strategies as st

from scoring import Event, Position
from stream_worker.replay.merging import Chunk, Merge, Reel
from stream_worker.replay.problems import Problems
from stream_worker.replay.records import Problem


def event(number, file=0):
    return Event(b"%d" % file, position=Position("s", 0, number))


def reel(file, *chunks):
    """A file of chunks of numbers; a text is a problem."""
    return Reel(file, iter([
        Problem(path=str(file), offset=place, words=chunk)
        if isinstance(chunk, str)
        else Chunk(place, 0, [event(number, file) for number in chunk])
        for place, chunk in enumerate(chunks)
    ]))  # fmt: skip


def take_all(merge, problems, room=1000, below=None):
    runs = []
    while merge:
        taken = merge.take(below, room, problems)
        runs.append([one.position.offset for one in taken.events])
    return runs


def merged(*reels):
    merge, problems = Merge(), Problems()
    for each in reels:
        merge.add(each, problems)
    return merge, problems


@given(
    st.lists(st.lists(st.sets(st.integers(0, 40), min_size=1, max_size=6), max_size=4), max_size=5), st.integers(1, 9)
)
def test_numbers_come_in_order(files, room):
    in_order = [sorted(set().union(*chunks)) for chunks in files]
    cut = [[numbers[at : at + 3] for at in range(0, len(numbers), 3)] for numbers in in_order]
    merge, problems = merged(*(reel(file, *chunks) for file, chunks in enumerate(cut)))
    runs = take_all(merge, problems, room)
    assert [number for run in runs for number in run] == sorted(number for numbers in in_order for number in numbers)
    assert all(1 <= len(run) <= room for run in runs)
    assert problems.take() == []


def test_chunks_that_nothing_stands_between_come_whole():
    merge, problems = merged(reel(0, range(100), range(100, 150)), reel(1, range(150, 300)))
    assert list(map(len, take_all(merge, problems))) == [100, 50, 150]


def test_a_chunk_is_cut_where_another_file_has_a_number():
    merge, problems = merged(reel(0, range(10)), reel(1, [4, 7]), reel(2, [4]))
    assert take_all(merge, problems) == [[0, 1, 2, 3], [4], [4], [4], [5, 6], [7], [7], [8, 9]]


def test_a_file_that_is_not_open_yet_bounds_what_is_taken():
    merge, problems = merged(reel(0, range(10)))
    assert [one.position.offset for one in merge.take(6, 100, problems).events] == list(range(6))
    assert [one.position.offset for one in merge.take(3, 100, problems).events] == [6]


def test_of_equal_numbers_the_first_file_s_comes_first():
    merge, problems = merged(reel(1, [5]), reel(0, [5]))
    assert [merge.take(None, 9, problems).file for _ in range(2)] == [0, 1]


def test_numbers_out_of_order_stay_in_the_order_of_their_file():
    merge, problems = merged(reel(0, [1, 2, 900, 3, 4], [5, 5, 6]))
    assert take_all(merge, problems) == [[1, 2, 900], [3, 4], [5], [5, 6]]


def test_problems_are_told_when_they_are_come_upon():
    merge, problems = merged(reel(0, "first", [1], "second", [2], "third"))
    assert [problem.words for problem in problems.take()] == ["first"]
    merge.take(None, 9, problems)
    assert [problem.words for problem in problems.take()] == ["second"]
    merge.take(None, 9, problems)
    assert ([problem.words for problem in problems.take()], len(merge)) == (["third"], 0)


def test_a_place_says_where_to_go_on():
    merge, problems = merged(reel(3, [1, 2, 3], [4]), reel(2, [9]))
    assert (merge.number, merge.places) == (1, [[2, 0, 0], [3, 0, 0]])
    taken = merge.take(None, 2, problems)
    assert (taken.file, taken.offset, merge.places) == (3, 0, [[2, 0, 0], [3, 0, 2]])
    merge.take(None, 2, problems)
    assert merge.places == [[2, 0, 0], [3, 1, 0]]


def test_files_without_events_are_left_out():
    merge, problems = merged(reel(0), reel(1, "only a problem"))
    assert (len(merge), len(problems.take())) == (0, 1)


def test_files_are_closed():
    closed = []

    def feed():
        try:
            yield Chunk(0, 0, [event(1)])
        finally:
            closed.append(True)

    merge, _ = merged(Reel(0, feed()))
    merge.close()
    assert closed == [True]
