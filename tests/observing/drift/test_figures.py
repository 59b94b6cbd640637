"""The figures equal scipy's on the same data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy, ks_2samp

from telemetry.drift.figures import SMOOTHING, kolmogorov_smirnov, population_stability, share, smoothed

COUNTS = st.integers(1, 30).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins)] * 2)
)


def statistic(then, now):
    """Scipy's; its p-value, which we leave, divides by zero where samples are tiny."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return ks_2samp(then, now, method="asymp").statistic


@given(COUNTS)
def test_the_index_is_scipys_entropies_both_ways(both):
    p, q = ((np.array(counts) + SMOOTHING) / (sum(counts) + SMOOTHING * len(counts)) for counts in both)
    assert population_stability(*map(np.array, both)) == pytest.approx(entropy(p, q) + entropy(q, p), abs=1e-12)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12).flatmap(lambda one: st.tuples(
    st.just(one), st.lists(st.integers(0, 60), min_size=len(one), max_size=len(one)))))  # fmt: skip
def test_the_distance_is_scipys_of_samples_laid_out_by_bin(both):
    samples = [np.repeat(np.arange(len(counts)), counts) for counts in both]
    found = kolmogorov_smirnov(*map(np.array, both))
    if all(map(len, samples)):
        assert found == pytest.approx(statistic(*samples), abs=1e-12)
    else:
        assert found is None


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=60),
    st.lists(st.floats(-100, 100), min_size=1, max_size=60),
    st.lists(st.floats(-100, 100), min_size=1, max_size=9, unique=True).map(sorted),
)
def test_the_distance_is_never_above_scipys_of_the_samples_themselves(then, now, edges):
    counts = [np.bincount(np.searchsorted(edges, each, side="left"), minlength=len(edges) + 1) for each in (then, now)]
    found = kolmogorov_smirnov(*counts)
    assert found is not None
    assert found <= statistic(then, now) + 1e-12


def test_equal_distributions_are_not_apart():
    assert population_stability(np.array([10, 20, 30]), np.array([10, 20, 30])) == 0.0
    assert kolmogorov_smirnov(np.array([10, 20, 30]), np.array([100, 200, 300])) == pytest.approx(0.0)


def test_a_known_shift():
    # 50:50 to 80:20, of so many rows that smoothing is nothing: 0.3 ln(0.8/0.5) - 0.3 ln(0.2/0.5)
    expected, observed = np.array([5_000_000, 5_000_000]), np.array([8_000_000, 2_000_000])
    assert population_stability(expected, observed) == pytest.approx(0.3 * np.log(1.6) + 0.3 * np.log(2.5), abs=1e-6)
    assert kolmogorov_smirnov(expected, observed) == pytest.approx(0.3)


def test_an_empty_bin_is_no_infinity():
    found = population_stability(np.array([100, 0]), np.array([0, 100]))
    assert np.isfinite(found)
    assert found > 5
    assert smoothed(np.array([3, 0])).tolist() == [3.5 / 4, 0.5 / 4]


def test_shares_of_nothing():
    assert share(0, 0) == 0.0
    assert share(1, 4) == 0.25
