"""The tree ensembles of an ONNX graph: their thresholds, and which rows reach which of them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

__all__ = ["Ensemble", "find_ensembles"]

_OPERATORS: Final = frozenset({"TreeEnsembleClassifier", "TreeEnsembleRegressor"})
_MAX_NODES: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """One tree ensemble as arrays over its nodes.

    Attributes:
        tensor: the graph's name for what the trees read, shape [N, features].
        tree: which tree each node belongs to.
        node: the node's number within its tree.
        mode: how the node compares; `LEAF` where it does not.
        feature: the column of `tensor` that it reads.
        value: what it compares with.
        on_true: the number of the node that follows where the comparison holds.
        on_false: the number of the node that follows where it does not.
        null_is_true: whether NaN counts as a comparison that holds.
    """

    tensor: str
    tree: NDArray[np.int64]
    node: NDArray[np.int64]
    mode: tuple[str, ...]
    feature: NDArray[np.int64]
    value: NDArray[np.float64]
    on_true: NDArray[np.int64]
    on_false: NDArray[np.int64]
    null_is_true: NDArray[np.bool_]

    def reached(self, inputs: NDArray[Any], rng: np.random.Generator) -> list[tuple[int, int]]:
        """Returns for each comparing node a row that comes by it: pairs of node and row, in the order of the arrays.

        Args:
            inputs: rows of `tensor`.
            rng: chooses among the rows that come by, and among all rows where none does.
        """
        chosen: list[tuple[int, int]] = []
        for members in self._trees():
            at = {int(self.node[index]): index for index in members}
            inner = [index for index in members if self.mode[index] != "LEAF"]
            children = {int(after[index]) for after in (self.on_true, self.on_false) for index in inner}
            (root,) = set(at) - children
            pending = [(at[root], np.arange(len(inputs)))]
            while pending:
                index, rows = pending.pop()
                if self.mode[index] == "LEAF":
                    continue
                chosen.append((index, int(rng.choice(rows)) if rows.size else int(rng.integers(len(inputs)))))
                holds = self._holds(index, inputs[rows, self.feature[index]])
                pending.append((at[int(self.on_true[index])], rows[holds]))
                pending.append((at[int(self.on_false[index])], rows[~holds]))
        return sorted(chosen)

    def _trees(self) -> Iterator[list[int]]:
        """Yields the nodes of each tree; of evenly chosen trees where there are very many nodes."""
        members: dict[int, list[int]] = defaultdict(list)
        for index, tree in enumerate(self.tree.tolist()):
            members[tree].append(index)
        step = -(-len(self.tree) // _MAX_NODES)
        yield from list(members.values())[::step]

    def _holds(self, index: int, values: NDArray[Any]) -> NDArray[np.bool_]:
        compare = {"BRANCH_LT": np.less, "BRANCH_GT": np.greater, "BRANCH_GTE": np.greater_equal, "BRANCH_EQ": np.equal}
        holds = compare.get(self.mode[index], np.less_equal)(values, self.value[index])
        return np.asarray(holds | (np.isnan(values) & self.null_is_true[index]), np.bool_)


def find_ensembles(model: onnx.ModelProto) -> list[Ensemble]:
    """Returns the tree ensembles of a graph in their order."""
    return [_ensemble(node) for node in model.graph.node if node.op_type in _OPERATORS]


def _ensemble(node: onnx.NodeProto) -> Ensemble:
    given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    tensor = given.get("nodes_values_as_tensor")
    values = numpy_helper.to_array(tensor) if tensor is not None else given["nodes_values"]
    count = len(given["nodes_treeids"])
    nulls = given.get("nodes_missing_value_tracks_true") or np.zeros(count)
    return Ensemble(
        tensor=node.input[0],
        tree=np.array(given["nodes_treeids"], np.int64),
        node=np.array(given["nodes_nodeids"], np.int64),
        mode=tuple(mode.decode() for mode in given["nodes_modes"]),
        feature=np.array(given["nodes_featureids"], np.int64),
        value=np.array(values, np.float64),
        on_true=np.array(given["nodes_truenodeids"], np.int64),
        on_false=np.array(given["nodes_falsenodeids"], np.int64),
        null_is_true=np.array(nulls, np.bool_),
    )
