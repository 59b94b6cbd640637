"""NVIDIA's own client against `weir serve`, as a process of its own: it works unchanged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from examples.fraud.events import events
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Pipeline
from tests.http.running import KEY, serving

HEADERS = {"authorization": f"Bearer {KEY}"}
DATATYPES = {"float32": "FP32", "int64": "INT64", "bool": "BOOL", "object": "BYTES"}
EVENTS = [Event(event.value) for event in events(100, malformed=0)]


@pytest.fixture(scope="module")
def client(fraud_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton.InferenceServerClient]:
    with serving(tmp_path_factory.mktemp("serving"), fraud_store) as server:
        client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
        yield client
        client.close()


@pytest.fixture(scope="module")
def pipeline(fraud_store: Path) -> Pipeline:
    return load_pipeline(LocalStore(fraud_store), parse_reference("fraud@champion"))


def tensors(pipeline: Pipeline, *, binary: bool) -> list[triton.InferInput]:
    """The events' features; those of a float keep their nulls only in binary, since the client's JSON has no NaN."""
    made = []
    for name, column in pipeline.prepare(EVENTS).columns.items():
        array = column.reshape(-1, 1)
        tensor = triton.InferInput(name, array.shape, DATATYPES[array.dtype.name])
        tensor.set_data_from_numpy(array, binary_data=binary or bool(array.dtype.kind == "f" and np.isnan(array).any()))
        made.append(tensor)
    return made


def check(result: triton.InferResult, pipeline: Pipeline) -> None:
    predictions: list[Any] = pipeline.score(EVENTS)
    positive = pipeline.manifest.outputs.labels.index(1)
    scores = result.as_numpy(pipeline.manifest.graph.score)[:, positive].astype(np.float64)
    assert scores.tolist() == [prediction.score for prediction in predictions]
    assert result.as_numpy(pipeline.manifest.graph.label).tolist() == [prediction.label for prediction in predictions]


def test_health_and_metadata(client: triton.InferenceServerClient, pipeline: Pipeline) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("fraud", headers=HEADERS)
    assert client.is_model_ready("fraud", "1", headers=HEADERS)
    assert not client.is_model_ready("nosuch", headers=HEADERS)
    assert client.get_server_metadata(headers=HEADERS)["name"] == "weir"
    metadata = client.get_model_metadata("fraud", headers=HEADERS)
    features = pipeline.manifest.features
    assert [tensor["name"] for tensor in metadata["inputs"]] == [feature.name for feature in features]
    assert {tensor["datatype"] for tensor in metadata["inputs"]} == {"FP32", "INT64", "BOOL", "BYTES"}
    assert [(tensor["datatype"], tensor["shape"]) for tensor in metadata["outputs"]] == [
        ("INT64", [-1]),
        ("FP32", [-1, 2]),
    ]
    (entry,) = client.get_model_repository_index(headers=HEADERS)
    assert entry == {"name": "fraud", "version": "1", "state": "READY", "reason": ""}


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("version", ["", "1"])
def test_infer_gets_the_bits_of_the_pipeline(
    client: triton.InferenceServerClient, pipeline: Pipeline, version: str, binary: bool
) -> None:
    asked = tensors(pipeline, binary=binary)
    check(client.infer("fraud", asked, model_version=version, request_id="r1", headers=HEADERS), pipeline)


@pytest.mark.parametrize("binary", [False, True])
def test_requested_outputs(client: triton.InferenceServerClient, pipeline: Pipeline, binary: bool) -> None:
    graph = pipeline.manifest.graph
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in (graph.score, graph.label)]
    result = client.infer("fraud", tensors(pipeline, binary=True), outputs=outputs, request_id="r2", headers=HEADERS)
    check(result, pipeline)
    assert result.get_response()["id"] == "r2"
    only = client.infer("fraud", tensors(pipeline, binary=True), outputs=outputs[:1], headers=HEADERS)
    assert only.as_numpy(graph.label) is None


def test_concurrent_requests(client: triton.InferenceServerClient, pipeline: Pipeline) -> None:
    asked = tensors(pipeline, binary=True)
    under_way = [client.async_infer("fraud", asked, headers=HEADERS) for _ in range(8)]
    for request in under_way:
        check(request.get_result(timeout=30), pipeline)


def test_errors_are_the_clients_own(client: triton.InferenceServerClient, pipeline: Pipeline) -> None:
    asked = tensors(pipeline, binary=True)
    with pytest.raises(InferenceServerException) as refused:
        client.infer("fraud", asked[1:], headers=HEADERS)
    assert (refused.value.status(), refused.value.message()) == ("400", "inputs are missing: amount")
    with pytest.raises(InferenceServerException) as missing:
        client.infer("nosuch", asked, headers=HEADERS)
    assert (missing.value.status(), missing.value.message()) == ("404", "there is no model 'nosuch'")
    with pytest.raises(InferenceServerException) as anonymous:
        client.infer("fraud", asked)
    assert anonymous.value.status() == "401"
