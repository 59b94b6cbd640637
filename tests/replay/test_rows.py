"""Answers as rows, in both forms."""

import io
import json

import pyarrow.parquet as pq
import pytest

from scoring import Event, Outputs, Position, Prediction, Rejected, encode
from scoring.outcomes import ModelIdentity
from stream_worker.replay.answers import Answered
from stream_worker.replay.records import Portion
from stream_worker.replay.rows import rows_in
from tests.models.graphs import payments_manifest
from tests.scoring.makers import manifest

MODEL = ModelIdentity(name="model", version=1, digest="0" * 64)


def answered(*labels, position=None):
    events = [Event(b"{}", None, (), position) for _ in labels]
    predictions = [Prediction(f"{number:032}", None, MODEL, label, 0.5) for number, label in enumerate(labels)]
    return Answered(events=events, predictions=predictions, refused=(), portion=Portion(events=events, cursor={}))


def table(rows, kind, *pieces):
    file = rows.file(kind)
    for piece in pieces:
        file.add(piece)
    return pq.read_table(io.BytesIO(bytes(file.finish())))


@pytest.mark.parametrize(
    ("outputs", "labels", "kind"),
    [
        (Outputs(labels=(0, 1), positive=1), [0, 1], "int64"),
        (Outputs(labels=("no", "yes"), positive="yes"), ["no", "yes"], "string"),
        (Outputs(), [None, None], "int64"),
    ],
)
def test_labels_are_numbers_or_text(outputs, labels, kind):
    task = "binary" if outputs.labels else "regression"
    rows = rows_in("parquet", manifest(task=task, outputs=outputs))
    made = table(rows, "predictions", rows.predictions(answered(*labels)))
    assert made.column("label").to_pylist() == labels
    assert str(made.schema.field("label").type) == kind


def test_labels_of_both_kinds_are_text():
    outputs = Outputs(labels=(1, "other"))
    rows = rows_in("parquet", manifest(task="multiclass", outputs=outputs))
    made = table(rows, "predictions", rows.predictions(answered(1, "other", None)))
    assert made.column("label").to_pylist() == ["1", "other", None]


def test_a_place_that_is_not_known_is_null():
    rows = rows_in("parquet", payments_manifest())
    made = table(
        rows,
        "predictions",
        rows.predictions(answered("no")),
        rows.predictions(answered("no", position=Position("tx", 3, 7))),
    )
    assert made.select(["stream", "partition", "offset"]).to_pylist() == [
        {"stream": None, "partition": None, "offset": None},
        {"stream": "tx", "partition": 3, "offset": 7},
    ]


def test_a_file_is_the_same_whenever_it_is_made():
    rows = rows_in("parquet", payments_manifest())
    pieces = [rows.predictions(answered(*["no"] * 5000)) for _ in range(5)]
    files = []
    for _ in range(2):
        file = rows.file("predictions")
        sizes = [file.size]
        for piece in pieces:
            file.add(piece)
            sizes.append(file.size)
        assert sizes[0] == 0
        assert min(sizes[1:]) > 0
        files.append(bytes(file.finish()))
    assert files[0] == files[1]
    assert pq.ParquetFile(io.BytesIO(files[0])).num_row_groups == 2


def test_a_prediction_is_what_the_live_service_publishes():
    rows, given = rows_in("jsonl", payments_manifest()), answered("no", "yes")
    assert rows.predictions(given).splitlines() == encode(given.predictions)
    made = rows_in("parquet", payments_manifest())
    values = table(made, "predictions", made.predictions(given)).column("prediction").to_pylist()
    assert [value.encode() for value in values] == encode(given.predictions)


BINARY = Event(b"\xff\x00", b"\xfe", (("trace", b"t"), ("raw", b"\xfd")), Position("tx", 1, 2))
LETTERS = [
    (BINARY, Rejected("invalid_json", "bad")),
    (Event(None), Rejected("tombstone", "the event has no value", "x")),
]


def test_letters_as_lines():
    lines = rows_in("jsonl", payments_manifest()).letters(LETTERS, "archive").splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "error_code": "invalid_json",
            "error_reason": "bad",
            "error_field": "",
            "source": "tx/1/2",
            "model": "payments:1",
            "key": {"base64": "/g=="},
            "headers": [["trace", "t"], ["raw", {"base64": "/Q=="}]],
            "value": {"base64": "/wA="},
        },
        {
            "error_code": "tombstone",
            "error_reason": "the event has no value",
            "error_field": "x",
            "source": "archive",
            "model": "payments:1",
            "key": None,
            "headers": [],
            "value": None,
        },
    ]


def test_letters_as_a_table():
    rows = rows_in("parquet", payments_manifest())
    first, second = table(rows, "dead_letters", rows.letters(LETTERS, "archive")).to_pylist()
    assert (first["key"], first["value"], first["source"]) == (b"\xfe", b"\xff\x00", "tx/1/2")
    assert first["headers"] == [{"name": "trace", "value": b"t"}, {"name": "raw", "value": b"\xfd"}]
    assert (second["value"], second["source"], second["stream"]) == (None, "archive", None)
