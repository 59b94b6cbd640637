"""Moments add up to those of all."""

from functools import reduce
from operator import add

import numpy as np
import pytest

from stream_worker.replay.backtest.moments import Moments


def test_moments_are_numpys():
    values = np.random.default_rng(0).normal(size=(3, 100))
    found = Moments.of(values)
    np.testing.assert_allclose(found.means, values.mean(axis=1))
    assert found.variance(1) == pytest.approx(values[1].var())
    assert found.correlation(0, 2) == pytest.approx(np.corrcoef(values)[0, 2])


def test_parts_add_up_though_values_are_large_beside_their_spread():
    values = 1e9 + np.random.default_rng(0).normal(size=(2, 1000))
    found = reduce(add, (Moments.of(values[:, at : at + 7]) for at in range(0, 1000, 7)))
    assert found.count == 1000
    assert found.variance(0) == pytest.approx(values[0].var(), rel=1e-6)
    assert found.correlation(0, 1) == pytest.approx(np.corrcoef(values)[0, 1], rel=1e-6)


def test_nothing_has_no_moments():
    nothing = Moments.of(np.empty((2, 0)))
    assert np.isnan(nothing.variance(0))
    assert np.isnan(nothing.correlation(0, 1))
    one = Moments.of(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert nothing + one is one
    assert one + nothing is one


def test_what_never_varies_is_correlated_with_nothing():
    assert np.isnan(Moments.of(np.array([[1.0, 1.0], [1.0, 2.0]])).correlation(0, 1))
