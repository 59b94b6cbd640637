"""How much of a flood is let through."""

import logging
import sys
import threading

from hypothesis import given
from hypothesis import strategies as st

from telemetry.logs import RateLimit
from tests.observing.logs.making import record_of


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


def limit_of(*, repeats=2, seconds=60.0, lines_per_second=1_000):
    clock = Clock()
    return RateLimit(repeats=repeats, seconds=seconds, lines_per_second=lines_per_second, clock=clock), clock


def words(limit, *, ending=False):
    return [notice.getMessage() for notice in limit.notices(ending=ending)]


def test_equal_messages_pass_so_many_times():
    limit, clock = limit_of()
    assert [limit.filter(record_of("offset %d", number)) for number in range(4)] == [True, True, False, False]
    assert limit.filter(record_of("another"))
    assert limit.filter(record_of("offset %d", 1, level=logging.ERROR))
    clock.now += 59.9
    assert not limit.filter(record_of("offset %d", 9))
    assert words(limit) == []
    clock.now += 0.1
    assert limit.filter(record_of("offset %d", 10))
    assert words(limit) == ["3 more like this were left out: offset %d"]
    assert words(limit) == []


def test_a_notice_speaks_for_its_logger():
    limit, clock = limit_of(repeats=1)
    for _ in range(3):
        limit.filter(record_of("broken", level=logging.ERROR))
    clock.now += 60
    (notice,) = limit.notices()
    assert (notice.name, notice.levelname) == ("weir.worker", "ERROR")
    assert notice.getMessage() == "2 more like this were left out: broken"


def test_what_is_being_counted_is_said_at_the_end():
    limit, _ = limit_of(repeats=1)
    for _ in range(3):
        limit.filter(record_of("a 100%"))
    assert words(limit) == []
    assert words(limit, ending=True) == ["2 more like this were left out: a 100%"]
    assert words(limit, ending=True) == []


def test_so_many_lines_a_second_but_every_error():
    limit, clock = limit_of(lines_per_second=3)
    passed = [limit.filter(record_of(f"line {number}", level=logging.WARNING)) for number in range(5)]
    assert passed == [True, True, True, False, False]
    assert all(limit.filter(record_of(f"error {number}", level=logging.ERROR)) for number in range(5))
    assert words(limit) == []
    clock.now += 1
    assert limit.filter(record_of("line"))
    assert words(limit) == ["2 lines of many kinds were left out: there were too many at once"]
    assert words(limit) == []


def test_repeats_take_no_room_from_other_lines():
    limit, _ = limit_of(repeats=1, lines_per_second=2)
    for _ in range(100):
        limit.filter(record_of("again"))
    assert limit.filter(record_of("another"))


def test_long_messages_are_equal_when_they_begin_alike():
    limit, _ = limit_of(repeats=1)
    assert limit.filter(record_of("x" * 1_000 + "1"))
    assert not limit.filter(record_of("x" * 1_000 + "2"))


def test_messages_that_are_no_text_are_told_apart_by_class():
    limit, _ = limit_of(repeats=1)
    assert limit.filter(record_of(ValueError("a")))
    assert not limit.filter(record_of(ValueError("b")))
    assert limit.filter(record_of(KeyError("b")))


def test_memory_is_bounded():
    limit, clock = limit_of(repeats=1, seconds=3_600.0, lines_per_second=10**9)
    for number in range(20_000):
        record = record_of(f"{number} " + "x" * 10_000)
        limit.filter(record)
        limit.filter(record)
    assert len(limit._windows) <= 1_024
    assert sum(sys.getsizeof(key.template) for key in limit._windows) < 1_000_000
    clock.now += 3_600
    for number in range(20_000):
        limit.filter(record_of(f"{number}"))
    assert len(limit._over) <= 1_024
    told = words(limit, ending=True)
    assert len(told) <= 1_025
    assert sum(int(line.split()[0]) for line in told) == 20_000


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.1, 1.0, 30.0, 61.0])), max_size=200))
def test_every_record_passes_or_is_counted(steps):
    limit, clock = limit_of(repeats=2, lines_per_second=4)
    passed, told = 0, []
    for kind, wait in steps:
        clock.now += wait
        passed += limit.filter(record_of(f"kind {kind}"))
        told += words(limit)
    told += words(limit, ending=True)
    assert passed + sum(int(line.split()[0]) for line in told) == len(steps)


def test_from_many_threads_at_once():
    limit, _ = limit_of(repeats=50, lines_per_second=10**9)
    passed = []

    def write():
        passed.extend([limit.filter(record_of("same")) for _ in range(500)])

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 50
    assert words(limit, ending=True) == [f"{8 * 500 - 50} more like this were left out: same"]
