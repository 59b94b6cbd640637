"""The graph's inputs: one for each column that was asked for, cast and joined into what the converted estimator takes.

skl2onnx spells input names in its own way (`Amount (USD)` becomes `Amount__USD_`), mixes float32 and float64 columns
into graphs that do not load, and gives most estimators no way to take booleans or several columns. So the estimator is
converted for a plain table, and this module then hangs the door that was asked for in front of it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from converters.graphs import fresh, rename
from scoring.errors import ConversionError

__all__ = ["Door", "Dtype", "GraphInput", "plan"]

Dtype = Literal["float32", "float64", "int64", "string", "bool"]

_ELEMENT: dict[str, int] = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "string": TensorProto.STRING,
    "bool": TensorProto.BOOL,
}
_TENSOR = {
    "float32": FloatTensorType,
    "float64": DoubleTensorType,
    "int64": Int64TensorType,
    "string": StringTensorType,
}
_ENCODERS = (OneHotEncoder, OrdinalEncoder, TargetEncoder)
# These tell columns apart, by name or by position, and so must keep them apart in the graph.
_COLUMN_WISE = (ColumnTransformer, FeatureUnion, OneHotEncoder, OrdinalEncoder)


class GraphInput(NamedTuple):
    """One input of the ONNX graph, a tensor of shape [N, width].

    Attributes:
        name: the graph's name for it; a ColumnTransformer's column of that name reads it.
        dtype: its element type.
        width: how many features it holds; 1 for a table's column.
    """

    name: str
    dtype: Dtype
    width: int = 1


class Door(NamedTuple):
    """What stands between the asked inputs and the converted estimator.

    Attributes:
        inputs: the inputs that were asked for, in their order.
        inner: the inputs that the estimator is converted for: one for each of `inputs`, or a single joined one.
        order: for a joined door, the positions in `inputs` in the order of the estimator's features.
    """

    inputs: tuple[GraphInput, ...]
    inner: tuple[GraphInput, ...]
    order: tuple[int, ...] = ()

    def initial_types(self) -> list[tuple[str, Any]]:
        """The inner inputs as skl2onnx declares them, each of shape [None, width]."""
        return [(one.name, _TENSOR[one.dtype]([None, one.width])) for one in self.inner]

    def hang(self, model: onnx.ModelProto) -> None:
        """Replaces the graph inputs of a converted estimator by the inputs that were asked for, in place.

        Raises:
            ConversionError: an input has the name of an output.
        """
        graph = model.graph
        asked = [one.name for one in self.inputs]
        if clash := {output.name for output in graph.output} & set(asked):
            raise ConversionError(
                f"the graph has an output of the same name as its input {min(clash)!r}",
                remedy="Call the graph input something else.",
            )
        rename(graph, fresh(graph, asked))
        inner = [value.name for value in graph.input]
        nodes = list(self._joined(inner[0]) if self.order else self._apart(graph, inner))
        body = list(graph.node)
        del graph.node[:], graph.input[:]
        graph.node.extend([*nodes, *body])
        graph.input.extend(
            helper.make_tensor_value_info(one.name, _ELEMENT[one.dtype], [None, one.width]) for one in self.inputs
        )

    def _apart(self, graph: onnx.GraphProto, inner: Sequence[str]) -> Iterator[onnx.NodeProto]:
        for asked, taken, name in zip(self.inputs, self.inner, inner, strict=True):
            if asked.dtype == taken.dtype:
                rename(graph, {name: asked.name})
            else:
                yield helper.make_node("Cast", [asked.name], [name], f"door_{asked.name}", to=_ELEMENT[taken.dtype])

    def _joined(self, inner: str) -> Iterator[onnx.NodeProto]:
        target = self.inner[0].dtype
        parts = []
        for position in self.order:
            asked = self.inputs[position]
            parts.append(asked.name)
            if asked.dtype != target:
                parts[-1] = f"{inner}_{position}"
                yield helper.make_node("Cast", [asked.name], [parts[-1]], f"door_{asked.name}", to=_ELEMENT[target])
        yield helper.make_node("Concat", parts, [inner], "door", axis=1)


def plan(estimator: Any, inputs: Sequence[GraphInput], *, wide: bool = False) -> Door:
    """Decides how the asked inputs reach the estimator.

    Args:
        estimator: the fitted estimator.
        inputs: the graph inputs that were asked for.
        wide: convert the estimator for float64 even where no input is.

    Raises:
        ConversionError: no inputs, a name asked for twice, or columns that the estimator was not fitted on.
    """
    names = [one.name for one in inputs]
    if not names or len(set(names)) < len(names):
        raise ConversionError(f"the graph needs inputs with names of their own, and these were asked for: {names}")
    wide = wide or any(one.dtype == "float64" for one in inputs)
    first = estimator.steps[0][1] if isinstance(estimator, Pipeline) else estimator
    measured = _measured(first, names)
    inner = tuple(
        GraphInput(one.name, _inner_dtype(one.dtype, wide=wide, measured=one.name in measured), one.width)
        for one in inputs
    )
    texts = any(one.dtype == "string" for one in inputs)
    if len(inputs) == 1 or texts or isinstance(first, _COLUMN_WISE):
        return Door(tuple(inputs), inner)
    kinds = {one.dtype for one in inner}
    joined: Dtype = "int64" if kinds == {"int64"} else "float64" if wide else "float32"
    width = sum(one.width for one in inputs)
    return Door(tuple(inputs), (GraphInput("table", joined, width),), _feature_order(estimator, names))


def _inner_dtype(dtype: Dtype, *, wide: bool, measured: bool) -> Dtype:
    """The type a column is converted for, given one of its own.

    Booleans count as 0 and 1, as in NumPy. Beside a float64 column every float32 becomes float64, as in pandas. Whole
    numbers that are measured rather than encoded become floats: an imputer's mean of them is no whole number.
    """
    if dtype == "string":
        return dtype
    if dtype in ("int64", "bool") and not measured:
        return "int64"
    return "float64" if wide else "float32"


def _measured(first: Any, names: list[str]) -> set[str]:
    """The columns that no encoder of a ColumnTransformer reads."""
    if not isinstance(first, ColumnTransformer):
        return set()
    encoded: set[str] = set()
    for _, part, columns in first.transformers_:
        head = part.steps[0][1] if isinstance(part, Pipeline) else part
        if isinstance(head, _ENCODERS):
            encoded |= _column_names(columns, names)
    return set(names) - encoded


def _column_names(columns: Any, names: list[str]) -> set[str]:
    """The names that a ColumnTransformer's columns stand for; all names where they are not told one by one."""
    listed = [columns] if isinstance(columns, str | int) else columns
    if isinstance(listed, slice | np.ndarray) or not all(isinstance(one, str | int) for one in listed):
        return set(names)
    return {one if isinstance(one, str) else names[one] for one in listed if isinstance(one, str) or one < len(names)}


def _feature_order(estimator: Any, names: list[str]) -> tuple[int, ...]:
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is None:
        return tuple(range(len(names)))
    # LightGBM writes the blanks in its feature names as underscores.
    positions = {spelt: at for at, name in enumerate(names) for spelt in (name.replace(" ", "_"), name)}
    if len(fitted) != len(names) or not set(fitted) <= set(positions):
        raise ConversionError(
            f"it was fitted on the columns {sorted(map(str, fitted))}, and the graph's inputs are {sorted(names)}",
            step=type(estimator).__name__,
            remedy="Ask for one graph input for each column it was fitted on, by the same name.",
        )
    return tuple(positions[name] for name in fitted)
