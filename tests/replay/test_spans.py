"""Spans of numbers: a set, written shortly."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from stream_worker.replay.spans import Spans


@given(st.lists(st.integers(0, 30), unique=True))
def test_spans_hold_what_was_added(numbers):
    spans = Spans()
    for number in numbers:
        spans.add(number)
    assert [number for number in range(-1, 32) if number in spans] == sorted(numbers)
    lists = spans.as_lists()
    assert all(start < stop for start, stop in lists)
    assert all(one[1] < two[0] for one, two in itertools.pairwise(lists))
    again = Spans(lists)
    assert [number for number in range(-1, 32) if number in again] == sorted(numbers)


def test_numbers_in_order_are_one_span():
    spans = Spans()
    for number in range(1000):
        spans.add(number)
    assert spans.as_lists() == [[0, 1000]]
