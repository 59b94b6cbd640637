"""OneVsOneClassifier, OneVsRestClassifier and BaggingClassifier: many classifiers, and how their answers add up."""

from itertools import combinations
from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.ensemble import BaggingClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier

from converters.refusals import Unconvertible
from converters.repairs.margins import margin
from converters.repairs.nodes import Nodes, register_classifier

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
    register_classifier(OneVsOneClassifier, _one_vs_one)
    register_classifier(OneVsRestClassifier, _one_vs_rest)
    register_classifier(BaggingClassifier, _bagging)


def _one_vs_one(scope: Any, operator: Any, container: Any) -> None:
    """Votes of all pairs, ties broken by summed confidence, as scikit-learn's `_ovr_decision_function`."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.pairwise_indices_ is not None:
        raise Unconvertible("its parts read a precomputed kernel", "Fit it on features.")
    margins = [margin(nodes, part) for part in model.estimators_]
    confidences = nodes("Concat", *(one.value for one in margins), axis=1)
    first, second = _pairs(len(model.classes_))
    limits = np.array([one.limit for one in margins])
    wins = nodes("Cast", nodes("Greater", confidences, limits[None]), to=TensorProto.DOUBLE)
    votes = nodes("Add", nodes("MatMul", wins, second - first), first.sum(axis=0))
    sums = nodes("MatMul", confidences, second - first)
    scale = nodes("Mul", nodes("Add", nodes("Abs", sums), 1.0), 3.0)
    scores = nodes("Add", votes, nodes("Div", sums, scale))
    if len(model.classes_) > 2:  # noqa: PLR2004 - two classes make one pair
        nodes.classify(scores)
        return
    nodes.choose(nodes("Cast", nodes("Reshape", wins, nodes.integers(-1)), to=TensorProto.INT64))
    nodes.write(nodes.column(scores, 1), 1)


def _pairs(classes: int) -> tuple[Any, Any]:
    """Which class loses and which wins where a pair's confidence is high, each float64 [pairs, classes]."""
    pairs = np.array(list(combinations(range(classes), 2)))
    return np.eye(classes)[pairs[:, 0]], np.eye(classes)[pairs[:, 1]]


def _one_vs_rest(scope: Any, operator: Any, container: Any) -> None:
    """Each class's own probability, normalised; without probabilities, each class's own margin."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.multilabel_ or any(not hasattr(part, "classes_") for part in model.estimators_):
        raise Unconvertible("it answers several labels, or a class was all or none of the rows", "Fit it on one label.")
    if not hasattr(model, "predict_proba"):
        _margins(nodes)
        return
    each = nodes("Concat", *(nodes.column(nodes.score(part), 1) for part in model.estimators_), axis=1)
    if len(model.estimators_) == 1:
        each = nodes("Concat", nodes("Sub", 1.0, each), each, axis=1)
    total = nodes.total(each)
    nodes.classify(nodes("Div", each, nodes("Where", nodes("Equal", total, 0.0), 1.0, total)))


def _margins(nodes: Nodes) -> None:
    margins = [margin(nodes, part) for part in nodes.model.estimators_]
    if len(margins) > 1:
        nodes.classify(nodes("Concat", *(one.value for one in margins), axis=1))
        return
    above = nodes("Greater", nodes("Reshape", margins[0].value, nodes.integers(-1)), margins[0].limit)
    nodes.choose(nodes("Cast", above, to=TensorProto.INT64))
    nodes.write(margins[0].value, 1)


def _bagging(scope: Any, operator: Any, container: Any) -> None:
    """The mean of the parts' probabilities, or of their votes where they have none."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    total = ""
    for part, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        share = nodes("MatMul", _share(nodes, part, columns), np.eye(len(model.classes_))[_places(model, part)])
        total = nodes("Add", total, share) if total else share
    nodes.classify(nodes("Div", total, float(len(model.estimators_))))


def _share(nodes: Nodes, part: Any, columns: Any) -> str:
    """A part's probabilities or vote, float64 [N, classes it knows], from the columns it was given."""
    everything = list(columns) == list(range(nodes.model.n_features_in_))
    features = None if everything else nodes.chosen(columns)
    if hasattr(part, "predict_proba"):
        return nodes.score(part, features)
    label = nodes("Unsqueeze", nodes.predict(part, features)[0], nodes.integers(1))
    known = nodes.constant(np.asarray(part.classes_, dtype=np.int64)[None], "int64")
    return nodes("Cast", nodes("Equal", label, known), to=TensorProto.DOUBLE)


def _places(model: Any, part: Any) -> Any:
    """Where a part's classes stand among all; the parts were fitted on their positions."""
    if len(part.classes_) == len(model.classes_):
        return np.arange(len(model.classes_))
    return np.asarray(part.classes_, dtype=np.int64)
