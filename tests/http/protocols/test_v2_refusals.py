"""Every way in which a request for inference can be wrong: it is told where, in the protocol's words."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from function_app.handler import Handler
from tests.http.doors import door
from tests.http.protocols.stored import DEPLOYMENTS, GOOD, ask, binary_request, inputs_of, json_request
from tests.models.graphs import payment_columns

PAYMENTS = "/v2/models/payments/versions/1/infer"
KINDS = "/v2/models/kinds/infer"
LINEAR = "/v2/models/linear/infer"


def changed(index: int, **changes: Any) -> bytes:
    inputs = inputs_of(GOOD)
    inputs[index] = {name: item for name, item in (inputs[index] | changes).items() if item is not ...}
    return json.dumps({"inputs": inputs}).encode()


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "the body is not JSON"),
        (b"[]", 400, "Expected `object`"),
        (b"{}", 400, "missing required field `inputs`"),
        (b'{"inputs": []}', 400, "length >= 1"),
        (b"[" * 100_000, 400, "nests deeper"),
        (changed(0, datatype="FLOAT"), 400, "input 'amount': its datatype is 'FLOAT'; expected one of BOOL, UINT8"),
        (changed(0, shape=[2, 2]), 400, "input 'amount': its shape is [2, 2]; expected [n] or [n, 1]"),
        (changed(0, shape=[]), 400, "$.inputs[0].shape"),
        (changed(0, shape=[-2]), 400, "$.inputs[0].shape[0]"),
        (changed(0, shape=[2.5]), 400, "$.inputs[0].shape[0]"),
        (changed(0, shape=[2**63]), 400, "$.inputs[0].shape[0]"),
        (changed(0, shape=[2**62]), 413, "the request has 4611686018427387904 rows; at most 300"),
        (changed(0, shape=[2**62, 4]), 400, "expected [n] or [n, 1]"),
        (changed(0, shape=[0], data=[]), 400, "no rows"),
        (changed(0, shape=[3]), 400, "input 'amount': its data is not of the shape [3]"),
        (changed(0, shape=[3], data=[1, 2, 3]), 400, "inputs have different numbers of rows: 2 and 3"),
        (changed(0, shape=[2, 1], data=[[1, 2]]), 400, "not of the shape [2, 1]"),
        (changed(0, shape=[2, 1], data=[[1], []]), 400, "not of the shape [2, 1]"),
        (changed(0, data=[[1], [2]]), 400, "input 'amount': its data nests 2 deep; expected 1 or 1"),
        (changed(0, data=[1, "x"]), 400, "input 'amount', row 1: Expected `float | null`, got `str`"),
        (changed(0, data=[1, [2]]), 400, "input 'amount', row 1: Expected `float | null`, got `array`"),
        (changed(0, data=[1, None]), 400, "row 1: amount is nan; expected a number"),
        (changed(0, data=5), 400, "input 'amount': its data nests 0 deep"),
        (changed(0, data={"a": 1}), 400, "input 'amount': its data nests 0 deep"),
        (changed(0, data=...), 400, "input 'amount': expected either data or the parameter binary_data_size"),
        (changed(0, data=[1, 1e39]), 400, "input 'amount', row 1: a number is outside FP32"),
        (changed(0, datatype="FP64", data=[1, 1e39]), 400, "row 1: amount is 1e+39; expected a number within float32"),
        (
            changed(0, datatype="BOOL", data=[True, False]),
            400,
            "row 0: amount is an array of booleans; expected numbers",
        ),
        (changed(0, datatype="BYTES", data=["1", "2"]), 400, "row 0: amount is an array of strings; expected numbers"),
        (changed(1, data=[1, 2**63]), 400, "input 'count', row 1: a number is outside INT64"),
        (changed(1, datatype="UINT8", data=[1, 256]), 400, "input 'count', row 1: a number is outside UINT8"),
        (
            changed(1, datatype="UINT64", data=[1, 2**63]),
            400,
            "row 1: count is a number of 19 digits; expected an integer",
        ),
        (changed(1, datatype="FP64", data=[1, 2.5]), 400, "row 1: count is 2.5; expected an integer within 64 bits"),
        (changed(1, data=[1, True]), 400, "input 'count', row 1: Expected `int`, got `bool`"),
        (changed(2, data=["de", "x" * 300]), 400, "row 1: country is a string of 300 characters; expected a string of"),
        (changed(2, data=["de", None]), 400, "row 1: country is null; expected a string"),
        (changed(2, data=["de", "xx"]), 400, "row 1: the model cannot score this event"),
        (changed(0, name="amounts"), 400, "there is no input 'amounts'; the model has amount, count, country"),
        (changed(0, name="count"), 400, "input 'count' stands there twice"),
        (changed(0, parameters={"binary_data_size": 8}), 400, "expected either data or"),
        (changed(0, parameters={"shared_memory_region": "r"}), 400, "shared memory is not offered"),
        (changed(0, data=..., parameters={"binary_data_size": 8}), 400, "takes the header Inference-Header"),
        (changed(0, data=..., parameters={"binary_data_size": -8}), 400, "binary_data_size"),
        (changed(0, data=..., parameters={"binary_data_size": 2**64}), 400, "binary_data_size"),
        (json.dumps({"inputs": inputs_of(GOOD)[:1]}).encode(), 400, "inputs are missing: count, country"),
        (
            json_request(GOOD, outputs=[{"name": "x"}]),
            400,
            "there is no output 'x'; the model has label, probabilities",
        ),
        (json_request(GOOD, outputs=[{"name": "label"}] * 2), 400, "output 'label' is asked for twice"),
        (
            json_request(GOOD, outputs=[{"name": "label", "parameters": {"classification": 2}}]),
            400,
            "classification is not offered",
        ),
        (
            json_request(GOOD, outputs=[{"name": "label", "parameters": {"shared_memory_region": "r"}}]),
            400,
            "shared memory is not offered",
        ),
        (json_request(GOOD, id=5), 400, "$.id"),
        (json_request(payment_columns(301)), 413, "the request has 301 rows; at most 300 are accepted"),
        (b'{"inputs": [{"name": "amount", "shape": [1], "datatype": "FP32", "data": [NaN]}]}', 400, "malformed"),
        (b'{"inputs": [{"name": "\xff", "shape": [1], "datatype": "FP32", "data": [1]}]}', 400, "utf-8"),
    ],
)
async def test_a_wrong_request_is_told_where(handler: Handler, body: bytes, status: int, words: str) -> None:
    response = await ask(handler, "POST", PAYMENTS, body)
    document = json.loads(response.body)
    assert (response.status, list(document)) == (status, ["error"])
    assert words in document["error"]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        ("99999999", "expected a number up to the body's"),
        ("-1", "expected a number"),
        ("+5", "expected a number"),
        ("5_0", "expected a number"),
        ("٣", "expected a number"),
        ("9" * 5000, "expected a number"),
        ("", "expected a number"),
        ("0", "the body is not JSON"),
        ("10", "the body is not JSON"),
    ],
)
async def test_a_wrong_header_length(handler: Handler, length: str, words: str) -> None:
    body, _ = binary_request(GOOD)
    response = await ask(handler, "POST", PAYMENTS, body, inference_header_content_length=length)
    assert response.status == 400
    assert words in json.loads(response.body)["error"]


def binary(**data: bytes) -> tuple[bytes, str]:
    """A request with the binary data of some inputs, whose sizes are what the bytes are."""
    inputs = inputs_of(GOOD)
    for tensor in inputs:
        if tensor["name"] in data:
            del tensor["data"]
            tensor["parameters"] = {"binary_data_size": len(data[tensor["name"]])}
    head = json.dumps({"inputs": inputs}).encode()
    return head + b"".join(data.values()), str(len(head))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"amount": b"1234567"}, "input 'amount': FP32 of the shape [2] takes 8 bytes, not 7"),
        ({"amount": b""}, "takes 8 bytes, not 0"),
        ({"country": b"\x02\0\0\0de"}, "input 'country': its 6 bytes end inside string 1 of 2"),
        ({"country": b"\xff\xff\xff\xffde"}, "end inside string 0 of 2"),
        ({"country": b"\x02\0"}, "end inside string 0 of 2"),
        ({"country": b"\x02\0\0\0de\x02\0\0\0fr!"}, "input 'country': 1 bytes are left after its 2 strings"),
        ({"country": b"\x02\0\0\0de\x02\0\0\0\xff\xfe"}, "input 'country', row 1: a string is not UTF-8"),
        ({"amount": np.array([0, np.inf], "<f4").tobytes()}, "row 1: amount is inf; expected a number within float32"),
        ({"amount": np.array([0, np.nan], "<f4").tobytes()}, "row 1: amount is nan; expected a number"),
    ],
)
async def test_wrong_binary_data(handler: Handler, data: dict[str, bytes], words: str) -> None:
    body, length = binary(**data)
    response = await ask(handler, "POST", PAYMENTS, body, inference_header_content_length=length)
    assert response.status == 400
    assert words in json.loads(response.body)["error"]


async def test_truncated_and_overlong_bodies(handler: Handler) -> None:
    body, headers = binary_request(GOOD)
    for wrong, words in (
        (body[:-1], "binary_data_size is 12; 11 bytes are there"),
        (body + b"!", "belong to no input"),
    ):
        response = await ask(handler, "POST", PAYMENTS, wrong, **headers)
        assert response.status == 400
        assert words in json.loads(response.body)["error"]


async def test_a_byte_of_bool_is_0_or_1(handler: Handler) -> None:
    head = {"name": "flag", "datatype": "BOOL", "shape": [3], "parameters": {"binary_data_size": 3}}
    others = inputs_of({"vector": np.zeros((3, 2, 2), np.float32), "double": np.zeros(3)})
    body = json.dumps({"inputs": [head, *others]}).encode()
    length = str(len(body))
    good = await ask(handler, "POST", KINDS, body + b"\0\1\0", inference_header_content_length=length)
    assert good.status == 200
    bad = await ask(handler, "POST", KINDS, body + b"\0\1\2", inference_header_content_length=length)
    assert json.loads(bad.body) == {"error": "input 'flag', row 2: a byte of BOOL is 0 or 1"}


async def test_a_shape_of_its_own_is_wanted_whole(handler: Handler) -> None:
    columns = {"flag": np.array([True]), "vector": np.zeros((1, 4), np.float32)}
    response = await ask(handler, "POST", KINDS, json_request(columns))
    assert json.loads(response.body) == {"error": "input 'vector': its shape is [1, 4]; expected [n, 2, 2]"}


async def test_a_matrix_has_all_its_columns(handler: Handler) -> None:
    for shape in ((2, 2), (2,), (6,)):
        response = await ask(handler, "POST", LINEAR, json_request({"X": np.zeros(shape, np.float32)}))
        assert "expected [n, 3]" in json.loads(response.body)["error"]
    mixed = {"X": np.zeros((2, 3), np.float32), "a": np.zeros(2, np.float32)}
    response = await ask(handler, "POST", LINEAR, json_request(mixed))
    assert json.loads(response.body) == {"error": "there is no input 'X'; the model has a, b, c"}


async def test_a_request_that_takes_too_long_is_an_error_of_the_protocol(root: Path) -> None:
    async with door(root, *DEPLOYMENTS, limits={"scoring_s": 0.05}) as handler:
        assert (await ask(handler, "GET", "/v2/models/payments/ready")).status == 200
        batcher = await handler._service.models.named("payments:1")
        batcher.pipeline.score_columns = lambda _: time.sleep(0.2)
        response = await ask(handler, "POST", PAYMENTS, json_request(GOOD))
    assert (response.status, json.loads(response.body)) == (504, {"error": "scoring took longer than 0.05 s"})
