"""Feature selection: skl2onnx takes the choice of the first column alone for no choice at all."""

from typing import Any

from skl2onnx.common.data_types import DoubleTensorType
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)

from converters.refusals import Unconvertible
from converters.repairs.nodes import Nodes, register_transformer

__all__ = ["register"]

_SELECTORS = (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)


def register() -> None:
    """Registers this converter with skl2onnx for every selector."""
    for kind in _SELECTORS:
        register_transformer(kind, _convert)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, operator, container)
    chosen = nodes.model.get_support(indices=True)
    if not len(chosen):
        raise Unconvertible("it keeps no feature", "Choose fewer constraints, or leave it out.")
    wide = isinstance(operator.inputs[0].type, DoubleTensorType)
    nodes.write(nodes("Gather", nodes.joined("float64" if wide else "float32"), nodes.integers(*chosen), axis=1))
