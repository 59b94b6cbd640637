"""CalibratedClassifierCV: skl2onnx calibrates a pipeline's probabilities, scikit-learn its decision function."""

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression

from converters.refusals import Unconvertible
from converters.repairs.interpolation import interpolate
from converters.repairs.margins import margin
from converters.repairs.nodes import Nodes, register_classifier

__all__ = ["register"]


def register() -> None:
    """Registers this converter with skl2onnx."""
    register_classifier(CalibratedClassifierCV, _convert)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """The mean of the folds' calibrated probabilities."""
    nodes = Nodes(scope, operator, container)
    folds = nodes.model.calibrated_classifiers_
    total = ""
    for fold in folds:
        share = _calibrated(nodes, fold)
        total = nodes("Add", total, share) if total else share
    nodes.classify(nodes("Div", total, float(len(folds))))


def _calibrated(nodes: Nodes, fold: Any) -> str:
    """One fold's probabilities, [N, classes]: each class against the rest (Platt 2000; Zadrozny and Elkan 2002)."""
    classes = len(fold.classes)
    if fold.method not in ("sigmoid", "isotonic") or len(fold.estimator.classes_) != classes:
        raise Unconvertible(
            "it calibrates by temperature, or a fold lacked a class", "Use method='sigmoid' and stratified folds."
        )
    value = margin(nodes, fold.estimator).value
    if classes == 2:  # noqa: PLR2004 - two classes share one calibrator
        positive = _apply(nodes, fold.calibrators[0], value)
        return nodes("Concat", nodes("Sub", 1.0, positive), positive, axis=1)
    each = [_apply(nodes, one, nodes.column(value, number)) for number, one in enumerate(fold.calibrators)]
    joined = nodes("Concat", *each, axis=1)
    total = nodes.total(joined)
    nothing = nodes("Equal", total, 0.0)
    shares = nodes("Div", joined, nodes("Where", nothing, 1.0, total))
    return nodes("Where", nothing, np.full((1, classes), 1.0 / classes), shares)


def _apply(nodes: Nodes, calibrator: Any, value: str) -> str:
    if isinstance(calibrator, IsotonicRegression):
        return interpolate(nodes, value, calibrator.X_thresholds_, calibrator.y_thresholds_)
    return nodes("Sigmoid", nodes("Neg", nodes("Add", nodes("Mul", value, float(calibrator.a_)), float(calibrator.b_))))
