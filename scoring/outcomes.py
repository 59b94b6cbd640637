"""What goes out: a prediction or a rejection for each event, and the prediction's bytes."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

__all__ = ["Label", "LabelScore", "ModelIdentity", "Outcome", "Prediction", "Rejected", "RejectionCode", "encode"]

Label = str | int

RejectionCode = Literal[
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
]


class ModelIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The model that answered.

    Attributes:
        name: its name in the store.
        version: its version, counted from 1.
        digest: SHA-256 of `model.onnx`, in hex.
        certified: False, and only then present, where serving was told to skip the certificate.
    """

    name: str
    version: int
    digest: str
    certified: Literal[False] | UnsetType = UNSET


class LabelScore(msgspec.Struct, frozen=True, gc=False):
    """One label of several and its probability."""

    label: Label
    score: float


class Prediction(msgspec.Struct, frozen=True, gc=False):
    """The answer for one event; its fields, in this order, are the JSON that is published.

    Every field is a function of the event and the model alone, so that the same event gives the same bytes through any
    door and on any day.

    Attributes:
        prediction_id: 128-bit BLAKE2b, in hex, of the model's digest and the event's identity.
        event_id: the event's own identifier where the manifest names its field, else null.
        model: the model that answered.
        label: the decision; null for a regression.
        score: probability of the positive class (binary) or of the label (multiclass), the value (regression) or the
            anomaly score (outlier): the session's float, widened to double.
        scores: the most probable labels with their probabilities, best first (multiclass only).
        threshold: the score from which the positive label is given (binary, where the manifest sets one).
    """

    prediction_id: str
    event_id: str | None
    model: ModelIdentity
    label: Label | None
    score: float
    scores: list[LabelScore] | UnsetType = UNSET
    threshold: float | UnsetType = UNSET


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Why one event got no prediction; what a dead letter is made of.

    Attributes:
        code: one of a fixed few, for counting.
        reason: names the field, what was found and what was expected; shows no text from the event.
        field: dotted path of the guilty field; empty where it is the event as a whole.
    """

    code: RejectionCode
    reason: str
    field: str = ""


Outcome = Prediction | Rejected

_encode = msgspec.json.Encoder().encode


def encode(predictions: Sequence[Prediction]) -> list[bytes]:
    """Return each prediction's published JSON: fixed field order, floats as short as reads back equal."""
    return list(map(_encode, predictions))
