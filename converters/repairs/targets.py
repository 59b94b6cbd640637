"""TransformedTargetRegressor: what the inner regressor says, taken back to the target's own scale in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from converters.refusals import Unconvertible
from converters.repairs.interpolation import interpolate
from converters.repairs.nodes import Nodes, register_regressor

__all__ = ["register"]


def register() -> None:
    """Registers this converter with skl2onnx."""
    register_regressor(TransformedTargetRegressor, _convert)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    value = nodes.predict(nodes.model.regressor_)[0]
    value = nodes("Reshape", value, nodes.integers(0, -1))
    nodes.write(_inverse(nodes, nodes.model.transformer_, value))


def _inverse(nodes: Nodes, transformer: Any, value: str) -> str:
    for kind, inverse in _INVERSES.items():
        if type(transformer) is kind:
            return inverse(nodes, transformer, value)
    raise Unconvertible(
        f"its target is transformed by {type(transformer).__name__}, whose inverse has no equal in ONNX",
        f"Use one of {', '.join(sorted(kind.__name__ for kind in _INVERSES))}.",
    )


def _function(nodes: Nodes, transformer: Any, value: str) -> str:
    inverse = transformer.inverse_func
    if inverse is None:
        return value
    if inverse is np.expm1:
        return nodes("Sub", nodes("Exp", value), 1.0)
    if inverse is np.log1p:
        return nodes("Log", nodes("Add", value, 1.0))
    if inverse is np.square:
        return nodes("Mul", value, value)
    for function, kind in ((np.exp, "Exp"), (np.log, "Log"), (np.sqrt, "Sqrt"), (np.negative, "Neg")):
        if inverse is function:
            return nodes(kind, value)
    raise Unconvertible(
        f"ONNX cannot run the Python function {getattr(inverse, '__name__', inverse)!r}",
        "Use inverse_func=numpy.expm1, exp, log1p, log, square or sqrt.",
    )


def _standard(nodes: Nodes, scaler: Any, value: str) -> str:
    scale = 1.0 if scaler.scale_ is None else scaler.scale_
    return nodes("Add", nodes("Mul", value, scale), scaler.mean_ if scaler.with_mean else 0.0)


def _robust(nodes: Nodes, scaler: Any, value: str) -> str:
    scale = scaler.scale_ if scaler.with_scaling else 1.0
    return nodes("Add", nodes("Mul", value, scale), scaler.center_ if scaler.with_centering else 0.0)


def _min_max(nodes: Nodes, scaler: Any, value: str) -> str:
    if scaler.clip:
        value = nodes("Clip", value, *map(float, scaler.feature_range))
    return nodes("Div", nodes("Sub", value, scaler.min_), scaler.scale_)


def _max_abs(nodes: Nodes, scaler: Any, value: str) -> str:
    return nodes("Mul", value, scaler.scale_)


def _quantile(nodes: Nodes, transformer: Any, value: str) -> str:
    if transformer.output_distribution != "uniform":
        raise Unconvertible(
            "the inverse of QuantileTransformer needs the normal distribution, which ONNX lacks",
            "Use output_distribution='uniform'.",
        )
    return interpolate(nodes, value, transformer.references_, transformer.quantiles_[:, 0])


def _power(nodes: Nodes, transformer: Any, value: str) -> str:
    if transformer.standardize:
        value = _standard(nodes, transformer._scaler, value)  # noqa: SLF001 - the fitted scale is nowhere else
    power = float(transformer.lambdas_[0])
    if transformer.method == "box-cox":
        return _root(nodes, value, power)
    # Yeo and Johnson (2000): Box-Cox of x + 1 above zero, and of 1 - x with 2 - lambda below.
    above = nodes("Sub", _root(nodes, nodes("Max", value, 0.0), power), 1.0)
    below = nodes("Sub", 1.0, _root(nodes, nodes("Neg", nodes("Min", value, 0.0)), 2.0 - power))
    return nodes("Where", nodes("Less", value, 0.0), below, above)


def _root(nodes: Nodes, value: str, power: float) -> str:
    """The inverse of Box and Cox's transformation (1964): (1 + lambda y) ** (1 / lambda), or exp(y)."""
    if abs(power) < np.spacing(1.0):
        return nodes("Exp", value)
    return nodes("Pow", nodes("Add", nodes("Mul", value, power), 1.0), 1.0 / power)


_INVERSES: dict[type, Callable[[Nodes, Any, str], str]] = {
    FunctionTransformer: _function,
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    QuantileTransformer: _quantile,
    PowerTransformer: _power,
}
