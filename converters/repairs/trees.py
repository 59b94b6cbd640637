"""scikit-learn's trees and forests: skl2onnx loses the way of nulls and the ties between classes."""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from converters.thresholds import add_label
from converters.trees import Tree, add_sum, class_labels, write

__all__ = ["register"]

_OPTIONS = {"zipmap": [False], "nocl": [True, False], "raw_scores": [False]}


def register() -> None:
    """Registers these converters with skl2onnx."""
    for kind in (DecisionTreeClassifier, ExtraTreeClassifier, RandomForestClassifier, ExtraTreesClassifier):
        update_registered_converter(
            kind, f"Weir{kind.__name__}", calculate_linear_classifier_output_shapes, _classifier, options=_OPTIONS
        )
    for kind in (DecisionTreeRegressor, ExtraTreeRegressor, RandomForestRegressor, ExtraTreesRegressor):
        update_registered_converter(kind, f"Weir{kind.__name__}", calculate_linear_regressor_output_shapes, _regressor)


def tree_of(fitted: Any, value: Any, features: Any = None) -> Tree:
    """The arrays of a fitted scikit-learn tree.

    Args:
        fitted: the estimator's `tree_`.
        value: float64 [nodes, targets], what its leaves say.
        features: int [features], the columns it was grown on; all, in their order, when None.
    """
    leaf = fitted.children_left < 0
    feature = np.where(leaf, 0, fitted.feature)
    return Tree(
        left=fitted.children_left,
        right=fitted.children_right,
        leaf=leaf,
        feature=feature if features is None else np.asarray(features)[feature],
        threshold=fitted.threshold,
        missing_left=fitted.missing_go_to_left,
        value=value,
    )


def _members(estimator: Any) -> list[Any]:
    return [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]


def _regressor(scope: Any, operator: Any, container: Any) -> None:
    trees = [tree_of(fitted, fitted.value[:, :, 0]) for fitted in _members(operator.raw_operator)]
    total = add_sum(scope, operator, container, trees, np.zeros(trees[0].value.shape[1]), narrow=True)
    write(container, _mean(scope, container, total, len(trees)), operator.outputs[0])


def _classifier(scope: Any, operator: Any, container: Any) -> None:
    """The mean of the leaves' shares of each class, summed before it is divided.

    Whole trees vote 0 or 1, so the sum is exact, and two classes that scikit-learn finds equal stay equal.
    """
    members = _members(operator.raw_operator)
    shares = [fitted.value[:, 0, :] / fitted.value[:, 0, :].sum(axis=1, keepdims=True) for fitted in members]
    trees = [tree_of(fitted, share) for fitted, share in zip(members, shares, strict=True)]
    total = add_sum(scope, operator, container, trees, np.zeros(trees[0].value.shape[1]), narrow=True)
    mean = _mean(scope, container, total, len(trees))
    add_label(scope, container, mean, operator.outputs[0].full_name, class_labels(operator.raw_operator))
    write(container, mean, operator.outputs[1])


def _mean(scope: Any, container: Any, total: str, count: int) -> str:
    if count == 1:
        return total
    mean, divisor = scope.get_unique_variable_name("mean_of_trees"), scope.get_unique_variable_name("trees")
    container.add_initializer(divisor, TensorProto.FLOAT, [], [float(count)])
    container.add_node("Div", [total, divisor], [mean], name=scope.get_unique_operator_name("MeanOfTrees"))
    return str(mean)
