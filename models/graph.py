"""What a graph must be before a session is built from it: whole, of known operators, and of bounded size."""

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError, Message

from scoring.errors import ModelRefusedError

__all__ = ["MAX_MODEL_BYTES", "check_graph"]

MAX_MODEL_BYTES = 1_073_741_824
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
# onnxruntime's own and always there: what text models cut words with, by RE2, whose time is linear in the text
_CONTRIBUTED = frozenset({("com.microsoft", "Tokenizer")})


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
    proto = _parsed(model, source)
    foreign: set[str] = set()
    imported: set[str] = set()
    own = {(function.domain, function.name) for function in proto.functions}
    known = {domain for domain, _ in own}
    for message in _messages(proto):
        if isinstance(message, onnx.TensorProto):
            if message.external_data or message.data_location == onnx.TensorProto.EXTERNAL:
                raise ModelRefusedError(f"{source}: tensor {message.name!r} keeps its data outside model.onnx")
        elif isinstance(message, onnx.NodeProto):
            if (message.domain, message.op_type) in _CONTRIBUTED:
                known.add(message.domain)
            elif (message.domain, message.op_type) not in own:
                foreign.add(message.domain)
        elif isinstance(message, onnx.OperatorSetIdProto):
            imported.add(message.domain)
    foreign |= imported - known
    if foreign - _DOMAINS:
        raise ModelRefusedError(
            f"{source}: operators of the domain {min(foreign - _DOMAINS)!r}; only ONNX's own are accepted"
        )


def _parsed(model: bytes, source: str) -> onnx.ModelProto:
    try:
        proto = onnx.load_model_from_string(model)
    except DecodeError as error:
        raise ModelRefusedError(f"{source}: model.onnx is not an ONNX model") from error
    if not proto.HasField("graph"):  # as in an empty file: every field is optional to protobuf
        raise ModelRefusedError(f"{source}: model.onnx is not an ONNX model")
    return proto


def _messages(message: Message) -> Iterator[Message]:
    """Yield a message and all below it: wherever ONNX may put a tensor or a node, now or in a later version."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in (value,) if isinstance(value, Message) else value:
                yield from _messages(child)
