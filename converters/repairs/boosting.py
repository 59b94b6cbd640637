"""scikit-learn's boosted trees: skl2onnx rounds HistGradientBoosting's thresholds up, and forgets its log link."""

from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes
from converters.repairs.trees import tree_of
from converters.trees import Tree, add_classifier, add_sum, write

__all__ = ["raw_scores", "register"]

_OPTIONS = {"zipmap": [False], "nocl": [True, False], "raw_scores": [False]}


def register() -> None:
    """Registers these converters with skl2onnx."""
    for kind, convert in (
        (GradientBoostingClassifier, _gradient_classifier),
        (HistGradientBoostingClassifier, _histogram_classifier),
    ):
        update_registered_converter(
            kind, f"Weir{kind.__name__}", calculate_linear_classifier_output_shapes, convert, options=_OPTIONS
        )
    for kind, convert in (
        (GradientBoostingRegressor, _gradient_regressor),
        (HistGradientBoostingRegressor, _histogram_regressor),
    ):
        update_registered_converter(kind, f"Weir{kind.__name__}", calculate_linear_regressor_output_shapes, convert)


def raw_scores(nodes: Nodes, model: Any, reader: Any) -> str:
    """What a boosted classifier's decision_function says, float64 [N, 1] for two classes, [N, classes] for more.

    Args:
        nodes: the nodes in the making.
        model: a fitted GradientBoostingClassifier or HistGradientBoostingClassifier.
        reader: holds, as an operator does, the input that the trees read.
    """
    if isinstance(model, GradientBoostingClassifier):
        return nodes.sum_of_trees(reader, _gradient_trees(model, 1.0), _gradient_base(model), narrow=True)
    base = np.ravel(model._baseline_prediction)  # noqa: SLF001 - nowhere else
    return nodes.sum_of_trees(reader, _histogram_trees(model), base, narrow=False)


def _gradient_trees(model: Any, scale: float) -> list[Tree]:
    """Tree k of a round adds to target k alone."""
    targets = model.estimators_.shape[1]
    return [
        tree_of(member.tree_, scale * model.learning_rate * member.tree_.value[:, 0, :] * np.eye(targets)[[target]])
        for stage in model.estimators_
        for target, member in enumerate(stage)
    ]


def _gradient_base(model: Any) -> Any:
    """What the rounds start from, float64 [targets]."""
    if not (model.init_ == "zero" or isinstance(model.init_, DummyClassifier | DummyRegressor)):
        raise Unconvertible(
            "its first guess comes from another estimator",
            "Leave init=None, or stack the two estimators with StackingClassifier or StackingRegressor.",
        )
    return model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))[0]  # noqa: SLF001 - no other


def _gradient_classifier(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    scale = 2.0 if model.loss == "exponential" else 1.0  # its probability is expit(2 margin)
    trees, base = _gradient_trees(model, scale), scale * _gradient_base(model)
    transform = "LOGISTIC" if len(base) == 1 else "SOFTMAX"
    add_classifier(scope, operator, container, trees, base, transform=transform, narrow=True)


def _gradient_regressor(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    total = add_sum(scope, operator, container, _gradient_trees(model, 1.0), _gradient_base(model), narrow=True)
    write(container, total, operator.outputs[0])


def _histogram_trees(model: Any) -> list[Tree]:
    if model.is_categorical_ is not None and any(model.is_categorical_):
        raise Unconvertible(
            "it sorts categories into sets by itself, and reorders the columns to do so",
            "Put OrdinalEncoder or OneHotEncoder before it, and leave categorical_features=None.",
        )
    targets = model.n_trees_per_iteration_
    return [
        _histogram_tree(predictor.nodes, np.eye(targets)[[target]])
        for stage in model._predictors  # noqa: SLF001 - the trees are nowhere else
        for target, predictor in enumerate(stage)
    ]


def _histogram_tree(nodes: Any, target: Any) -> Tree:
    return Tree(
        left=nodes["left"],
        right=nodes["right"],
        leaf=nodes["is_leaf"].astype(bool),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"],
        value=nodes["value"][:, None] * target,
    )


def _histogram_classifier(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    base = np.ravel(model._baseline_prediction)  # noqa: SLF001 - nowhere else
    transform = "LOGISTIC" if len(base) == 1 else "SOFTMAX"
    add_classifier(scope, operator, container, _histogram_trees(model), base, transform=transform, narrow=False)


def _histogram_regressor(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    base = np.ravel(model._baseline_prediction)  # noqa: SLF001 - nowhere else
    total = add_sum(scope, operator, container, _histogram_trees(model), base, narrow=False)
    if model.loss in ("poisson", "gamma"):
        value, link = scope.get_unique_variable_name("value_of_trees"), scope.get_unique_operator_name("LogLink")
        container.add_node("Exp", [total], [value], name=link)
        total = value
    write(container, total, operator.outputs[0])
