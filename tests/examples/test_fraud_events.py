"""The events: as many as asked for, as many broken as asked for, and the rest complete."""

import json
from collections import Counter
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from examples.fraud.__main__ import app
from examples.fraud.events import FEATURES, MALFORMED, Transaction, events
from examples.fraud.train import held_back_table

COUNT = 30_000  # more than the test period has
PYTHON_TYPES = {"float32": float, "int64": int, "string": str, "bool": bool}


@pytest.fixture(scope="module")
def stream():
    return events(COUNT)


@pytest.fixture(scope="module")
def whole(stream):
    return [json.loads(event.value) for event in stream if not event.malformed]


def at(event, path):
    for step in path.split("."):
        event = event[step]
    return event


def test_the_same_arguments_give_the_same_events(stream):
    assert events(COUNT) == stream


def test_another_seed_gives_other_events(stream):
    assert events(200, seed=1)[0].value != stream[0].value


@pytest.mark.parametrize("malformed", [0, 1, 9, 100, 200])
def test_as_many_are_malformed_as_asked_for(malformed):
    made = events(200, malformed=malformed)

    assert len(made) == 200
    assert sum(event.malformed for event in made) == malformed


def test_malformed_events_stand_at_equal_distances(stream):
    places = [place for place, event in enumerate(stream) if event.malformed]

    assert {after - before for before, after in pairwise(places)} == {COUNT // 100}


@pytest.mark.parametrize("malformed", [-1, 11])
def test_no_more_can_be_malformed_than_there_are(malformed):
    with pytest.raises(ValueError) as error:
        events(10, malformed=malformed)
    assert str(error.value) == f"malformed is {malformed}, expected 0 to 10, the number of events"


def test_malformed_events_are_broken_in_each_way_in_turn(stream):
    broken = [event.value for event in stream if event.malformed][: len(MALFORMED)]
    by_kind = dict(zip(MALFORMED, broken, strict=True))

    for kind in ("broken JSON", "wrong type", "missing field", "NaN literal", "empty value", "deep nesting"):
        with pytest.raises(msgspec.DecodeError):  # the type that knows the event refuses these
            msgspec.json.decode(by_kind.pop(kind), type=Transaction)
    assert json.loads(by_kind.pop("number too large"))["amount"] == float("inf")
    assert json.loads(by_kind.pop("null in a field that is not nullable"))["terminal"]["risk_7d"] is None
    assert len(json.loads(by_kind.pop("string too long"))["country"]) == 100_000
    assert not by_kind


def test_whole_events_carry_every_feature_in_its_type(whole):
    for event in whole:
        for feature in FEATURES:
            value = at(event, feature.path)
            assert type(value) is PYTHON_TYPES[feature.dtype] or (feature.nullable and value is None), feature.name


def test_nullable_features_are_sometimes_null(whole):
    for feature in FEATURES:
        nulls = sum(at(event, feature.path) is None for event in whole)
        assert (nulls > 0) == feature.nullable, feature.name


def test_an_event_carries_the_numbers_the_model_was_measured_on():
    rows = held_back_table()
    made = [json.loads(event.value) for event in events(len(rows), malformed=0)]

    for feature in FEATURES:
        carried = [at(event, feature.path) for event in made]
        if feature.dtype == "float32":
            np.testing.assert_array_equal(np.array(carried, dtype=np.float32), rows[feature.name])
        else:
            assert [value or "" if feature.nullable else value for value in carried] == rows[feature.name].tolist()


def test_numbers_are_short(stream):
    sizes = [len(event.value) for event in stream if not event.malformed]

    assert 450 < np.mean(sizes) < 600
    assert max(sizes) < 650


def test_identifiers_are_new_in_every_round_and_keys_are_customers(stream, whole):
    assert len({event.event_id for event in stream}) == COUNT
    intact = [event for event in stream if not event.malformed]
    assert [event.event_id for event in intact] == [event["transaction_id"] for event in whole]
    assert [event.key.decode() for event in intact] == [event["customer"]["id"] for event in whole]


def test_time_never_runs_back(whole):
    times = [event["event_time"] for event in whole]

    assert times == sorted(times)
    assert times[0].startswith("2024-03-11T")
    assert times[-1].startswith("2024-03-18T")


def test_some_are_fraud(stream):
    assert Counter(event.is_fraud for event in stream)[True] / COUNT == pytest.approx(0.022, abs=0.005)


def test_the_command_writes_json_lines():
    lines = CliRunner().invoke(app, ["events", "--count", "20", "--malformed", "1"]).stdout_bytes.splitlines()

    assert [line for line in lines if line] == [event.value for event in events(20, malformed=1)]


def test_the_command_prints_the_metrics():
    printed = json.loads(CliRunner().invoke(app, ["train"]).stdout)

    assert printed["test_average_precision"] > 0.7
