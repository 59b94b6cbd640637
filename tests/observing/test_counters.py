import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import BatchFacts, Counters, RowFacts, Stage
from tests.scoring.makers import manifest


def stages(**seconds):
    return [Stage(name, 10**18, 10**18 + int(length * 1e9)) for name, length in seconds.items()]


def facts(*latencies, **more):
    fields = {"events": 3, "predicted": 2, "positive": 1, "rejected": {"wrong_type": 1}, "stages": stages(score=0.25)}
    rows = RowFacts(manifest=manifest(), events=(), outcomes=(), rows=(), columns={})
    return BatchFacts(**(fields | more), latency_ms=np.array(latencies, np.int64), rows=rows)


def test_batches_add_up():
    counters = Counters()
    counters.batch(facts())
    counters.batch(facts(rejected={"empty": 2}, stages=stages(score=0.5, publish=1.0)))
    assert (counters.batches, counters.events, counters.predicted, counters.positive) == (2, 6, 4, 2)
    assert counters.rejected == {"wrong_type": 1, "empty": 2}
    assert counters.seconds == {"score": 0.75, "publish": 1.0}


def test_what_was_let_go_adds_up_and_the_lag_is_the_last_one():
    counters = Counters()
    for number in (3, 4):
        counters.dropped(number)
        counters.lag({0: number - 1, 5: 1})
    assert (counters.dropped_events, counters.waiting) == (7, 4)


class TestLatency:
    def test_there_is_none_before_any_event(self):
        counters = Counters()
        counters.batch(facts())
        assert math.isnan(counters.latency_ms(0.5))

    def test_quantiles(self):
        counters = Counters()
        counters.batch(facts(*range(1, 51)))
        counters.batch(facts(*range(51, 101)))
        assert [counters.latency_ms(share) for share in (0.01, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]

    def test_one_event_is_every_quantile(self):
        counters = Counters()
        counters.batch(facts(7))
        assert [counters.latency_ms(share) for share in (0.0, 0.5, 0.99, 1.0)] == [7, 7, 7, 7]

    @pytest.mark.parametrize(("latency", "counted"), [(-5, 0), (60_000, 60_000), (3_600_000, 60_000)])
    def test_clocks_that_disagree_and_old_events_stay_inside(self, latency, counted):
        counters = Counters()
        counters.batch(facts(latency))
        assert counters.latency_ms(0.5) == counted

    @given(st.lists(st.integers(0, 60_000), min_size=1, max_size=50), st.floats(0.01, 1.0))
    def test_the_share_that_did_not_exceed_it_is_at_least_the_one_asked_for(self, latencies, share):
        counters = Counters()
        counters.batch(facts(*latencies))
        answer = counters.latency_ms(share)
        assert answer in latencies
        assert np.mean(np.array(latencies) <= answer) >= share - 1e-9
        assert np.mean(np.array(latencies) < answer) < share + 1e-9
