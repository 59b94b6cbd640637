"""IsolationForest as one node: skl2onnx writes twenty-five for each tree, and loses the way of nulls."""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import Int64TensorType
from skl2onnx.common.utils import check_input_and_output_numbers
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length

from converters.repairs.trees import tree_of
from converters.trees import add_sum, write

__all__ = ["register"]


def register() -> None:
    """Registers this converter with skl2onnx."""
    update_registered_converter(
        IsolationForest, "WeirIsolationForest", _shapes, _convert, options={"score_samples": [False]}
    )


def _shapes(operator: Any) -> None:
    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=2)
    rows = operator.inputs[0].type.shape[0]
    operator.outputs[0].type = Int64TensorType([rows])
    operator.outputs[1].type.shape = [rows, 1]


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Score = -2 ** (-E[path length] / c(n)), as in Liu, Ting and Zhou, "Isolation Forest" (2008), less the offset.

    A leaf adds the length of its path and the length expected below it, divided by all trees' expected length.
    """
    model = operator.raw_operator
    scale = len(model.estimators_) * _average_path_length([model.max_samples_])[0]
    trees = []
    for member, features in zip(model.estimators_, model.estimators_features_, strict=True):
        fitted = member.tree_
        length = fitted.compute_node_depths() - 1.0 + _average_path_length(fitted.n_node_samples)
        trees.append(tree_of(fitted, length[:, None] / scale, features))
    depth = add_sum(scope, operator, container, trees, np.zeros(1), narrow=True)
    wide = scope.get_unique_variable_name("depth")
    container.add_node("Cast", [depth], [wide], name=scope.get_unique_operator_name("Depth"), to=TensorProto.DOUBLE)
    _decide(scope, operator, container, wide, model.offset_)


def _decide(scope: Any, operator: Any, container: Any, depth: str, offset: float) -> None:
    """Label -1 where the score is negative, 1 elsewhere; in float64, so that the offset does not blur the score."""

    def step(kind: str, *inputs: str, **attributes: Any) -> str:
        name = scope.get_unique_variable_name(f"isolation_{kind.lower()}")
        container.add_node(kind, list(inputs), [name], name=scope.get_unique_operator_name(kind), **attributes)
        return str(name)

    def constant(kind: int, shape: list[int], value: float) -> str:
        name = scope.get_unique_variable_name("isolation_constant")
        container.add_initializer(name, kind, shape, [value])
        return str(name)

    two, zero = constant(TensorProto.DOUBLE, [1], 2.0), constant(TensorProto.DOUBLE, [1], 0.0)
    score = step("Sub", step("Neg", step("Pow", two, step("Neg", depth))), constant(TensorProto.DOUBLE, [1], offset))
    write(container, score, operator.outputs[1])
    outlier = step("Less", score, zero)
    flat = step("Reshape", outlier, constant(TensorProto.INT64, [1], -1))
    ones = constant(TensorProto.INT64, [1], 1), constant(TensorProto.INT64, [1], -1)
    container.add_node(
        "Where",
        [flat, ones[1], ones[0]],
        [operator.outputs[0].full_name],
        name=scope.get_unique_operator_name("IsOutlier"),
    )
