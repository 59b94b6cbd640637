"""Inference of the Open Inference Protocol 2: tensors in, the model's own outputs out.

Inputs are one tensor a feature, of the shape [n] or [n, 1], or [n, *shape] where the feature has one; nullable ones may
be left out. A graph that takes one matrix may be given that instead, [n, features], under its own input's name.

Rules:
- A request is answered as a whole: one row that cannot be scored refuses it.
- Nothing here knows of the event loop: `infer` is called in a thread.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from numpy.typing import NDArray

from function_app.bodies import check_rows, decoded
from function_app.http import Response, json_response
from function_app.problems import bad_request
from function_app.protocols.v2_tensors import DATATYPES, datatype_of, from_binary, from_json, to_binary, to_json
from function_app.settings import LimitSettings
from scoring import Feature, Manifest, Pipeline, Scores

__all__ = ["HEADER_LENGTH", "infer", "outputs_of"]

HEADER_LENGTH = "Inference-Header-Content-Length"

_MAX_INT64 = 2**63 - 1
_MAX_DIGITS = 18
_SHOWN = 100
_Size = Annotated[int, Meta(ge=0, le=_MAX_INT64)]


class _InputParameters(msgspec.Struct):
    binary_data_size: _Size | None = None
    shared_memory_region: str | None = None


class _Input(msgspec.Struct):
    name: str
    shape: Annotated[list[_Size], Meta(min_length=1, max_length=16)]
    datatype: str
    parameters: _InputParameters | None = None
    data: msgspec.Raw = msgspec.Raw()


class _OutputParameters(msgspec.Struct):
    binary_data: bool | None = None
    classification: int = 0
    shared_memory_region: str | None = None


class _Output(msgspec.Struct):
    name: str
    parameters: _OutputParameters | None = None


class _Parameters(msgspec.Struct):
    binary_data_output: bool = False


class _Asked(msgspec.Struct):
    inputs: Annotated[list[_Input], Meta(min_length=1)]
    id: str | None = None
    parameters: _Parameters | None = None
    outputs: list[_Output] | None = None


class _Tensor(NamedTuple):
    asked: _Input
    binary: memoryview | None


_decode = msgspec.json.Decoder(_Asked).decode


def infer(body: bytes, header_length: str | None, pipeline: Pipeline, limits: LimitSettings) -> Response:
    """Return the answer to a request for inference.

    Args:
        body: a JSON object, and after it the binary tensors, in their order.
        header_length: how long the JSON is, where binary tensors follow it.
        pipeline: the model.
        limits: how many rows may be asked for.

    Raises:
        ProblemError: 400 or 413, names the input, and the row where it is one row's fault.
    """
    header = body if header_length is None else body[: _length(header_length, len(body))]
    asked = decoded(header, _decode)
    tensors = _tensors(asked.inputs, None if header_length is None else memoryview(body)[len(header) :])
    scores = pipeline.score_columns(_columns(tensors, pipeline.manifest, limits))
    if isinstance(scores, dict):
        row, why = min(scores.items())
        raise bad_request(f"row {row}: {why.reason}", row=row, field=why.field, code=why.code)
    return _response(asked, outputs_of(pipeline.manifest, scores), pipeline.manifest)


def outputs_of(manifest: Manifest, scores: Scores) -> dict[str, NDArray[Any]]:
    """Return the graph's outputs that the manifest names, by their names."""
    outputs = {manifest.graph.score: scores.scores}
    if manifest.graph.label is not None and scores.labels is not None:
        # onnxruntime's strings are objects, as BYTES are
        labels = scores.labels.astype(object) if scores.labels.dtype.kind == "U" else scores.labels
        outputs = {manifest.graph.label: labels} | outputs
    return outputs


