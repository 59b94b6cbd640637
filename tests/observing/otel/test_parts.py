"""The small parts: an allowance, counts by bounds, counts of features, contexts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scoring.columns import Block
from telemetry.otel.contexts import producers_of, span_context
from telemetry.otel.features import FeatureCounts
from telemetry.otel.rate import Allowance
from telemetry.otel.spread import Spread
from tests.observing.otel.facts import event, traceparent
from tests.scoring.makers import feature, manifest

CELLS = st.sampled_from([np.nan, -np.inf, -1e38, 0, np.nextafter(np.float32(0.1), np.float32(0)), 0.1, 1, 1.5, np.inf])


def test_an_allowance_is_of_one_second():
    now = [0.0]
    allowance = Allowance(4, clock=lambda: now[0])
    assert [allowance.take(3), allowance.take(3), allowance.take(1)] == [3, 1, 0]
    now[0] = 0.9
    assert allowance.take(9) == 0
    now[0] = 1.1
    assert allowance.take(1) == 1
    now[0] = 60
    assert allowance.take(9) == 4


@given(st.lists(st.floats(-1e9, 1e9), max_size=50))
def test_values_are_counted_within_bounds(values):
    spread = Spread((-1, 0, 0.5, 10))
    spread.add(np.array(values, np.float64))
    counted = dict(spread.cumulative())
    assert counted == {
        "-1": sum(value <= -1 for value in values),
        "0": sum(value <= 0 for value in values),
        "0.5": sum(value <= 0.5 for value in values),
        "10": sum(value <= 10 for value in values),
        "+Inf": len(values),
    }


class TestFeatures:
    def test_nulls_and_values_outside_are_counted(self):
        counts = FeatureCounts(
            manifest(
                feature("a", nullable=True, minimum=0.1, maximum=1.0),
                feature("n", "int64", minimum=0, maximum=5),
                feature("c", "string", nullable=True, categories=("de", "fr")),
                feature("t", "text"),
                feature("b", "bool"),
            )
        )
        columns = {
            "a": np.array([np.nan, 0.1, 1.0, 1.5, 0.0], np.float32),
            "n": np.array([0, 5, 6, -1, 3]),
            "c": np.array(["de", "", "it", "fr", "IT"], object),
            "t": np.array(["x"] * 5, object),
            "b": np.array([True] * 5),
        }
        counts.add([columns])
        counts.add([columns, columns])
        assert [each.name for each in counts.features] == ["a", "n", "c"]
        assert counts.nulls.tolist() == [3, 0, 3]
        assert counts.outside.tolist() == [6, 6, 6]
        assert counts.rows == 15

    @given(arrays(np.float32, st.tuples(st.integers(1, 400), st.just(3)), elements=CELLS), st.integers(1, 5))
    def test_columns_of_one_kind_are_counted_as_each_alone(self, matrix, parts):
        """As columns of different kinds are, and whatever the batches."""
        features = [
            feature("a", nullable=True, minimum=0.1, maximum=1.0),
            feature("b", nullable=True, minimum=-1e37),
            feature("c", nullable=True),
        ]
        together, alone = (FeatureCounts(manifest(*features, *more)) for more in ((), (feature("t", "text"),)))
        batches = [part for part in np.array_split(matrix, parts) if len(part)]
        together.add([Block(("a", "b", "c"), part) for part in batches])
        alone.add([dict(zip("abc", part.T, strict=True)) for part in batches])
        assert together.rows == alone.rows == len(matrix)
        assert together.nulls.tolist() == alone.nulls.tolist()
        assert together.outside.tolist() == alone.outside.tolist()


class TestContexts:
    def test_what_events_say_is_found(self):
        events = [event(1), event(2, 0.0, ("x", b"y"), traceparent(3)), event(3, 0.0, traceparent(4, sampled=False))]
        found = producers_of(events)
        assert (list(found.texts), list(found.sampled)) == ([1, 2], [1])

    def test_azures_older_header_is_understood(self):
        _, text = traceparent(5)
        found = producers_of([event(1, 0.0, ("Diagnostic-Id", text))])
        assert span_context(found.texts[0]).trace_id == 5

    @given(st.binary(max_size=80))
    def test_nothing_that_a_header_holds_raises(self, text):
        for found in producers_of([event(1, 0.0, ("traceparent", text))]).texts.values():
            context = span_context(found)
            assert context is None or context.is_valid

    @pytest.mark.parametrize("events", [[], [event(1)]])
    def test_nobody_need_say_anything(self, events):
        assert producers_of(events) == ({}, ())
