import numpy as np
import pytest
from scipy.stats import entropy, ks_2samp

from scoring import Baseline, Feature
from telemetry.drift.figures import smoothed
from telemetry.drift.model import ModelBins
from telemetry.drift.summary import figures_of, rows_needed, verdict
from tests.observing.drift.models import TENTHS, manifest, number

COUNTRY = Feature(
    name="country",
    path=("country",),
    dtype="string",
    nullable=True,
    categories=("de", "fr"),
    baseline=Baseline(counts=(60, 30, 0), nulls=10),
)


def figures(model, columns, scores=(), min_rows=1):
    bins = ModelBins(model)
    return {each.feature: each for each in figures_of(bins, bins.count(columns, scores), min_rows=min_rows)}


def test_the_figures_of_numbers_are_scipys():
    values = np.random.default_rng(0).gamma(2.0, 1.5, 500)
    found = figures(manifest(), {"a": values.astype(np.float32), "b": values.astype(np.float32)})["a"]
    now = np.bincount(np.searchsorted(TENTHS.edges, values.astype(np.float32)), minlength=10)
    p, q = smoothed(np.array(TENTHS.counts)), smoothed(now)
    laid_out = [np.repeat(np.arange(10), counts) for counts in (TENTHS.counts, now)]
    assert found.psi == pytest.approx(entropy(p, q) + entropy(q, p))
    assert found.ks == pytest.approx(ks_2samp(*laid_out).statistic)
    assert (found.rows, found.null_share, found.baseline_null_share) == (500, 0.0, 0.0)
    assert found.out_of_range == (values > 10).mean()


def test_nulls_are_a_bin_of_the_index_and_not_of_the_distance():
    column = np.repeat(np.arange(10) + 0.5, 10).astype(np.float32)
    with_nulls = np.concatenate([column, np.full(100, np.nan, np.float32)])
    found = figures(manifest(number("a", nullable=True)), {"a": with_nulls})["a"]
    assert found.psi > 0.5
    assert found.ks == pytest.approx(0)
    assert (found.null_share, found.baseline_null_share, found.rows) == (0.5, 0.0, 200)


def test_categories_have_no_distance():
    column = np.array(["de"] * 60 + ["fr"] * 20 + ["xx"] * 10 + [""] * 10, object)
    found = figures(manifest(COUNTRY), {"country": column})["country"]
    p, q = smoothed(np.array([60, 30, 0, 10])), smoothed(np.array([60, 20, 10, 10]))
    assert found.psi == pytest.approx(entropy(p, q) + entropy(q, p))
    assert found.ks is None
    assert (found.null_share, found.baseline_null_share, found.out_of_range) == (0.1, 0.1, 0.1)


def test_the_score_has_no_range():
    found = figures(manifest(), {}, [0.1] * 300)["score"]
    assert found.is_score
    assert (found.rows, found.out_of_range, found.ks) == (300, None, 0.5)


def test_too_few_rows_have_no_figures_but_shares():
    found = figures(manifest(), {"a": np.full(199, 11, np.float32)}, min_rows=200)
    assert (found["a"].psi, found["a"].ks, found["a"].out_of_range, found["a"].rows) == (None, None, 1.0, 199)
    assert (found["b"].psi, found["b"].rows, found["b"].null_share) == (None, 0, 0.0)
    assert figures(manifest(), {"a": np.full(200, 11, np.float32)}, min_rows=200)["a"].psi > 1


def test_many_bins_need_more_rows():
    assert [rows_needed(bins, 200) for bins in (1, 2, 10, 11, 101)] == [200, 200, 200, 220, 2020]


def test_chance_alone_is_not_called_drift():
    """At the least number of rows, samples of one distribution are below the rule of thumb's first bound, or close."""
    rng = np.random.default_rng(1)
    for bins in (10, 101):
        names = tuple(f"c{place}" for place in range(bins - 1))
        baseline = Baseline(counts=(*(200,) * (bins - 1), 0))
        feature = Feature(name="c", path=("c",), dtype="string", categories=names, baseline=baseline)
        found = [
            figures(manifest(feature), {"c": rng.choice(np.array(names, object), rows_needed(bins, 200))})["c"].psi
            for _ in range(20)
        ]
        assert np.mean(found) < 0.1


def test_verdicts_are_the_rule_of_thumb():
    assert [verdict(psi) for psi in (0.0, 0.0999, 0.1, 0.2499, 0.25, 9.0, None)] == [
        "steady", "steady", "moving", "moving", "shifted", "shifted", "too few rows",
    ]  # fmt: skip
