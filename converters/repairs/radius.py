"""RadiusNeighborsClassifier and RadiusNeighborsRegressor: the mean over the training rows within the radius."""

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.neighbors import RadiusNeighborsClassifier, RadiusNeighborsRegressor

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_classifier, register_regressor

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
    register_classifier(RadiusNeighborsClassifier, _classifier)
    register_regressor(RadiusNeighborsRegressor, _regressor)


def _weights(nodes: Nodes) -> str:
    """1 for each training row within the radius and 0 for others, float64 [N, M]."""
    model = nodes.model
    if model.effective_metric_ != "euclidean" or model.weights != "uniform":
        raise Unconvertible(
            "only plain Euclidean neighbourhoods have an equal in ONNX", "Use weights='uniform' and metric='euclidean'."
        )
    rows = np.asarray(model._fit_X, dtype=np.float64)  # noqa: SLF001 - the training rows are nowhere else
    distances = nodes("Sqrt", nodes.squared_distances(nodes.features(), rows))
    return nodes("Cast", nodes("LessOrEqual", distances, float(model.radius)), to=TensorProto.DOUBLE)


def _classifier(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.outlier_label_ is None:
        raise Unconvertible(
            "it raises for a row without neighbours, and a graph cannot", "Set outlier_label='most_frequent'."
        )
    lonely = (np.asarray(model.classes_) == model.outlier_label_[0]).astype(np.float64)
    if not lonely.any():
        raise Unconvertible("its outlier_label is no class of the training rows", "Set outlier_label='most_frequent'.")
    votes = nodes("MatMul", _weights(nodes), np.eye(len(model.classes_))[np.ravel(model._y)])  # noqa: SLF001 - as above
    count = nodes.total(votes)
    shares = nodes("Div", votes, nodes("Max", count, 1.0))
    nodes.classify(nodes("Where", nodes("Equal", count, 0.0), lonely[None], shares))


def _regressor(scope: Any, operator: Any, container: Any) -> None:
    """NaN where no row is within the radius, as in scikit-learn: nothing divided by nothing."""
    nodes = Nodes(scope, operator, container)
    weights = _weights(nodes)
    targets = np.asarray(nodes.model._y, dtype=np.float64)  # noqa: SLF001 - as above
    sums = nodes("MatMul", weights, targets.reshape(len(targets), -1))
    nodes.write(nodes("Div", sums, nodes.total(weights)))
