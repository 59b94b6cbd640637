"""The Open Inference Protocol 2 beside inference: health, metadata, versions, the index, and errors in its words."""

import json
import tomllib
from pathlib import Path

import pytest

from function_app.handler import Handler
from models import Deployment
from tests.http.doors import door
from tests.http.protocols.stored import DEPLOYMENTS, answered, ask

ROOT = Path(__file__).parents[3]


async def test_health(handler: Handler, root: Path) -> None:
    assert answered(await ask(handler, "GET", "/v2/health/live")) == {"live": True}
    assert answered(await ask(handler, "GET", "/v2/health/ready")) == {"ready": True}
    async with door(root, *DEPLOYMENTS, load=False) as waiting:
        assert answered(await ask(waiting, "GET", "/v2/health/live")) == {"live": True}
        response = await ask(waiting, "GET", "/v2/health/ready")
    assert (response.status, json.loads(response.body)) == (503, {"ready": False})


async def test_the_server_says_what_it_is(handler: Handler) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    expected = {"name": "weir", "version": version, "extensions": ["binary_tensor_data"]}
    assert answered(await ask(handler, "GET", "/v2")) == expected


async def test_the_metadata_of_columns(handler: Handler) -> None:
    assert answered(await ask(handler, "GET", "/v2/models/payments/versions/1")) == {
        "name": "payments",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "amount", "datatype": "FP32", "shape": [-1, 1]},
            {"name": "count", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "country", "datatype": "BYTES", "shape": [-1, 1]},
        ],
        "outputs": [
            # the model refuses the made-up country, so this is what its manifest lets expect
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
        ],
    }


async def test_the_metadata_of_a_matrix_and_of_shapes(handler: Handler) -> None:
    linear = answered(await ask(handler, "GET", "/v2/models/linear"))
    assert linear["inputs"] == [{"name": "X", "datatype": "FP32", "shape": [-1, 3]}]
    assert linear["outputs"] == [{"name": "score", "datatype": "FP32", "shape": [-1, 1]}]
    kinds = answered(await ask(handler, "GET", "/v2/models/kinds"))
    assert [(each["datatype"], each["shape"]) for each in kinds["inputs"]] == [
        ("FP64", [-1, 1]),
        ("BOOL", [-1, 1]),
        ("FP32", [-1, 2, 2]),
        ("BYTES", [-1, 1]),
    ]


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/v2/models/payments", "1"),  # what is deployed, and not the newest
        ("/v2/models/payments:1", "1"),
        ("/v2/models/payments/versions/1", "1"),
        ("/v2/models/payments/versions/2", "2"),
    ],
)
async def test_a_version_is_named_in_the_path(handler: Handler, path: str, version: str) -> None:
    assert answered(await ask(handler, "GET", path))["versions"] == [version]
    assert answered(await ask(handler, "GET", f"{path}/ready")) == {"name": "payments", "ready": True}


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/nosuch",
        "/v2/models/nosuch/ready",
        "/v2/models/payments/versions/99",
        "/v2/models/payments/versions/champion",
        "/v2/models/payments/versions/-1/ready",
        "/v2/models/payments:1/versions/1",
        "/v2/models/payments@champion/versions/1",
        "/v2/models/../ready",
        "/v2/models/%2e%2e",
        "/v2/models/Payments",
    ],
)
async def test_what_is_not_there_is_an_error_of_the_protocol(handler: Handler, path: str) -> None:
    response = await ask(handler, "GET", path)
    assert response.status == 404
    assert list(json.loads(response.body)) == ["error"]


async def test_the_index_lists_what_is_deployed(handler: Handler, root: Path) -> None:
    assert answered(await ask(handler, "POST", "/v2/repository/index", b'{"ready": true}')) == [
        {"name": "linear", "version": "1", "state": "READY", "reason": ""},
        {"name": "payments", "version": "1", "state": "READY", "reason": ""},
        {"name": "single", "version": "1", "state": "READY", "reason": ""},
    ]
    async with door(root, Deployment(name="blue", model="nosuch", traffic=100), load=False) as waiting:
        (entry,) = answered(await ask(waiting, "POST", "/v2/repository/index"))
    assert entry == {"name": "nosuch", "version": "", "state": "UNAVAILABLE", "reason": "there is no model 'nosuch'"}


async def test_methods_are_as_the_protocol_has_them(handler: Handler) -> None:
    response = await ask(handler, "GET", "/v2/models/payments/infer")
    assert (response.status, response.headers["Allow"]) == (405, "POST")
    response = await ask(handler, "POST", "/v2/models/payments/infer", b"{}", content_type="text/plain")
    assert (response.status, list(json.loads(response.body))) == (415, ["error"])
