"""The pipeline: one outcome an event, in order, with the bytes that the event gets alone."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scoring import Event, FakeScorer, Outputs, Pipeline, Position, Prediction, Rejected, encode
from scoring.errors import ManifestError, ScoringError
from scoring.identity import prediction_ids
from tests.scoring.makers import DIGEST, base64_text, event, feature, image_bytes, manifest, published

FEATURES = (
    feature("single", "float32", nullable=True),
    feature("double", "float64", nullable=True, path=("numbers", "double")),
    feature("count", "int64", path=("numbers", "count")),
    feature("flag", "bool"),
    feature("word", "string", nullable=True, max_length=10),
    feature("text", "text", max_length=1000),
    feature("photo", "image", shape=(1, 2, 2)),
    feature("vector", "tensor", shape=(2, 2)),
)
PHOTO = base64_text(image_bytes(Image.new("L", (2, 2), 9)))


def fields(number: int, **changes):
    return {
        "single": number / 3,
        "numbers": {"double": number / 7, "count": number},
        "flag": number % 2 == 0,
        "word": "w" * (number % 10),
        "text": "one two " * (number % 5),
        "photo": PHOTO,
        "vector": [[number, 1], [2, 0.1]],
        "id": f"id-{number}",
    } | changes


def of_all_dtypes(columns):
    """A score that every feature has a part in, and that raises for counts that end in 13."""
    if (columns["count"] % 100 == 13).any():
        raise ScoringError("unknown category, idx=4111111111111111")
    lengths = [len(word) + len(text) for word, text in zip(columns["word"], columns["text"], strict=True)]
    return (
        np.nan_to_num(columns["single"]).astype(np.float64)
        + np.nan_to_num(columns["double"], nan=-1)
        + columns["count"]
        + columns["flag"]
        + np.array(lengths)
        + columns["photo"].reshape(len(lengths), 4).max(axis=1)
        + columns["vector"][:, 0, 0]
    )


ALL = Pipeline(manifest(*FEATURES, event_id=("id",)), FakeScorer(of_all_dtypes))
BY_POSITION = Pipeline(manifest(*FEATURES), FakeScorer(of_all_dtypes))


def good(number: int) -> Event:
    return event(offset=number, **fields(number))


def mixed(number: int) -> Event:
    """A good event, or one of many ways to be bad."""
    bad = {
        1: fields(number, photo="é"),
        3: fields(number, single=1e39, photo="AAAA"),
        4: fields(number, vector=[[1, 2], [3, -1e39]]),
        5: fields(number, word="w" * 11),
        6: {},
        7: fields(number, flag=None),
    }
    raw = {8: None, 9: b"", 10: b"{", 11: b"\xff", 12: b"[" * 100}
    kind = number % 30
    position = Position("topic", 0, number)
    if kind in raw:
        return Event(raw[kind], position=position)
    return event(offset=number, **bad.get(kind, fields(number)))


@pytest.mark.parametrize("pipeline", [ALL, BY_POSITION], ids=["event id", "position"])
@given(numbers=st.lists(st.integers(0, 300), max_size=40), size=st.integers(1, 40))
def test_any_mix_in_any_batches_gives_the_bytes_of_each_event_alone(pipeline, numbers, size):
    events = [mixed(number) for number in numbers]
    alone = [published(pipeline, [each])[0] for each in events]
    batched = [
        outcome
        for start in range(0, len(events), size)
        for outcome in published(pipeline, events[start : start + size])
    ]
    assert batched == alone


def test_all_dtypes_reach_the_scorer_in_their_arrays():
    seen = {}

    def look(columns):
        seen.update(columns)
        return np.zeros(len(columns["count"]))

    described = manifest(*FEATURES)
    Pipeline(described, FakeScorer(look)).score(
        [good(1), event(**fields(2, single=None, numbers={"count": 5}, word=None))]
    )
    assert list(seen) == [each.name for each in FEATURES]
    assert {name: (column.dtype.name, column.shape) for name, column in seen.items()} == {
        "single": ("float32", (2,)),
        "double": ("float64", (2,)),
        "count": ("int64", (2,)),
        "flag": ("bool", (2,)),
        "word": ("object", (2,)),
        "text": ("object", (2,)),
        "photo": ("float32", (2, 1, 2, 2)),
        "vector": ("float32", (2, 2, 2)),
    }
    assert np.isnan([seen["single"][1], seen["double"][1]]).all()
    assert (seen["count"][1], seen["word"][1]) == (5, "")


def test_one_outcome_an_event_in_order():
    outcomes = ALL.score([mixed(number) for number in range(300)])
    assert len(outcomes) == 300
    for number, outcome in enumerate(outcomes):
        kind = number % 30
        if kind in {1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} or number % 100 == 13:
            assert isinstance(outcome, Rejected)
        else:
            assert outcome.event_id == f"id-{number}"


def test_a_batch_of_nothing():
    assert ALL.score([]) == []


def test_a_batch_of_nothing_good():
    codes = [outcome.code for outcome in ALL.score([mixed(6), mixed(1), mixed(8), mixed(3), mixed(4), mixed(13)])]
    assert codes == ["missing_field", "invalid_image", "tombstone", "out_of_range", "out_of_range", "scoring_failed"]


def test_the_first_features_complaint_stands():
    (outcome,) = ALL.score([event(**fields(1, single=1e39, photo="é", vector=[[1e39, 0], [0, 0]]))])
    assert outcome == Rejected("out_of_range", "single is 1e+39; expected a number within float32", "single")


def test_the_bytes_stay_what_they_are():
    """Published bytes are compared across versions of this program."""
    described = manifest(
        task="binary", event_id=("id",), outputs=Outputs(labels=("no", "yes"), positive="yes", threshold=0.5)
    )
    pipeline = Pipeline(described, FakeScorer(lambda columns: columns["x"]))
    (body,) = published(pipeline, [Event(b'{"x":0.7,"id":12}')])
    (own_id,) = prediction_ids(DIGEST, [Event(b"")], ["12"])
    assert body.decode() == (
        f'{{"prediction_id":"{own_id}","event_id":"12","model":{{"name":"model","version":1,"digest":"{DIGEST}"}},'
        '"label":"yes","score":0.699999988079071,"threshold":0.5}'
    )


class CountingScorer:
    """Raises when a guilty row is in the batch, and counts its calls."""

    def __init__(self, guilty):
        self.guilty = guilty
        self.calls = 0
        self.inner = FakeScorer(self.function)

    def function(self, columns):
        self.calls += 1
        if set(columns["x"].tolist()) & self.guilty:
            raise ScoringError("no such category: 4111111111111111")
        return columns["x"] * 2

    def run(self, columns):
        return self.inner.run(columns)


@given(st.sets(st.integers(0, 63)), st.integers(1, 64))
def test_bisecting_finds_exactly_the_guilty_rows(guilty, count):
    pipeline = Pipeline(manifest(), CountingScorer(guilty))
    for number, outcome in enumerate(pipeline.score([event(x=number) for number in range(count)])):
        if number in guilty:
            assert outcome == Rejected(
                "scoring_failed",
                "the model cannot score this event: no such category: (a number of 16 digits)",
            )
        else:
            assert outcome.score == number * 2


def test_one_guilty_row_costs_two_calls_a_halving():
    scorer = CountingScorer({700})
    Pipeline(manifest(), scorer).score([event(x=number) for number in range(1024)])
    assert scorer.calls == 1 + 2 * 10


def test_a_clean_batch_is_one_call():
    scorer = CountingScorer(set())
    Pipeline(manifest(), scorer).score([event(x=number) for number in range(1000)])
    assert scorer.calls == 1


def test_another_error_of_the_scorer_is_not_hidden():
    def broken(columns):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Pipeline(manifest(), FakeScorer(broken)).score([event(x=1)])


@pytest.mark.parametrize("answer", [lambda x: x[:-1], lambda x: np.append(x, 0), lambda x: x[:0]])
def test_a_scorer_that_loses_or_adds_rows_loses_no_event(answer):
    outcomes = Pipeline(manifest(), FakeScorer(lambda columns: answer(columns["x"]))).score([event(x=1), event(x=2)])
    assert [outcome.code for outcome in outcomes] == ["scoring_failed"] * 2
    assert outcomes[0].reason.startswith("the model cannot score this event: the model gave ")


def test_a_score_that_is_no_number_rejects_its_event_alone():
    outcomes = Pipeline(
        manifest(), FakeScorer(lambda columns: np.where(columns["x"] == 2, np.nan, columns["x"]))
    ).score([event(x=1), event(x=2), Event(b"{"), event(x=3)])
    assert [getattr(outcome, "code", None) for outcome in outcomes] == [None, "score_not_finite", "invalid_json", None]


def test_ids_come_from_the_event_id_the_position_or_the_bytes():
    body = b'{"x":1,"id":"a"}'
    named = Pipeline(manifest(event_id=("id",)), FakeScorer(lambda columns: columns["x"]))
    unnamed = Pipeline(manifest(), FakeScorer(lambda columns: columns["x"]))
    placed = [Event(body, position=Position("topic", 0, offset)) for offset in (1, 2)]
    bare = [Event(body), Event(b'{"x":1,"id":"b"}')]

    assert ids(named, placed) == prediction_ids(DIGEST, placed, ["a", "a"])
    assert ids(named, bare) == prediction_ids(DIGEST, bare, ["a", "b"])
    assert ids(unnamed, placed) == prediction_ids(DIGEST, placed, None)
    assert ids(unnamed, bare) == prediction_ids(DIGEST, bare, None)
    assert {outcome.event_id for outcome in unnamed.score(placed)} == {None}


def ids(pipeline, events):
    return [outcome.prediction_id for outcome in pipeline.score(events)]


def test_an_integer_id_is_shown_as_a_string():
    pipeline = Pipeline(manifest(event_id=("id",)), FakeScorer(lambda columns: columns["x"]))
    (outcome,) = pipeline.score([event(x=1, id=-5)])
    assert json.loads(encode([outcome])[0])["event_id"] == "-5"


def test_key_headers_and_time_do_not_reach_the_bytes():
    body = b'{"x":1}'
    pipeline = Pipeline(manifest(), FakeScorer(lambda columns: columns["x"]))
    plain, dressed = published(pipeline, [Event(body), Event(body, key=b"k", headers=(("h", b"v"),), time=9)])
    assert plain == dressed


def test_an_uncertified_model_says_so_in_every_prediction():
    pipeline = Pipeline(manifest(), FakeScorer(lambda columns: columns["x"]), certified=False)
    assert all(b'"certified":false' in body for body in published(pipeline, [event(x=1), event(x=2)]))
    certified = Pipeline(manifest(), FakeScorer(lambda columns: columns["x"]))
    assert b"certified" not in published(certified, [event(x=1)])[0]


def test_the_three_steps_are_the_one_call():
    events = [mixed(number) for number in range(50)]
    prepared = ALL.prepare(events)
    assert list(prepared.rows) == sorted(set(range(50)) - set(prepared.rejected))
    assert ALL.finish(ALL.run(prepared)) == ALL.score(events)
    assert all(isinstance(outcome, Prediction | Rejected) for outcome in ALL.score(events))


def test_the_largest_event_can_be_set():
    pipeline = Pipeline(manifest(), FakeScorer(lambda columns: columns["x"]), max_event_bytes=10)
    first, second = pipeline.score([Event(b'{"x":1}'), Event(b'{"x":1}    ')])
    assert isinstance(first, Prediction)
    assert second.code == "too_large"


def test_paths_that_contradict_each_other_are_refused_at_once():
    with pytest.raises(ManifestError, match="stands in the manifest twice"):
        Pipeline(
            manifest(feature("a", path=("x",)), feature("b", path=("x",))), FakeScorer(lambda columns: columns["a"])
        )


def test_columns_get_the_scores_of_their_events():
    pipeline = Pipeline(manifest(feature("x")), FakeScorer(lambda columns: columns["x"] * np.float32(0.1)))
    values = [0.1, 1e-8, 16777217.0]
    scores = pipeline.score_columns({"x": np.array(values)})
    assert scores.labels is None
    assert scores.scores.tolist() == [each.score for each in pipeline.score([event(x=value) for value in values])]


def test_columns_with_a_bad_row_are_not_scored():
    pipeline = Pipeline(manifest(feature("x")), FakeScorer(lambda _: pytest.fail("it was scored")))
    assert pipeline.score_columns({"x": np.array([1, np.inf])}).keys() == {1}


def test_the_row_that_the_model_refuses_is_told():
    def score(columns):
        if (columns["x"] == 3).any():
            raise ScoringError("three")
        return columns["x"]

    refused = Pipeline(manifest(feature("x")), FakeScorer(score)).score_columns({"x": np.arange(5)})
    assert {row: why.code for row, why in refused.items()} == {3: "scoring_failed"}


def test_columns_that_are_refused_at_once_but_not_in_parts_are_joined():
    def score(columns):
        if len(columns["x"]) > 2:
            raise ScoringError("too many")
        return columns["x"]

    scores = Pipeline(manifest(feature("x")), FakeScorer(score)).score_columns({"x": np.arange(5)})
    assert scores.scores.tolist() == [0, 1, 2, 3, 4]


def test_images_are_laid_out_a_few_at_a_time():
    described = manifest(feature("photo", "image", shape=(3, 1024, 1024)))
    laid_out = []

    def score(columns):
        laid_out.append(len(columns["photo"]))
        return columns["photo"].mean(axis=(1, 2, 3))

    pipeline = Pipeline(described, FakeScorer(score))
    photo = base64_text(image_bytes(Image.new("RGB", (8, 8), (9, 9, 9))))
    outcomes = pipeline.score([event(photo=photo) for _ in range(12)])
    assert [outcome.score for outcome in outcomes] == [9.0] * 12
    assert max(laid_out) == pipeline.max_rows == 5
    assert pipeline.score_classes([event(photo=photo)] * 6) == [[9.0]] * 6


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "outlier"])
def test_the_scores_of_a_batch_are_those_of_its_predictions(task):
    width = {"binary": 2, "multiclass": 3}.get(task)

    def score(columns):
        x = columns["x"]
        found = np.where(x == 3, np.nan, x / 7)
        return found if width is None else np.stack([found + place for place in range(width)], axis=1)

    pipeline = Pipeline(manifest(feature("x"), task=task), FakeScorer(score))
    events = [event(x=number) for number in range(6)] + [Event(b"no")]
    scored = pipeline.run(pipeline.prepare(events))
    predictions = [each for each in pipeline.finish(scored) if isinstance(each, Prediction)]
    assert len(predictions) == 5
    assert pipeline.values(scored).tolist() == [each.score for each in predictions]
    nothing = pipeline.run(pipeline.prepare(events[-1:]))
    assert pipeline.values(nothing).tolist() == []
