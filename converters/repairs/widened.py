"""Estimators whose own converter is right in float64 and too coarse in float32."""

from typing import Any

from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.gaussian_process import GaussianProcessRegressor

from converters.repairs.nodes import Nodes

__all__ = ["register"]

_ORIGINAL = "SklearnGaussianProcessRegressor"


def register() -> None:
    """Registers this converter with skl2onnx."""
    update_registered_converter(
        GaussianProcessRegressor,
        "WeirGaussianProcessRegressor",
        get_shape_calculator(_ORIGINAL),
        _convert,
        options={"return_std": [False], "return_cov": [False], "optim": [None]},
    )


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """A sum of kernels with large weights of both signs: float32 loses what they cancel."""
    if isinstance(operator.inputs[0].type, DoubleTensorType):
        get_converter(_ORIGINAL)(scope, operator, container)
        return
    nodes = Nodes(scope, operator, container)
    wide = scope.declare_local_variable("wide", DoubleTensorType(operator.inputs[0].type.shape))
    container.add_node(
        "Cast",
        [operator.inputs[0].full_name],
        [wide.full_name],
        name=scope.get_unique_operator_name("Widen"),
        to=TensorProto.DOUBLE,
    )
    inner = scope.declare_local_operator(operator.type, operator.raw_operator)
    inner.inputs.append(wide)
    inner.outputs.append(scope.declare_local_variable("wide_mean", DoubleTensorType()))
    nodes.write(inner.outputs[0].full_name)
