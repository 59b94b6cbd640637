"""VotingClassifier, RegressorChain, CCA and PLSCanonical: several fitted parts behind one answer."""

from typing import Any

import numpy as np
from sklearn.cross_decomposition import CCA, PLSCanonical
from sklearn.ensemble import VotingClassifier
from sklearn.multioutput import RegressorChain

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_classifier, register_regressor

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
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
