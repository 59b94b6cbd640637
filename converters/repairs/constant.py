"""DummyClassifier and DummyRegressor: the same answer for every row."""

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_classifier, register_regressor

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
    register_classifier(DummyClassifier, _classifier)
    register_regressor(DummyRegressor, _regressor)


def _classifier(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.strategy in ("stratified", "uniform"):
        raise Unconvertible(
            f"strategy={model.strategy!r} draws its answer at random, and the same event must give the same bytes",
            "Use strategy='prior', 'most_frequent' or 'constant'.",
        )
    nodes.classify(nodes.rows(model.predict_proba(np.zeros((1, 1)))[0]))


def _regressor(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    nodes.write(nodes.rows(np.ravel(nodes.model.constant_)))
