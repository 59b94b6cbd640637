"""OneVsOneClassifier, VotingClassifier, RegressorChain, CCA, PLSCanonical: several fitted parts behind one answer."""

from itertools import combinations
from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.base import is_regressor
from sklearn.cross_decomposition import CCA, PLSCanonical
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.multiclass import OneVsOneClassifier
from sklearn.multioutput import RegressorChain

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_classifier, register_regressor

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
    register_classifier(OneVsOneClassifier, _one_vs_one)
    register_classifier(VotingClassifier, _vote)
    register_regressor(RegressorChain, _chain)
    register_regressor(CCA, _latent)
    register_regressor(PLSCanonical, _latent)


def _latent(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    centred = nodes("Sub", nodes.features(), model._x_mean)  # noqa: SLF001 - the mean is nowhere else
    nodes.write(nodes("Add", nodes("MatMul", centred, model.coef_.T), model.intercept_))


def _chain(scope: Any, operator: Any, container: Any) -> None:
    """Each regressor reads the features and the answers of those before it."""
    nodes = Nodes(scope, operator, container)
    known = nodes.features()
    answers = []
    for estimator in nodes.model.estimators_:
        answers.append(nodes("Reshape", nodes.predict(estimator, known)[0], nodes.integers(-1, 1)))
        known = nodes("Concat", known, answers[-1], axis=1)
    nodes.write(nodes("Concat", *(answers[place] for place in np.argsort(nodes.model.order_)), axis=1))


def _vote(scope: Any, operator: Any, container: Any) -> None:
    """The weighted mean of the parts' probabilities; skl2onnx refuses `flatten_transform`, which predicts nothing."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.voting != "soft":
        raise Unconvertible("it counts labels, and has no score", "Use voting='soft'.")
    weights = model._weights_not_none or [1.0] * len(model.estimators_)  # noqa: SLF001 - without those of dropped parts
    total = ""
    for part, weight in zip(model.estimators_, weights, strict=True):
        share = nodes("Mul", nodes.score(part), float(weight) / float(sum(weights)))
        total = nodes("Add", total, share) if total else share
    nodes.classify(total)


def _one_vs_one(scope: Any, operator: Any, container: Any) -> None:
    """Votes of all pairs, ties broken by summed confidence, as scikit-learn's `_ovr_decision_function`."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.pairwise_indices_ is not None:
        raise Unconvertible("its parts read a precomputed kernel", "Fit it on features.")
    margins, limits = zip(*(_margin(nodes, part) for part in model.estimators_), strict=True)
    confidences = nodes("Concat", *margins, axis=1)
    first, second = _pairs(len(model.classes_))
    wins = nodes("Cast", nodes("Greater", confidences, np.array(limits)[None]), to=TensorProto.DOUBLE)
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


def _margin(nodes: Nodes, part: Any) -> tuple[str, float]:
    """A part's confidence in its second class, [N, 1], and what it must exceed."""
    if is_regressor(part):
        return nodes("Reshape", nodes.predict(part)[0], nodes.integers(-1, 1)), 0.5
    if isinstance(part, LinearClassifierMixin):
        return nodes("Add", nodes("MatMul", nodes.features(), part.coef_.T), part.intercept_), 0.0
    if not hasattr(part, "decision_function"):
        return nodes.column(nodes.score(part), 1), 0.5
    if not hasattr(part, "predict_proba"):
        return nodes.score(part), 0.0
    raise Unconvertible(
        f"it votes by the decision_function of {type(part).__name__}, whose graph answers with probabilities",
        "Use OneVsRestClassifier, or a linear model or a forest inside.",
    )