def _length(text: str, longest: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS or int(text) > longest:
        raise bad_request(f"{HEADER_LENGTH} is {text[:_SHOWN]!r}; expected a number up to the body's {longest} bytes")
    return int(text)


def _tensors(inputs: Sequence[_Input], binary: memoryview | None) -> dict[str, _Tensor]:
    """Return the tensors by their names, each with its part of the binary data."""
    tensors: dict[str, _Tensor] = {}
    start = 0
    for asked in inputs:
        called = asked.name[:_SHOWN]
        if asked.name in tensors:
            raise bad_request(f"input {called!r} stands there twice")
        parameters = asked.parameters or _InputParameters()
        size = parameters.binary_data_size
        if parameters.shared_memory_region is not None:
            raise bad_request(f"input {called!r}: shared memory is not offered; send the data in the body")
        if (size is None) != bool(bytes(asked.data)):
            raise bad_request(f"input {called!r}: expected either data or the parameter binary_data_size")
        if size is None:
            tensors[asked.name] = _Tensor(asked, None)
            continue
        if binary is None:
            raise bad_request(f"input {called!r}: binary data takes the header {HEADER_LENGTH}")
        if size > len(binary) - start:
            raise bad_request(f"input {called!r}: binary_data_size is {size}; {len(binary) - start} bytes are there")
        tensors[asked.name] = _Tensor(asked, binary[start : start + size])
        start += size
    if binary is not None and start != len(binary):
        raise bad_request(f"{len(binary) - start} bytes of binary data belong to no input")
    return tensors


def _columns(tensors: dict[str, _Tensor], manifest: Manifest, limits: LimitSettings) -> dict[str, NDArray[Any]]:
    """Return an array for each feature that is given."""
    names = [feature.name for feature in manifest.features]
    if manifest.graph.form == "matrix" and list(tensors) == [manifest.graph.input]:
        matrix = _array(tensors[str(manifest.graph.input)], (len(names),), limits)
        return dict(zip(names, matrix.T, strict=True))
    for name in tensors:
        if name not in names:
            raise bad_request(f"there is no input {name[:_SHOWN]!r}; the model has {_listed(names)}")
    missing = [each.name for each in manifest.features if not each.nullable and each.name not in tensors]
    if missing:
        raise bad_request(f"inputs are missing: {_listed(missing)}")
    columns = {
        each.name: _column(tensors[each.name], each, limits) for each in manifest.features if each.name in tensors
    }
    rows = sorted({len(column) for column in columns.values()})
    if len(rows) > 1:
        raise bad_request(f"inputs have different numbers of rows: {rows[0]} and {rows[1]}")
    return columns


def _column(tensor: _Tensor, feature: Feature, limits: LimitSettings) -> NDArray[Any]:
    # an image is given as its pixels, or as the base64 text that an event holds
    shape = () if tensor.asked.datatype == "BYTES" else feature.shape or ()
    array = _array(tensor, shape, limits)
    return array.reshape(len(array), *shape)


def _array(tensor: _Tensor, row_shape: tuple[int, ...], limits: LimitSettings) -> NDArray[Any]:
    name, shape, datatype = tensor.asked.name, tensor.asked.shape, tensor.asked.datatype
    if datatype not in DATATYPES:
        raise bad_request(
            f"input {name!r}: its datatype is {datatype[:_SHOWN]!r}; expected one of {', '.join(DATATYPES)}"
        )
    if tuple(shape[1:]) not in ({row_shape} if row_shape else {(), (1,)}):
        expected = ["n", *row_shape] if row_shape else "[n] or [n, 1]"
        raise bad_request(f"input {name!r}: its shape is {shape}; expected {str(expected).replace(chr(39), '')}")
    check_rows(shape[0], limits)
    if tensor.binary is not None:
        return from_binary(name, tensor.binary, datatype, shape)
    return from_json(name, bytes(tensor.asked.data), datatype, shape)


def _response(asked: _Asked, outputs: dict[str, NDArray[Any]], manifest: Manifest) -> Response:
    """Return the outputs that are asked for, or all of them."""
    all_binary = asked.parameters is not None and asked.parameters.binary_data_output
    described: list[dict[str, Any]] = []
    binary: list[bytes] = []
    for wanted in asked.outputs or [_Output(name) for name in outputs]:
        array = _wanted(wanted, outputs, {each["name"] for each in described})
        tensor: dict[str, Any] = {"name": wanted.name, "datatype": datatype_of(array), "shape": array.shape}
        flag = None if wanted.parameters is None else wanted.parameters.binary_data
        if all_binary if flag is None else flag:
            binary.append(to_binary(array))
            tensor["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            tensor["data"] = to_json(array)
        described.append(tensor)
    answer: dict[str, Any] = {"model_name": manifest.name, "model_version": str(manifest.version)}
    if asked.id is not None:
        answer["id"] = asked.id
    response = json_response(answer | {"outputs": described})
    if not binary:
        return response
    headers = {HEADER_LENGTH: str(len(response.body))}
    return Response(200, response.body + b"".join(binary), "application/octet-stream", headers)


def _wanted(wanted: _Output, outputs: dict[str, NDArray[Any]], given: set[str]) -> NDArray[Any]:
    called = wanted.name[:_SHOWN]
    if wanted.name not in outputs:
        raise bad_request(f"there is no output {called!r}; the model has {_listed(list(outputs))}")
    if wanted.name in given:
        raise bad_request(f"output {called!r} is asked for twice")
    if wanted.parameters is not None and wanted.parameters.classification:
        raise bad_request(f"output {called!r}: classification is not offered; the labels are an output of their own")
    if wanted.parameters is not None and wanted.parameters.shared_memory_region is not None:
        raise bad_request(f"output {called!r}: shared memory is not offered; the data comes in the body")
    return outputs[wanted.name]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} others"  # noqa: PLR2004 - for reading
