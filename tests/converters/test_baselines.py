"""Baselines: what is counted where, and that the score's is that of the predictions."""

from hashlib import sha256

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, IsolationForest

from converters import Columns, Source, convert, sample_of
from converters.baselines import MAX_SCORED, number_baseline, score_baseline
from models import LocalStore, Reference, load_pipeline
from scoring import Event, FakeScorer, Pipeline
from tests.converters.drafts import numbers

ROWS, LABELS = numbers(1500)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store")


def source(estimator, rows=ROWS, **more):
    return Source(estimator=estimator, sample=sample_of(rows, name="rows"), columns=Columns(), **more)


def scores_of(store, manifest, rows):
    pipeline = load_pipeline(store, Reference(name=manifest.name, version=manifest.version))
    events = [Event(line.encode()) for line in rows.to_json(orient="records", lines=True, double_precision=15).split()]
    return np.array([outcome.score for outcome in pipeline.score(events)])


def test_bins_hold_a_tenth_each_and_what_equals_an_edge_is_below_it():
    baseline = number_baseline(np.arange(1.0, 101.0), "float64", nulls=3)
    assert baseline.counts == (10,) * 10
    assert baseline.nulls == 3
    few = number_baseline(np.array([0.0] * 95 + [1.0] * 5), "float32")
    assert (few.edges, few.counts) == ((0.0,), (95, 5))


def test_flags_have_two_bins_and_nothing_has_one():
    assert number_baseline(np.array([0.0, 1.0, 1.0]), "bool").counts == (1, 2)
    assert number_baseline(np.array([]), "float32", nulls=4).model_dump() == {"edges": (), "counts": (0,), "nulls": 4}


def test_numbers_are_counted_as_float32_where_they_are_served_so():
    """0.1 is an edge, and as a float32 larger than as a double: it must be in the bin below all the same."""
    values = np.array([0.1] * 5 + [0.3] * 5)
    assert number_baseline(values, "float32").counts == number_baseline(values, "float64").counts
    assert number_baseline(np.array([1e300, 1.0]), "float32").counts  # what is refused elsewhere is no error here


@pytest.mark.parametrize(
    ("estimator", "target"),
    [(HistGradientBoostingClassifier, LABELS), (HistGradientBoostingRegressor, ROWS.iloc[:, 0])],
)
def test_the_score_is_distributed_as_predictions_of_the_sample_are(estimator, target, store):
    fitted = estimator(max_iter=10, random_state=0).fit(ROWS, target)
    manifest = convert(source(fitted), name="scored", store=store)
    scores, baseline = scores_of(store, manifest, ROWS), manifest.outputs.baseline
    assert baseline.counts == number_baseline(scores, "float64").counts
    assert baseline.edges == pytest.approx(number_baseline(scores, "float64").edges)
    assert sum(baseline.counts) == len(ROWS)
    assert store.manifest("scored", 1).outputs.baseline == baseline


def test_many_classes_and_outliers_have_a_score_too(store):
    classes = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(ROWS, np.arange(len(ROWS)) % 3)
    manifest = convert(source(classes), name="classes", store=store)
    assert min(manifest.outputs.baseline.edges) >= 1 / 3  # the top class's
    forest = convert(source(IsolationForest(n_estimators=10, random_state=0).fit(ROWS)), name="outliers", store=store)
    assert sum(forest.outputs.baseline.counts) == len(ROWS)


def test_rows_held_back_are_preferred_where_they_are_enough(store):
    fitted = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(ROWS, LABELS)
    held_back = ROWS.iloc[:1000]
    many = convert(source(fitted, held_back=sample_of(held_back, name="h")), name="many", store=store)
    few = convert(source(fitted, held_back=sample_of(held_back[:999], name="h")), name="few", store=store)
    assert (sum(many.outputs.baseline.counts), sum(few.outputs.baseline.counts)) == (1000, len(ROWS))


def test_what_was_not_certified_has_no_baseline_of_the_score(store):
    fitted = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(ROWS, LABELS)
    assert convert(source(fitted), name="free", store=store, uncertified=True).outputs.baseline is None


def test_a_large_sample_is_scored_in_part(store):
    fitted = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(ROWS, LABELS)
    manifest = convert(source(fitted), name="large", store=store)
    rows = ROWS.iloc[np.arange(MAX_SCORED + 5000) % len(ROWS)]
    baseline = score_baseline(manifest, store.model("large", 1), rows)
    assert sum(baseline.counts) == MAX_SCORED


def test_rows_that_serving_refuses_give_none(store):
    fitted = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(ROWS, LABELS)
    manifest = convert(source(fitted), name="wide", store=store)
    rows = ROWS.assign(a=1e300)
    assert score_baseline(manifest, store.model("wide", 1), rows) is None


def test_predictions_and_their_ids_are_the_same_with_it_and_without(store):
    fitted = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(ROWS, LABELS)
    manifest = convert(source(fitted), name="same", store=store)
    assert manifest.digest == sha256(store.model("same", 1)).hexdigest()
    before = manifest.model_copy(update={"outputs": manifest.outputs.model_copy(update={"baseline": None})})
    event = Event(ROWS.iloc[:1].to_json(orient="records", lines=True).strip().encode())
    scorer = FakeScorer(lambda columns: np.full(len(columns["a"]), 0.25))
    one, other = (Pipeline(each, scorer).score([event]) for each in (manifest, before))
    assert one == other
