"""The routes of MLflow's scoring protocol, documented."""

import csv
import io
from typing import Any, Final

from function_app.http import JSON
from function_app.openapi.inputs import Schema
from function_app.openapi.outputs import decision, decision_schema
from function_app.openapi.parts import Shown, answer, body, object_schema, ref
from function_app.openapi.problems import own_responses
from function_app.openapi.subject import Subject
from scoring.examples import example_record

__all__ = ["paths", "schemas"]

_CSV: Final = "text/csv"
_TAG: Final = "MLflow"


def paths(subject: Subject) -> Schema:
    """Return the protocol's paths with their operations; none of them names a model."""
    if subject.named:
        return {}
    alive = "Whether the server can score"
    return {
        "/invocations": {"post": _invocations(subject)},
        "/ping": {"get": _ping("mlflow_ping", alive)},
        "/health": {"get": _ping("mlflow_health", alive)},
    }


def schemas(subject: Subject) -> Schema:
    """Return the protocol's schemas."""
    text = {"type": "string"}
    rows = {"anyOf": [{"type": "array", "items": ref(name), "minItems": 1} for name in ("Record", "Row")]}
    if len(subject.manifest.features) == 1:
        rows["anyOf"].append({"type": "array", "minItems": 1})
    split = object_schema(
        required=["data"],
        columns={"type": ["array", "null"], "items": text},
        data={"type": "array", "items": {"type": "array"}, "minItems": 1},
    )
    columns = {"type": "object", "additionalProperties": {"type": "array"}}
    bodies: dict[str, Schema] = {
        "dataframe_split": split,
        "dataframe_records": {"type": "array", "items": ref("Record"), "minItems": 1},
        "instances": rows,
        "inputs": {"anyOf": [*rows["anyOf"], columns]},
    }
    return {
        "InvocationsRequest": {
            "oneOf": [object_schema(required=None, **{name: schema}) for name, schema in bodies.items()]
        },
        "InvocationsAnswer": object_schema(
            predictions={"type": "array", "items": decision_schema(subject.manifest), "minItems": 1}
        ),
        "InvocationsError": object_schema(error_code=text, message=text),
    }


def _invocations(subject: Subject) -> Schema:
    request = body("InvocationsRequest", _bodies(subject))
    request["content"][_CSV] = {"schema": {"type": "string"}}
    if not any(feature.shape for feature in subject.manifest.features):
        request["content"][_CSV]["examples"] = {"csv": {"summary": "Names, then rows", "value": _csv(subject)}}
    answered: Shown = {}
    if subject.sample is not None:
        answered = {"predictions": ("Predictions", {"predictions": [decision(subject.sample.prediction)]})}
    statuses = (400, 408, 413, 415, 500, 503, 504)
    return {
        "operationId": "invocations",
        "tags": [_TAG],
        "summary": "Score a data frame or tensors",
        "requestBody": request,
        "responses": {"200": answer("InvocationsAnswer", "One prediction for each row", answered)}
        | own_responses(*statuses, schema="InvocationsError", mode=subject.settings.auth.mode),
    }


def _bodies(subject: Subject) -> Shown:
    record = example_record(subject.manifest)
    split = {"columns": list(record), "data": [list(record.values())]}
    shown: Shown = {"dataframe_split": ("Names once, then rows", {"dataframe_split": split})}
    if not subject.is_large:
        shown["dataframe_records"] = ("Records", {"dataframe_records": [record]})
        shown["instances"] = ("Rows by place", {"instances": [list(record.values())]})
        shown["inputs"] = ("A list for each feature", {"inputs": {name: [value] for name, value in record.items()}})
    return shown


def _csv(subject: Subject) -> str:
    record = example_record(subject.manifest)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(record)
    writer.writerow(map(_cell, record.values()))
    return text.getvalue()


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _ping(operation_id: str, summary: str) -> Schema:
    responses: Schema = {
        "200": {"description": "It can: an empty line", "content": {JSON: {}}},
        "503": {"description": "It cannot", "content": {JSON: {"schema": ref("InvocationsError")}}},
    }
    return {"operationId": operation_id, "tags": [_TAG], "summary": summary, "security": [], "responses": responses}
