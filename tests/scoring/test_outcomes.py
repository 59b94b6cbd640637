"""A prediction's bytes: field order, shortest floats, absent fields."""

import json
import struct
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import LabelScore, ModelIdentity, Prediction, Rejected, RejectionCode, encode

MODEL = ModelIdentity(name="fraud", version=3, digest="ab")
MODEL_JSON = '{"name":"fraud","version":3,"digest":"ab"}'


def test_a_prediction_without_the_optional_fields():
    (body,) = encode([Prediction("id", None, MODEL, None, 0.5)])
    assert body.decode() == f'{{"prediction_id":"id","event_id":null,"model":{MODEL_JSON},"label":null,"score":0.5}}'


def test_a_prediction_with_all_fields_keeps_their_order():
    prediction = Prediction("id", "e1", MODEL, "yes", 0.5, scores=[LabelScore("yes", 0.5)], threshold=0.25)
    assert encode([prediction])[0].decode() == (
        f'{{"prediction_id":"id","event_id":"e1","model":{MODEL_JSON},"label":"yes","score":0.5,'
        '"scores":[{"label":"yes","score":0.5}],"threshold":0.25}'
    )


def test_only_an_uncertified_model_says_so():
    shown = msgspec.json.encode(ModelIdentity(name="fraud", version=3, digest="ab", certified=False))
    assert shown.decode() == MODEL_JSON[:-1] + ',"certified":false}'


def test_a_label_keeps_its_type():
    bodies = encode([Prediction("id", None, MODEL, label, 1.0) for label in ("1", 1, -1)])
    assert [json.loads(body)["label"] for body in bodies] == ["1", 1, -1]


def test_predictions_are_encoded_in_their_order():
    bodies = encode([Prediction(str(number), None, MODEL, None, 1.0) for number in range(100)])
    assert [json.loads(body)["prediction_id"] for body in bodies] == [str(number) for number in range(100)]
    assert encode([]) == []


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (0.1, "0.1"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e-7, "1e-7"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
        (struct.unpack("f", struct.pack("f", 0.1))[0], "0.10000000149011612"),  # a float32, widened
    ],
)
def test_a_score_is_as_short_as_reads_back_equal(score, shown):
    (body,) = encode([Prediction("id", None, MODEL, None, score)])
    assert body.decode().endswith(f'"score":{shown}}}')


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_score_reads_back_equal_in_no_more_digits_than_pythons_own(score):
    (body,) = encode([Prediction("id", None, MODEL, None, score)])
    shown = body.decode().rsplit(":", 1)[1].removesuffix("}")
    assert struct.pack("d", float(shown)) == struct.pack("d", score)
    assert significant(shown) == significant(repr(score))


def significant(shown: str) -> str:
    return shown.split("e", maxsplit=1)[0].replace(".", "").replace("-", "").strip("0")


def test_a_rejection_is_of_the_event_as_a_whole_unless_it_names_a_field():
    assert Rejected("empty", "the event is empty").field == ""


def test_the_codes_are_a_published_few():
    assert get_args(RejectionCode) == (
        "empty",
        "tombstone",
        "too_large",
        "too_deep",
        "invalid_json",
        "wrong_type",
        "missing_field",
        "out_of_range",
        "too_long",
        "invalid_image",
        "scoring_failed",
        "score_not_finite",
        "prediction_too_large",
    )
