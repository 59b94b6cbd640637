"""Requests that every shell of the HTTP door must answer alike: with the handler's own status, body and type.

`configuration` writes what they are asked of: the model of payments, behind two keys. A shell's test sends each of
`REQUESTS`, and gives the response to `check`, together with what the handler of `handler_of` answers by itself.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import tritonclient.http as tritonclient
import yaml

from function_app.auth import authenticator
from function_app.handler import Handler
from function_app.http import PROBLEM_JSON, Request, Response
from function_app.service import Service
from function_app.serving import Models
from models import LocalStore
from models.configuration import read_settings
from tests.models.graphs import payments, payments_manifest
from weir.settings import Settings

__all__ = ["ENVIRONMENT", "KEY", "REQUESTS", "Asked", "check", "configuration", "handler_of"]

KEY = "the-primary-key-of-the-requests"
OTHER_KEY = "the-secondary-key-of-the-requests"
ENVIRONMENT = {"WEIR__HTTP__AUTH__PRIMARY_KEY": KEY, "WEIR__HTTP__AUTH__SECONDARY_KEY": OTHER_KEY}
_RECORD = {"amount": 12.5, "count": 1, "country": "de"}
_ROW = [12.5, 1, "de"]
_JSON = {"content-type": "application/json"}
_WITH_KEY = _JSON | {"authorization": f"Bearer {KEY}"}


class Asked(NamedTuple):
    """A request and what is known of its answer.

    Attributes:
        name: of the case.
        target: the path as it travels, with its escapes, and the query.
        status: the answer's; None where only likeness to the handler's own answer is asked for.
        says: looks at a JSON answer's content.
    """

    name: str
    method: str
    target: str
    status: int | None
    says: Callable[[Any], bool] = lambda _: True
    body: bytes = b""
    headers: Mapping[str, str] = {}

    @property
    def request(self) -> Request:
        """The request as the handler wants it."""
        url = urlsplit(self.target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.method, unquote(url.path), headers, self.body, query)


def _get(name: str, target: str, status: int | None, says: Callable[[Any], bool] = lambda _: True) -> Asked:
    return Asked(name, "GET", target, status, says)


def _post(
    name: str,
    target: str,
    body: Any,
    status: int | None,
    says: Callable[[Any], bool] = lambda _: True,
    *,
    headers: Mapping[str, str] = _WITH_KEY,
) -> Asked:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Asked(name, "POST", target, status, says, content, headers)


def _detail(*words: str) -> Callable[[Any], bool]:
    return lambda problem: all(word in problem["detail"] for word in words)


def _triton() -> Iterator[Asked]:
    """What Triton's own client sends, with its tensors in binary and in JSON."""
    columns = {"amount": np.array([[12.5]], np.float32), "count": np.array([[1]], np.int64)}
    columns["country"] = np.array([[b"de"]], np.object_)
    kinds = {"amount": "FP32", "count": "INT64", "country": "BYTES"}
    for name, is_binary in (("binary tensors", True), ("tensors in JSON", False)):
        inputs = []
        for column, values in columns.items():
            given = tritonclient.InferInput(column, values.shape, kinds[column])
            given.set_data_from_numpy(values, binary_data=is_binary)
            inputs.append(given)
        wanted = [tritonclient.InferRequestedOutput("probabilities", binary_data=is_binary)]
        body, length = tritonclient.InferenceServerClient.generate_request_body(inputs, outputs=wanted)
        headers = {"authorization": f"Bearer {KEY}"}
        if length is not None:
            headers["Inference-Header-Content-Length"] = str(length)
        yield Asked(name, "POST", "/v2/models/payments/infer", 200, body=body, headers=headers)


