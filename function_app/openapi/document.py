"""The whole service as an OpenAPI 3.1 document, with the model's own fields and examples that work."""

from function_app.openapi import inference, mlflow, operations
from function_app.openapi.inputs import Schema, event_schema, record_schema, row_schema
from function_app.openapi.outputs import prediction_schema, rejection_schema, score_schema
from function_app.openapi.parts import object_schema, ref
from function_app.openapi.problems import PROBLEM, problem_responses
from function_app.openapi.subject import Subject
from scoring.examples import example_record

__all__ = ["openapi_document"]


def openapi_document(subject: Subject) -> Schema:
    """Return the document."""
    manifest = subject.manifest
    components: Schema = {"schemas": _schemas(subject), "responses": problem_responses()}
    document: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": manifest.name,
            "version": str(manifest.version),
            "description": (
                f"Scores with {manifest.reference}, a {manifest.task} model of {len(manifest.features)} features. "
                "Whatever goes wrong is answered with a problem document (RFC 9457): beside what is listed, 404 for a "
                "path that there is not and 405 for a method that a path does not take."
            ),
            "x-weir-model": _model_facts(subject),
        },
        "servers": [{"url": subject.address}],
        "paths": operations.paths(subject) | inference.paths(subject) | mlflow.paths(subject),
        "components": components,
    }
    schemes = _security_schemes(subject)
    if schemes:
        components["securitySchemes"] = schemes
        document["security"] = [{name: []} for name in schemes]
    return document


def _model_facts(subject: Subject) -> Schema:
    """Return what is known of the model beyond its fields, for people and the page."""
    manifest = subject.manifest
    facts = manifest.model_dump(mode="json", include={"name", "version", "task", "digest", "created"})
    features = [
        {"name": feature.name, "dtype": feature.dtype, "shape": feature.shape, "nullable": feature.nullable}
        for feature in manifest.features
    ]
    return facts | {
        "labels": list(manifest.outputs.labels),
        "positive": manifest.outputs.positive,
        "threshold": manifest.outputs.threshold,
        "tags": manifest.tags,
        "properties": manifest.properties,
        "certificate": None if manifest.certificate is None else manifest.certificate.model_dump(mode="json"),
        "features": features,
        "score_path": subject.score_path,
    }


def _security_schemes(subject: Subject) -> Schema:
    """Return how callers say who they are, most usual way first."""
    mode = subject.settings.auth.mode
    if mode == "none":
        return {}
    if mode == "entra":
        words = "A token of Microsoft Entra ID for this service."
        return {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": words}}
    return {
        "bearer": {"type": "http", "scheme": "bearer", "description": "One of the service's two keys."},
        "apiKey": {"type": "apiKey", "in": "header", "name": "api-key", "description": "The same, by another header."},
    }


def _schemas(subject: Subject) -> Schema:
    manifest = subject.manifest
    return {
        "Record": record_schema(manifest, example_record(manifest)),
        "Row": row_schema(manifest),
        "Event": event_schema(manifest, subject.event()),
        "ScoreRequest": _score_request(subject),
        "ScoreAnswer": score_schema(subject),
        "PredictionsRequest": {"anyOf": [_list_of("Event", subject), ref("Event")]},
        "PredictionsAnswer": {
            "type": "array",
            "items": {"anyOf": [ref("Prediction"), ref("Rejection")]},
            "minItems": 1,
        },
        "Prediction": prediction_schema(manifest),
        "Rejection": rejection_schema(),
        "Model": _MODEL,
        "Health": _HEALTH,
        "Problem": PROBLEM,
        **inference.schemas(subject),
        **mlflow.schemas(subject),
    }


def _score_request(subject: Subject) -> Schema:
    method = {
        "type": ["string", "null"],
        "enum": [*subject.methods, None],
        "description": "What to answer for each row; without it, what `predict` answers, under the name `result`.",
    }
    either = [_list_of("Record", subject), _list_of("Row", subject)]
    columns = {feature.name: {"type": "array"} for feature in subject.manifest.features}
    required = [feature.name for feature in subject.manifest.features if not feature.nullable]
    mapping = {
        "type": "object",
        "description": "A list for each feature, all of one length.",
        "properties": columns,
        "required": required,
        "additionalProperties": {"type": "array"},
    }
    input_data = [*either, *([_SPLIT] if subject.takes_split else []), mapping]
    return {
        "anyOf": [
            object_schema(required=["data"], data={"anyOf": either}, method=method),
            object_schema(
                required=["input_data"], data={"type": "null"}, input_data={"anyOf": input_data}, method=method
            ),
        ]
    }


def _list_of(name: str, subject: Subject) -> Schema:
    return {"type": "array", "items": ref(name), "minItems": 1, "maxItems": subject.settings.limits.rows}


_SPLIT: Schema = {
    "type": "object",
    "description": "The features' names once, else in the model's order; then a list of values for each row.",
    "properties": {
        "columns": {"type": ["array", "null"], "items": {"type": "string"}, "uniqueItems": True},
        "data": {"type": "array", "items": {"type": "array"}, "minItems": 1},
    },
    "required": ["columns", "data"],  # without names, a list of values is but a feature called data
}
_MODEL: Schema = {
    "type": "object",
    "description": "The model that answered.",
    "properties": {
        "name": {"type": "string"},
        "version": {"type": "integer", "minimum": 1},
        "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of the ONNX graph."},
        "certified": {"const": False, "description": "Present only where the model has no passed certificate."},
    },
    "required": ["name", "version", "digest"],
}
_HEALTH: Schema = {
    "type": "object",
    "properties": {
        "status": {"enum": ["ok", "failing"]},
        "problems": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["status"],
}
