"""Piecewise linear functions, and the estimator that is one: IsotonicRegression."""

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.isotonic import IsotonicRegression

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_regressor

__all__ = ["interpolate", "register"]


def register() -> None:
    """Registers this converter with skl2onnx."""
    register_regressor(IsotonicRegression, _isotonic)


def interpolate(nodes: Nodes, value: str, knots: Any, heights: Any) -> str:
    """NumPy's `interp`: linear between the knots, level beyond the first and the last.

    Args:
        nodes: the nodes in the making.
        value: float64 of shape [N, 1].
        knots: float64 [K], rising.
        heights: float64 [K].
    """
    knots, heights = np.asarray(knots, dtype=np.float64), np.asarray(heights, dtype=np.float64)
    if len(knots) == 1:
        return nodes("Add", nodes("Mul", value, 0.0), heights)
    slopes = np.diff(heights) / np.diff(knots)
    inside = nodes("Clip", value, float(knots[0]), float(knots[-1]))
    reached = nodes("Cast", nodes("GreaterOrEqual", inside, knots[None, 1:-1]), to=TensorProto.INT64)
    piece = nodes("ReduceSum", reached, nodes.integers(1), keepdims=1)
    start, slope, height = (nodes("Gather", array, piece, axis=0) for array in (knots, slopes, heights))
    return nodes("Add", height, nodes("Mul", nodes("Sub", inside, start), slope))


def _isotonic(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.out_of_bounds == "raise":
        raise Unconvertible("a graph cannot raise for values out of bounds", "Use out_of_bounds='clip'.")
    value = nodes.features()
    answer = interpolate(nodes, value, model.X_thresholds_, model.y_thresholds_)
    if model.out_of_bounds == "nan":
        beyond = nodes("Or", nodes("Less", value, model.X_min_), nodes("Greater", value, model.X_max_))
        answer = nodes("Where", beyond, np.nan, answer)
    nodes.write(answer)
