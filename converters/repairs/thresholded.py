"""FixedThresholdClassifier, TunedThresholdClassifierCV, SelfTrainingClassifier: another classifier's scores."""

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.semi_supervised import SelfTrainingClassifier

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_classifier

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
    register_classifier(FixedThresholdClassifier, _thresholded)
    register_classifier(TunedThresholdClassifierCV, _thresholded)
    register_classifier(SelfTrainingClassifier, _delegated)


def _delegated(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    label, scores = nodes.predict(nodes.model.estimator_)
    nodes.write_label(label)
    nodes.write(scores, 1)


def _thresholded(scope: Any, operator: Any, container: Any) -> None:
    """Label: positive where score >= threshold, the score of the positive class in float64."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    inner = getattr(model, "estimator_", model.estimator)
    probabilities = hasattr(inner, "predict_proba")
    if probabilities and model.response_method == "decision_function":
        raise Unconvertible(
            "it decides on decision_function, and the graph answers with probabilities",
            "Use response_method='predict_proba'.",
        )
    scores = nodes.score(inner)
    positive = _positive(model, inner)
    column = nodes.column(scores, positive if probabilities else 0)
    if not probabilities and positive == 0:
        column = nodes("Neg", column)
    above = nodes("GreaterOrEqual", nodes("Reshape", column, nodes.integers(-1)), _threshold(model, probabilities))
    order = [inner.classes_[1 - positive], inner.classes_[positive]]
    nodes.choose(nodes("Cast", above, to=TensorProto.INT64), order)
    nodes.write(scores, 1)


def _positive(model: Any, inner: Any) -> int:
    """The position of the positive class: 1 unless `pos_label`, or the scorer it was tuned with, names another."""
    label = getattr(model, "pos_label", None)
    if label is None and hasattr(model, "_curve_scorer"):
        label = model._curve_scorer._get_pos_label()  # noqa: SLF001 - what predict itself asks
    return 1 if label is None else int(np.flatnonzero(inner.classes_ == label)[0])


def _threshold(model: Any, probabilities: bool) -> float:
    if hasattr(model, "best_threshold_"):
        return float(model.best_threshold_)
    if model.threshold == "auto":
        return 0.5 if probabilities else 0.0
    return float(model.threshold)
