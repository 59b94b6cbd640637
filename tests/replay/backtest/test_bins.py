"""Bins of probabilities: thousandths, and narrower ones towards the ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_worker.replay.backtest.bins import BINS, EDGES, MIDDLES, bin_of, first_bin, gathered, reached


def test_bins_begin_at_every_thousandth_and_nowhere_twice():
    assert EDGES[0] == 0
    assert (np.diff(EDGES) > 0).all()
    assert np.isin(np.arange(1000) / 1000, EDGES).all()
    assert EDGES[-1] > 1 - 1e-7
    assert (np.diff(np.append(EDGES, 1)) <= 0.001 + 1e-12).all()
    assert BINS < 4000


@settings(deadline=None)
@given(probability=st.floats(0, 1), thousandths=st.integers(0, 999))
def test_a_bin_says_exactly_on_which_side_of_a_threshold_a_probability_is(probability, thousandths):
    (place,) = bin_of(np.array([probability]))
    assert (place >= first_bin(thousandths)) == (probability >= thousandths / 1000)


@pytest.mark.parametrize(("probability", "place"), [(0, 0), (-1e-9, 0), (1, BINS - 1), (1.0000001, BINS - 1)])
def test_the_ends(probability, place):
    assert bin_of(np.array([probability])).tolist() == [place]


def test_middles_are_between_edges():
    assert (MIDDLES > EDGES).all()
    assert (MIDDLES[:-1] < EDGES[1:]).all()
    assert MIDDLES[-1] < 1


def test_parts_hold_what_their_bins_hold():
    scores = np.random.default_rng(0).random(10_000)
    counts = np.bincount(bin_of(scores), minlength=BINS)
    np.testing.assert_array_equal(gathered(counts, 10), np.histogram(scores, 10, (0, 1))[0])
    np.testing.assert_array_equal(gathered(np.stack([counts, counts]), 10)[1], gathered(counts, 10))


def test_what_is_reached():
    assert reached(np.array([[1, 2, 3], [0, 0, 1]])).tolist() == [[6, 5, 3], [1, 1, 1]]
