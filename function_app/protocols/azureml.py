"""Azure Machine Learning's online endpoints: records or rows in, predictions or probabilities out.

Bodies: `{"data": [...]}` with records or rows, `{"input_data": ...}` with the same, or with
`{"columns": [...], "data": [[...]]}`, or with a mapping of columns to lists; each with an optional
`"method": "predict"` or `"predict_proba"`. Answers: `{"predict_proba": [[...], ...]}` where a method was asked for,
`{"result": [...]}` where none was.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec

from function_app.bodies import check_rows, decoded
from function_app.http import Request, Response, json_response
from function_app.problems import bad_request, rejected_row
from function_app.routing import Route
from function_app.service import Service, want_json
from function_app.settings import LimitSettings
from scoring import Event, Form, Manifest, Rejected

__all__ = ["Asked", "accepted", "from_columns", "from_split", "parse", "routes"]

T = TypeVar("T")
Method = Literal["predict", "predict_proba"]

_CLASSIFIES: Final = frozenset({"binary", "multiclass"})
_PROBABILITIES: Final = "probabilities"  # the output of a converted estimator that has them; others have "scores"


class _Body(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    input_data: msgspec.Raw = msgspec.Raw()
    method: Method | None = None


class _Split(msgspec.Struct):
    columns: list[str]
    data: list[list[msgspec.Raw]]


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
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_split = msgspec.json.Decoder(_Split).decode
_decode_mapping = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


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
    if asked.data is not None:
        return _rows(list(map(bytes, asked.data)), asked.method, limits)
    inner = bytes(asked.input_data)
    if not inner:
        raise bad_request('the body has neither "data" nor "input_data"; expected {"data": [{...}, ...]}')
    if inner[:1] == b"[":
        return _rows(list(map(bytes, decoded(inner, _decode_list))), asked.method, limits)
    mapping = decoded(inner, _decode_mapping)
    if {"columns", "data"} <= mapping.keys() and not {"columns", "data"} & {f.name for f in manifest.features}:
        return from_split(inner, asked.method, limits)
    return from_columns(mapping, asked.method, limits)


def from_split(body: bytes, method: Method | None, limits: LimitSettings) -> Asked:
    """Return the rows of `{"columns": [...], "data": [[...], ...]}` as records.

    Raises:
        ProblemError: 400, a row has not as many values as there are columns.
    """
    split = decoded(body, _decode_split)
    check_rows(len(split.data), limits)
    keys = [msgspec.json.encode(name) + b":" for name in split.columns]
    records: list[Event] = []
    for number, row in enumerate(split.data):
        if len(row) != len(keys):
            raise bad_request(f"row {number} has {len(row)} values for {len(keys)} columns", row=number)
        records.append(Event(_record(keys, row)))
    return Asked(records, "record", method)


def from_columns(mapping: dict[str, Any], method: Method | None, limits: LimitSettings) -> Asked:
    """Return the rows of `{"column": [...], ...}` as records.

    Raises:
        ProblemError: 400, the columns are not all lists of one length.
    """
    columns = {name: decoded(bytes(values), _decode_list) for name, values in mapping.items()}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise bad_request(f"columns have different lengths: {sorted(lengths)}")
    check_rows(lengths.pop(), limits)
    keys = [msgspec.json.encode(name) + b":" for name in columns]
    return Asked([Event(_record(keys, row)) for row in zip(*columns.values(), strict=True)], "record", method)


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


def _rows(items: list[bytes], method: Method | None, limits: LimitSettings) -> Asked:
    check_rows(len(items), limits)
    form: Form = "record" if items[0][:1] == b"{" else "row"
    return Asked(list(map(Event, items)), form, method)


def _record(keys: Sequence[bytes], row: Sequence[msgspec.Raw]) -> bytes:
    return b"{" + b",".join(key + bytes(value) for key, value in zip(keys, row, strict=True)) + b"}"


def _want_probabilities(manifest: Manifest) -> None:
    """Refuse a method that the model does not have.

    Raises:
        ProblemError: 400.
    """
    if manifest.task not in _CLASSIFIES or manifest.graph.score != _PROBABILITIES:
        raise bad_request(f"method predict_proba: {manifest.reference} has no probabilities; expected predict")
