"""The reason that docs/predictions.md shows for each code is one that the core gives."""

import re
from typing import Any

import numpy as np
import pytest

from scoring import Event, FakeScorer, Pipeline, Rejected
from scoring.errors import ScoringError
from stream_worker import Outgoing
from stream_worker.delivery import Answers, deliver
from stream_worker.fakes import FakeSink
from tests.docs.pages import ROOT
from tests.scoring.makers import feature, manifest

MANIFEST = manifest(
    feature("amount"), feature("country", "string"), feature("photo", "image", shape=(1, 2, 2)), name="fraud"
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
GOOD = {"amount": "1.5", "country": '"DE"', "photo": f'"{PIXEL}"'}


def event(**changed: str) -> bytes:
    fields = [f'"{name}": {text}' for name, text in (GOOD | changed).items() if text]
    return f"{{{', '.join(fields)}}}".encode()


def scores(columns: Any) -> Any:
    if "XX" in columns["country"]:
        raise ScoringError("unknown category")
    return np.where(columns["country"] == "YY", np.inf, columns["amount"])


BAD = {
    "empty": b"",
    "tombstone": None,
    "too_large": b" " * 1_048_577,
    "too_deep": b"[" * 65,
    "invalid_json": event()[:-1],
    "wrong_type": event(amount='"12.50"'),
    "missing_field": event(amount=""),
    "out_of_range": event(amount="1e39"),
    "too_long": event(country='"' + "x" * 257 + '"'),
    "invalid_image": event(photo='"?"'),
    "scoring_failed": event(country='"XX"'),
    "score_not_finite": event(country='"YY"'),
}


def shown() -> dict[str, str]:
    page = (ROOT / "docs" / "predictions.md").read_text(encoding="utf-8")
    table = page.partition("| code |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE))


@pytest.mark.parametrize("code", BAD)
def test_a_reason_is_true(code: str) -> None:
    (outcome,) = Pipeline(MANIFEST, FakeScorer(scores)).score([Event(BAD[code])])
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.reason) == (code, shown()[code])


def test_the_good_event_is_scored() -> None:
    (outcome,) = Pipeline(MANIFEST, FakeScorer(scores)).score([Event(event())])
    assert not isinstance(outcome, Rejected), outcome


async def test_the_reason_of_a_prediction_that_is_too_large_is_true() -> None:
    sink, dead_letters = FakeSink(), FakeSink("dead_letters")
    sink.largest = 1_000_000
    message = Outgoing(bytes(1_200_000), None, [], 0)
    answers = Answers(answered=[Event(event())], predictions=[message], letters=[], model="fraud:1")
    (refused,) = await deliver(answers, sink=sink, dead_letters=dead_letters)
    assert refused.reason == shown()[refused.code]
    assert len(dead_letters.messages) == 1


def test_every_reason_is_tried() -> None:
    assert list(shown()) == [*BAD, "prediction_too_large"]
