"""What each route takes and answers: one operation for each route that the handler has."""

from typing import Final

from function_app.http import JSON
from function_app.openapi.inputs import Schema
from function_app.openapi.outputs import score_answer
from function_app.openapi.parts import Shown, answer, body, name_parameter
from function_app.openapi.problems import responses_for
from function_app.openapi.snippets import snippets
from function_app.openapi.subject import Subject

__all__ = ["paths"]

_SCORING: Final = (400, 408, 413, 415, 422, 500, 503, 504)


def paths(subject: Subject) -> Schema:
    """Return every path with its operations; for a model that was asked for by name, only those that name one."""
    mode = subject.settings.auth.mode
    score = _score(subject)
    named: Schema = {
        "/models/{name}/score": {"post": _naming(score, subject, "score_model")},
        "/models/{name}/predictions": {"post": _predictions(subject)},
    }
    if subject.named:
        return named
    return {
        "/score": {"post": score | {"x-codeSamples": snippets(subject)}},
        **named,
        "/healthz": {"get": _health("liveness", "Whether the process answers", "alive")},
        "/readyz": {"get": _health("readiness", "Whether requests can be scored", "ready")},
        "/openapi.json": {"get": _document("openapi", "This document", mode)},
        "/swagger.json": {"get": _document("swagger", "The scoring route as Swagger 2.0, for Power BI", mode)},
        "/docs": {"get": _page()},
    }


def _score(subject: Subject) -> Schema:
    bodies = subject.score_bodies()
    answers = {name: (words, score_answer(subject, body)) for name, (words, body) in bodies.items()}
    shown = {name: pair for name, pair in answers.items() if pair[1] is not None and name in {"records", "rows"}}
    return {
        "operationId": "score",
        "tags": ["Scoring"],
        "summary": "Score records or rows",
        "description": (
            "As Azure Machine Learning's online endpoints take them. Answers one value for each row, in order; "
            "if one row cannot be scored, none is, and the problem names the row and the field."
        ),
        "requestBody": body("ScoreRequest", bodies),
        "responses": {
            "200": answer("ScoreAnswer", "One value for each row", shown),
            **responses_for(*_SCORING, mode=subject.settings.auth.mode),
        },
    }


def _naming(operation: Schema, subject: Subject, operation_id: str) -> Schema:
    """Return the operation for a model that the path names."""
    path = {
        "parameters": [name_parameter(subject)],
        "operationId": operation_id,
        "summary": f"{operation['summary']} with a model of your choice",
        "responses": operation["responses"] | responses_for(404),
    }
    samples = {"x-codeSamples": snippets(subject)} if subject.named else {}
    return operation | path | samples


def _predictions(subject: Subject) -> Schema:
    event = subject.event()
    bodies: Shown = {"list": ("Several events", [event]), "one": ("One event", event)}
    rejected = {
        "code": "missing_field",
        "reason": f"{subject.manifest.features[0].dotted} is missing; expected a value",
        "field": subject.manifest.features[0].dotted,
    }
    scored: Shown = {} if subject.sample is None else {"scored": ("Scored", [subject.sample.prediction])}
    return {
        "operationId": "predict",
        "tags": ["Scoring"],
        "summary": "Score events as the stream does",
        "description": (
            "Each event is answered in its place with the very bytes that the stream would publish, or with the reason "
            "why it cannot be scored; a bad event never fails its neighbours. "
            "A single event may be sent without the list."
        ),
        "parameters": [name_parameter(subject)],
        "requestBody": body("PredictionsRequest", bodies),
        "responses": {
            "200": answer(
                "PredictionsAnswer", "One outcome for each event", {**scored, "rejected": ("Rejected", [rejected])}
            ),
            **responses_for(400, 404, 408, 413, 415, 500, 503, 504, mode=subject.settings.auth.mode),
        },
    }


def _health(operation_id: str, summary: str, name: str) -> Schema:
    answers = {"200": answer("Health", f"It is {name}", {"ok": ("Well", {"status": "ok"})})}
    if operation_id == "readiness":
        answers["503"] = answer("Health", "It is not, and why", {})
    return {"operationId": operation_id, "tags": ["Health"], "summary": summary, "security": [], "responses": answers}


def _document(operation_id: str, summary: str, mode: str) -> Schema:
    model = {
        "name": "model",
        "in": "query",
        "description": "Describe this model instead of the deployed one: its name, `name:version` or `name@alias`.",
        "schema": {"type": "string"},
    }
    answer = {"description": summary, "content": {JSON: {"schema": {"type": "object"}}}}
    return {
        "operationId": operation_id,
        "tags": ["Documents"],
        "summary": summary,
        "parameters": [model],
        "responses": {"200": answer} | responses_for(404, 500, 503, mode=mode),
    }


def _page() -> Schema:
    answer = {"description": "The page", "content": {"text/html": {"schema": {"type": "string"}}}}
    summary = "A page to try the model on; it holds nothing of the model until a key is given"
    return {
        "operationId": "docs",
        "tags": ["Documents"],
        "summary": summary,
        "security": [],
        "responses": {"200": answer},
    }
