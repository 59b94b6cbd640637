"""The routes of the Open Inference Protocol 2, documented."""

from typing import Any, Final

from function_app.openapi.inputs import Schema
from function_app.openapi.parts import NAME, Shown, answer, body, name_parameter, object_schema
from function_app.openapi.problems import own_responses
from function_app.openapi.subject import Subject
from function_app.protocols.v2_infer import HEADER_LENGTH
from function_app.protocols.v2_tensors import DATATYPES
from scoring import Manifest
from scoring.examples import example_record, example_row

__all__ = ["inference_body", "paths", "schemas"]

_TAG: Final = "Open Inference Protocol"
_BINARY: Final = "application/octet-stream"
_SIZE: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_OPTIONAL_SIZE: Final[Schema] = _SIZE | {"type": ["integer", "null"]}
_VERSION: Final[Schema] = {
    "name": "version",
    "in": "path",
    "required": True,
    "description": "The model's version.",
    "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
}
_HEADER: Final[Schema] = {
    "name": HEADER_LENGTH,
    "in": "header",
    "description": "With binary tensors: how many bytes of the body are JSON.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}


def inference_body(manifest: Manifest, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the example as tensors.

    Args:
        manifest: the model's.
        inputs: as the model's metadata describes them.
    """
    if manifest.graph.form == "matrix":
        row = example_row(manifest)
        return {"inputs": [inputs[0] | {"shape": [1, len(row)], "data": row}]}
    values = example_record(manifest)
    images = {feature.name for feature in manifest.features if feature.dtype == "image"}
    tensors = [each | {"shape": [1, *each["shape"][1:]], "data": [values[each["name"]]]} for each in inputs]
    # an image may come as the text that an event holds
    return {
        "inputs": [each | {"datatype": "BYTES", "shape": [1]} if each["name"] in images else each for each in tensors]
    }


def paths(subject: Subject) -> Schema:
    """Return the protocol's paths with their operations; for a model asked for by name, only those that name one."""
    plain = name_parameter(subject) | {"schema": {"type": "string", "pattern": f"^{NAME}$"}}
    named = _of_model(subject, "/v2/models/{name}", "", [name_parameter(subject)])
    named |= _of_model(
        subject,
        "/v2/models/{name}/versions/{version}",
        "_version",
        [plain | {"example": subject.manifest.name}, _VERSION | {"example": str(subject.manifest.version)}],
    )
    if subject.named:
        return named
    manifest, mode = subject.manifest, subject.settings.auth.mode
    entry = {"name": manifest.name, "version": str(manifest.version), "state": "READY", "reason": ""}
    index: Shown = {"index": ("Deployed", [entry])}
    return {
        "/v2": {"get": _operation("server", "What the server is", answer("InferenceServer", "The server", {}), mode)},
        "/v2/health/live": {"get": _health("live", "Whether the server answers")},
        "/v2/health/ready": {"get": _health("ready", "Whether the server can score")},
        "/v2/repository/index": {
            "post": _operation("index", "The deployed models", answer("InferenceIndex", "The models", index), mode)
        },
        **named,
    }


def schemas(subject: Subject) -> Schema:
    """Return the protocol's schemas."""
    text = {"type": "string"}
    tensor = object_schema(
        name=text, datatype={"enum": sorted(DATATYPES)}, shape={"type": "array", "items": {"type": "integer"}}
    )
    return {
        "InferenceError": object_schema(error=text),
        "InferenceHealth": object_schema(required=[], live={"type": "boolean"}, ready={"type": "boolean"}),
        "InferenceIndex": {
            "type": "array",
            "items": object_schema(name=text, version=text, state={"enum": ["READY", "UNAVAILABLE"]}, reason=text),
        },
        "InferenceMetadata": object_schema(
            name=text,
            versions={"type": "array", "items": text},
            platform=text,
            inputs={"type": "array", "items": tensor},
            outputs={"type": "array", "items": tensor},
        ),
        "InferenceModelReady": object_schema(name=text, ready={"type": "boolean"}),
        "InferenceRequest": _request([feature.name for feature in subject.manifest.features[:20]]),
        "InferenceResponse": object_schema(
            required=["model_name", "model_version", "outputs"],
            id=text,
            model_name=text,
            model_version=text,
            outputs={"type": "array", "items": _with_data(tensor)},
        ),
        "InferenceServer": object_schema(name=text, version=text, extensions={"type": "array", "items": text}),
    }


def _of_model(subject: Subject, base: str, suffix: str, parameters: list[Schema]) -> Schema:
    sample, mode = subject.sample, subject.settings.auth.mode
    metadata: Shown = {} if sample is None else {"metadata": ("The model", sample.metadata)}
    ready: Shown = {"ready": ("Ready", {"name": subject.manifest.name, "ready": True})}
    described = answer("InferenceMetadata", "The model", metadata)
    said = answer("InferenceModelReady", "It can be asked", ready)
    model = _operation(f"model{suffix}", "A model's inputs and outputs", described, mode, 404, 504)
    model_ready = _operation(f"model_ready{suffix}", "Whether a model can be asked", said, mode, 404)
    infer = _infer(subject, suffix)
    return {
        base: {"get": model | {"parameters": parameters}},
        f"{base}/ready": {"get": model_ready | {"parameters": parameters}},
        f"{base}/infer": {"post": infer | {"parameters": [*parameters, *infer["parameters"]]}},
    }


def _infer(subject: Subject, suffix: str) -> Schema:
    sample = subject.sample
    given: Shown = {}
    answered: Shown = {}
    if sample is not None:
        given = {"tensors": ("Tensors", inference_body(subject.manifest, sample.metadata["inputs"]))}
        answered = {"tensors": ("Tensors", sample.inference)}
    request = body("InferenceRequest", given)
    response = answer("InferenceResponse", "The model's outputs", answered)
    for either in (request, response):
        either["content"][_BINARY] = {"schema": {"type": "string", "format": "binary"}}
    operation = _operation(
        f"infer{suffix}", "Score tensors", response, subject.settings.auth.mode, 400, 404, 408, 413, 415, 504
    )
    return operation | {
        "description": "One tensor for each feature; its first dimension is the rows. Binary tensors follow the JSON.",
        "parameters": [_HEADER],
        "requestBody": request,
    }


def _operation(name: str, summary: str, answered: Schema, mode: str, *statuses: int) -> Schema:
    failures = own_responses(*statuses, 500, 503, schema="InferenceError", mode=mode)
    return {"operationId": f"v2_{name}", "tags": [_TAG], "summary": summary, "responses": {"200": answered} | failures}


def _health(name: str, summary: str) -> Schema:
    well = answer("InferenceHealth", "It is well", {"well": ("Well", {name: True})})
    responses = {"200": well}
    if name == "ready":
        responses["503"] = answer("InferenceHealth", "It is not", {"ill": ("Not ready", {name: False})})
    return {"operationId": f"v2_{name}", "tags": [_TAG], "summary": summary, "security": [], "responses": responses}


def _request(features: list[str]) -> Schema:
    shape = {"type": "array", "items": _SIZE, "minItems": 1, "maxItems": 16}
    name = {"type": "string", "description": "A feature's name.", "examples": features}
    tensor = object_schema(
        required=["name", "shape", "datatype"],
        name=name,
        shape=shape,
        datatype={"enum": sorted(DATATYPES)},
        data={"type": "array", "description": "Nested or flat, row by row."},
        parameters={"type": ["object", "null"], "properties": {"binary_data_size": _OPTIONAL_SIZE}},
    )
    wanted = object_schema(required=["name"], name={"type": "string"})
    return object_schema(
        required=["inputs"],
        id={"type": ["string", "null"]},
        inputs={"type": "array", "items": tensor, "minItems": 1},
        outputs={"type": ["array", "null"], "items": wanted, "description": "Which outputs; all where absent."},
    )


def _with_data(tensor: Schema) -> Schema:
    parameters = object_schema(required=[], binary_data_size=_SIZE)
    return tensor | {"properties": tensor["properties"] | {"data": {"type": "array"}, "parameters": parameters}}
