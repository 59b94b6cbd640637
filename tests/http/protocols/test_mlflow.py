"""MLflow's scoring protocol: each shape of body gets the labels or values of the pipeline, and errors in its words."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from examples.fraud.events import events
from function_app.handler import Handler
from models import Deployment, LocalStore, load_pipeline, parse_reference
from scoring import Event
from tests.http.doors import door
from tests.http.protocols.stored import DEPLOYMENTS, answered, ask

NAMES = ["amount", "count", "country"]
ROWS = [[0.5, 1, "de"], [-1.25, -2, "fr"], [0.1, 2, "it"]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: list(column) for name, column in zip(NAMES, zip(*ROWS, strict=True), strict=True)}


async def invoke(handler: Handler, body: Any, kind: str = "application/json") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await ask(handler, "POST", "/invocations", content, content_type=kind)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": NAMES, "data": ROWS}},
        {"dataframe_split": {"index": [0, 1, 2], "columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}},
        {"dataframe_split": {"data": ROWS}},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"instances": ROWS},
        {"inputs": COLUMNS},
        {"inputs": ROWS},
        {"inputs": RECORDS, "params": {"x": 1}},
    ],
)
async def test_every_shape_gets_the_pipelines_labels(handler: Handler, models: LocalStore, body: Any) -> None:
    asked = [Event(json.dumps(row).encode()) for row in ROWS]
    outcomes = load_pipeline(models, parse_reference("payments:1")).score(asked, "row")
    assert answered(await invoke(handler, body)) == {"predictions": [outcome.label for outcome in outcomes]}


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [1.5, -2]},
        {"instances": [[1.5], [-2]]},
        {"instances": [{"x": 1.5}, {"x": -2}]},
        {"inputs": [1.5, -2]},
        {"inputs": {"x": [1.5, -2]}},
    ],
)
async def test_a_model_of_one_feature_takes_bare_values_and_gives_values(root: Path, body: Any) -> None:
    async with door(root, Deployment(name="blue", model="single", traffic=100)) as handler:
        assert answered(await invoke(handler, body)) == {"predictions": [1.5, -2.0]}


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8", "Text/CSV"])
async def test_csv_of_the_fraud_model(fraud_store: Path, content_type: str) -> None:
    pipeline = load_pipeline(LocalStore(fraud_store), parse_reference("fraud@champion"))
    asked = [Event(event.value) for event in events(200, malformed=0)]
    columns = {name: column.tolist() for name, column in pipeline.prepare(asked).columns.items()}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", *columns])  # an index without a name, as pandas writes it
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        writer.writerow([number, *("" if cell != cell else cell for cell in row)])  # noqa: PLR0124 - NaN
    async with door(fraud_store) as handler:
        answer = answered(await invoke(handler, text.getvalue().encode("utf-8-sig"), content_type))
    assert answer == {"predictions": [outcome.label for outcome in pipeline.score(asked)]}
    assert len(set(answer["predictions"])) == 2


def csv_of(*lines: str) -> bytes:
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "Expected `object`"),
        (b"{}", "application/json", 400, "the body has none of dataframe_split, dataframe_records, instances, inputs"),
        ({"instances": ROWS, "inputs": ROWS}, "application/json", 400, "the body has instances and inputs of"),
        ({"instances": []}, "application/json", 400, "no rows"),
        ({"instances": 5}, "application/json", 400, "Expected `array`"),
        ({"instances": ROWS * 101}, "application/json", 413, "303 rows; at most 300"),
        ({"instances": [ROWS[0], [1]]}, "application/json", 400, "row 1: the event is an array of 1"),
        ({"instances": [ROWS[0], [1, 2, "xx"]]}, "application/json", 400, "row 1: the model cannot score this event"),
        ({"dataframe_records": [{"amount": 1}]}, "application/json", 400, "row 0: count, country are missing"),
        ({"dataframe_split": {"columns": NAMES, "data": [[1]]}}, "application/json", 400, "1 values for 3 columns"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, "application/json", 400, "stands there twice"),
        ({"dataframe_split": {"columns": [0, 1], "data": [[1, 2]]}}, "application/json", 400, "Expected `str"),
        ({"inputs": {"amount": [1], "count": [1, 2]}}, "application/json", 400, "different lengths: [1, 2]"),
        ({"inputs": {"amount": 1}}, "application/json", 400, "Expected `array`"),
        ({"inputs": {}}, "application/json", 400, "different lengths: []"),
        (b"amount\n1", "application/x-www-form-urlencoded", 415, "expected application/json or text/csv"),
        (b"amount\n1", "text/csv; charset=latin-1", 415, "in UTF-8"),
        (b"", "text/csv", 400, "no rows"),
        (b"amount,count,country\n", "text/csv", 400, "no rows"),
        (b"amount\n\xff", "text/csv", 400, "not UTF-8 at byte 7"),
        (b'amount\n"1', "text/csv", 400, "not CSV"),
        (csv_of("amount,count,country", "1,2"), "text/csv", 400, "row 0 has 2 values for 3 columns"),
        (csv_of("amount,count,country", "1,2,de,3"), "text/csv", 400, "row 0 has 4 values for 3 columns"),
        (csv_of("amount,count,country", "1,2,de", "x,2,de"), "text/csv", 400, "row 1: amount is a string of 1"),
        (csv_of("amount,count,country", ",2,de"), "text/csv", 400, "row 0: amount is null; expected a number"),
        (csv_of("amount,count,country", "1,2.5,de"), "text/csv", 400, "row 0: count is 2.5; expected an integer"),
        (csv_of("amount,amount", "1,2"), "text/csv", 400, "stands there twice"),
    ],
)
async def test_a_wrong_request_is_told_where(handler: Handler, body: Any, kind: str, status: int, words: str) -> None:
    response = await invoke(handler, body, kind)
    document = json.loads(response.body)
    assert (response.status, document["error_code"]) == (status, "BAD_REQUEST")
    assert words in document["message"]


async def test_a_csv_cell_is_what_its_feature_is(handler: Handler) -> None:
    """A country that looks like a number is text all the same, which this model does not know."""
    response = await invoke(handler, csv_of("amount,count,country", "1e-1,2,12"), "text/csv")
    assert "row 0: the model cannot score this event" in json.loads(response.body)["message"]
    assert answered(await invoke(handler, csv_of("count,country,amount", "2,de,1E-1"), "text/csv"))["predictions"]


async def test_clients_ask_whether_the_server_is_up(handler: Handler, root: Path) -> None:
    for path in ("/ping", "/health"):
        response = await ask(handler, "GET", path)
        assert (response.status, response.body) == (200, b"\n")
    async with door(root, *DEPLOYMENTS, load=False) as waiting:
        down = await ask(waiting, "GET", "/ping")
        refused = await invoke(waiting, {"instances": ROWS})
    for response in (down, refused):
        assert response.status == 503
        assert json.loads(response.body)["error_code"] == "TEMPORARILY_UNAVAILABLE"
