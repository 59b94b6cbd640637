"""Small ONNX graphs, written with onnx.helper, and the manifests that go with them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from scoring import Certificate, Feature, Graph, Manifest, Outputs

FLOAT, DOUBLE, INT64, STRING, BOOL = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.INT64,
    TensorProto.STRING,
    TensorProto.BOOL,
)
COUNTRIES = ("de", "fr", "it")
CERTIFICATE = Certificate(
    passed=True, tolerance=1e-5, score_difference=0.0, flips=0, rows={"held_back": 10}, batch_sizes=(1, 2), padding=1
)
value = helper.make_tensor_value_info


def model_proto(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    **constants: Any,
) -> onnx.ModelProto:
    initialisers = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), initialisers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def model_bytes(*args: Any, **constants: Any) -> bytes:
    return model_proto(*args, **constants).SerializeToString()


def cast(kind: int = FLOAT, shape: Sequence[int | None] = (None, 1)) -> bytes:
    """One input `x`, given back as float32 `score`."""
    return model_bytes(
        [helper.make_node("Cast", ["x"], ["score"], to=FLOAT)],
        [value("x", kind, list(shape))],
        [value("score", FLOAT, list(shape))],
    )


def row_counter(*, with_label: bool = False) -> bytes:
    """Input `x`; the score of every row is the number of rows that the session was given."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["rows_float"], to=FLOAT),
        helper.make_node("Mul", ["x", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "rows_float"], ["score"]),
    ]
    outputs = [value("score", FLOAT, [None, 1])]
    if with_label:
        nodes.append(helper.make_node("Cast", ["x"], ["label"], to=INT64))
        outputs.append(value("label", INT64, [None, 1]))
    return model_bytes(nodes, [value("x", FLOAT, [None, 1])], outputs, first=np.int64(0), zero=np.float32(0))


def linear(width: int) -> bytes:
    """Input `X` of `width` columns; scores are a weighted sum, whose last bits depend on whether a row is alone."""
    weights = np.random.default_rng(3).normal(size=width).tolist()
    node = helper.make_node(
        "LinearRegressor", ["X"], ["score"], domain="ai.onnx.ml", coefficients=weights, intercepts=[0.1], targets=1
    )
    return model_bytes([node], [value("X", FLOAT, [None, width])], [value("score", FLOAT, [None, 1])])


def stumps(width: int, count: int = 20) -> dict[str, Any]:
    """The attributes of a two-class ensemble of one-split trees."""
    rng = np.random.default_rng(4)
    trees = [(int(rng.integers(width)), float(rng.normal()), rng.dirichlet([1, 1], 2) / count) for _ in range(count)]
    leaves = [
        (tree, leaf + 1, label, float(weights[leaf][label]))
        for tree, (_, _, weights) in enumerate(trees)
        for leaf in (0, 1)
        for label in (0, 1)
    ]
    return {
        "nodes_treeids": [tree for tree in range(count) for _ in range(3)],
        "nodes_nodeids": [0, 1, 2] * count,
        "nodes_featureids": [place for feature, _, _ in trees for place in (feature, 0, 0)],
        "nodes_values": [number for _, threshold, _ in trees for number in (threshold, 0.0, 0.0)],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * count,
        "nodes_truenodeids": [1, 0, 0] * count,
        "nodes_falsenodeids": [2, 0, 0] * count,
        "class_treeids": [tree for tree, _, _, _ in leaves],
        "class_nodeids": [node for _, node, _, _ in leaves],
        "class_ids": [label for _, _, label, _ in leaves],
        "class_weights": [weight for _, _, _, weight in leaves],
        "classlabels_strings": ["no", "yes"],
        "post_transform": "NONE",
    }


def payments() -> bytes:
    """A classifier of a float, an integer and a country; it raises for a country that it does not know."""
    nodes = [
        helper.make_node(
            "OneHotEncoder", ["country"], ["encoded"], domain="ai.onnx.ml", cats_strings=list(COUNTRIES), zeros=0
        ),
        helper.make_node("Flatten", ["encoded"], ["countries"]),
        helper.make_node("Cast", ["count"], ["count_float"], to=FLOAT),
        helper.make_node("Concat", ["amount", "count_float", "countries"], ["all"], axis=1),
        helper.make_node(
            "TreeEnsembleClassifier", ["all"], ["label", "probabilities"], domain="ai.onnx.ml", **stumps(5)
        ),
    ]
    inputs = [value("amount", FLOAT, [None, 1]), value("count", INT64, [None, 1]), value("country", STRING, [None, 1])]
    return model_bytes(nodes, inputs, [value("label", STRING, [None]), value("probabilities", FLOAT, [None, 2])])


PAYMENT_FEATURES = (
    Feature(name="amount", path=("amount",), dtype="float32"),
    Feature(name="count", path=("count",), dtype="int64"),
    Feature(name="country", path=("country",), dtype="string"),
)
PAYMENT_GRAPH = Graph(form="columns", label="label", score="probabilities")


def payments_manifest(model: bytes | None = None, **more: Any) -> Manifest:
    fields: dict[str, Any] = {
        "name": "payments",
        "version": 1,
        "task": "binary",
        "features": PAYMENT_FEATURES,
        "graph": PAYMENT_GRAPH,
        "outputs": Outputs(labels=("no", "yes"), positive="yes"),
        "opset": {"": 17, "ai.onnx.ml": 3},
        "digest": sha256(payments() if model is None else model).hexdigest(),
        "created": datetime(2024, 5, 1, tzinfo=UTC),
        "certificate": CERTIFICATE,
    }
    return Manifest.model_validate(fields | more)


def payment_columns(rows: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    return {
        "amount": rng.normal(size=rows).astype(np.float32),
        "count": rng.integers(-3, 3, rows),
        "country": rng.choice(np.array(COUNTRIES, object), rows),
    }
