"""An event, a record and a row with the same features get the same score; each form has errors of its own."""

import json

import numpy as np
import pytest

from scoring import Event, FakeScorer, Pipeline, Prediction, Rejected
from tests.scoring.makers import feature, manifest

FEATURES = (
    feature("amount", path=("payment", "amount")),
    feature("country", "string", nullable=True, path=("merchant", "country")),
    feature("visits", "int64"),
)


@pytest.fixture
def pipeline() -> Pipeline:
    def score(columns):
        return (columns["amount"] + columns["visits"] + (columns["country"] == "FR")).astype(np.float32)

    return Pipeline(manifest(*FEATURES, event_id=("id",)), FakeScorer(score))


def one(pipeline: Pipeline, body: object, form: str):
    (outcome,) = pipeline.score([Event(json.dumps(body).encode())], form)
    return outcome


def test_each_form_gets_the_same_score(pipeline):
    event = {"id": "e", "payment": {"amount": 1.5}, "merchant": {"country": "FR"}, "visits": 2}
    record = {"visits": 2, "country": "FR", "amount": 1.5, "unknown": []}
    row = [1.5, "FR", 2]
    outcomes = [one(pipeline, body, form) for body, form in ((event, "event"), (record, "record"), (row, "row"))]
    assert [outcome.score for outcome in outcomes] == [4.5, 4.5, 4.5]
    assert [outcome.event_id for outcome in outcomes] == ["e", None, None]


def test_a_null_stands_in_each_form(pipeline):
    assert one(pipeline, {"amount": 1, "visits": 1}, "record").score == 2
    assert one(pipeline, [1, None, 1], "row").score == 2


@pytest.mark.parametrize(
    ("row", "code", "field", "reason"),
    [
        (["x", "FR", 2], "wrong_type", "amount", "amount is a string of 1 characters; expected a number"),
        ([1, 5, 2], "wrong_type", "country", "country is 5; expected a string or null"),
        ([1, None, 2.5], "wrong_type", "visits", "visits is 2.5; expected an integer"),
        (
            [1e39, None, 2],
            "out_of_range",
            "payment.amount",
            "payment.amount is 1e+39; expected a number within float32",
        ),
        ([1, None], "wrong_type", "", "the event is an array of 2; expected an array of at least length 3"),
        ([1, None, 2, 3], "wrong_type", "", "the event is an array of 4; expected an array of at most length 3"),
        ({"amount": 1}, "wrong_type", "", "the event is an object of 1 fields; expected an array"),
    ],
)
def test_a_bad_row_is_told_by_its_feature(pipeline, row, code, field, reason):
    assert one(pipeline, row, "row") == Rejected(code, reason, field)


def test_a_record_lacks_a_feature_by_its_name(pipeline):
    assert one(pipeline, {"amount": 1}, "record") == Rejected("missing_field", "visits is missing", "visits")


def test_neighbours_of_a_bad_row_are_scored(pipeline):
    bodies = [b"[1,null,1]", b"[1]", b'[2,"FR",1]']
    outcomes = pipeline.score([Event(body) for body in bodies], "row")
    assert [type(outcome) for outcome in outcomes] == [Prediction, Rejected, Prediction]
