"""Inference: the same bits as the pipeline's, in JSON and binary, for every kind of feature and way of asking."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from examples.fraud.events import events
from function_app.handler import Handler
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event
from tests.http.doors import door
from tests.http.protocols.stored import (
    GOOD,
    answered,
    ask,
    binary_request,
    described,
    inputs_of,
    json_request,
    without_nan,
)
from tests.models.graphs import payment_columns
from tests.scoring.makers import base64_text, image_bytes

PAYMENTS = "/v2/models/payments/versions/1/infer"
KINDS = "/v2/models/kinds/infer"
LINEAR = "/v2/models/linear/infer"


def doubles(outputs: dict[str, Any], name: str) -> list[Any]:
    return outputs[name].astype(np.float64).tolist()


async def infer(handler: Handler, path: str, columns: Any, *, binary: bool, **more: Any) -> dict[str, Any]:
    body, headers = binary_request(columns, **more) if binary else (json_request(columns, **more), {})
    return described(await ask(handler, "POST", path, body, **headers))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("size", [1, 7, 200])
async def test_fraud_gets_the_scores_and_decisions_of_the_pipeline(fraud_store: Path, size: int, binary: bool) -> None:
    pipeline = load_pipeline(LocalStore(fraud_store), parse_reference("fraud@champion"))
    asked = [Event(event.value) for event in events(200, malformed=0)]
    columns = pipeline.prepare(asked).columns
    predictions = pipeline.score(asked)
    graph, positive = pipeline.manifest.graph, pipeline.manifest.outputs.labels.index(1)
    scores, labels = [], []
    async with door(fraud_store) as handler:
        for start in range(0, 200, size):
            part = {name: column[start : start + size].reshape(-1, 1) for name, column in columns.items()}
            outputs = await infer(
                handler, "/v2/models/fraud/infer", part, binary=binary, parameters={"binary_data_output": binary}
            )
            scores += [row[positive] for row in doubles(outputs, graph.score)]
            labels += outputs[graph.label].tolist()
    assert scores == [prediction.score for prediction in predictions]
    assert labels == [prediction.label for prediction in predictions]
    assert len(set(labels)) == 2


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("size", [1, 3, 50])
async def test_a_matrix_and_its_columns_get_the_bits_of_the_pipeline(
    handler: Handler, models: LocalStore, size: int, binary: bool
) -> None:
    matrix = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    matrix[5, 2] = np.nan
    rows = [Event(json.dumps(without_nan(row)).encode()) for row in matrix.tolist()]
    outcomes = load_pipeline(models, parse_reference("linear")).score(rows, "row")
    for start in range(0, 50, size):
        part = matrix[start : start + size]
        if start <= 5 < start + size:  # the sum with a NaN is none: the row is refused, whichever way it comes
            response = await ask(handler, "POST", LINEAR, json_request({"X": part}))
            assert (response.status, json.loads(response.body)) == (
                400,
                {"error": f"row {5 - start}: the model's score for this event is not a finite number"},
            )
            continue
        expected = [[outcome.score] for outcome in outcomes[start : start + size]]
        for columns in ({"X": part}, dict(zip("abc", part.T.copy(), strict=True))):
            assert doubles(await infer(handler, LINEAR, columns, binary=binary), "score") == expected


@pytest.mark.parametrize("binary", [False, True])
async def test_every_kind_of_feature(handler: Handler, models: LocalStore, binary: bool) -> None:
    columns = {
        "double": np.array([0.1, 2.5, 1e30]),
        "flag": np.array([True, False, True]),
        "vector": np.arange(12, dtype=np.float32).reshape(3, 2, 2),
        "word": np.array(["yes", "", "日本"], object),
    }
    outputs = await infer(handler, KINDS, columns, binary=binary)
    records = [
        Event(json.dumps(dict(zip(columns, row, strict=True))).encode())
        for row in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]
    outcomes = load_pipeline(models, parse_reference("kinds")).score(records, "record")
    assert doubles(outputs, "score") == [[outcome.score] for outcome in outcomes]


async def test_nullable_features_may_be_null_or_left_out(handler: Handler) -> None:
    needed = {"flag": np.array([True]), "vector": np.ones((1, 2, 2), np.float32)}
    asked = inputs_of(needed) + inputs_of({"word": np.array(["yes"], object)}) + inputs_of({"double": np.array([1.0])})
    asked[2]["data"] = [None]
    first = described(await ask(handler, "POST", KINDS, json.dumps({"inputs": asked}).encode()))
    second = described(await ask(handler, "POST", KINDS, json.dumps({"inputs": asked[:2] + asked[3:]}).encode()))
    assert doubles(first, "score") == doubles(second, "score") == [[float(np.float32(5.1))]]


@pytest.mark.parametrize(
    ("shape", "data"),
    [([2], [0.5, 1.5]), ([2, 1], [0.5, 1.5]), ([2, 1], [[0.5], [1.5]]), ([2, 1], [[0.5], [1]])],
)
async def test_data_is_flat_or_nested(handler: Handler, shape: list[int], data: list[Any]) -> None:
    inputs = [{"name": "amount", "shape": shape, "datatype": "FP64", "data": data}, *inputs_of(GOOD)[1:]]
    outputs = described(await ask(handler, "POST", PAYMENTS, json.dumps({"inputs": inputs}).encode()))
    assert outputs["probabilities"].shape == (2, 2)


@pytest.mark.parametrize("datatype", ["UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"])
@pytest.mark.parametrize("binary", [False, True])
async def test_numbers_of_any_width_are_the_same_number(handler: Handler, datatype: str, binary: bool) -> None:
    narrow = np.array([1, 2]).astype(datatype.lower())
    body, headers = binary_request(GOOD) if binary else (json_request(GOOD), {})
    expected = described(await ask(handler, "POST", PAYMENTS, body, **headers))
    inputs = inputs_of(GOOD)
    inputs[1] = {"name": "count", "datatype": datatype, "shape": [2], "data": [1, 2]}
    tail = b""
    if binary:
        del inputs[1]["data"]
        tail = narrow.tobytes()
        inputs[1]["parameters"] = {"binary_data_size": len(tail)}
    head = json.dumps({"inputs": inputs}).encode()
    found = described(await ask(handler, "POST", PAYMENTS, head + tail, inference_header_content_length=str(len(head))))
    assert doubles(found, "probabilities") == doubles(expected, "probabilities")


async def test_outputs_are_chosen_and_each_is_json_or_binary(handler: Handler) -> None:
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}, {"name": "label"}]
    response = await ask(handler, "POST", PAYMENTS, json_request(GOOD, outputs=outputs, id="42"))
    head = json.loads(response.body[: int(response.headers["Inference-Header-Content-Length"])])
    assert response.content_type == "application/octet-stream"
    assert head["id"] == "42"
    assert (head["model_name"], head["model_version"]) == ("payments", "1")
    assert [tensor["name"] for tensor in head["outputs"]] == ["probabilities", "label"]
    assert head["outputs"][0]["parameters"] == {"binary_data_size": 16}
    assert set(head["outputs"][1]["data"]) <= {"yes", "no"}
    only = answered(await ask(handler, "POST", PAYMENTS, json_request(GOOD, outputs=[{"name": "label"}])))
    assert [tensor["name"] for tensor in only["outputs"]] == ["label"]
    assert "id" not in only


async def test_an_outputs_own_wish_is_stronger_than_the_requests(handler: Handler) -> None:
    outputs = [{"name": "label"}, {"name": "probabilities", "parameters": {"binary_data": False}}]
    body = json_request(GOOD, outputs=outputs, parameters={"binary_data_output": True, "priority": 1})
    response = await ask(handler, "POST", PAYMENTS, body)
    head = json.loads(response.body[: int(response.headers["Inference-Header-Content-Length"])])
    assert ["data" in tensor for tensor in head["outputs"]] == [False, True]
    assert set(described(response)["label"].tolist()) <= {"yes", "no"}


async def test_the_label_is_decided_at_the_manifests_threshold(handler: Handler) -> None:
    columns = payment_columns(50)
    decided = described(await ask(handler, "POST", "/v2/models/payments/versions/2/infer", json_request(columns)))
    plain = described(await ask(handler, "POST", PAYMENTS, json_request(columns)))
    positive = np.array(doubles(plain, "probabilities"))[:, 1]
    assert decided["label"].tolist() == np.where(positive >= 0.7, "yes", "no").tolist()
    assert plain["label"].tolist() != decided["label"].tolist()


@pytest.mark.parametrize("binary", [False, True])
async def test_an_image_is_pixels_or_what_an_event_has(handler: Handler, models: LocalStore, binary: bool) -> None:
    images = [Image.new("L", (2, 2), grey) for grey in (7, 200)]
    texts = [base64_text(image_bytes(image)) for image in images]
    pixels = np.array([np.asarray(image)[None] for image in images]).astype(np.float32)
    outcomes = load_pipeline(models, parse_reference("picture")).score(
        [Event(b'["%b"]' % t.encode()) for t in texts], "row"
    )
    for column in (pixels, np.array(texts, object)):
        outputs = await infer(handler, "/v2/models/picture/infer", {"photo": column}, binary=binary)
        assert doubles(outputs, "score") == [[outcome.score] for outcome in outcomes] == [[28.0], [800.0]]
    response = await ask(handler, "POST", "/v2/models/picture/infer", json_request({"photo": np.array(["x"], object)}))
    assert json.loads(response.body)["error"].startswith("row 0: photo is not base64")
