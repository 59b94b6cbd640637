"""What two models answered, counted: equal to scikit-learn's own figures, and the same however it is cut and added."""

import dataclasses
import pickle
from collections import Counter
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from scoring import Event
from stream_worker.replay.backtest.headline import caught, flagged, flipped, headline, moved
from stream_worker.replay.comparison import EXTREMES, Batch, compare, nothing
from tests.replay.backtest.batches import LABELS, batch, known_rows, rows_of, terms

TASKS = sorted(LABELS)
EXACT = ("records", "compared", "labelled", "foreign", "refused", "differences", "furthest")
TABLES = ("pairs", "confusions", "right", "hits", "bins", "ends")


def figures(comparison) -> dict[str, tuple[float, float]]:
    return {line.name: line.figures for line in headline(comparison)}


def same(one, other) -> None:
    """Counts are equal, and sums of floats as near as these can be."""
    for name in EXACT:
        assert getattr(one, name) == getattr(other, name), name
    for name in TABLES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    for kind in ("scores", "truths"):
        ones, others = getattr(one, kind), getattr(other, kind)
        assert ones.count == others.count
        np.testing.assert_allclose(ones.means, others.means, rtol=1e-12)
        np.testing.assert_allclose(ones.deviations, others.deviations, rtol=1e-10)
    np.testing.assert_allclose(one.errors, other.errors, rtol=1e-12, atol=1e-9)
    for mine, others in zip((one.plane, *one.against_truth), (other.plane, *other.against_truth), strict=True):
        assert (mine.level, dict(mine.cells)) == (others.level, dict(others.cells))


@pytest.mark.parametrize("task", TASKS)
@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(0, 500), max_size=6), seed=st.integers(0, 3))
def test_any_cut_adds_up_to_the_whole(task, cuts, seed):
    whole, ends = batch(task, 500, seed), sorted({0, 500, *cuts})
    parts = [compare(terms(task), rows_of(whole, slice(*pair))) for pair in pairwise(ends)]
    same(reduce(add, parts), compare(terms(task), whole))


@pytest.mark.parametrize("task", TASKS)
def test_the_order_of_adding_changes_no_count(task):
    parts = [compare(terms(task), batch(task, 300, seed)) for seed in range(5)]
    same(reduce(add, parts[::-1]), reduce(add, parts))


@pytest.mark.parametrize("task", TASKS)
def test_nothing_changes_nothing(task):
    one = compare(terms(task), batch(task, 300))
    same(nothing(terms(task)) + one, one)
    same(one + nothing(terms(task)), one)
    assert nothing(terms(task)).records == nothing(terms(task)).compared == 0


@pytest.mark.parametrize("task", TASKS)
def test_what_is_kept_does_not_grow_with_the_events(task):
    small = reduce(add, (compare(terms(task), batch(task, 4096, seed)) for seed in range(8)))
    large = reduce(add, (small for _ in range(64)))
    assert large.records == 64 * small.records
    assert len(pickle.dumps(large)) < 1.05 * len(pickle.dumps(small)) < 1_000_000


def test_events_are_counted_by_who_refused_them():
    whole = batch("binary", refused=0.05)
    comparison = compare(terms("binary"), whole)
    answered = np.isfinite(whole.scores)
    assert comparison.records == 4000
    assert comparison.compared == answered.all(axis=0).sum()
    assert comparison.refused == {
        ("wrong_type", ""): (~answered[0] & answered[1]).sum(),
        ("", "wrong_type"): (answered[0] & ~answered[1]).sum(),
        ("wrong_type", "wrong_type"): (~answered).all(axis=0).sum(),
    }


@pytest.mark.parametrize("task", ["binary", "multiclass", "outlier"])
def test_decisions(task):
    whole = batch(task)
    comparison = compare(terms(task), whole)
    ones, others = whole.labels[:, np.isfinite(whole.scores).all(axis=0)]
    assert flipped(comparison) == (ones != others).sum() > 0
    for place in range(len(LABELS[task])):
        assert flagged(comparison, place) == ((ones == place).sum(), (others == place).sum())
    np.testing.assert_array_equal(comparison.pairs, metrics.confusion_matrix(ones, others))


@pytest.mark.parametrize("task", ["binary", "multiclass", "outlier"])
def test_who_is_right(task):
    whole = batch(task)
    comparison, known = compare(terms(task), whole), known_rows(whole)
    truth, labels = whole.truth[known], whole.labels[:, known]
    right = labels == truth
    assert comparison.labelled == len(known)
    assert moved(comparison) == ((~right[0] & right[1]).sum(), (right[0] & ~right[1]).sum())
    for model in (0, 1):
        np.testing.assert_array_equal(comparison.confusions[model], metrics.confusion_matrix(truth, labels[model]))
        for place in range(len(LABELS[task])):
            found = caught(comparison, place)[model]
            scored = metrics.precision_recall_fscore_support(truth == place, labels[model] == place, average="binary")
            assert (found.precision, found.recall, found.f1) == pytest.approx(scored[:3])


def test_figures_of_two_labels_are_scikit_learns():
    whole = batch("binary")
    known = known_rows(whole)
    found, truth = figures(compare(terms("binary"), whole)), whole.truth[known]
    for model in (0, 1):
        scores, labels = whole.scores[model, known], whole.labels[model, known]
        assert found["precision"][model] == pytest.approx(metrics.precision_score(truth, labels))
        assert found["recall"][model] == pytest.approx(metrics.recall_score(truth, labels))
        assert found["f1"][model] == pytest.approx(metrics.f1_score(truth, labels))
        assert found["brier"][model] == pytest.approx(metrics.brier_score_loss(truth, scores))
        assert found["roc_auc"][model] == pytest.approx(metrics.roc_auc_score(truth, scores), abs=1e-3)
        assert found["average_precision"][model] == pytest.approx(
            metrics.average_precision_score(truth, scores), abs=1e-3
        )


