"""SimpleImputer for numbers, in float32 or float64: onnxruntime's own Imputer knows float32 alone."""

from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.impute import SimpleImputer

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes

__all__ = ["register"]

_ORIGINAL = "SklearnSimpleImputer"


def register() -> None:
    """Registers this converter with skl2onnx."""
    update_registered_converter(SimpleImputer, "WeirSimpleImputer", get_shape_calculator(_ORIGINAL), _convert)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    given = operator.inputs[0].type
    if not isinstance(given, FloatTensorType | DoubleTensorType):
        get_converter(_ORIGINAL)(scope, operator, container)
        return
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    if model.indicator_ is not None:
        raise Unconvertible("it adds columns that tell what was missing", "Leave add_indicator=False.")
    kept = np.flatnonzero(~np.isnan(np.asarray(model.statistics_, dtype=np.float64)))
    dtype = "float64" if isinstance(given, DoubleTensorType) else "float32"
    value = nodes.joined(dtype)
    if len(kept) < len(model.statistics_):  # scikit-learn drops the columns that were empty
        value = nodes("Gather", value, nodes.integers(*kept), axis=1)
    number = np.isnan(model.missing_values)
    missing = nodes("IsNaN", value) if number else nodes("Equal", value, nodes.constant(model.missing_values, dtype))
    nodes.write(nodes("Where", missing, nodes.constant(model.statistics_[kept][None], dtype), value))
