"""What two models and the labels need of a table."""

import pyarrow as pa
import pytest

from scoring.errors import ConfigurationError
from stream_worker.replay.backtest.columns import disagreement, for_both, label_feature
from tests.scoring.makers import feature, manifest

ONE = manifest(feature("x"), feature("count", "int64"), feature("word", "string", nullable=True), event_id=("id",))
OTHER = manifest(feature("count", "float32", nullable=True), feature("word", "string"), feature("y"), version=2)


def test_the_features_of_both_are_read_once():
    found = for_both(ONE, OTHER)
    assert [(each.name, each.dtype, each.nullable) for each in found.features] == [
        ("x", "float32", False),
        ("count", "float64", False),
        ("word", "string", False),
        ("y", "float32", False),
    ]
    assert found.event_id == ("id",)
    assert for_both(OTHER, ONE).event_id == ("id",)


def test_a_feature_may_be_absent_if_both_models_allow_it():
    nullable = manifest(feature("x", nullable=True))
    assert for_both(nullable, nullable).features[0].nullable
    assert not for_both(nullable, manifest(feature("x"))).features[0].nullable


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (pa.bool_(), "bool"),
        (pa.int8(), "int64"),
        (pa.float32(), "float64"),
        (pa.string(), "string"),
        (pa.dictionary(pa.int32(), pa.string()), "string"),
        (pa.null(), "float64"),
    ],
)
def test_the_labels_are_one_more(kind, dtype):
    label = label_feature("is.fraud", pa.schema([("is.fraud", kind)]))
    assert label is not None
    assert (label.name, label.dotted, label.dtype) == ("is.fraud", "is.fraud", dtype)
    assert for_both(ONE, OTHER, label).features[-1] is label


def test_a_label_that_is_a_feature_is_read_as_that():
    label = label_feature("x", pa.schema([("x", pa.float64())]))
    assert [each.name for each in for_both(ONE, ONE, label).features] == ["x", "count", "word"]


def test_a_table_may_have_no_labels():
    assert label_feature("is_fraud", pa.schema([("x", pa.float64())])) is None


def test_labels_of_another_type_are_refused():
    with pytest.raises(ConfigurationError) as raised:
        label_feature("at", pa.schema([("at", pa.timestamp("ms"))]))
    assert str(raised.value) == "--label at: the column is timestamp[ms]; expected labels as text, numbers or booleans"


def test_one_column_cannot_be_two():
    moved = manifest(feature("x", path=("card", "x")), version=2)
    assert disagreement(ONE, OTHER) is None
    assert disagreement(ONE, moved) == (
        "model:1 takes x from x and model:2 from card.x: columns cannot serve both; "
        "compare them on an archive of events"
    )
