"""KNeighborsClassifier and KNeighborsRegressor: skl2onnx's own, for the weights that it gets right."""

from typing import Any

from skl2onnx import update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from converters.refusals import Unconvertible
from converters.thresholds import Converter

__all__ = ["register"]


def register() -> None:
    """Registers these converters with skl2onnx."""
    for kind in (KNeighborsClassifier, KNeighborsRegressor):
        original = sklearn_operator_name_map[kind]
        update_registered_converter(
            kind,
            f"Weir{kind.__name__}",
            get_shape_calculator(original),
            _uniform(original),
            options=get_converter(original).get_allowed_options(),
        )


def _uniform(original: str) -> Converter:
    convert = get_converter(original)

    def converter(scope: Any, operator: Any, container: Any) -> None:
        if operator.raw_operator.weights not in (None, "uniform"):
            raise Unconvertible("its converter gives another answer for weighted neighbours", "Use weights='uniform'.")
        convert(scope, operator, container)

    return converter
