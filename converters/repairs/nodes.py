"""A few words to write ONNX nodes with, so that a converter reads like the formula it computes."""

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx._parse import _parse_sklearn
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
)
from sklearn.base import is_regressor
from sklearn.svm import SVC, NuSVC

from converters.steps import last_step
from converters.thresholds import Converter, add_label
from converters.trees import Tree, add_sum, class_labels, write

__all__ = ["Nodes", "register_classifier", "register_regressor", "register_transformer"]

_ELEMENT = {"float64": TensorProto.DOUBLE, "float32": TensorProto.FLOAT, "int64": TensorProto.INT64}
Value = str | float | np.ndarray[Any, np.dtype[Any]]


def register_classifier(kind: type, convert: Converter) -> None:
    """Registers a converter that writes labels of shape [N] and scores of shape [N, classes]."""
    update_registered_converter(
        kind,
        f"Weir{kind.__name__}",
        calculate_linear_classifier_output_shapes,
        convert,
        options={"zipmap": [False], "nocl": [True, False]},
    )


def register_regressor(kind: type, convert: Converter) -> None:
    """Registers a converter that writes values of shape [N, targets]."""
    update_registered_converter(kind, f"Weir{kind.__name__}", _regressor_shapes, convert)


def register_transformer(kind: type, convert: Converter) -> None:
    """Registers a converter that writes features of shape [N, features out]."""
    update_registered_converter(kind, f"Weir{kind.__name__}", _transformer_shapes, convert)


def _regressor_shapes(operator: Any) -> None:
    # skl2onnx asks the model for its coefficients to count targets; nothing here needs the count.
    operator.outputs[0].type.shape = [operator.inputs[0].type.shape[0], None]


def _transformer_shapes(operator: Any) -> None:
    width = len(operator.raw_operator.get_feature_names_out())
    operator.outputs[0].type.shape = [operator.inputs[0].type.shape[0], width]