_RECORDS = {"data": [_RECORD, _RECORD | {"country": "fr"}]}
_PREDICTIONS = "/models/payments/predictions"
REQUESTS: tuple[Asked, ...] = (
    _get("alive", "/healthz", 200, lambda it: it == {"status": "ok"}),
    _get("ready", "/readyz", 200, lambda it: it == {"status": "ok"}),
    _get("ready with a query", "/readyz?a=1&a=2&b=", 200),
    _post("records", "/score", _RECORDS, 200, lambda it: len(it["result"]) == 2),
    _post("rows", "/score", {"data": [_ROW]}, 200, lambda it: len(it["result"]) == 1),
    _post("probabilities", "/score", _RECORDS | {"method": "predict_proba"}, 200, lambda it: "predict_proba" in it),
    _post("a named model", "/models/payments/score", _RECORDS, 200),
    _post("an escaped name", "/models/payments%3A1/score", _RECORDS, 200),
    _post("an alias", "/models/payments%40champion/score", _RECORDS, 200),
    _post("one event", _PREDICTIONS, _RECORD, 200, lambda it: it[0]["model"]["name"] == "payments"),
    _post("events, one rejected", _PREDICTIONS, [_RECORD, {}], 200, lambda it: "code" in it[1]),
    _post("the secondary key", "/score", _RECORDS, 200, headers=_JSON | {"authorization": f"Bearer {OTHER_KEY}"}),
    _post("a key in another header", "/score", _RECORDS, 200, headers=_JSON | {"api-key": KEY}),
    _post(
        "a header in capitals", "/score", _RECORDS, 200, headers={"Content-Type": _JSON["content-type"], "API-Key": KEY}
    ),
    _post("no key", "/score", _RECORDS, 401, _detail(), headers=_JSON),
    _post("a wrong key", "/score", _RECORDS, 401, _detail(), headers=_JSON | {"authorization": f"Bearer {KEY}x"}),
    _post("no such path", "/nowhere", b"", 404, _detail("there is no /nowhere")),
    _post("no such path, escaped", "/n%C3%A4chste%20T%C3%BCr", b"", 404, _detail("/nächste Tür")),
    _get("the root", "/", None),
    _post("no such model", "/models/cards/score", _RECORDS, 404, _detail("cards")),
    _post("no such version", "/models/payments:7/score", _RECORDS, 404),
    _post("a path that climbs", "/models/..%2F..%2Fetc/score", _RECORDS, 404),
    _get("a wrong method", "/score", 405, _detail("/score takes POST")),
    Asked("another wrong method", "DELETE", "/healthz", 405, _detail("/healthz takes GET"), b"", _WITH_KEY),
    _post("not JSON", "/score", b"{", 400, _detail()),
    _post("not UTF-8", "/score", b'{"data": [{"country": "\xff"}]}', None),
    _post("no body", "/score", b"", 400, _detail()),
    _post("no rows", "/score", {"data": []}, 400, _detail("no rows")),
    _post("a row that cannot be scored", "/score", {"data": [_RECORD, {"amount": 1}]}, 422, lambda it: it["row"] == 1),
    _post("too many rows", "/score", {"data": [_ROW] * 11}, 413, _detail("11 rows", "10")),
    _post("a long body", "/score", b" " * 5000, 413, _detail()),
    _post("a compressed body", "/score", b"x", 415, _detail(), headers=_WITH_KEY | {"content-encoding": "gzip"}),
    _post("another type", "/score", b"a,b", 415, _detail(), headers=_WITH_KEY | {"content-type": "text/csv"}),
    _get("the API's description", "/openapi.json", None),
    _get("the older description", "/swagger.json", None),
    _get("the page to try it on", "/docs", None),
    _get("a third protocol's health", "/ping", None),
    _get("another protocol's health", "/v2/health/ready", None),
    _get("another protocol's models", "/v2/models/payments", None),
    _post(
        "MLflow's protocol",
        "/invocations",
        {"dataframe_records": [_RECORD]},
        200,
        lambda it: len(it["predictions"]) == 1,
    ),
    *_triton(),
)


def configuration(folder: Path, **http: Any) -> Path:
    """Put the model into a store, and return the path of a configuration that serves it."""
    store = LocalStore(folder / "store")
    if not (folder / "store").exists():
        store.add(payments_manifest(event_id=None), payments())
        store.set_alias("payments", "champion", 1)
    content = {
        "store": str(folder / "store"),
        "deployments": [{"name": "blue", "model": "payments@champion"}],
        "http": {"limits": {"body_bytes": 4096, "rows": 10}} | http,
    }
    path = folder / "weir.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@asynccontextmanager
async def handler_of(config: Path) -> AsyncIterator[Handler]:
    """The handler of a configuration, without a shell around it; needs `ENVIRONMENT` to be set."""
    settings = read_settings(Settings, config)
    models = Models(LocalStore(settings.store), settings.deployments, settings.http)
    await models.load()
    async with authenticator(settings.http.auth) as who:
        yield Handler(Service(models, settings.http), who)


def check(asked: Asked, response: Response, wanted: Response) -> None:
    """Assert that a shell's response is the handler's own, and says what it should."""
    assert (response.status, response.body) == (wanted.status, wanted.body), asked.name
    assert response.content_type == wanted.content_type, asked.name
    own = {name.lower(): value for name, value in wanted.headers.items()}
    assert own.items() <= {name.lower(): value for name, value in response.headers.items()}.items(), asked.name
    if asked.status is not None:
        assert response.status == asked.status, (asked.name, response.body)
        if "json" in response.content_type:
            assert asked.says(json.loads(response.body)), (asked.name, response.body)
        assert (response.content_type == PROBLEM_JSON) == (response.status >= 400), asked.name
