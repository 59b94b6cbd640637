"""From a portion to what its records came to."""

import json

import msgspec
import numpy as np
import pytest

from scoring import Event, FakeScorer, Pipeline, Position, encode
from scoring.errors import ConfigurationError
from stream_worker.replay.answers import answer, spread_of
from stream_worker.replay.records import PORTION, File, Group, Portion, Problem
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


CAPTURE = Group(number=0, name="g", kind="capture", files=GROUP.files, stream="tx", partition=0)


def test_nothing_comes_after_a_portion_of_a_capture_that_is_past():
    """A high number at the end of it may be out of order."""
    events = [Event(b'{"id": "a", "x": 1}', None, (), Position("tx", 0, number)) for number in (5, 6, 7, 90)]
    for stop, is_last in ((4, True), (5, True), (6, False), (90, False), (91, False)):
        for group in (CAPTURE, GROUP):
            found = answer(
                group, Portion(events=events, cursor={}), pipeline(feature("x")), Selection(to_sequence=stop)
            )
            assert found.is_last == (is_last and group is CAPTURE)


def test_an_event_without_a_time_is_left_out_and_a_problem():
    scoring, told = pipeline(feature("x")), Problem(path="g.parquet", offset=9, words="wrong")
    events = [
        Event(b'{"id": "a", "x": 1}', None, (), position, time)
        for position, time in ((Position("tx", 0, 7), None), (None, None), (Position("tx", 0, 8), 5), (None, 50))
    ]
    portion = Portion(events=events, cursor={}, problems=[told])
    found = answer(GROUP, portion, scoring, Selection(from_time=1, to_time=10))
    tally = found.tally(spread_of(scoring.manifest))
    assert (tally.records, tally.predictions, tally.outside, tally.problems) == (1, 1, 1, 3)
    asked = "has no time, which --from-time and --to-time ask for; it was left out"
    assert [(problem.offset, problem.words) for problem in tally.shown] == [
        (9, "wrong"), (7, f"the event at tx/0/7 {asked}"), (0, f"the event {asked}")
    ]  # fmt: skip
    with_number = answer(GROUP, portion, scoring, Selection(from_sequence=8))
    assert (len(with_number.predictions), with_number.outside) == (1, 1)
    assert with_number.portion.problems[1].words == (
        "the event has no sequence number, which --from-sequence and --to-sequence ask for; it was left out"
    )


def test_an_archive_that_keeps_no_times_is_refused_and_a_few_events_of_a_capture_are_not():
    scoring, selection = pipeline(feature("x")), Selection(from_time=1)
    files = tuple(File(path=f"c/tx/0/2024/{month}.avro", size=1, version="") for month in ("01", "02"))
    capture = msgspec.structs.replace(CAPTURE, files=files)
    few = Portion(events=[Event(b"{}", None, (), Position("tx", 0, 1))], cursor={})
    many = Portion(events=[*few.events] * PORTION, cursor={})
    assert [problem.path for problem in answer(capture, few, scoring, selection).portion.problems] == ["c/tx/0/2024"]
    for group, portion in ((GROUP, few), (capture, many)):
        with pytest.raises(ConfigurationError) as caught:
            answer(group, portion, scoring, selection)
        assert str(caught.value) == "--from-time and --to-time: the archive does not keep the times of its records"


def test_problems_that_stand_for_many_are_counted_and_those_of_a_file_once():
    spread = spread_of(pipeline(feature("x")).manifest)
    changed = [Problem(path="a", offset=offset, words="changed", whole=True) for offset in (1, 2)]
    more = Problem(path="a", offset=3, words="7 more problems", count=7)
    scoring = pipeline(feature("x"))
    tallies = [
        answer(GROUP, Portion(events=[], cursor={}, problems=problems), scoring, ALL).tally(spread)
        for problems in ([changed[0], more], [changed[1], more])
    ]
    assert [tally.problems for tally in tallies] == [8, 8]
    assert ((tallies[0] + tallies[1]).problems, (tallies[0] + tallies[1]).shown) == (15, (changed[0], more, more))


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


def test_some_events_may_have_no_position():
    scoring = pipeline(feature("x"))
    places = [None, Position("tx", 1, 4), None, Position("tx", 0, 3), Position("other", 1, 9)]
    events = [Event(b"{}", position=place) for place in places]
    found = answer(GROUP, Portion(events=events, cursor={}), scoring, ALL)
    assert found.ends == {"tx/0": 3, "tx/1": 4, "other/1": 9}
