"""Measures of counts: those of scikit-learn and SciPy, and bounds that hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score

from stream_worker.replay.backtest.bins import BINS, bin_of
from stream_worker.replay.backtest.measures import (
    average_precision,
    calibration,
    chance,
    decided,
    quantiles,
    ratio,
    roc_auc,
)
from stream_worker.replay.comparison import DIFFERENCES


def sample(seed: int):
    """Scores, and whether each is of a positive: rare or not, tied or not, spread or at the ends."""
    random = np.random.default_rng(seed)
    count = int(random.integers(20, 3000))
    scores = random.beta(0.3, random.choice([0.5, 3, 300]), count)
    if seed % 3 == 0:
        scores = np.round(scores, int(random.integers(1, 6)))
    truth = random.random(count) < np.clip(scores * random.random() + 0.02, 0, 1)
    truth[:2] = False, True
    return scores, truth


def counts(scores, truth):
    places = bin_of(scores)
    return np.bincount(places[~truth], minlength=BINS), np.bincount(places[truth], minlength=BINS)


@pytest.mark.parametrize("seed", range(30))
def test_areas_of_binned_scores_are_scikit_learns_and_bound_those_of_the_scores(seed):
    scores, truth = sample(seed)
    for measure, known in ((roc_auc, roc_auc_score), (average_precision, average_precision_score)):
        found = measure(*counts(scores, truth))
        assert found.value == pytest.approx(known(truth, bin_of(scores)))
        assert found.low - 1e-9 <= known(truth, scores) <= found.high + 1e-9


def test_bounds_are_narrow_though_nearly_all_scores_are_tiny():
    scores = np.random.default_rng(0).gamma(1, 0.002, 50_000)
    truth = np.random.default_rng(1).random(50_000) < scores * 3
    for measure in (roc_auc, average_precision):
        found = measure(*counts(scores, truth))
        assert found.high - found.low < 0.01


def test_without_both_kinds_there_is_no_area():
    none = np.zeros(BINS, np.int64)
    some = none + 1
    assert np.isnan(roc_auc(none, some)).all()
    assert np.isnan(roc_auc(some, none)).all()
    assert np.isnan(average_precision(some, none)).all()
    assert average_precision(none, some) == (1, 1, 1)


def test_calibration_is_scikit_learns():
    random = np.random.default_rng(0)
    scores = random.random(20_000)
    truth = random.random(20_000) < scores**2
    found = calibration(*counts(scores, truth))
    true, foretold = calibration_curve(truth, scores, n_bins=10)
    np.testing.assert_allclose(found.true, true)
    np.testing.assert_allclose(found.foretold, foretold, atol=5e-4)
    assert found.counts.sum() == 20_000


def test_empty_bars_of_a_calibration_are_left_out():
    found = calibration(*counts(np.array([0.05, 0.05, 0.95]), np.array([False, True, True])))
    assert found.true.tolist() == [0.5, 1]
    assert found.counts.tolist() == [2, 1]


@settings(deadline=None)
@given(one=st.integers(0, 400), other=st.integers(0, 400))
def test_chance_is_that_of_a_fair_coin(one, other):
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert chance(one, other) == pytest.approx(expected, rel=1e-6)


def test_chance_of_very_many_is_nearly_so():
    assert chance(100_000, 100_900) == pytest.approx(binomtest(100_000, 200_900).pvalue, rel=1e-3)


def test_decisions_of_a_label():
    found = decided(np.array([[50, 3, 1], [4, 20, 0], [2, 5, 9]]), 1)
    assert found == (20, 4, 8)
    assert (found.precision, found.recall, found.f1) == (20 / 28, 20 / 24, 40 / 52)
    assert np.isnan(decided(np.zeros((2, 2), np.int64), 0).f1)


def test_quantiles_are_near_numpys():
    values = np.random.default_rng(0).normal(0, 5, 10_000)
    shares = (0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0)
    found = quantiles(DIFFERENCES.count(values), DIFFERENCES, shares)
    np.testing.assert_allclose(found, np.quantile(values, shares, method="inverted_cdf"), rtol=0.01, atol=1e-3)


def test_quantiles_of_equal_scores_and_of_none():
    assert quantiles(DIFFERENCES.count(np.zeros(5)), DIFFERENCES, (0.1, 0.9)) == [0, 0]
    assert np.isnan(quantiles({}, DIFFERENCES, (0.5,))).all()


def test_a_share_of_nothing_is_no_number():
    assert np.isnan(ratio(0, 0))
    assert ratio(1, 4) == 0.25
