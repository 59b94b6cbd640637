import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.drift.settings import DriftSettings
from telemetry.drift.windows import Window

SETTINGS = DriftSettings(window_s=60, slices=6)


def one(count=1):
    return np.array([count, 0], np.int64)


def test_counts_stay_for_a_window_and_go_by_the_slice():
    window = Window(2, SETTINGS)
    window.add(window.slice_at(0.0), one(1))
    window.add(window.slice_at(9.9), one(2))
    window.add(window.slice_at(10.0), one(4))
    assert [window.total(now).tolist()[0] for now in (10.0, 59.9, 60.0, 69.9, 70.0, 1e9)] == [7, 7, 4, 4, 0, 0]


def test_what_is_handed_out_is_no_longer_the_windows():
    window, counts = Window(2, SETTINGS), one()
    window.add(0, counts)
    counts += 5
    window.total(0.0)[:] = 9
    assert window.total(0.0).tolist() == [1, 0]


@given(st.lists(st.floats(0, 500), max_size=80).map(sorted))
def test_memory_is_bounded_and_the_sum_is_that_of_the_window(times):
    window = Window(2, SETTINGS)
    for now in times:
        window.add(window.slice_at(now), one())
        assert len(window._slices) <= SETTINGS.slices
        expected = sum(window.slice_at(each) > window.slice_at(now) - 6 for each in times if each <= now)
        assert window.total(now)[0] <= expected
    if times:
        oldest = window.slice_at(times[-1]) - 6
        assert window.total(times[-1])[0] == sum(window.slice_at(each) > oldest for each in times)
