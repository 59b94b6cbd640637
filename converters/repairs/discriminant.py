"""LinearDiscriminantAnalysis, NearestCentroid, EllipticEnvelope: distances to fitted centres, in float64."""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import Int64TensorType
from sklearn.covariance import EllipticEnvelope
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import NearestCentroid

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_classifier

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
    register_classifier(LinearDiscriminantAnalysis, _linear)
    register_classifier(NearestCentroid, _centroids)
    update_registered_converter(EllipticEnvelope, "WeirEllipticEnvelope", _outlier_shapes, _envelope)


def _linear(scope: Any, operator: Any, container: Any) -> None:
    """Softmax over the classes; skl2onnx takes each class against the rest, and is off by up to 0.15."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    scores = nodes("Add", nodes("MatMul", nodes.features(), model.coef_.T), model.intercept_)
    if len(model.classes_) > 2:  # noqa: PLR2004 - two classes share one score
        nodes.classify(nodes("Softmax", scores, axis=1))
        return
    positive = nodes("Sigmoid", scores)
    nodes.classify(nodes("Concat", nodes("Sub", 1.0, positive), positive, axis=1))


def _centroids(scope: Any, operator: Any, container: Any) -> None:
    """Discriminant scores as in Hastie, Tibshirani and Friedman, (18.2): their softmax are the probabilities.

    The label is the class with the largest score, except with equal priors, where scikit-learn takes the nearest
    centroid on the features' own scale.
    """
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.metric != "euclidean":
        raise Unconvertible("it has no score for this metric", "Use metric='euclidean'.")
    features = nodes.features()
    spread = np.where(model.within_class_std_dev_ == 0, 1.0, model.within_class_std_dev_)
    distances = nodes.squared_distances(nodes("Div", features, spread), model.centroids_ / spread)
    scores = nodes("Softmax", nodes("Sub", 2.0 * np.log(model.class_prior_), distances), axis=1)
    if np.isclose(model.class_prior_, 1 / len(model.classes_)).all():
        nearest = nodes("ArgMin", nodes.squared_distances(features, model.centroids_), axis=1, keepdims=0)
        nodes.choose(nearest)
        nodes.write(scores, 1)
    else:
        nodes.classify(scores)


def _outlier_shapes(operator: Any) -> None:
    rows = operator.inputs[0].type.shape[0]
    operator.outputs[0].type = Int64TensorType([rows])
    operator.outputs[1].type.shape = [rows, 1]


def _envelope(scope: Any, operator: Any, container: Any) -> None:
    """Score: minus the squared Mahalanobis distance, less the offset; an outlier where that is negative."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    apart = nodes("Sub", nodes.features(), model.location_)
    distance = nodes.total(nodes("Mul", nodes("MatMul", apart, model.get_precision()), apart))
    score = nodes("Sub", nodes("Neg", distance), float(model.offset_))
    inlier = nodes("GreaterOrEqual", nodes("Reshape", score, nodes.integers(-1)), 0.0)
    nodes.choose(nodes("Cast", inlier, to=TensorProto.INT64), [-1, 1])
    nodes.write(score, 1)
