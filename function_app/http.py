"""A request and a response as values: all that the handler knows of HTTP, whichever shell it stands behind."""

from collections.abc import Mapping

import msgspec

__all__ = ["JSON", "PROBLEM_JSON", "Request", "Response", "json_response"]

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"

_encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request, whole.

    Attributes:
        method: in capitals.
        path: decoded, without the query.
        headers: by their names in small letters; of several with one name, joined by commas.
        body: its bytes.
        query: by name; the last one where a name comes twice.
    """

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    query: Mapping[str, str] = {}


class Response(msgspec.Struct, frozen=True, gc=False):
    """One response, whole.

    Attributes:
        status: the HTTP status.
        body: its bytes.
        content_type: what they are.
        headers: beside the content's type and length.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = {}


def json_response(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with `content` as JSON."""
    return Response(status, _encode(content), JSON, headers or {})
