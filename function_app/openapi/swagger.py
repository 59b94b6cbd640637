"""The scoring route as a Swagger 2.0 document, in the shape in which Azure Machine Learning publishes its services.

Power BI reads the names and types of a model's inputs from `ServiceInput`. Swagger 2.0 knows no null and no choice
between shapes, so that records are all it tells of.
"""

from typing import Any

from function_app.http import JSON
from function_app.openapi.inputs import Schema
from function_app.openapi.outputs import decides, score_answer
from function_app.openapi.subject import Subject
from scoring import Feature
from scoring.examples import example_record

__all__ = ["swagger_document"]

_TYPES: dict[str, Schema] = {
    "float32": {"type": "number", "format": "float"},
    "float64": {"type": "number", "format": "double"},
    "int64": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "image": {"type": "string", "format": "byte"},
}


def swagger_document(subject: Subject) -> Schema:
    """Return the document."""
    manifest = subject.manifest
    document: Schema = {
        "swagger": "2.0",
        "info": {
            "title": manifest.name,
            "version": str(manifest.version),
            "description": f"Scores with {manifest.reference}, a {manifest.task} model.",
        },
        "consumes": [JSON],
        "produces": [JSON],
        "paths": {"/healthz": {"get": _health()}, subject.score_path: {"post": _score(subject)}},
        "definitions": _definitions(subject),
    }
    if subject.settings.auth.mode != "none":
        document["securityDefinitions"] = {
            "Bearer": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "description": "For example: Bearer abc123",
            }
        }
    return document


def _health() -> Schema:
    answer = {"description": "The service answers", "schema": {"type": "object"}}
    return {"operationId": "ServiceHealthCheck", "summary": "Whether the service answers", "responses": {"200": answer}}


def _score(subject: Subject) -> Schema:
    payload = {
        "name": "serviceInputPayload",
        "in": "body",
        "required": True,
        "description": "The rows to score.",
        "schema": {"$ref": "#/definitions/ServiceInput"},
    }
    answers = {
        "200": {"description": "One value for each row", "schema": {"$ref": "#/definitions/ServiceOutput"}},
        "default": {"description": "What is wrong", "schema": {"$ref": "#/definitions/ErrorResponse"}},
    }
    operation: Schema = {
        "operationId": "RunMLService",
        "summary": "Score records",
        "parameters": [payload],
        "responses": answers,
    }
    return operation if subject.settings.auth.mode == "none" else operation | {"security": [{"Bearer": []}]}


def _definitions(subject: Subject) -> Schema:
    record = example_record(subject.manifest)
    features = {feature.name: _value(feature, record[feature.name]) for feature in subject.manifest.features}
    required = [feature.name for feature in subject.manifest.features if not feature.nullable]
    item = {"type": "object", "properties": features} | ({"required": required} if required else {})
    body = {"data": [record]}
    answer = score_answer(subject, body)
    output: Schema = {"type": "object", "properties": {"result": {"type": "array", "items": _result(subject)}}}
    return {
        "ServiceInput": {
            "type": "object",
            "properties": {"data": {"type": "array", "items": item}},
            "required": ["data"],
            "example": body,
        },
        "ServiceOutput": output | ({} if answer is None else {"example": answer}),
        "ErrorResponse": {
            "type": "object",
            "properties": {
                "status": {"type": "integer", "format": "int32"},
                "title": {"type": "string"},
                "detail": {"type": "string"},
            },
        },
    }


def _value(feature: Feature, example: Any) -> Schema:
    if feature.textual:
        return {"type": "string", "maxLength": feature.max_length, "example": example}
    if feature.dtype == "tensor":
        schema: Schema = dict(_TYPES["float32"])
        for _ in feature.shape or ():
            schema = {"type": "array", "items": schema}
        return schema
    return _TYPES[feature.dtype] | {"example": example}


def _result(subject: Subject) -> Schema:
    if not decides(subject.manifest):
        return {"type": "number", "format": "double"}
    labels = subject.manifest.outputs.labels
    if labels and all(isinstance(label, int) for label in labels):
        return {"type": "integer", "format": "int64"}
    return {"type": "string"}
