"""Labels as they are written, wherever they stand."""

import json
import math

import numpy as np
import pytest

from scoring import Event
from stream_worker.replay.backtest.terms import Terms
from stream_worker.replay.backtest.truth import FieldTruth, NoTruth, Reading
from stream_worker.replay.records import Portion

NUMBERED = Reading(Terms(task="binary", labels=(0, 1), positive=1))
NAMED = Reading(Terms(task="multiclass", labels=("approved", "denied", "True")))
VALUES = Reading(Terms(task="regression"))


@pytest.mark.parametrize("label", [1, 1.0, "1", "1.0", True, "true", "True", " 1 "])
def test_a_numbered_label_may_be_written_in_many_ways(label):
    assert NUMBERED.read(label) == 1


@pytest.mark.parametrize("label", [0, 0.0, -0.0, "0", "0.0", False, "false"])
def test_so_may_a_zero(label):
    assert NUMBERED.read(label) == 0


@pytest.mark.parametrize("label", [None, "", math.nan, "nan"])
def test_no_label_is_no_truth(label):
    assert math.isnan(NUMBERED.read(label))
    assert math.isnan(VALUES.read(label))


@pytest.mark.parametrize("label", ["fraud", 2, 0.5, "0.5", [1], {"is": 1}, "inf", 10**400])
def test_what_is_no_label_of_the_models_is_foreign(label):
    assert NUMBERED.read(label) == math.inf


def test_named_labels():
    read = [NAMED.read(label) for label in ("approved", "Denied", "denied", True, "true", 1, "refused")]
    assert read == [0, 1, 1, 2, 2, 2, math.inf]


def test_names_may_be_written_small():
    assert Reading(Terms(task="multiclass", labels=("Iris", "Rose"))).read("iris") == 0


@pytest.mark.parametrize(("label", "value"), [(1.5, 1.5), ("-2e3", -2000), (7, 7), ("ten", math.inf), ([], math.inf)])
def test_values(label, value):
    assert VALUES.read(label) == value


def events(*values) -> Portion:
    return Portion(
        events=[Event(value if value is None else json.dumps(value).encode()) for value in values], cursor={}
    )


def test_events_carry_their_truth_at_a_path():
    truth = FieldTruth("after.is_fraud", NUMBERED)
    found = truth.of(
        events(
            {"after": {"is_fraud": 1}, "is_fraud": 0},
            {"after": {"is_fraud": False}},
            {"after": {"is_fraud": None}},
            {"after": {"is_fraud": "maybe"}},
            {"after": None},
            {"after": 7},
            {},
            [],
            None,
        ),
        [""] * 9,
    )
    np.testing.assert_array_equal(found.values, [1, 0, *[math.nan] * 7])
    assert found.foreign == 1


def test_columns_carry_their_truth_in_one_of_them():
    cells = {
        "flag": np.array([True, False]),
        "counted": np.ma.masked_array([1, 0], [False, True]),
        "named": np.array(["1", None], object),
        "float": np.array([0.0, math.nan]),
    }
    expected = {"flag": [1, 0], "counted": [1, math.nan], "named": [1, math.nan], "float": [0, math.nan]}
    portion = Portion(events=[Event(None)] * 2, columns=cells, cursor={})
    for name, values in expected.items():
        np.testing.assert_array_equal(FieldTruth(name, NUMBERED).of(portion, ["", ""]).values, values)
    assert np.isnan(FieldTruth("other", NUMBERED).of(portion, ["", ""]).values).all()


def test_nobody_knows():
    assert np.isnan(NoTruth().of(events({}, {}), ["", ""]).values).all()
