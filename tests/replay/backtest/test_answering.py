"""What pipelines answer, as arrays: each task, and events that one of them refuses."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from scoring import Event, FakeScorer, Outputs, Pipeline, Position, Scores
from stream_worker.replay.backtest.answering import Duel
from stream_worker.replay.backtest.labels import read_labels
from stream_worker.replay.backtest.rows import rows_to
from stream_worker.replay.backtest.terms import terms_between
from stream_worker.replay.backtest.truth import FieldTruth, NoTruth, Reading
from stream_worker.replay.comparison import compare
from stream_worker.replay.files import Files, StorageOptions
from stream_worker.replay.folders import LocalFolder
from stream_worker.replay.records import Group, Portion
from tests.scoring.makers import feature, manifest

GROUP = Group(number=0, name="g", kind="capture", files=(), stream="hub", partition=0)
X = feature("x", "float64")


class Deciding:
    """A scorer that decides, too."""

    def run(self, columns):
        return Scores(labels=np.where(columns["x"] < 0, -1, 1), scores=columns["x"])


def shares(columns):
    """Three probabilities: of the whole part of x most, and of the next one less."""
    rows = len(columns["x"])
    scores = np.full((rows, 3), 0.1)
    first = columns["x"].astype(int) % 3
    scores[np.arange(rows), first] = 0.6
    scores[np.arange(rows), (first + 1) % 3] = 0.3
    return scores


def portion(*fields, **more) -> Portion:
    events = [
        Event(None if each is None else json.dumps(each).encode(), position=Position("hub", 2, number))
        for number, each in enumerate(fields)
    ]
    return Portion(events=events, cursor={}, **more)


def duel(one: Pipeline, other: Pipeline, label: str | None = None) -> Duel:
    terms = terms_between(one.manifest, other.manifest)
    return Duel(one, other, terms, NoTruth() if label is None else FieldTruth(label, Reading(terms)))


def test_values_and_refusals():
    one = Pipeline(manifest(X), FakeScorer(lambda columns: columns["x"]))
    other = Pipeline(manifest(X, feature("y"), version=2), FakeScorer(lambda columns: columns["x"] + columns["y"]))
    found = duel(one, other, "truth").answer(
        portion({"x": 1, "y": 2, "truth": 2.5}, {"x": 3, "truth": "much"}, {"y": 1}, None), GROUP
    )
    nan = np.nan
    np.testing.assert_array_equal(found.scores, [[1, 3, nan, nan], [3, nan, nan, nan]])
    np.testing.assert_array_equal(found.truth, [2.5, nan, nan, nan])
    assert found.codes == (["", "", "missing_field", "tombstone"], ["", "missing_field", "missing_field", "tombstone"])
    assert (found.labels == -1).all()
    assert found.foreign == 1
    assert found.ranks is None
    assert found.ids == ["hub/2/0", "hub/2/1", "hub/2/2", "hub/2/3"]


def test_several_labels_of_which_one_model_has_more():
    outputs = [Outputs(labels=("a", "b", "c"), top_k=2), Outputs(labels=("d", "a", "b"), top_k=2)]
    one, other = (
        Pipeline(manifest(X, task="multiclass", outputs=each, version=version), FakeScorer(shares))
        for version, each in enumerate(outputs, 1)
    )
    fought = duel(one, other, "truth")
    assert fought.terms.labels == ("a", "b", "c", "d")
    found = fought.answer(
        portion({"x": 0, "truth": "a"}, {"x": 1, "truth": "c"}, {"x": 2, "truth": "d"}, {"x": 0}), GROUP
    )
    assert found.labels.tolist() == [[0, 1, 2, 0], [3, 0, 1, 3]]
    np.testing.assert_array_equal(found.truth, [0, 2, 3, np.nan])
    assert found.ranks is not None
    assert found.ranks.tolist() == [[0, 1, -1, -1], [1, -1, 1, -1]]
    assert compare(fought.terms, found).hits.tolist() == [[1, 1], [0, 2]]


def test_outliers():
    described = manifest(X, task="outlier", outputs=Outputs(labels=(-1, 1)))
    found = duel(Pipeline(described, Deciding()), Pipeline(described, Deciding()), "truth").answer(
        portion({"x": -0.5, "truth": -1}, {"x": 0.5, "truth": "-1"}, {"x": 0.5, "truth": 0}), GROUP
    )
    assert found.labels.tolist() == [[0, 1, 1]] * 2
    np.testing.assert_array_equal(found.truth, [0, 0, np.nan])
    assert found.foreign == 1


def test_a_score_that_is_no_number_is_refused():
    one = Pipeline(manifest(X), FakeScorer(lambda columns: np.log(np.maximum(columns["x"], 0))))
    with np.errstate(divide="ignore"):
        found = duel(one, one).answer(portion({"x": 0}, {"x": 1}), GROUP)
    assert found.codes[0] == ["score_not_finite", ""]
    assert np.isnan(found.scores[:, 0]).all()


@pytest.mark.parametrize("named", [0, 1])
def test_an_event_is_called_by_the_id_that_either_model_reads(named):
    plain, with_id = manifest(X), manifest(X, event_id=("id",))
    both = [Pipeline(each, FakeScorer(lambda columns: columns["x"])) for each in (with_id, plain)]
    found = duel(both[named], both[1 - named]).answer(portion({"x": 1, "id": "tx-1"}, {"x": 2}), GROUP)
    assert found.ids == ["tx-1", "hub/2/1"]


def test_columns_are_given_to_the_models_that_take_them():
    one = Pipeline(manifest(X), FakeScorer(lambda columns: columns["x"]))
    other = Pipeline(manifest(feature("y", "float64"), version=2), FakeScorer(lambda columns: columns["y"]))
    columns = {"x": np.array([1.0, 2.0]), "y": np.array([3.0, np.nan]), "truth": np.array([5, 6])}
    given = Portion(events=[Event(None)] * 2, columns=columns, event_ids=["a", None], cursor={})
    found = duel(one, other, "truth").answer(given, GROUP)
    np.testing.assert_array_equal(found.scores, [[1, 2], [3, np.nan]])
    assert found.truth.tolist() == [5, 6]
    assert found.ids == ["a", ""]
    assert found.codes[1] == ["", "wrong_type"]


def test_an_id_that_is_no_text_is_none(tmp_path):
    """As in a plain replay: the row is refused, the others are not."""
    one = Pipeline(manifest(X, event_id=("id",)), FakeScorer(lambda columns: columns["x"]))
    given = Portion(events=[Event(None)] * 3, columns={"x": np.ones(3)}, event_ids=["a", b"\xff", None], cursor={})
    (tmp_path / "labels.csv").write_text("id,label\na,1.5\n")
    terms = terms_between(one.manifest, one.manifest)
    with Files(StorageOptions()) as files:
        truth = read_labels(str(tmp_path / "labels.csv"), files, terms=terms, id_columns=["id"], label="label")
    found = Duel(one, one, terms, truth).answer(given, GROUP)
    assert found.ids == ["a", "", ""]
    assert found.codes[0][0] == "" != found.codes[0][1]
    np.testing.assert_array_equal(found.truth, [1.5, np.nan, np.nan])
    with rows_to(LocalFolder(tmp_path), GROUP, terms, "parquet") as rows:
        rows.add(found)
    assert pq.read_table(tmp_path / "events" / "g.parquet").column("event_id").to_pylist() == ["a", None, None]
