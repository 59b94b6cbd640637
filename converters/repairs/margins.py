"""What scikit-learn's meta-estimators ask of a classifier: its decision function, else its probabilities."""

from types import SimpleNamespace
from typing import Any, NamedTuple

from skl2onnx.common.data_types import DoubleTensorType
from sklearn.base import is_regressor
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.pipeline import Pipeline

from converters.refusals import Unconvertible
from converters.repairs.boosting import raw_scores
from converters.repairs.nodes import Nodes

__all__ = ["Margin", "margin"]


class Margin(NamedTuple):
    """A classifier's confidence.

    Attributes:
        value: float64 [N, 1] for two classes, [N, classes] for more.
        limit: what it must exceed for the second of two classes.
    """

    value: str
    limit: float


def margin(nodes: Nodes, part: Any, features: str | None = None) -> Margin:
    """The confidence of an inner estimator.

    Args:
        nodes: the nodes in the making.
        part: a fitted classifier, pipeline of one, or regressor.
        features: what it reads, float64 of shape [N, features]; the operator's own inputs when None.

    Raises:
        Unconvertible: it has a decision function that its graph does not give.
    """
    if isinstance(part, FrozenEstimator):
        return margin(nodes, part.estimator, features)
    if isinstance(part, Pipeline):
        head = nodes.predict(part[:-1], features)[0] if len(part.steps) > 1 else features
        return margin(nodes, part.steps[-1][1], head)
    if value := _decision(nodes, part, features):
        return Margin(value, 0.0)
    if is_regressor(part):
        return Margin(nodes("Reshape", nodes.predict(part, features)[0], nodes.integers(-1, 1)), 0.5)
    scores = nodes.score(part, features)
    return Margin(nodes.column(scores, 1) if len(part.classes_) == 2 else scores, 0.5)  # noqa: PLR2004 - two classes


def _decision(nodes: Nodes, part: Any, features: str | None) -> str:
    """The decision function of a part that has one, or nothing."""
    if isinstance(part, LinearClassifierMixin):
        return nodes("Add", nodes("MatMul", features or nodes.features(), part.coef_.T), part.intercept_)
    if isinstance(part, GradientBoostingClassifier | HistGradientBoostingClassifier):
        return _boosted(nodes, part, features or nodes.features())
    if is_regressor(part) or not hasattr(part, "decision_function"):
        return ""
    if hasattr(part, "predict_proba"):
        raise Unconvertible(
            f"it asks for the decision_function of {type(part).__name__}, whose graph answers with probabilities",
            "Use a linear model, boosted trees or a forest inside.",
        )
    return nodes.score(part, features)


def _boosted(nodes: Nodes, part: Any, features: str) -> str:
    reader = SimpleNamespace(inputs=[SimpleNamespace(full_name=features, type=DoubleTensorType())])
    return raw_scores(nodes, part, reader)