class Nodes:
    """Writes nodes for one operator under conversion. Values are names; numbers and arrays become float64 constants.

    Attributes:
        model: the fitted part under conversion.
    """

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        self.model = operator.raw_operator
        self._scope = scope
        self._operator = operator
        self._container = container

    def __call__(self, kind: str, *inputs: Value, **attributes: Any) -> str:
        """Adds a node and returns the name of its output."""
        name = self._scope.get_unique_variable_name(f"{type(self.model).__name__}_{kind}")
        given = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        self._container.add_node(kind, given, [name], name=self._scope.get_unique_operator_name(kind), **attributes)
        return str(name)

    def constant(self, value: Any, dtype: str = "float64") -> str:
        """Adds a constant of the shape of the value and returns its name."""
        array = np.asarray(value, dtype=dtype)
        name = self._scope.get_unique_variable_name(f"{type(self.model).__name__}_constant")
        self._container.add_initializer(name, _ELEMENT[dtype], list(array.shape), array.ravel().tolist())
        return str(name)

    def integers(self, *values: int) -> str:
        """Adds a constant int64 vector: axes and shapes."""
        return self.constant(values, "int64")

    def features(self) -> str:
        """The operator's inputs side by side in float64, of shape [N, features]."""
        return self.joined("float64")

    def joined(self, dtype: str) -> str:
        """The operator's inputs side by side, of shape [N, features], as float32 or float64."""
        parts = [self("Cast", given.full_name, to=_ELEMENT[dtype]) for given in self._operator.inputs]
        return parts[0] if len(parts) == 1 else self("Concat", *parts, axis=1)

    def chosen(self, columns: Any) -> str:
        """Some of the operator's features, float64 [N, columns]."""
        return self("Gather", self.features(), self.integers(*columns), axis=1)

    def column(self, value: str, index: int) -> str:
        """One column of a matrix, of shape [N, 1]."""
        return self("Gather", value, self.integers(index), axis=1)

    def total(self, value: str, axis: int = 1) -> str:
        """The sum over one axis, which stays with length 1."""
        return self("ReduceSum", value, self.integers(axis), keepdims=1)

    def squared_distances(self, points: str, others: Any) -> str:
        """Squared Euclidean distances, [N, M], from [N, features] to [M, features].

        As |x|^2 - 2 x y + |y|^2, which needs no memory for the N M differences; float64 bears what cancels.
        """
        away = np.asarray(others, dtype=np.float64)
        lengths = self("Add", self.total(self("Mul", points, points)), (away**2).sum(axis=1)[None])
        return self("Max", self("Sub", lengths, self("MatMul", points, 2.0 * away.T)), 0.0)

    def smallest(self, values: str, count: int) -> str:
        """The positions of the smallest values in each row, int64 of shape [N, count]."""
        kept, nearest = (self._scope.get_unique_variable_name(name) for name in ("kept", "nearest"))
        given = [values, self.integers(count)]
        self._container.add_node("TopK", given, [kept, nearest], name=self._name("Smallest"), axis=1, largest=0)
        return str(nearest)

    def rows(self, value: Any) -> str:
        """The same row for each of the N rows: [N, length] from [length]."""
        count = self("Gather", self("Shape", self._operator.inputs[0].full_name), self.integers(0), axis=0)
        shape = self("Concat", count, self.integers(len(value)), axis=0)
        return self("Expand", np.asarray(value)[None], shape)

    def sum_of_trees(self, reader: Any, trees: list[Tree], base: Any, *, narrow: bool) -> str:
        """The sum of trees, float64 [N, targets]; see `trees.add_sum`."""
        return self(
            "Cast", add_sum(self._scope, reader, self._container, trees, base, narrow=narrow), to=TensorProto.DOUBLE
        )

    def predict(self, estimator: Any, features: str | None = None) -> list[str]:
        """Converts an inner estimator and returns the names of its outputs, scores in float64.

        Args:
            estimator: the fitted inner estimator.
            features: what it reads, float64 of shape [N, features]; the operator's own inputs when None.
        """
        inputs = list(self._operator.inputs)
        if features is not None:
            inputs = [self._scope.declare_local_variable("inner_features", DoubleTensorType([None, None]))]
            self._container.add_node("Identity", [features], [inputs[0].full_name], name=self._name("Inner"))
        outputs = _parse_sklearn(self._scope, estimator, inputs)
        return [
            output.full_name
            if isinstance(output.type, Int64TensorType | StringTensorType)
            else self("Cast", output.full_name, to=TensorProto.DOUBLE)
            for output in outputs
        ]

    def score(self, estimator: Any, features: str | None = None) -> str:
        """The scores of an inner classifier, float64: predict_proba's, [N, classes]; else decision_function's."""
        scores = self.predict(estimator, features)[-1]
        if is_regressor(estimator) or hasattr(estimator, "predict_proba") or len(estimator.classes_) > 2:  # noqa: PLR2004
            return scores
        # See `outputs`: where the margin of two classes stands differs between converters.
        return self("Gather", scores, self.integers(0 if isinstance(last_step(estimator), SVC | NuSVC) else -1), axis=1)

    def write(self, value: str, output: int = 0) -> None:
        """Writes one of the operator's outputs, in the type it declares."""
        write(self._container, value, self._operator.outputs[output])

    def write_label(self, label: str) -> None:
        """Writes the operator's labels, of shape [N]."""
        self._container.add_node("Identity", [label], [self._operator.outputs[0].full_name], name=self._name("Label"))

    def classify(self, scores: str) -> None:
        """Writes scores of shape [N, classes], and as the label the class of the largest."""
        add_label(self._scope, self._container, scores, self._operator.outputs[0].full_name, class_labels(self.model))
        self.write(scores, 1)

    def choose(self, index: str, classes: Any = None) -> None:
        """Writes as the label the class at each index, int64 of shape [N]."""
        labels = np.asarray(self.model.classes_ if classes is None else classes)
        name = self._scope.get_unique_variable_name("labels")
        if labels.dtype.kind in "OU":
            self._container.add_initializer(
                name, TensorProto.STRING, [len(labels)], [str(label).encode() for label in labels]
            )
        else:
            self._container.add_initializer(name, TensorProto.INT64, [len(labels)], [int(label) for label in labels])
        self.write_label(self("Gather", name, index, axis=0))

    def _name(self, kind: str) -> str:
        return str(self._scope.get_unique_operator_name(kind))
