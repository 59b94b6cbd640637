"""The ways in which a request fails, each a problem document (RFC 9457)."""

from http import HTTPStatus
from typing import Final

from function_app.http import JSON, PROBLEM_JSON
from function_app.openapi.inputs import Schema

__all__ = ["PROBLEM", "own_responses", "problem_responses", "responses_for"]

PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "What is wrong, where, and what was expected (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "row": {"type": "integer", "minimum": 0, "description": "The guilty row, counted from 0."},
        "field": {"type": "string", "description": "Where in the row; empty where it is the row as a whole."},
        "code": {"type": "string", "description": "The kind of fault, one of a fixed few."},
    },
    "required": ["type", "title", "status", "detail"],
}
_DESCRIPTIONS: Final = {
    400: "The body is not what was expected",
    401: "No credential, or one that is not good",
    403: "A good token that may not do this",
    404: "There is no such model",
    408: "The body arrived too slowly",
    413: "The body is too long, or has too many rows",
    415: "The body is not JSON, or is compressed",
    422: "A row cannot be scored: says which one, and why",
    500: "The server's own fault; its log says more",
    503: "No model is loaded, or too much waits already: ask again",
    504: "Scoring took too long",
}
_EXAMPLES: Final[dict[int, tuple[str, Schema]]] = {
    400: ('the body has neither "data" nor "input_data"; expected {"data": [{...}, ...]}', {}),
    422: (
        "row 0: amount is missing; expected a number",
        {"row": 0, "field": "amount", "code": "missing_field"},
    ),
}
_DENIED: Final[dict[str, tuple[int, ...]]] = {"none": (), "key": (401,), "entra": (401, 403)}
_OF_SHELL: Final = frozenset({408, 413})  # a container's server refuses a body before it is known what it is for
_HEADERS: Final[dict[int, Schema]] = {
    401: {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "In how many seconds to ask again.", "schema": {"type": "string"}}},
}


def problem_responses() -> Schema:
    """Return a response component for each status that a request can fail with."""
    return {_name(status): _response(status) for status in _DESCRIPTIONS}


def responses_for(*statuses: int, mode: str = "none") -> Schema:
    """Return references to the failures of a route.

    Args:
        statuses: the route's own.
        mode: how callers authenticate; with it come 401, and 403 where a good token may not suffice.
    """
    every = sorted({*statuses, *_DENIED[mode]})
    return {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in every}


def own_responses(*statuses: int, schema: str, mode: str) -> Schema:
    """Return the failures of a route whose protocol has errors of a form of its own."""
    own: Schema = {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    problem: Schema = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        str(status): {"description": _DESCRIPTIONS[status], "content": own | problem if status in _OF_SHELL else own}
        | ({"headers": _HEADERS[status]} if status in _HEADERS else {})
        for status in sorted({*statuses, *_DENIED[mode]})
    }


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _response(status: int) -> Schema:
    content: Schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if status in _EXAMPLES:
        detail, more = _EXAMPLES[status]
        shown = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
        content["example"] = shown | more
    response: Schema = {"description": _DESCRIPTIONS[status], "content": {PROBLEM_JSON: content}}
    return response | ({"headers": _HEADERS[status]} if status in _HEADERS else {})
