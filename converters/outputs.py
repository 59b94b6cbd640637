"""The graph's outputs: the same names and shapes whatever estimator stands behind them."""

from typing import Any

import onnx
from onnx import TensorProto, helper
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.svm import SVC, NuSVC

from converters.graphs import fresh, rename
from converters.steps import last_step

__all__ = ["output_names", "settle"]


def output_names(estimator: Any) -> tuple[str, ...]:
    """The names of the graph outputs that a fitted estimator gets.

    Returns:
        `("label", "probabilities")` for a classifier with predict_proba, [N] and [N, classes];
        `("label", "scores")` for other classifiers and for outlier detectors, where scores are decision_function's,
        [N, 1] or [N, classes]; `("value",)` for a regressor, [N, targets]; `("features",)` for a transformer.
    """
    if is_outlier_detector(estimator):
        return ("label", "scores")
    if is_classifier(estimator):
        return ("label", "probabilities" if hasattr(estimator, "predict_proba") else "scores")
    return ("value",) if is_regressor(estimator) else ("features",)


def settle(model: onnx.ModelProto, estimator: Any, *, wide: bool) -> None:
    """Gives a converted graph its output names, shapes and types, in place.

    Args:
        model: the graph as skl2onnx wrote it.
        estimator: the fitted estimator it was made of.
        wide: whether it computes in float64, which its scores then keep; else they are float32.
    """
    graph = model.graph
    names = output_names(estimator)
    rename(graph, fresh(graph, names))
    given = list(graph.output)
    del graph.output[:]
    for name, source in zip(names, given, strict=False):
        element = source.type.tensor_type.elem_type
        if element not in (TensorProto.INT64, TensorProto.STRING):
            # Converters may write another type than they declare; a cast to the same type costs nothing.
            element = TensorProto.DOUBLE if wide else TensorProto.FLOAT
            graph.node.append(helper.make_node("Cast", [source.name], [f"{name}_typed"], f"type_{name}", to=element))
            source.name = f"{name}_typed"
        graph.node.append(_last(graph, name, source.name, estimator))
        graph.output.append(helper.make_tensor_value_info(name, element, _shape(name, estimator)))


def _last(graph: onnx.GraphProto, name: str, source: str, estimator: Any) -> onnx.NodeProto:
    """The node that writes an output in its settled shape."""
    if name == "scores" and _binary(estimator):
        # Some converters write the margin, some (-margin, margin), and the support vector machines (margin, -margin).
        column = 0 if isinstance(last_step(estimator), SVC | NuSVC) else -1
        graph.initializer.append(helper.make_tensor("scores_column", TensorProto.INT64, [1], [column]))
        return helper.make_node("Gather", [source, "scores_column"], [name], "outputs_scores", axis=1)
    shape = {"label": [-1], "scores": [0, -1], "value": [0, -1]}.get(name)
    if shape is None:
        return helper.make_node("Identity", [source], [name], f"outputs_{name}")
    graph.initializer.append(helper.make_tensor(f"{name}_shape", TensorProto.INT64, [len(shape)], shape))
    return helper.make_node("Reshape", [source, f"{name}_shape"], [name], f"outputs_{name}")


def _binary(estimator: Any) -> bool:
    return is_classifier(estimator) and len(estimator.classes_) == 2  # noqa: PLR2004 - that is what binary means


def _shape(name: str, estimator: Any) -> list[int | None]:
    if name == "label":
        return [None]
    if name == "probabilities":
        return [None, len(estimator.classes_)]
    if name == "scores" and (_binary(estimator) or is_outlier_detector(estimator)):
        return [None, 1]
    return [None, None]
