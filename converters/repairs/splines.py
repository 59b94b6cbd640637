"""SplineTransformer: each basis function is a polynomial between two knots, evaluated in float64."""

from typing import Any

import numpy as np
from onnx import TensorProto
from scipy.interpolate import BSpline, PPoly
from sklearn.preprocessing import SplineTransformer

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_transformer

__all__ = ["register"]


def register() -> None:
    """Registers this converter with skl2onnx."""
    register_transformer(SplineTransformer, _convert)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.extrapolation == "error":
        raise Unconvertible(
            "a graph cannot raise for values beyond the knots", "Use extrapolation='constant' or 'linear'."
        )
    if model.extrapolation == "linear" and model.degree <= 1:
        raise Unconvertible(
            "scikit-learn 1.9 moves the last knots of every feature but the first",
            "Use degree=2 or more, or extrapolation='constant'.",
        )
    if getattr(model, "handle_missing", "error") != "error":
        raise Unconvertible("it has no equal for handle_missing='zeros'", "Put SimpleImputer before it.")
    features = nodes.features()
    parts = [_basis(nodes, nodes.column(features, position), spline) for position, spline in enumerate(model.bsplines_)]
    nodes.write(parts[0] if len(parts) == 1 else nodes("Concat", *parts, axis=1))


def _basis(nodes: Nodes, value: str, spline: BSpline) -> str:
    """The basis functions of one feature, [N, splines], of a value of shape [N, 1]."""
    model, degree = nodes.model, spline.k
    low, high = float(spline.t[degree]), float(spline.t[-degree - 1])
    width = spline.c.shape[1] if model.include_bias else spline.c.shape[1] - 1
    if model.extrapolation == "periodic":
        turns = nodes("Floor", nodes("Div", nodes("Sub", value, low), high - low))
        inside = nodes("Sub", value, nodes("Mul", turns, high - low))
    else:
        inside = value if model.extrapolation == "continue" else nodes("Clip", value, low, high)
    pieces, knots = _pieces(spline)
    answer = _polynomial(nodes, inside, pieces[..., :width], knots)
    if model.extrapolation == "linear":
        powers = np.arange(degree, 0, -1)[None, :, None]
        slope = _polynomial(nodes, inside, pieces[:, :-1, :width] * powers, knots)
        answer = nodes("Add", answer, nodes("Mul", nodes("Sub", value, inside), slope))
    return answer


def _pieces(spline: BSpline) -> tuple[Any, Any]:
    """Coefficients [intervals, degree + 1, splines], highest power first, and where the intervals begin."""
    degree = spline.k
    inner = slice(degree, len(spline.t) - degree - 1)
    each = [
        PPoly.from_spline((spline.t, spline.c[:, number], degree)).c[:, inner] for number in range(spline.c.shape[1])
    ]
    return np.stack(each, axis=-1).transpose(1, 0, 2), spline.t[inner]


def _polynomial(nodes: Nodes, value: str, pieces: Any, knots: Any) -> str:
    reached = nodes("GreaterOrEqual", value, np.asarray(knots)[None, 1:])
    piece = nodes("ReduceSum", nodes("Cast", reached, to=TensorProto.INT64), nodes.integers(1), keepdims=0)
    along = nodes(
        "Sub", value, nodes("Unsqueeze", nodes("Gather", np.asarray(knots), piece, axis=0), nodes.integers(1))
    )
    chosen = nodes("Gather", pieces, piece, axis=0)  # [N, powers, splines]
    answer = ""
    for power in range(pieces.shape[1]):  # Horner's scheme
        term = nodes("Gather", chosen, nodes.constant(power, "int64"), axis=1)
        answer = nodes("Add", nodes("Mul", answer, along), term) if answer else term
    return answer
