"""What a graph must be before a session is built from it: whole, of known operators, and of bounded size."""

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError

from scoring.errors import ModelRefusedError

__all__ = ["MAX_MODEL_BYTES", "check_graph"]

MAX_MODEL_BYTES = 1_073_741_824
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})


def check_graph(model: bytes, *, source: str, max_bytes: int = MAX_MODEL_BYTES) -> None:
    """Refuse a model that could make the session read other files or run foreign code.

    Args:
        model: the serialised ONNX model.
        source: what to call it in an error, e.g. `fraud:3`.
        max_bytes: the largest model accepted.

    Raises:
        ModelRefusedError: oversized, not ONNX, with weights outside the file, or with operators of an unknown domain.
    """
    if len(model) > max_bytes:
        raise ModelRefusedError(f"{source}: model.onnx has {len(model)} bytes; at most {max_bytes} are accepted")
    try:
        proto = onnx.load_model_from_string(model)
    except DecodeError as error:
        raise ModelRefusedError(f"{source}: model.onnx is not an ONNX model") from error
    bodies: list[onnx.GraphProto | onnx.FunctionProto] = [proto.graph, *proto.functions]
    for body in bodies:
        for tensor in _tensors(body):
            if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
                raise ModelRefusedError(f"{source}: tensor {tensor.name!r} keeps its data outside model.onnx")
    foreign = {entry.domain for entry in proto.opset_import} - _DOMAINS - {f.domain for f in proto.functions}
    foreign |= (
        {node.domain for body in bodies for node in _nodes(body)} - _DOMAINS - {f.domain for f in proto.functions}
    )
    if foreign:
        raise ModelRefusedError(f"{source}: operators of the domain {min(foreign)!r}; only ONNX's own are accepted")


def _nodes(body: onnx.GraphProto | onnx.FunctionProto) -> Iterator[onnx.NodeProto]:
    """Yield every node, those of nested graphs among them."""
    for node in body.node:
        yield node
        for attribute in node.attribute:
            for nested in (attribute.g, *attribute.graphs):
                yield from _nodes(nested)


def _tensors(body: onnx.GraphProto | onnx.FunctionProto) -> Iterator[onnx.TensorProto]:
    """Yield every constant tensor: initialisers and attributes, sparse ones and nested graphs' among them."""
    if isinstance(body, onnx.GraphProto):
        yield from body.initializer
        for sparse in body.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in body.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for nested in (attribute.g, *attribute.graphs):
                yield from _tensors(nested)
