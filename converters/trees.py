"""One TreeEnsemble node from arrays of trees, exact at thresholds, with nulls going the way they went in training."""

from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

from converters.thresholds import add_label, exact_attributes

__all__ = ["Tree", "add_classifier", "add_sum", "class_labels"]

_ML = "ai.onnx.ml"
_TENSOR_VERSION = 3  # the first version of the operators with float64 thresholds

Floats = np.ndarray[Any, np.dtype[np.float64]]


class Tree(NamedTuple):
    """A fitted tree as arrays over its nodes; a node without children is a leaf.

    Attributes:
        left: int [nodes], the child for `x <= threshold`.
        right: int [nodes], the child otherwise.
        leaf: bool [nodes].
        feature: int [nodes], the column of the graph's input.
        threshold: float64 [nodes].
        missing_left: bool [nodes], whether NaN goes left.
        value: float64 [nodes, targets], what a leaf adds to each target.
    """

    left: Any
    right: Any
    leaf: Any
    feature: Any
    threshold: Any
    missing_left: Any
    value: Any


def class_labels(estimator: Any) -> dict[str, list[Any]]:
    """The attribute that names a classifier's classes in their order.

    Raises:
        ValueError: labels that are neither integers nor strings.
    """
    classes = np.asarray(estimator.classes_)
    if classes.dtype.kind in "OU":
        return {"classlabels_strings": [str(label) for label in classes]}
    if np.all(classes == classes.astype(np.int64)):
        return {"classlabels_int64s": [int(label) for label in classes]}
    raise ValueError("Class labels must be integers or strings")


def add_sum(scope: Any, operator: Any, container: Any, trees: list[Tree], base: Any, *, narrow: bool) -> str:
    """Adds the sum of the trees' leaves.

    Args:
        scope: skl2onnx's names.
        operator: the operator under conversion; its first input has shape [N, features].
        container: skl2onnx's graph in the making.
        trees: the trees.
        base: float64 [targets], what the sum starts from.
        narrow: whether the library narrows its features to float32 before it compares.

    Returns:
        The name of the sum, float32 of shape [N, targets].
    """
    attributes = {f"target_{name}": array for name, array in _leaves(trees).items()}
    attributes |= {"n_targets": trees[0].value.shape[1], "base_values": np.asarray(base, dtype=np.float64)}
    total = scope.get_unique_variable_name("sum_of_trees")
    kind = "TreeEnsembleRegressor"
    _add(scope, operator, container, trees, [total], kind=kind, attributes=attributes, narrow=narrow)
    return str(total)


def add_classifier(
    scope: Any, operator: Any, container: Any, trees: list[Tree], base: Any, *, transform: str, narrow: bool
) -> None:
    """Adds boosted trees whose sums become probabilities, and writes the operator's label and probabilities.

    Args:
        scope: skl2onnx's names.
        operator: the operator under conversion; its first input has shape [N, features].
        container: skl2onnx's graph in the making.
        trees: the trees, with one target for two classes and as many as classes otherwise.
        base: float64 [targets], what the sums start from.
        transform: `LOGISTIC` or `SOFTMAX`, computed row by row, and so alike in batches of any size.
        narrow: whether the library narrows its features to float32 before it compares.
    """
    attributes: dict[str, Any] = {f"class_{name}": array for name, array in _leaves(trees).items()}
    attributes |= {"base_values": np.asarray(base, dtype=np.float64), "post_transform": transform}
    attributes |= class_labels(operator.raw_operator)
    unused, scores = (scope.get_unique_variable_name(name) for name in ("unused_label", "probabilities_of_trees"))
    kind = "TreeEnsembleClassifier"
    _add(scope, operator, container, trees, [unused, scores], kind=kind, attributes=attributes, narrow=narrow)
    add_label(scope, container, scores, operator.outputs[0].full_name, attributes)
    write(container, scores, operator.outputs[1])


def write(container: Any, source: str, output: Any) -> None:
    """Writes a float32 or float64 value to an operator's output, in the type that the output declares."""
    to = TensorProto.DOUBLE if isinstance(output.type, DoubleTensorType) else TensorProto.FLOAT
    container.add_node("Cast", [source], [output.full_name], name=f"write_{output.full_name}", to=to)


def _add(
    scope: Any,
    operator: Any,
    container: Any,
    trees: list[Tree],
    outputs: list[str],
    *,
    kind: str,
    attributes: dict[str, Any],
    narrow: bool,
) -> None:
    given = operator.inputs[0]
    source, wide = given.full_name, isinstance(given.type, DoubleTensorType) and not narrow
    if not isinstance(given.type, FloatTensorType) and not wide:
        source = scope.get_unique_variable_name("narrowed")
        name = scope.get_unique_operator_name("Narrow")
        container.add_node("Cast", [given.full_name], [source], name=name, to=TensorProto.FLOAT)
    container.add_node(
        kind,
        [source],
        outputs,
        op_domain=_ML,
        op_version=_TENSOR_VERSION if wide else 1,
        name=scope.get_unique_operator_name(kind),
        **exact_attributes(_nodes(trees) | attributes, wide=wide),
    )


def _nodes(trees: list[Tree]) -> dict[str, Any]:
    leaf = np.concatenate([tree.leaf for tree in trees])
    sizes = [len(tree.leaf) for tree in trees]

    def inner(name: str) -> Any:
        return np.where(leaf, 0, np.concatenate([np.asarray(getattr(tree, name)) for tree in trees]))

    return {
        "nodes_treeids": np.repeat(np.arange(len(trees)), sizes),
        "nodes_nodeids": np.concatenate([np.arange(size) for size in sizes]),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_featureids": inner("feature").astype(np.int64),
        "nodes_values": inner("threshold").astype(np.float64),
        "nodes_truenodeids": inner("left").astype(np.int64),
        "nodes_falsenodeids": inner("right").astype(np.int64),
        "nodes_missing_value_tracks_true": inner("missing_left").astype(np.int64),
    }


def _leaves(trees: list[Tree]) -> dict[str, Any]:
    parts = [_tree_leaves(number, tree) for number, tree in enumerate(trees)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _tree_leaves(number: int, tree: Tree) -> dict[str, Any]:
    leaves = np.flatnonzero(tree.leaf)
    targets = tree.value.shape[1]
    return {
        "treeids": np.full(len(leaves) * targets, number),
        "nodeids": np.repeat(leaves, targets),
        "ids": np.tile(np.arange(targets), len(leaves)),
        "weights": np.asarray(tree.value, dtype=np.float64)[leaves].ravel(),
    }
