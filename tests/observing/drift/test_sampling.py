import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.drift.sampling import Sampler, spread


def test_a_second_may_be_used_at_once_and_no_more_after_it():
    sampler = Sampler(100)
    assert [sampler.allow(80, 0.0), sampler.allow(80, 0.0), sampler.allow(80, 0.0)] == [80, 20, 0]
    assert sampler.allow(80, 0.25) == 25
    assert sampler.allow(500, 90.0) == 100


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 2)), max_size=60), st.integers(1, 3000))
def test_no_more_than_the_rate_is_allowed(batches, rate):
    sampler, now, allowed = Sampler(rate), 0.0, 0
    for rows, passed in batches:
        now += passed
        found = sampler.allow(rows, now)
        assert 0 <= found <= rows
        allowed += found
    assert allowed <= rate * (1 + now) + 1


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_places_are_evenly_spread(rows, count):
    places = np.arange(rows)[spread(rows, count)]
    assert len(places) == min(rows, count)
    assert set(np.diff(places)) <= {rows // len(places), rows // len(places) + 1}
    assert not places.size or (places[0] >= 0 and places[-1] < rows)


def test_all_rows_are_taken_as_they_are():
    assert spread(5, 5) == slice(None)
    assert spread(5, 9) == slice(None)
