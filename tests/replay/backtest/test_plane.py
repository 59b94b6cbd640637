"""A plane counts each pair once, at the finest scale that has room for all."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_worker.replay.backtest.plane import SIDE, Plane

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20)


def plane(pairs) -> Plane:
    ones, others = np.array(pairs, np.float64).T
    return Plane.of(ones, others)


def place_of(number: float, level: int) -> int:
    """The cell that holds a number, in whole numbers of any size."""
    above, below = number.as_integer_ratio()
    return (above << max(0, -level)) // (below << max(0, level))


@settings(deadline=None)
@given(pairs=PAIRS)
def test_every_pair_is_in_its_cell(pairs):
    found = plane(pairs)
    assert sum(found.cells.values()) == len(pairs)
    for pair in pairs:
        cell = tuple(place_of(number, found.level) for number in pair)
        assert found.cells[cell] > 0
    places = [place for cell in found.cells for place in cell]
    assert max(places) - min(places) < SIDE


@settings(deadline=None)
@given(pairs=PAIRS, cut=st.integers(0, 20))
def test_it_does_not_matter_how_pairs_are_cut(pairs, cut):
    parts = [plane(part) for part in (pairs[:cut], pairs[cut:]) if part]
    for order in (parts, parts[::-1]):
        assert reduce(add, order) == plane(pairs)


def test_the_scale_is_the_finest_that_has_room():
    assert plane([(0, 0), (63, 1)]).level == 0
    assert plane([(0, 0), (64, 1)]).level == 1
    assert plane([(0, 0), (0.99, 1)]).side == pytest.approx(1 / 32)


def test_nothing_is_neutral():
    one = plane([(1, 2)])
    assert Plane() + one == one == one + Plane()
    assert Plane.of(np.empty(0), np.empty(0)) == Plane()


def test_one_point_has_a_cell():
    found = plane([(0.1, 0.1)] * 5)
    assert list(found.cells.values()) == [5]
    assert 0 < found.side < 1e-9
