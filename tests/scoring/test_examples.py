"""Example values fit what the model takes, in each of its forms."""

import json

from scoring import Event, Pipeline, Prediction
from scoring.examples import example_event, example_record, example_row
from scoring.ports import FakeScorer
from tests.scoring.makers import feature, manifest

MODEL = manifest(
    feature("age", "int64", minimum=18, maximum=91),
    feature("risk", minimum=-0.1376722, maximum=0.1707),
    feature("narrow", "float64", minimum=1_000_000.1, maximum=1_000_000.3),
    feature("country", "string", path=("card", "country"), categories=("DE", "FR")),
    feature("note", "text", nullable=True, max_length=3),
    feature("vip", "bool"),
    feature("cells", "tensor", shape=(1, 2)),
    feature("photo", "image", shape=(1, 2, 2)),
    event_id=("id",),
)


def test_values_are_short_and_within_what_training_saw():
    record = example_record(MODEL)
    assert record.pop("photo").startswith("iVBORw0KGgo")
    assert record.pop("narrow") == (1_000_000.1 + 1_000_000.3) / 2
    assert record == {"age": 54, "risk": 0.01651, "country": "DE", "note": "exa", "vip": False, "cells": [[0.0, 0.0]]}
    assert example_row(MODEL)[:2] == [54, 0.01651]


def test_every_form_is_scored():
    pipeline = Pipeline(MODEL, FakeScorer(lambda columns: columns["risk"]))
    for form, body in (
        ("event", example_event(MODEL)),
        ("record", json.dumps(example_record(MODEL)).encode()),
        ("row", json.dumps(example_row(MODEL)).encode()),
    ):
        (outcome,) = pipeline.score([Event(body)], form)
        assert isinstance(outcome, Prediction), (form, outcome)
