"""MLflow's scoring protocol: a data frame or tensors in, `{"predictions": [...]}` out.

Bodies: `{"dataframe_split": {"columns": [...], "data": [[...]]}}`, `{"dataframe_records": [{...}]}`,
`{"instances": [...]}` with records, rows, or bare values for a model of one feature, `{"inputs": ...}` with the same or
with columns; or CSV under a line of names. A prediction is the label, or the value where the model gives no labels.
Errors are `{"error_code": "...", "message": "..."}`.
"""

from typing import Final

from function_app.http import Request, Response, json_response
from function_app.problems import ProblemError, bad_request
from function_app.protocols.azureml import accepted
from function_app.routing import Answer, Route
from function_app.service import Service
from function_app.settings import LimitSettings
from function_app.tables import Table, from_columns, from_csv, from_items, from_split, is_list, items_of, members_of
from scoring import Feature, Manifest

__all__ = ["parse", "routes"]

_FORMATS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
_CODES: Final = {
    404: "RESOURCE_DOES_NOT_EXIST",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_UNPROCESSABLE: Final = 422


def routes(service: Service) -> list[Route]:
    """Return `POST /invocations`, and the two paths on which MLflow's clients ask whether the server is up."""

    async def predict(request: Request, name: str) -> Response:
        is_csv = _content_type(request) == "text/csv"
        batcher = await service.batcher(request, name)
        manifest, limits = batcher.pipeline.manifest, service.settings.limits
        table = from_csv(request.body, manifest, limits) if is_csv else parse(request.body, manifest, limits)
        outcomes = accepted(await service.score(batcher, table.events, table.form, named=False))
        values = [outcome.score if outcome.label is None else outcome.label for outcome in outcomes]
        return json_response({"predictions": values})

    async def ping(_: Request, __: str) -> Response:
        if service.models.why_not_ready:
            raise ProblemError(503, service.models.why_not_ready)
        return Response(200, b"\n")

    return [
        _route("POST", "/invocations", predict),
        _route("GET", "/ping", ping, is_open=True),
        _route("GET", "/health", ping, is_open=True),
    ]


def parse(body: bytes, manifest: Manifest, limits: LimitSettings) -> Table:
    """Return the rows of a JSON body.

    Raises:
        ProblemError: 400 or 413, with what was expected.
    """
    members = members_of(body)
    given = [name for name in _FORMATS if name in members]
    if len(given) != 1:
        raise bad_request(
            f"the body has {' and '.join(given) or 'none'} of {', '.join(_FORMATS)}; expected one of them"
        )
    inner = members[given[0]]
    if given[0] == "dataframe_split":
        return from_split(inner, limits)
    if given[0] == "inputs" and not is_list(inner):
        return from_columns(members_of(inner), limits)
    items = items_of(inner)
    if given[0] != "dataframe_records" and len(manifest.features) == 1:
        items = [_row(item, manifest.features[0]) for item in items]
    return from_items(items, limits)


def _row(item: bytes, feature: Feature) -> bytes:
    """Return the row of a model's only feature, of which the bare value may be given."""
    if item[:1] == b"{":
        return item
    depth = len(item) - len(item.lstrip(b"[ \t\r\n"))
    opening = item[:depth].count(b"[")
    rank = len(feature.shape or ()) if feature.dtype == "tensor" else 0
    return item if opening > rank else b"[" + item + b"]"


def _route(method: str, path: str, answer: Answer, *, is_open: bool = False) -> Route:
    return Route(method, path, answer, is_open=is_open, refuse=_refusal)


def _refusal(problem: ProblemError) -> Response:
    # MLflow's server knows a row that cannot be scored as a bad request
    status = 400 if problem.status == _UNPROCESSABLE else problem.status
    code = _CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")  # noqa: PLR2004 - the server's
    return json_response({"error_code": code, "message": problem.detail}, status=status, headers=problem.headers)


def _content_type(request: Request) -> str:
    """Return the body's content type.

    Raises:
        ProblemError: 415, it is not one that MLflow's protocol has.
    """
    kind, _, parameters = request.headers.get("content-type", "application/json").lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if kind.strip() not in {"application/json", "text/csv"} or charset not in {"", "utf-8"}:
        raise ProblemError(415, "expected application/json or text/csv, in UTF-8")
    return kind.strip()
