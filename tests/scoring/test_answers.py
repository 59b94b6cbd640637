"""What a session's numbers mean: each task, ties, thresholds, and scores that are no numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import LabelScore, ModelIdentity, Outputs, Prediction, Rejected, Scores, encode
from scoring.answers import Answers
from scoring.errors import ManifestError
from tests.scoring.makers import manifest

MODEL = ModelIdentity(name="model", version=1, digest="d")


def answered(scores, labels=None, *, task="binary", outputs=None):
    described = manifest(task=task, outputs=outputs)
    values = np.asarray(scores)
    given_labels = None if labels is None else np.asarray(labels)
    rows = len(values)
    ids = [f"p{row}" for row in range(rows)]
    return Answers(described, MODEL).predictions(Scores(given_labels, values), ids, [f"e{row}" for row in range(rows)])


def binary(**more):
    return Outputs.model_validate({"labels": ("no", "yes"), "positive": "yes"} | more)


def shown(predictions):
    return [(prediction.label, prediction.score) for prediction in predictions]


def test_ids_and_model_are_carried():
    (prediction,) = answered([[0.25, 0.75]])
    assert prediction == Prediction("p0", "e0", MODEL, None, 0.75)


def test_binary_without_a_threshold_takes_the_graphs_decision():
    assert shown(answered([[0.25, 0.75], [0.9, 0.1]], ["yes", "yes"])) == [("yes", 0.75), ("yes", 0.1)]


def test_binary_with_a_threshold_decides_from_it_on():
    predictions = answered([[0, 0.49], [0, 0.5], [0, 0.51]], ["no", "no", "no"], outputs=binary(threshold=0.5))
    assert shown(predictions) == [("no", 0.49), ("yes", 0.5), ("yes", 0.51)]
    assert [prediction.threshold for prediction in predictions] == [0.5] * 3


@pytest.mark.parametrize("labels", [("yes", "no"), (1, 0)])
def test_the_positive_class_may_stand_first(labels):
    outputs = binary(labels=labels, positive=labels[0], threshold=0.5)
    assert shown(answered([[0.8, 0.2], [0.3, 0.7]], outputs=outputs)) == [(labels[0], 0.8), (labels[1], 0.3)]


@pytest.mark.parametrize("scores", [[0.8, 0.3], [[0.8], [0.3]]])
def test_a_single_column_is_the_positive_class(scores):
    assert shown(answered(scores, outputs=binary(threshold=0.5))) == [("yes", 0.8), ("no", 0.3)]


def test_a_float32_at_the_threshold_is_compared_as_the_double_that_is_shown():
    score = np.float32(0.1)  # 0.100000001..., above the double 0.1
    assert shown(answered(np.array([score]), outputs=binary(threshold=0.1))) == [("yes", float(score))]
    assert shown(answered(np.array([np.float32(0.7)]), outputs=binary(threshold=0.7))) == [("no", 0.699999988079071)]


def test_multiclass_ranks_the_labels():
    (prediction,) = answered([[0.2, 0.5, 0.3]], ["b"], task="multiclass")
    assert shown([prediction]) == [("b", 0.5)]
    assert prediction.scores == [LabelScore("b", 0.5), LabelScore("c", 0.3), LabelScore("a", 0.2)]


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_multiclass_shows_the_top_k(top_k, count):
    outputs = Outputs(labels=("a", "b", "c"), top_k=top_k)
    (prediction,) = answered([[0.2, 0.5, 0.3]], task="multiclass", outputs=outputs)
    assert [each.label for each in prediction.scores] == ["b", "c", "a"][:count]


def test_ties_stay_in_the_order_of_the_classes():
    rows = [[0.4, 0.2, 0.4], [0.3, 0.35, 0.35], [1 / 3, 1 / 3, 1 / 3]]
    predictions = answered(rows, task="multiclass")
    assert [[each.label for each in prediction.scores] for prediction in predictions] == [
        ["a", "c", "b"],
        ["b", "c", "a"],
        ["a", "b", "c"],
    ]
    assert [prediction.label for prediction in predictions] == ["a", "b", "a"]


def test_ties_of_many_classes_stay_in_their_order_too():
    labels = tuple(range(200))
    (prediction,) = answered([[0.002, 0.008] * 100], task="multiclass", outputs=Outputs(labels=labels, top_k=200))
    assert tuple(each.label for each in prediction.scores) == labels[1::2] + labels[::2]


def test_multiclass_keeps_the_graphs_own_decision():
    (prediction,) = answered([[0.4, 0.2, 0.4]], ["c"], task="multiclass")
    assert shown([prediction]) == [("c", 0.4)]


def test_integer_labels_stay_integers():
    predictions = answered([[0.2, 0.8]], [7], task="multiclass", outputs=Outputs(labels=(3, 7)))
    assert b'"label":7,"score":0.8,"scores":[{"label":7,"score":0.8},{"label":3,"score":0.2}]' in encode(predictions)[0]


@pytest.mark.parametrize("scores", [[1.5, -2.0], [[1.5], [-2.0]]])
def test_a_regression_has_no_label(scores):
    assert shown(answered(scores, task="regression")) == [(None, 1.5), (None, -2.0)]


@pytest.mark.parametrize("scores", [[0.1, -0.4], [[0.1], [-0.4]]])
def test_an_outlier_has_the_graphs_decision(scores):
    assert shown(answered(scores, [1, -1], task="outlier")) == [(1, 0.1), (-1, -0.4)]
    assert shown(answered(scores, task="outlier")) == [(None, 0.1), (None, -0.4)]


NOT_FINITE = Rejected("score_not_finite", "the model's score for this event is not a finite number")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "outlier"])
def test_a_score_that_is_no_number_is_a_rejection(task, bad):
    width = {"binary": 2, "multiclass": 3}.get(task, 1)
    scores = np.full((3, width), 0.25)
    scores[1, 0] = bad
    first, second, third = answered(scores, task=task)
    assert second == NOT_FINITE
    assert shown([first, third]) == shown(answered(scores[[0, 2]], task=task))


@pytest.mark.parametrize(
    ("task", "width", "labels", "expected"),
    [("binary", 3, 2, "1 or 2"), ("multiclass", 2, 3, "3"), ("multiclass", 4, 3, "3"), ("regression", 2, 0, "1")],
)
def test_more_or_fewer_scores_than_the_manifest_expects(task, width, labels, expected):
    with pytest.raises(ManifestError) as caught:
        answered(np.zeros((2, width)), task=task)
    assert str(caught.value) == (
        f"model:1: the model gives {width} scores a row; its manifest, {task} with {labels} labels, expects {expected}"
    )


probabilities = st.sampled_from([0.0, 0.125, 0.25, 0.5, float(np.float32(0.1)), float("nan")])


@given(st.lists(st.tuples(probabilities, probabilities, probabilities), min_size=1), st.integers(1, 4))
def test_a_row_is_answered_as_it_is_alone(rows, top_k):
    outputs = Outputs(labels=("a", "b", "c"), top_k=top_k)
    together = answered(rows, task="multiclass", outputs=outputs)
    for row, prediction in zip(rows, together, strict=True):
        (alone,) = answered([row], task="multiclass", outputs=outputs)
        if isinstance(alone, Rejected):
            assert prediction == alone
        else:
            assert (prediction.label, prediction.score, prediction.scores) == (alone.label, alone.score, alone.scores)
            assert [each.score for each in prediction.scores] == sorted(row, reverse=True)[:top_k]


def test_what_is_decided_is_what_predictions_say():
    scores = Scores(np.array(["no", "no"]), np.array([[0.6, 0.4], [0.3, 0.7]], np.float32))
    answers = Answers(manifest(task="binary", outputs=binary(threshold=0.3)), MODEL)
    decided = answers.decided(scores)
    assert decided.labels.tolist() == [answer.label for answer in answers.predictions(scores, "ab", "ab")]
    assert decided.scores is scores.scores
    assert Answers(manifest(task="binary"), MODEL).decided(scores) is scores


def test_labels_that_are_integers_are_decided_as_integers():
    outputs = binary(labels=(0, 1), positive=1, threshold=0.5)
    decided = Answers(manifest(task="binary", outputs=outputs), MODEL).decided(Scores(None, np.array([0.4, 0.6])))
    assert (decided.labels.dtype, decided.labels.tolist()) == (np.int64, [0, 1])


def test_nothing_is_decided_on_a_score_that_is_no_number():
    refused = Answers(manifest(), MODEL).decided(Scores(None, np.array([1.0, np.nan, np.inf])))
    assert {row: why.code for row, why in refused.items()} == {1: "score_not_finite", 2: "score_not_finite"}
