"""KernelRidge, LabelPropagation, LabelSpreading: weighted sums of kernels to the training rows, in float64."""

from typing import Any

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_classifier, register_regressor

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
    register_regressor(KernelRidge, _ridge)
    register_classifier(LabelPropagation, _labels)
    register_classifier(LabelSpreading, _labels)


def _ridge(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    weights = np.asarray(model.dual_coef_, dtype=np.float64).reshape(len(model.X_fit_), -1)
    features, rows = nodes.features(), np.asarray(model.X_fit_, dtype=np.float64)
    if model.kernel == "linear":
        nodes.write(nodes("MatMul", features, rows.T @ weights))
        return
    nodes.write(nodes("MatMul", _kernel(nodes, features, rows), weights))


def _kernel(nodes: Nodes, features: str, rows: Any) -> str:
    """The kernel between each row and each training row, [N, M], as `sklearn.metrics.pairwise` computes it."""
    model = nodes.model
    gamma = 1.0 / rows.shape[1] if model.gamma is None else float(model.gamma)
    if model.kernel == "rbf":
        return nodes("Exp", nodes("Mul", nodes.squared_distances(features, rows), -gamma))
    if model.kernel == "laplacian":
        apart = nodes("Abs", nodes("Sub", nodes("Unsqueeze", features, nodes.integers(1)), rows[None]))
        return nodes("Exp", nodes("Mul", nodes("ReduceSum", apart, nodes.integers(2), keepdims=0), -gamma))
    if model.kernel in ("poly", "polynomial", "sigmoid"):
        inner = nodes("Add", nodes("Mul", nodes("MatMul", features, rows.T), gamma), float(model.coef0))
        return nodes("Tanh", inner) if model.kernel == "sigmoid" else nodes("Pow", inner, float(model.degree))
    raise Unconvertible(
        f"the kernel {model.kernel!r} has no equal in ONNX",
        "Use kernel='linear', 'rbf', 'poly', 'sigmoid' or 'laplacian'.",
    )


def _labels(scope: Any, operator: Any, container: Any) -> None:
    """The training rows' label distributions, weighted by the kernel or counted over the nearest neighbours."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    rows, labels = np.asarray(model.X_, dtype=np.float64), np.asarray(model.label_distributions_)
    distances = nodes.squared_distances(nodes.features(), rows)
    if model.kernel == "rbf":
        weighted = nodes("MatMul", nodes("Exp", nodes("Mul", distances, -float(model.gamma))), labels)
    elif model.kernel == "knn":
        nearest = nodes.smallest(distances, model.n_neighbors)
        weighted = nodes("ReduceSum", nodes("Gather", labels, nearest, axis=0), nodes.integers(1), keepdims=0)
    else:
        raise Unconvertible("ONNX cannot run a Python function for a kernel", "Use kernel='rbf' or 'knn'.")
    nodes.classify(nodes("Div", weighted, nodes.total(weighted)))
