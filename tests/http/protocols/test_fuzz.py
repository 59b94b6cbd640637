"""Whatever bytes come, the answer is a 2xx or a 4xx, in JSON."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from function_app.http import Request, Response
from models import Deployment
from tests.http.doors import door
from tests.http.protocols.stored import DEPLOYMENTS, GOOD, binary_request, inputs_of

Handle = Callable[[Request], Response]

KINDS = {
    "double": np.array([0.1]),
    "flag": np.array([True]),
    "vector": np.ones((1, 2, 2), np.float32),
    "word": np.array(["yes"], object),
}
MODELS = {"payments": GOOD, "kinds": KINDS, "linear": {"X": np.ones((2, 3), np.float32)}}
HOSTILE = [
    None,
    True,
    -1,
    0,
    2**63,
    2**64,
    1e308,
    0.5,
    "",
    "x" * 300,
    "\0",
    [],
    [[]],
    {},
    [1, "a", None],
    "FP16",
    "BYTES",
]
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def handle(root: Path) -> Iterator[Handle]:
    with asyncio.Runner() as runner:
        deployments = (*DEPLOYMENTS, Deployment(name="black", model="kinds"))
        context = door(root, *deployments, limits={"rows": 50})
        handler = runner.run(context.__aenter__())
        yield lambda request: runner.run(handler.handle(request))
        runner.run(context.__aexit__(None, None, None))


values = st.recursive(
    st.sampled_from(HOSTILE) | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "data", "name"]), inner, max_size=2)
    ),
    max_leaves=8,
)


def check(response: Response) -> None:
    event(f"status {response.status}")  # shown by --hypothesis-show-statistics: all kinds should occur
    assert 200 <= response.status < 500, (response.status, response.body)
    if response.status >= 400:
        document = json.loads(response.body)
        assert set(document) in ({"error"}, {"error_code", "message"})


@st.composite
def infer_requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A good request with some members of it replaced by anything."""
    model = draw(st.sampled_from(sorted(MODELS)))
    request: dict[str, Any] = {"inputs": inputs_of(MODELS[model])}
    for _ in range(draw(st.integers(0, 3))):
        tensor = draw(st.sampled_from(request["inputs"]))
        key = draw(st.sampled_from(["name", "shape", "datatype", "data", "parameters"]))
        shapes = st.lists(st.integers(-1, 3) | st.just(2**62), max_size=4)
        tensor[key] = draw(shapes if key == "shape" else values)
    for key in draw(st.sets(st.sampled_from(["id", "outputs", "parameters"]))):
        request[key] = draw(values | st.just([{"name": "score", "parameters": {"binary_data": True}}]))
    return model, request


@FUZZ
@given(asked=infer_requests())
def test_json_for_inference(handle: Handle, asked: tuple[str, dict[str, Any]]) -> None:
    model, request = asked
    check(handle(Request("POST", f"/v2/models/{model}/infer", {}, json.dumps(request).encode())))


@FUZZ
@given(data=st.data(), model=st.sampled_from(sorted(MODELS)))
def test_binary_for_inference(handle: Handle, data: st.DataObject, model: str) -> None:
    """Octets changed, cut off or put in anywhere, and a header that may be another."""
    body, headers = binary_request(MODELS[model])
    changed = bytearray(body)
    length = int(headers["inference-header-content-length"])
    for _ in range(data.draw(st.integers(0, 4))):
        new = data.draw(st.binary(max_size=6))
        place = data.draw(st.integers(length, len(body) - 1) | st.integers(0, len(body) - 1))
        changed[place : place + data.draw(st.just(len(new)) | st.integers(0, 6))] = new
    right = st.just(str(length))
    header = data.draw(right | right | right | st.integers().map(str) | st.text(max_size=5))
    headers = {"inference-header-content-length": header}
    check(handle(Request("POST", f"/v2/models/{model}/infer", headers, bytes(changed))))


@FUZZ
@given(
    body=st.dictionaries(
        st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs", "params"]),
        values | st.fixed_dictionaries({"columns": values, "data": values}) | st.just([[1, 2, "de"]]),
        max_size=2,
    )
)
def test_json_for_invocations(handle: Handle, body: dict[str, Any]) -> None:
    check(handle(Request("POST", "/invocations", {}, json.dumps(body).encode())))


@FUZZ
@given(
    body=st.binary(max_size=60)
    | st.text(st.sampled_from('amountcry,"\n\r\0 1.5e-,dé')).map(str.encode)
    | st.text(max_size=30).map(lambda text: b"amount,count,country\n1,2," + text.encode("utf-8", "replace")),
    kind=st.sampled_from(["text/csv", "application/json"]),
    path=st.sampled_from(["/invocations", "/v2/models/kinds/infer"]),
)
def test_any_bytes(handle: Handle, body: bytes, kind: str, path: str) -> None:
    check(handle(Request("POST", path, {"content-type": kind}, body)))
