"""How scores are sorted, and that the sorting adds up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_worker.replay.histogram import BARS, Spread
from stream_worker.replay.picture import draw

SCORES = st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=50)


def array(values):
    return np.array(values, np.float64)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_probabilities_are_in_their_bars(scores):
    spread = Spread(bounded=True)
    bars = spread.bars(spread.count(array(scores)))
    assert len(bars) == BARS
    assert sum(bar.predictions for bar in bars) == len(scores)
    assert (bars[0].low, bars[-1].high) == (0.0, 1.0)


@given(SCORES)
def test_each_score_is_inside_its_bucket(scores):
    spread = Spread(bounded=False)
    for score in scores:
        (number,) = spread.count(array([score]))
        low, high = spread._edges(number)
        assert low <= score < high or low < score <= high or low == high == score or abs(score) < 1e-300


@given(SCORES, SCORES)
def test_higher_scores_are_in_higher_buckets_and_counts_add_up(one, other):
    spread = Spread(bounded=False)
    together, first, second = (spread.count(array(values)) for values in (one + other, one, other))
    assert together == {number: first.get(number, 0) + second.get(number, 0) for number in sorted({*first, *second})}
    (lowest,), (highest,) = (spread.count(array([pick(one)])) for pick in (min, max))
    assert min(first) == lowest
    assert max(first) == highest


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_every_score_is_in_some_bar(scores):
    spread = Spread(bounded=False)
    bars = spread.bars(spread.count(array(scores)))
    assert sum(bar.predictions for bar in bars) == len(scores)


def test_bars_of_the_usual_sort():
    spread = Spread(bounded=False)
    bars = spread.bars(spread.count(array([-100.0, 0.0, 0.0, 100.0])))
    assert [(place, bar.predictions) for place, bar in enumerate(bars) if bar.predictions] == [(0, 1), (10, 2), (19, 1)]


def test_without_scores_there_are_no_bars():
    assert Spread(bounded=True).bars({}) == []


@pytest.mark.parametrize("bounded", [True, False])
def test_the_picture_is_the_same_each_time(bounded):
    spread = Spread(bounded=bounded)
    bars = spread.bars(spread.count(np.random.default_rng(0).random(1000)))
    assert draw(bars, "fraud:1") == draw(bars, "fraud:1")
    assert b"Software" not in draw(bars, "fraud:1")
    assert draw([], "fraud:1").startswith(b"\x89PNG")
