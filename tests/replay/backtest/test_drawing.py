"""Axes with round numbers, and marks where they belong."""

import pytest

from stream_worker.replay.backtest.drawing import Axis, Frame
from stream_worker.replay.backtest.markup import tag, written

UNIT = Axis(title="a", low=0, high=1)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-130, 660, [0, 200, 400, 600]),
        (0, 0.01, [0, 0.002, 0.004, 0.006, 0.008, 0.01]),
        (99.5, 100.5, [99.6, 99.8, 100, 100.2, 100.4]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    assert Axis(title="", low=low, high=high).ticks() == pytest.approx(ticks)


def test_ticks_of_a_logarithmic_axis_are_powers_of_ten():
    assert Axis(title="", low=0.8, high=12_345, scale="log").ticks() == [1, 10, 100, 1000, 10_000]
    many = Axis(title="", low=0.8, high=1e12, scale="log").ticks()
    assert (len(many), many[-1]) == (7, 1e12)


def test_where_a_value_is_on_an_axis():
    axis = Axis(title="", low=0.8, high=800, scale="log")
    assert [axis.share(value) for value in (0, 0.8, 8, 800)] == pytest.approx([0, 0, 1 / 3, 1])
    assert Axis(title="", low=10, high=20).share(15) == 0.5


@pytest.mark.parametrize(
    ("value", "shown", "logarithmic"),
    [
        (0, "0", "0"),
        (0.2, "0.2", "0.2"),
        (1500, "1500", "1.5k"),
        (-20_000, "-20k", "-20k"),
        (3e6, "3M", "3M"),
        (2e9, "2G", "2G"),
    ],
)
def test_how_a_tick_is_written(value, shown, logarithmic):
    assert UNIT.shown(value) == shown
    assert Axis(title="", low=1, high=9, scale="log").shown(value) == logarithmic


def paths(frame: Frame, look: str) -> list[str]:
    return [path.get("d", "") for path in frame.element.iter("path") if (path.get("class") or "").startswith(look)]


def test_a_line_is_interrupted_where_there_is_no_number():
    frame = Frame(UNIT, UNIT, "a picture")
    frame.line([(0, 0), (0.5, 1), (0.7, float("nan")), (1, 0)], "champion")
    assert paths(frame, "line champion") == ["M52.0 258.0L221.0 10.0M390.0 258.0"]


def test_the_outline_of_a_histogram():
    frame = Frame(UNIT, UNIT, "a picture")
    frame.steps([0, 0.5, 1], [1, 0], "champion", filled=True)
    assert paths(frame, "line champion area") == [
        "M52.0 258.0L52.0 10.0L221.0 10.0L221.0 258.0L390.0 258.0L390.0 258.0"
    ]


def test_a_cell_is_cut_off_at_the_end_of_the_axes():
    frame = Frame(UNIT, UNIT, "a picture")
    frame.cell((0.5, 1), 0.75, 1)
    assert paths(frame, "cell") == ["M221.0 10.0H390.0V10.0H221.0Z"]


def test_a_frame_says_what_it_shows():
    frame = Frame(Axis(title="x & y", low=0, high=1), UNIT, "a <picture>")
    frame.dots([((0.5, 0.5), "7 events")], "champion")
    html = written(frame.element)
    assert 'role="img" aria-label="a <picture&gt;"' in html
    assert ">x &amp; y</text>" in html
    assert '<circle cx="221.0" cy="134.0" r="3.2" class="dot champion"><title>7 events</title></circle>' in html


def test_elements_are_written_with_their_text_in_order():
    element = tag("p", "1 < 2 ", tag("b", "&"), " and ", None, "so\u202e on", class_='a"b', data_size=2.50, title=None)
    assert written(element) == '<p class="a&quot;b" data-size="2.5">1 &lt; 2 <b>&amp;</b> and so\ufffd on</p>'
