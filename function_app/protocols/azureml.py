"""Azure Machine Learning's online endpoints: records or rows in, predictions or probabilities out.

Bodies: `{"data": [...]}` with records or rows, `{"input_data": ...}` with the same, or with
`{"columns": [...], "data": [[...]]}`, or with a mapping of columns to lists; each with an optional
`"method": "predict"` or `"predict_proba"`. Answers: `{"predict_proba": [[...], ...]}` where a method was asked for,
`{"result": [...]}` where none was.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from function_app.bodies import decoded
from function_app.http import Request, Response, json_response
from function_app.problems import bad_request, rejected_row
from function_app.routing import Route
from function_app.service import Service, want_json
from function_app.settings import LimitSettings
from function_app.tables import Table, from_columns, from_items, from_split, is_list, items_of, members_of
from scoring import Event, Form, Manifest, Rejected

__all__ = ["Asked", "Method", "accepted", "has_probabilities", "parse", "routes"]

T = TypeVar("T")
Method = Literal["predict", "predict_proba"]

_CLASSIFIES: Final = frozenset({"binary", "multiclass"})
_PROBABILITIES: Final = "probabilities"  # the output of a converted estimator that has them; others have "scores"


class _Body(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    input_data: msgspec.Raw = msgspec.Raw()
    method: Method | None = None


class Asked(NamedTuple):
    """What a body asks for.

    Attributes:
        events: one for each row, in one form.
        form: `record` or `row`.
        method: what is wanted of each; None where the body does not say.
    """

    events: list[Event]
    form: Form
    method: Method | None


_decode_body = msgspec.json.Decoder(_Body).decode


def routes(service: Service) -> list[Route]:
    """Return `POST /score` and `POST /models/{name}/score`."""

    async def score(request: Request, name: str) -> Response:
        want_json(request)
        batcher = await service.batcher(request, name)
        manifest = batcher.pipeline.manifest
        asked = parse(request.body, manifest, service.settings.limits)
        if asked.method == "predict_proba":
            _want_probabilities(manifest)
            classes = await service.score_classes(batcher, asked.events, asked.form)
            return json_response({"predict_proba": accepted(classes)})
        outcomes = accepted(await service.score(batcher, asked.events, asked.form, named=bool(name)))
        values = [outcome.score if outcome.label is None else outcome.label for outcome in outcomes]
        return json_response({asked.method or "result": values})

    return [Route("POST", "/score", score), Route("POST", "/models/{name}/score", score)]


def parse(body: bytes, manifest: Manifest, limits: LimitSettings) -> Asked:
    """Return the rows of a body and what is wanted of them.

    Raises:
        ProblemError: 400 or 413, with what was expected.
    """
    asked = decoded(body, _decode_body)
    return Asked(*_table(asked, manifest, limits), asked.method)


def _table(asked: _Body, manifest: Manifest, limits: LimitSettings) -> Table:
    if asked.data is not None:
        return from_items(list(map(bytes, asked.data)), limits)
    inner = bytes(asked.input_data)
    if not inner:
        raise bad_request('the body has neither "data" nor "input_data"; expected {"data": [{...}, ...]}')
    if is_list(inner):
        return from_items(items_of(inner), limits)
    members = members_of(inner)
    if {"columns", "data"} <= members.keys() and not {"columns", "data"} & {f.name for f in manifest.features}:
        return from_split(inner, limits)
    return from_columns(members, limits)


def accepted(outcomes: Sequence[T | Rejected]) -> list[T]:
    """Return the outcomes, of which none is a rejection.

    Raises:
        ProblemError: 422, names the first row that cannot be scored, and its field.
    """
    kept: list[T] = []
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, Rejected):
            raise rejected_row(number, outcome)
        kept.append(outcome)
    return kept


def has_probabilities(manifest: Manifest) -> bool:
    """Return whether a model's scores are probabilities of its labels."""
    return manifest.task in _CLASSIFIES and manifest.graph.score == _PROBABILITIES


def _want_probabilities(manifest: Manifest) -> None:
    """Refuse a method that the model does not have.

    Raises:
        ProblemError: 400.
    """
    if not has_probabilities(manifest):
        raise bad_request(f"method predict_proba: {manifest.reference} has no probabilities; expected predict")
