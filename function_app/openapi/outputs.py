"""JSON Schemas of what a model answers, by its task."""

from typing import Any, get_args

from function_app.openapi.inputs import Schema
from function_app.openapi.subject import Subject
from function_app.protocols.azureml import has_probabilities
from scoring import Manifest, Prediction, RejectionCode
from scoring.outcomes import Label

__all__ = [
    "decides",
    "decision",
    "decision_schema",
    "prediction_schema",
    "rejection_schema",
    "score_answer",
    "score_schema",
]

_NUMBER: Schema = {"type": "number", "format": "double"}
_MEANINGS = {
    "binary": "the probability of the positive label",
    "multiclass": "the probability of the label",
    "regression": "the value",
    "outlier": "the anomaly score; the lower, the stranger",
}
_MEANINGS_OF_MARGINS = {
    "binary": "the margin; above 0 speaks for the positive label",
    "multiclass": "the margin of the label",
}


def decides(manifest: Manifest) -> bool:
    """Return whether predictions have a label."""
    outputs = manifest.outputs
    by_graph = manifest.graph.label is not None or outputs.threshold is not None
    return manifest.task == "multiclass" or (manifest.task != "regression" and by_graph)


def _label_schema(manifest: Manifest) -> Schema:
    """Return the schema of a decision; of nothing where the model decides nothing."""
    labels = manifest.outputs.labels
    if not decides(manifest):
        return {"type": "null", "description": "This model gives scores and decides nothing."}
    if not labels:
        return {"type": ["string", "integer"]}
    kinds = sorted({_kind(label) for label in labels})
    schema: Schema = {"type": kinds[0] if len(kinds) == 1 else kinds}
    return schema | {"enum": list(labels)}


def decision_schema(manifest: Manifest) -> Schema:
    """Return the schema of what stands for a prediction in a list of answers."""
    return _label_schema(manifest) if decides(manifest) else _score(manifest)


def prediction_schema(manifest: Manifest) -> Schema:
    """Return the schema of a prediction, as the stream publishes it."""
    properties: Schema = {
        "prediction_id": {
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
            "description": "The same for the same event and model, through any door and on any day.",
        },
        "event_id": {"type": ["string", "null"], "description": "The event's own identifier, where it has one."},
        "model": {"$ref": "#/components/schemas/Model"},
        "label": _label_schema(manifest),
        "score": _score(manifest),
    }
    required = list(properties)
    if manifest.task == "multiclass":
        properties["scores"] = _ranked(manifest)
        required.append("scores")
    if manifest.outputs.threshold is not None:
        said = "The score from which the positive label is given."
        properties["threshold"] = {"const": manifest.outputs.threshold, "description": said}
        required.append("threshold")
    return {"type": "object", "properties": properties, "required": required}


def rejection_schema() -> Schema:
    """Return the schema of what stands in place of a prediction for an event that cannot be scored."""
    return {
        "type": "object",
        "description": "Why this event got no prediction. Its neighbours are not affected.",
        "properties": {
            "code": {"type": "string", "enum": list(get_args(RejectionCode))},
            "reason": {"type": "string", "description": "What was found and what was expected."},
            "field": {"type": "string", "description": "Where; empty where it is the event as a whole."},
        },
        "required": ["code", "reason", "field"],
    }


def score_schema(subject: Subject) -> Schema:
    """Return the schema of the scoring route's answers: one value for each row, under the name of what was asked."""
    manifest = subject.manifest
    value = decision_schema(manifest)
    answers = [_answer("result", value, "no method was asked for"), _answer("predict", value, "`predict`")]
    if subject.has_probabilities:
        count = len(manifest.outputs.labels)
        probabilities: Schema = {
            "type": "array",
            "items": _NUMBER,
            "minItems": count,
            "maxItems": count,
            "description": f"One for each label, in this order: {', '.join(map(str, manifest.outputs.labels))}.",
        }
        answers.append(_answer("predict_proba", probabilities, "`predict_proba`"))
    return {"oneOf": answers}


def score_answer(subject: Subject, body: Schema) -> Any:
    """Return what the scoring route answers to an example body; None where the model answers nothing."""
    if subject.sample is None:
        return None
    if body.get("method") == "predict_proba":
        return {"predict_proba": [subject.sample.classes]}
    return {body.get("method", "result"): [decision(subject.sample.prediction)]}


def decision(prediction: Prediction) -> Any:
    """Return what stands for a prediction in a list of answers: its label, or its score where it has none."""
    return prediction.score if prediction.label is None else prediction.label


def _answer(name: str, items: Schema, when: str) -> Schema:
    return {
        "type": "object",
        "description": f"Where {when}" if name == "result" else f"Where the method is {when}",
        "properties": {name: {"type": "array", "items": items, "minItems": 1}},
        "required": [name],
    }


def _score(manifest: Manifest) -> Schema:
    meaning = _MEANINGS[manifest.task]
    if manifest.task in _MEANINGS_OF_MARGINS and not has_probabilities(manifest):
        meaning = _MEANINGS_OF_MARGINS[manifest.task]
    if manifest.task == "binary":
        meaning += f", {manifest.outputs.positive}"
    return _NUMBER | {"description": f"{meaning[0].upper()}{meaning[1:]}."}


def _ranked(manifest: Manifest) -> Schema:
    item = {
        "type": "object",
        "properties": {"label": _label_schema(manifest), "score": _NUMBER},
        "required": ["label", "score"],
    }
    most = min(manifest.outputs.top_k, len(manifest.outputs.labels))
    return {"type": "array", "items": item, "minItems": most, "maxItems": most, "description": "Best first."}


def _kind(label: Label) -> str:
    return "string" if isinstance(label, str) else "integer"
