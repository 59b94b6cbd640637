"""What the pictures of drift show: which bars, and what they are called."""

import numpy as np
import pytest

from scoring import Baseline, Feature
from stream_worker.replay.backtest.markup import written
from telemetry.drift import ModelBins
from tests.observing.drift.models import manifest, number
from weir.drift.pictures import Bar, bars_of, picture


def bars(feature, column, score=None):
    model = manifest(feature, score=score)
    bins = ModelBins(model)
    return bars_of(bins.places[-1], bins.count({feature.name: column}, [0.0001, 0.5]), model)


def test_numbers_are_shown_by_range_and_nulls_where_there_are_any():
    feature = number("a", baseline=Baseline(edges=(1.5, 20.25), counts=(5, 5, 0)), nullable=True)
    assert bars(feature, np.array([1.0, 30.0], np.float32)) == [
        Bar("up to 1.5", 0.5, 0.5),
        Bar("1.5 to 20.2", 0.5, 0.0),
        Bar("above 20.2", 0.0, 0.5),
    ]
    assert bars(feature, np.array([1.0, np.nan], np.float32))[-1] == Bar("null", 0.0, 0.5)


@pytest.mark.parametrize(
    ("edges", "titles"),
    [
        ((1000.1, 1000.2), ["up to 1000.1", "1000.1 to 1000.2", "above 1000.2"]),
        ((0.00232631, 0.00286815), ["up to 0.00233", "0.00233 to 0.00287", "above 0.00287"]),
        ((), ["a number"]),
    ],
)
def test_edges_are_as_short_as_they_can_be_told_apart(edges, titles):
    baseline = Baseline(edges=edges, counts=(1,) * (len(edges) + 1))
    assert [bar.title for bar in bars(number("a", "float64"), np.array([1.0]), baseline)] == titles


def test_whole_numbers_and_flags():
    whole = number("n", "int64", baseline=Baseline(edges=(10_000_000.0,), counts=(1, 1)))
    assert [bar.title for bar in bars(whole, np.array([1]))] == ["up to 10000000", "above 10000000"]
    flag = Feature(name="f", path=("f",), dtype="bool", baseline=Baseline(edges=(0.5,), counts=(1, 1)))
    assert [bar.title for bar in bars(flag, np.array([True]))] == ["false", "true"]


def test_the_smaller_of_many_categories_are_one():
    names = tuple(f"c{place:02}" for place in range(40))
    baseline = Baseline(counts=(*range(80, 40, -1), 0))
    feature = Feature(name="c", path=("c",), dtype="string", categories=names, baseline=baseline)
    column = np.array(["c39"] * 90 + ["c00"] * 10, object)
    found = bars(feature, column)
    assert len(found) == 14
    assert "c39" in [bar.title for bar in found]
    assert found[-1].title == "28 others"
    assert sum(bar.then for bar in found) == pytest.approx(1)
    assert sum(bar.now for bar in found) == pytest.approx(1)


def test_a_picture_shows_long_names_in_short_and_tells_all():
    page = written(picture("a", [Bar("a very long category indeed", 0.25, 0.0004), Bar("null", 0.0, 0.0)]))
    assert ">a very long categ\N{HORIZONTAL ELLIPSIS}<" in page
    assert "<title>a very long category indeed, training: 25.00 %</title>" in page
    assert ["25.0 %" in page, "&lt; 0.1 %" in page, ">0.0 %<" in page] == [True] * 3


def test_a_picture_of_nothing_is_drawn():
    assert 'width="0.0"' in written(picture("a", [Bar("null", 0.0, 0.0)]))
