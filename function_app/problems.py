"""Errors as RFC 9457 problem documents that name the row and the field."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from function_app.http import PROBLEM_JSON, Response
from scoring import Rejected

__all__ = ["ProblemError", "bad_request", "problem_response", "rejected_row"]


class ProblemError(Exception):
    """A request that cannot be answered as asked; its parts are written for the caller.

    Attributes:
        status: the HTTP status.
        detail: what is wrong and what was expected.
        headers: of the response, e.g. `Retry-After`.
        extra: further members of the document, e.g. `row` and `field`.
    """

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(detail)


def bad_request(detail: str, **extra: Any) -> ProblemError:
    """Return the problem of a request that says something wrong: 400."""
    return ProblemError(400, detail, **extra)


def rejected_row(row: int, rejected: Rejected) -> ProblemError:
    """Return the problem of a row that cannot be scored: 422."""
    return ProblemError(422, f"row {row}: {rejected.reason}", row=row, field=rejected.field, code=rejected.code)


def problem_response(problem: ProblemError) -> Response:
    """Return the problem as a document."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **problem.extra,
    }
    return Response(problem.status, msgspec.json.encode(document), PROBLEM_JSON, problem.headers)