@pytest.mark.parametrize("seed", range(5))
def test_areas_are_within_what_is_said_of_them(seed):
    whole = batch("binary", 500, seed)
    known = known_rows(whole)
    lines = {line.name: line for line in headline(compare(terms("binary"), whole))}
    for name, score in (("roc_auc", metrics.roc_auc_score), ("average_precision", metrics.average_precision_score)):
        for model, between in enumerate(lines[name].between):
            exact = score(whole.truth[known], whole.scores[model, known])
            assert between.low - 1e-12 <= exact <= between.high + 1e-12
            assert between.low - 1e-12 <= between.value <= between.high + 1e-12


def test_figures_of_several_labels_are_scikit_learns():
    whole = batch("multiclass")
    known = known_rows(whole)
    found, truth = figures(compare(terms("multiclass"), whole)), whole.truth[known]
    for model in (0, 1):
        labels = whole.labels[model, known]
        assert found["accuracy"][model] == pytest.approx(metrics.accuracy_score(truth, labels))
        assert found["mean_recall"][model] == pytest.approx(metrics.balanced_accuracy_score(truth, labels))
        assert found["top_2"][model] == pytest.approx((whole.ranks[model, known] >= 0).mean())
        assert found["brier"][model] == pytest.approx(
            metrics.brier_score_loss(labels == truth, whole.scores[model, known])
        )


def test_figures_of_values_are_scikit_learns():
    whole = batch("regression")
    known = known_rows(whole)
    found, truth = figures(compare(terms("regression"), whole)), whole.truth[known]
    for model in (0, 1):
        values = whole.scores[model, known]
        assert found["mean_error"][model] == pytest.approx((values - truth).mean())
        assert found["mae"][model] == pytest.approx(metrics.mean_absolute_error(truth, values))
        assert found["rmse"][model] == pytest.approx(metrics.root_mean_squared_error(truth, values))
        assert found["r2"][model] == pytest.approx(metrics.r2_score(truth, values))


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_correlated_as_numpy_says(task):
    whole = batch(task)
    scores = whole.scores[:, np.isfinite(whole.scores).all(axis=0)]
    found = reduce(add, (compare(terms(task), rows_of(whole, slice(at, at + 64))) for at in range(0, 4000, 64)))
    assert found.scores.correlation(0, 1) == pytest.approx(np.corrcoef(scores)[0, 1])
    assert found.scores.means == pytest.approx(scores.mean(axis=1))


def test_the_furthest_events_are_those_that_flip_and_differ_most():
    whole = batch("binary")
    flips = np.flatnonzero((whole.labels[0] != whole.labels[1]) & np.isfinite(whole.scores).all(axis=0))
    apart = np.abs(whole.scores[1, flips] - whole.scores[0, flips])
    cases = compare(terms("binary"), whole).furthest
    assert [case.event for case in cases] == [whole.ids[row] for row in flips[np.argsort(-apart)][:EXTREMES]]
    first = int(flips[np.argmax(apart)])
    assert cases[0].source == f"topic/3/{first}"
    assert cases[0].scores == tuple(whole.scores[:, first])
    assert cases[0].labels == tuple(whole.labels[:, first])


def test_of_values_all_events_may_be_the_furthest():
    whole = batch("regression", refused=0)
    apart = np.abs(whole.scores[1] - whole.scores[0])
    cases = compare(terms("regression"), whole).furthest
    assert [case.distance for case in cases] == pytest.approx(np.sort(apart)[::-1][:EXTREMES])


def test_of_several_labels_the_furthest_are_those_that_both_are_sure_of():
    cases = compare(terms("multiclass"), batch("multiclass")).furthest
    assert [case.distance for case in cases] == sorted((min(case.scores) for case in cases), reverse=True)
    assert all(case.labels[0] != case.labels[1] for case in cases)


def test_equally_far_events_stand_in_the_order_of_their_ids():
    count = 50
    ids = [f"e{number * 7 % count:02}" for number in range(count)]
    labels = np.stack([np.zeros(count, np.intp), np.ones(count, np.intp)])
    tied = Batch(
        scores=np.stack([np.full(count, 0.25), np.full(count, 0.75)]),
        labels=labels,
        truth=np.full(count, np.nan),
        codes=([""] * count, [""] * count),
        events=[Event(None)] * count,
        ids=ids,
        stream="hub",
    )
    cases = compare(terms("binary"), tied).furthest
    assert [case.event for case in cases] == [f"e{number:02}" for number in range(EXTREMES)]
    assert {(case.source, case.truth) for case in cases} == {("hub", None)}


def test_a_graph_that_decides_nothing_flips_nothing():
    undecided = dataclasses.replace(batch("binary", 100), labels=np.full((2, 100), -1))
    comparison = compare(terms("binary"), undecided)
    assert flipped(comparison) == comparison.pairs.sum() == 0
    assert comparison.furthest == ()


def test_foreign_labels_are_counted():
    one = dataclasses.replace(batch("binary", 100), foreign=7)
    assert (compare(terms("binary"), one) + compare(terms("binary"), one)).foreign == 14


def test_differences_are_counted():
    comparison = compare(terms("regression"), batch("regression", 300, refused=0))
    assert Counter(comparison.differences).total() == 300
