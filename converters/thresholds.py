"""Trees that decide as the library that grew them, at the very edge of every threshold.

The libraries compare in their own ways, and a graph of float32 thresholds must give the same answer to each:

- scikit-learn's own trees narrow every feature to float32, then ask `x <= threshold` with a float64 threshold;
- HistGradientBoosting and LightGBM compare in float64, `x <= threshold`;
- XGBoost narrows to float32 and asks `x < threshold` with a float32 threshold: nothing is lost.

Rounding a float64 threshold to the nearest float32 may round it up, past a float32 value that used to go right. Rounded
down, it decides alike for every float32 there is: x <= t and x <= floor32(t) are the same question.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from onnx import TensorProto, helper
from skl2onnx.common.data_types import DoubleTensorType

__all__ = ["Converter", "add_label", "exact_attributes", "exactly", "floor_float32"]

# With float64 inputs thresholds and leaves are float64 too, and only tensors can hold those.
_AS_TENSOR: Final = ("nodes_values", "class_weights", "target_weights", "base_values")
# ai.onnx.ml 3 brought the tensors; until then the first version of the operators serves.
_TENSOR_VERSION: Final = 3

Converter = Callable[[Any, Any, Any], None]
"""What skl2onnx calls to convert one operator: (scope, operator, container)."""


def floor_float32(values: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The largest float32 that is not above each value.

    Args:
        values: float64 array of any shape.

    Returns:
        float32 array of the same shape; infinities stay what they are.
    """
    exact = np.asarray(values, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):  # beyond float32 is infinite, and one step down is the largest
        nearest = exact.astype(np.float32)
        return np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def exact_attributes(attributes: Mapping[str, Any], *, wide: bool) -> dict[str, Any]:
    """The attributes of a TreeEnsemble node whose thresholds decide as they did in float64.

    Args:
        attributes: a node's attributes, its thresholds in float64.
        wide: whether the node's input is float64.
    """
    exact = dict(attributes)
    if wide:
        for name in _AS_TENSOR:
            values = np.asarray(exact.pop(name, ()), dtype=np.float64)
            if values.size:
                exact[f"{name}_as_tensor"] = helper.make_tensor(name, TensorProto.DOUBLE, values.shape, values)
        return exact
    values = np.asarray(exact["nodes_values"], dtype=np.float64)
    lower = np.asarray([mode in ("BRANCH_LEQ", b"BRANCH_LEQ") for mode in exact["nodes_modes"]])
    exact["nodes_values"] = np.where(lower, floor_float32(values), values.astype(np.float32))
    return exact


def exactly(convert: Converter, *, zero: float = 0.0) -> Converter:
    """Wraps a converter that writes float64 thresholds into float32 attributes, so that none of them moves up.

    Args:
        convert: a skl2onnx converter of a tree ensemble.
        zero: the library takes features of at most this size for 0.
    """

    def converter(scope: Any, operator: Any, container: Any) -> None:
        convert(scope, operator, _ExactTrees(scope, operator, container, zero))

    return converter


class _ExactTrees:
    """Stands in for a container, and corrects each TreeEnsemble node on its way through."""

    def __init__(self, scope: Any, operator: Any, container: Any, zero: float) -> None:
        self._scope = scope
        self._zero = zero
        self._container = container
        self._wide = isinstance(operator.inputs[0].type, DoubleTensorType)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        if op_type.startswith("TreeEnsemble"):
            attributes["nodes_values"] = self._beside_zero(attributes["nodes_values"])
            attributes = exact_attributes(attributes, wide=self._wide)
            if self._wide:
                attributes["op_version"] = _TENSOR_VERSION
            outputs = self._typed([outputs] if isinstance(outputs, str) else list(outputs))
        if op_type == "TreeEnsembleClassifier":
            outputs = self._labelled(outputs, attributes)
        self._container.add_node(op_type, inputs, outputs, **attributes)

    def _beside_zero(self, thresholds: Any) -> Any:
        """Moves thresholds out of the range that counts as 0: below it where 0 goes right, to its end where left."""
        exact = np.asarray(thresholds, dtype=np.float64)
        moved = np.where(exact < 0, np.nextafter(-self._zero, -np.inf), self._zero)
        return np.where((np.abs(exact) <= self._zero) & (exact != 0), moved, exact)

    def _typed(self, outputs: list[str]) -> list[str]:
        """Widens the scores where the input is float64: the operator writes float32, skl2onnx declares float64."""
        if not self._wide:
            return outputs
        scores = self._scope.get_unique_variable_name("narrow_scores")
        name = self._scope.get_unique_operator_name("Widen")
        self._container.add_node("Cast", [scores], [outputs[-1]], name=name, to=TensorProto.DOUBLE)
        return [*outputs[:-1], scores]

    def _labelled(self, outputs: list[str], attributes: Mapping[str, Any]) -> list[str]:
        """Takes the label from the largest score: the operator compares margins to 0.5 when no leaf is negative."""
        label, scores = outputs
        add_label(self._scope, self._container, scores, label, attributes)
        return [self._scope.get_unique_variable_name("unused_label"), scores]


def add_label(scope: Any, container: Any, scores: str, label: str, classes: Mapping[str, Any]) -> None:
    """Adds the nodes that name the class with the largest score; of equal ones the first, as NumPy's argmax does.

    Args:
        scope: skl2onnx's names.
        container: skl2onnx's graph in the making.
        scores: the name of scores of shape [N, classes].
        label: the name of the labels to write, of shape [N].
        classes: holds `classlabels_int64s` or `classlabels_strings`.
    """
    values = list(classes.get("classlabels_int64s", ())) or list(classes["classlabels_strings"])
    texts = isinstance(values[0], str | bytes)
    names, best = scope.get_unique_variable_name("classes"), scope.get_unique_variable_name("best")
    container.add_initializer(
        names,
        TensorProto.STRING if texts else TensorProto.INT64,
        [len(values)],
        [v.encode() if isinstance(v, str) else v for v in values] if texts else [int(v) for v in values],
    )
    container.add_node("ArgMax", [scores], [best], name=scope.get_unique_operator_name("Best"), axis=1, keepdims=0)
    container.add_node("Gather", [names, best], [label], name=scope.get_unique_operator_name("Label"), axis=0)
