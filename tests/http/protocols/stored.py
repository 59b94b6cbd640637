"""A store with small models of every shape, and requests of the Open Inference Protocol 2 for them.

payments  two versions; a binary classifier of a float, an integer and a country, that raises for an unknown country
linear    a regression on one matrix of three columns, whose last bits depend on the batch unless it is padded
kinds     a regression of a nullable double, a boolean, a tensor and a nullable text
single    a regression of one number
picture   a regression of one image: the sum of its four pixels
"""

import json
import math
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from function_app.handler import Handler
from function_app.http import Request, Response
from models import Deployment, LocalStore
from scoring import Graph, Outputs
from tests.models import graphs
from tests.models.graphs import BOOL, DOUBLE, FLOAT, STRING, payments_manifest, value
from tests.scoring.makers import feature

__all__ = [
    "DEPLOYMENTS",
    "GOOD",
    "add_models",
    "answered",
    "ask",
    "binary_request",
    "described",
    "inputs_of",
    "json_request",
    "without_nan",
]

GOOD = {
    "amount": np.array([0.5, 1.5], np.float32),
    "count": np.array([1, 2]),
    "country": np.array(["de", "fr"], object),
}
DATATYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64", "bool": "BOOL", "object": "BYTES"}
DEPLOYMENTS = (
    Deployment(name="blue", model="payments:1", traffic=100),
    Deployment(name="green", model="linear"),
    Deployment(name="grey", model="single"),
)


def add_models(store: LocalStore) -> None:
    payments = graphs.payments()
    store.add(payments_manifest(payments), payments)
    decided = Outputs(labels=("no", "yes"), positive="yes", threshold=0.7)
    store.add(payments_manifest(payments, outputs=decided), payments)
    linear = graphs.linear(3)
    certificate = graphs.CERTIFICATE.model_copy(update={"padding": 64})
    matrix = Graph(form="matrix", input="X", score="score")
    features = (feature("a"), feature("b"), feature("c", nullable=True))
    _add(store, "linear", linear, features, graph=matrix, certificate=certificate)
    _add(store, "kinds", _kinds(), _KINDS)
    _add(store, "single", graphs.cast(), (feature("x"),))
    _add(store, "picture", _picture(), (feature("photo", "image", shape=(1, 2, 2)),))


_KINDS = (
    feature("double", "float64", nullable=True),
    feature("flag", "bool"),
    feature("vector", "tensor", shape=(2, 2)),
    feature("word", "text", nullable=True, max_length=5),
)


def _kinds() -> bytes:
    """The double, a tenth for the flag, and the sum of the tensor; 2 for the word "yes"."""
    nodes = [
        helper.make_node("Cast", ["double"], ["single"], to=FLOAT),
        helper.make_node("Cast", ["flag"], ["flagged"], to=FLOAT),
        helper.make_node("Mul", ["flagged", "tenth"], ["flag_part"]),
        helper.make_node("ReduceSum", ["vector", "axes"], ["sum"], keepdims=0),
        helper.make_node("Unsqueeze", ["sum", "last"], ["tensor_part"]),
        helper.make_node(
            "LabelEncoder",
            ["word"],
            ["word_part"],
            domain="ai.onnx.ml",
            keys_strings=["yes"],
            values_floats=[2.0],
            default_float=0.0,
        ),
        helper.make_node("Sum", ["single", "flag_part", "tensor_part", "word_part"], ["score"]),
    ]
    inputs = [
        value("double", DOUBLE, [None, 1]),
        value("flag", BOOL, [None, 1]),
        value("vector", FLOAT, [None, 2, 2]),
        value("word", STRING, [None, 1]),
    ]
    constants = {"tenth": np.float32(0.1), "axes": np.array([1, 2]), "last": np.array([1])}
    return graphs.model_bytes(nodes, inputs, [value("score", FLOAT, [None, 1])], **constants)


def _picture() -> bytes:
    nodes = [
        helper.make_node("Flatten", ["photo"], ["pixels"]),
        helper.make_node("ReduceSum", ["pixels", "axes"], ["score"]),
    ]
    inputs, outputs = [value("photo", FLOAT, [None, 1, 2, 2])], [value("score", FLOAT, [None, 1])]
    return graphs.model_bytes(nodes, inputs, outputs, axes=np.array([1]))


def _add(store: LocalStore, name: str, model: bytes, features: Any, **more: Any) -> None:
    fields = {
        "name": name,
        "task": "regression",
        "features": features,
        "graph": Graph(form="columns", score="score"),
        "outputs": Outputs(),
        "digest": sha256(model).hexdigest(),
    }
    store.add(payments_manifest(model, **(fields | more)), model)


def inputs_of(columns: Mapping[str, NDArray[Any]], **shapes: Any) -> list[dict[str, Any]]:
    """Inputs with JSON data, flat; `shapes` are those that differ from the array's."""
    return [
        {
            "name": name,
            "datatype": DATATYPES[array.dtype.name],
            "shape": shapes.get(name, list(array.shape)),
            "data": without_nan(array.ravel().tolist()),
        }
        for name, array in columns.items()
    ]


def without_nan(cells: list[Any]) -> list[Any]:
    """The cells as JSON has them: a null for each NaN."""
    return [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells]


def json_request(columns: Mapping[str, NDArray[Any]], **more: Any) -> bytes:
    return json.dumps({"inputs": inputs_of(columns)} | more).encode()


def binary_request(columns: Mapping[str, NDArray[Any]], **more: Any) -> tuple[bytes, dict[str, str]]:
    """The body and its header, each input as binary data."""
    parts = []
    inputs = inputs_of(columns)
    for tensor, array in zip(inputs, columns.values(), strict=True):
        parts.append(_octets(array))
        del tensor["data"]
        tensor["parameters"] = {"binary_data_size": len(parts[-1])}
    head = json.dumps({"inputs": inputs} | more).encode()
    return head + b"".join(parts), {"inference-header-content-length": str(len(head))}


def _octets(array: NDArray[Any]) -> bytes:
    if array.dtype != object:
        return array.tobytes()
    texts = [text.encode() for text in array.ravel().tolist()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)


async def ask(handler: Handler, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return await handler.handle(Request(method, path, named, body))


def answered(response: Response) -> Any:
    assert response.status == 200, response.body
    return json.loads(response.body)


def described(response: Response) -> dict[str, NDArray[Any]]:
    """The outputs of an answer, JSON and binary alike."""
    assert response.status == 200, response.body
    length = int(response.headers.get("Inference-Header-Content-Length", len(response.body)))
    start = length
    outputs = {}
    for tensor in json.loads(response.body[:length])["outputs"]:
        size = tensor.get("parameters", {}).get("binary_data_size")
        if size is None:
            flat = np.array(tensor["data"], object)
        else:
            flat = _read(response.body[start : start + size], tensor["datatype"])
            start += size
        outputs[tensor["name"]] = flat.reshape(tensor["shape"])
    assert start == len(response.body)
    return outputs


def _read(data: bytes, datatype: str) -> NDArray[Any]:
    if datatype != "BYTES":
        return np.frombuffer(data, {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8"}[datatype])
    texts = []
    while data:
        length = int.from_bytes(data[:4], "little")
        texts.append(data[4 : 4 + length].decode())
        data = data[4 + length :]
    return np.array(texts, object)
