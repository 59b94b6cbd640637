"""From a portion to what its records came to."""

import json

import numpy as np

from scoring import Event, FakeScorer, Pipeline, Position, encode
from stream_worker.replay.answers import answer, spread_of
from stream_worker.replay.records import File, Group, Portion
from stream_worker.replay.selection import Selection
from tests.scoring.makers import feature, manifest

GROUP = Group(
    number=0,
    name="g",
    kind="parquet",
    files=(File(path="g.parquet", size=1, version=""),),
    stream="tx",
    partition=0,
)
ALL = Selection()


def pipeline(*features, **more):
    made = manifest(*features, event_id=("id",), **more)
    return Pipeline(made, FakeScorer(lambda columns: next(iter(columns.values())) * 2))


def rows(values, ids):
    events = [Event(None, None, (), Position("tx", row % 2, row)) for row in range(len(values))]
    return Portion(events=events, columns={"x": np.array(values, np.float64)}, event_ids=ids, cursor={})


def test_a_refused_row_is_shown_as_the_event_that_it_would_have_been():
    scoring = pipeline(feature("x", path=("payment", "x")), feature("n", "string", nullable=True))
    portion = rows([1.0, np.nan, 1e39], ["a", "b", None])
    found = answer(GROUP, portion, scoring, ALL)
    assert [prediction.event_id for prediction in found.predictions] == ["a"]
    assert [(why.code, json.loads(event.value)) for event, why in found.refused] == [
        ("wrong_type", {"id": "b", "payment": {"x": None}}),
        (found.refused[1][1].code, {"id": None, "payment": {"x": 1e39}}),
    ]


def test_rows_and_events_get_the_same_bytes():
    scoring = pipeline(feature("x"))
    by_columns = answer(GROUP, rows([1.5, 2.5], ["a", "b"]), scoring, ALL)
    events = [Event(b'{"id": "a", "x": 1.5}'), Event(b'{"id": "b", "x": 2.5}')]
    by_events = answer(GROUP, Portion(events=events, cursor={}), scoring, ALL)
    assert encode(by_columns.predictions) == encode(by_events.predictions)


def test_a_portion_that_is_too_large_to_lay_out_is_scored_in_parts():
    scoring = pipeline(feature("x"))
    whole = answer(GROUP, rows(range(10), list("abcdefghij")), scoring, ALL)
    scoring.max_rows = 3
    parts = answer(GROUP, rows(range(10), list("abcdefghij")), scoring, ALL)
    assert encode(parts.predictions) == encode(whole.predictions)


def test_only_the_rows_of_a_partition():
    found = answer(GROUP, rows(range(5), list("abcde")), pipeline(feature("x")), Selection(partitions=(1,)))
    assert [prediction.event_id for prediction in found.predictions] == ["b", "d"]
    assert found.outside == 3


def test_nothing_comes_after_the_last_number_of_a_capture():
    capture = Group(number=0, name="g", kind="capture", files=GROUP.files, stream="tx", partition=0)
    events = [Event(b'{"id": "a", "x": 1}', None, (), Position("tx", 0, number)) for number in range(5)]
    for stop, is_last in ((4, True), (5, True), (6, False)):
        for group in (capture, GROUP):
            found = answer(
                group, Portion(events=events, cursor={}), pipeline(feature("x")), Selection(to_sequence=stop)
            )
            assert found.is_last == (is_last and group is capture)


def test_a_tally():
    scoring = pipeline(feature("x"))
    found = answer(GROUP, rows([1.0, np.nan], ["a", "b"]), scoring, ALL)
    tally = found.tally(spread_of(scoring.manifest))
    assert (tally.records, tally.predictions, tally.dead_letters, tally.labels) == (2, 1, {"wrong_type": 1}, {})
    assert not spread_of(scoring.manifest).bounded


def test_where_each_partition_ends_whatever_is_asked_for():
    scoring = pipeline(feature("x"))
    found = answer(GROUP, rows(range(6), list("abcdef")), scoring, Selection(from_sequence=3, to_sequence=4))
    assert (len(found.predictions), found.ends) == (1, {"tx/0": 4, "tx/1": 5})
    events = [Event(b"{}", None, (), Position("tx", 3, number)) for number in (7, 9, 8)]
    assert answer(GROUP, Portion(events=events, cursor={}), scoring, ALL).ends == {"tx/3": 9}
    assert answer(GROUP, Portion(events=[Event(b"{}")], cursor={}), scoring, ALL).ends == {}
