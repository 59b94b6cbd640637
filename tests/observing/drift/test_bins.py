"""Columns are counted exactly as the converters counted training."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.features import Columns, describe_features
from converters.layout import Layout, serving_columns
from scoring import Baseline, Feature
from telemetry.drift.bins import CategoryBins, NumberBins, bins_of, score_bins
from tests.observing.drift.models import TENTHS, number

NUMBERS = st.floats(-1e6, 1e6) | st.sampled_from([0.1, 0.2, 0.3, 1.1, -0.1])  # float32 has none of the latter
CELLS = {
    "number": NUMBERS | st.none(),
    "wide": NUMBERS | st.none(),
    "whole": st.integers(-(2**60), 2**60),
    "flag": st.booleans(),
    "word": st.sampled_from(["de", "fr", "it", "", "a b", "\u00fc"]) | st.none(),
}
TABLES = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=60)
DTYPES = {"number": "float32", "wide": "float64", "whole": "int64", "flag": "bool", "word": "string"}


def table_of(records):
    table = pd.DataFrame(records, columns=list(CELLS))
    return table.astype({"number": "float64", "wide": "float64", "whole": "int64", "flag": "bool", "word": "object"})


class _Apart:
    """Stands for an estimator that is fed columns one by one."""


@settings(deadline=None, max_examples=200)
@given(TABLES)
def test_the_rows_of_training_give_the_counts_of_training(records):
    table = table_of(records)
    layout = Layout(kind="frame", columns=tuple(CELLS))
    features = describe_features(_Apart(), layout, Columns(dtypes=DTYPES), table, table)
    columns = serving_columns(features, table)
    assert {feature.name: feature.dtype for feature in features} == DTYPES
    for feature in features:
        bins = bins_of(feature)
        assert bins is not None
        counts = bins.count(columns[feature.name])
        assert counts.tolist() == [*feature.baseline.counts, feature.baseline.nulls, 0], feature.name
        assert len(counts) == bins.width


@given(st.lists(NUMBERS, max_size=50), st.booleans())
def test_no_row_is_lost(values, single):
    bins = NumberBins(TENTHS, minimum=0.0, maximum=10.0, single=single)
    column = np.array(values, np.float32 if single else np.float64)
    column[::3] = np.nan
    *counts, nulls, outside = bins.count(column).tolist()
    assert sum(counts) + nulls == len(values)
    assert nulls == np.isnan(column).sum()
    assert outside == ((column < 0) | (column > 10)).sum()


def test_what_equals_an_edge_is_below_it():
    bins = NumberBins(Baseline(edges=(1.0, 2.0), counts=(1, 1, 1)))
    assert bins.count(np.array([1.0, 1.5, 2.0, 2.5])).tolist() == [1, 2, 1, 0, 0]
    assert not bins.ranged


def test_columns_of_one_matrix_are_counted_in_place():
    matrix = np.arange(20, dtype=np.float32).reshape(10, 2)
    assert bins_of(number("a")).count(matrix[:, 0]).tolist() == [1, 1, 0, 1, 0, 1, 0, 1, 0, 5, 0, 4]


def test_integers_and_flags():
    assert bins_of(number("a", "int64")).count(np.array([0, 1, 11])).tolist() == [2, *[0] * 8, 1, 0, 1]
    flag = Feature(name="f", path=("f",), dtype="bool", baseline=Baseline(edges=(0.5,), counts=(3, 1)))
    assert bins_of(flag).count(np.array([True, False, True])).tolist() == [1, 2, 0, 0]


def test_a_category_that_training_did_not_show():
    bins = CategoryBins(Baseline(counts=(5, 3, 0)), ("de", "fr"))
    assert bins.ranged
    assert bins.count(np.array(["fr", "xx", "", None, "de"], object)).tolist() == [1, 1, 1, 2, 1]


def test_categories_that_were_not_kept_are_not_told_from_new_ones():
    bins = CategoryBins(Baseline(counts=(5, 3, 7)), ("de", "fr"))
    assert not bins.ranged
    assert bins.count(np.array(["fr", "xx"], object)).tolist() == [0, 1, 1, 0, 0]


def test_a_column_of_nulls_in_training():
    bins = bins_of(number("a", baseline=Baseline(counts=(0,), nulls=8), nullable=True))
    assert bins.count(np.array([np.nan, 1.0, 2.0], np.float32)).tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    "feature",
    [
        number("a", baseline=None),
        number("a", baseline=Baseline(counts=(0,))),
        number("a", baseline=Baseline(edges=(1.0,), counts=(1, 2, 3))),
        number("a", baseline=Baseline(edges=(2.0, 1.0), counts=(1, 2, 3))),
        Feature(name="t", path=("t",), dtype="text", baseline=TENTHS),
        Feature(name="s", path=("s",), dtype="string", categories=("a",), baseline=Baseline(counts=(1, 2, 3))),
        Feature(name="i", path=("i",), dtype="image", shape=(1, 2, 2), baseline=TENTHS),
    ],
)
def test_columns_without_a_baseline_of_use(feature):
    assert bins_of(feature) is None


def test_the_score():
    assert score_bins(None) is None
    assert score_bins(Baseline(counts=(0,))) is None
    assert score_bins(Baseline(edges=(0.5,), counts=(1,))) is None
    assert score_bins(Baseline(edges=(0.5,), counts=(1, 2))).count(np.array([0.5, 0.6])).tolist() == [1, 1, 0, 0]
