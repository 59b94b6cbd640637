"""Tables from files, and what they say about a model's features."""

import json
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from converters import Columns, read_paths, read_sample, sample_of
from converters.features import MAX_CATEGORIES, describe_features
from converters.layout import plan_layout, serving_columns
from scoring.errors import ConfigurationError, ConversionError
from tests.converters.drafts import numbers, payments


def pipeline(table):
    columns = ColumnTransformer(
        [
            ("plain", "passthrough", ["amount", "age", "risk", "vip"]),
            ("named", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["country", "channel"]),
        ]
    )
    return make_pipeline(columns, HistGradientBoostingClassifier(max_iter=3)).fit(
        table.drop(columns="fraud"), table["fraud"]
    )


def described(estimator, table, **columns):
    known = Columns(**columns)
    layout = plan_layout(estimator, list(table.columns), excluded=known.excluded(table))
    return {feature.name: feature for feature in describe_features(estimator, layout, known, table, table)}


TABLE = payments()
ESTIMATOR = pipeline(TABLE)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_is_read_with_its_digest(suffix, tmp_path):
    path = tmp_path / f"rows{suffix}"
    TABLE.to_csv(path, index=False) if suffix == ".csv" else TABLE.to_parquet(path)
    sample = read_sample(path)
    pd.testing.assert_frame_equal(sample.rows, TABLE, check_exact=True)
    assert sample.data_sets == {path.name: sha256(path.read_bytes()).hexdigest()}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_no_more_rows_are_read_than_asked(suffix, tmp_path):
    path = tmp_path / f"rows{suffix}"
    TABLE.to_csv(path, index=False) if suffix == ".csv" else TABLE.to_parquet(path, row_group_size=7)
    assert len(read_sample(path, max_rows=17).rows) == 17


def test_strings_that_look_like_numbers(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("postcode,amount\n01067,1.5\n,2.5\n")
    assert read_sample(path).rows["postcode"].tolist()[0] == 1067
    rows = read_sample(path, strings=frozenset({"postcode"})).rows
    assert rows["postcode"].tolist()[0] == "01067"
    assert rows["postcode"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"", "cannot be read as a table: No columns to parse"),
        ("rows.csv", b"a,b\n", "has no rows. Expected some of the rows that the estimator scores."),
        ("rows.csv", b"a\n\xff\xfe\n", "cannot be read as a table: 'utf-8' codec"),
        ("rows.parquet", b"nothing", "cannot be read as a table: "),
    ],
)
def test_a_file_that_is_no_table(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConversionError) as caught:
        read_sample(path)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_or_of_another_kind(tmp_path):
    with pytest.raises(ConfigurationError, match=r"there is no such file; expected a \.csv or \.parquet table"):
        read_sample(tmp_path / "rows.csv")
    (tmp_path / "rows.xlsx").touch()
    with pytest.raises(ConfigurationError, match=r"rows\.xlsx': expected a \.csv or \.parquet table"):
        read_sample(tmp_path / "rows.xlsx")


def test_the_digest_of_rows_in_memory_tells_values_and_names_apart():
    same = sample_of(TABLE, name="rows").data_sets
    assert same == sample_of(TABLE.copy(), name="rows").data_sets
    assert same != sample_of(TABLE.rename(columns={"age": "years"}), name="rows").data_sets
    assert same != sample_of(TABLE.assign(age=TABLE["age"] + 1), name="rows").data_sets


def test_mixed_columns_keep_their_types():
    features = described(ESTIMATOR, TABLE, label="fraud")
    assert {name: feature.dtype for name, feature in features.items()} == {
        "amount": "float32", "age": "int64", "risk": "float32", "country": "string", "channel": "string", "vip": "bool",
    }  # fmt: skip
    assert [name for name, feature in features.items() if feature.nullable] == ["risk", "country"]
    assert all(feature.path == (name,) for name, feature in features.items())


def test_numbers_alone_are_one_matrix_of_float32():
    rows, labels = numbers(50)
    rows["b"] = rows["b"].round().astype(int)
    features = described(RandomForestClassifier(2).fit(rows, labels), rows)
    assert {feature.dtype for feature in features.values()} == {"float32"}


def test_the_range_and_the_distribution_of_a_number():
    features = described(ESTIMATOR, TABLE, label="fraud")
    amount, risk, age = TABLE["amount"], TABLE["risk"], features["age"]
    assert (features["amount"].minimum, features["amount"].maximum) == (amount.min(), amount.max())
    baseline = features["risk"].baseline
    assert len(baseline.edges) == 9
    assert len(baseline.counts) == 10
    assert sum(baseline.counts) == risk.notna().sum()
    assert baseline.nulls == risk.isna().sum()
    assert max(baseline.counts) - min(baseline.counts) <= 1
    assert sum(age.baseline.counts) == len(TABLE)


def test_the_zeros_of_a_mostly_empty_column_have_a_bin_of_their_own():
    rows, labels = numbers(100)
    rows["a"] = [0.0] * 95 + [1.0] * 5
    baseline = described(RandomForestClassifier(2).fit(rows, labels), rows)["a"].baseline
    assert (baseline.edges, baseline.counts) == ((0.0,), (95, 5))


def test_the_categories_of_a_string_most_frequent_first():
    feature = described(ESTIMATOR, TABLE, label="fraud")["country"]
    counted = TABLE["country"].value_counts()
    assert set(feature.categories) == {"DE", "FR", "NL", "PL"}
    assert feature.baseline.counts == (*(counted[name] for name in feature.categories), 0)
    assert list(feature.baseline.counts[:-1]) == sorted(feature.baseline.counts[:-1], reverse=True)
    assert feature.baseline.nulls == TABLE["country"].isna().sum()


def test_many_categories_are_counted_as_others():
    table = payments(400)
    table["channel"] = [f"shop-{index % 150:03}" for index in range(400)]
    feature = described(pipeline(table), table, label="fraud")["channel"]
    assert len(feature.categories) == MAX_CATEGORIES
    assert len(feature.baseline.counts) == MAX_CATEGORIES + 1
    assert sum(feature.baseline.counts) == 400


def test_the_empty_string_is_a_null():
    table = TABLE.fillna({"country": ""})
    feature = described(pipeline(table), table, label="fraud")["country"]
    assert feature.nullable
    assert "" not in feature.categories
    assert feature.baseline.nulls == (table["country"] == "").sum()


def test_long_strings_widen_the_bound():
    table = TABLE.assign(channel="x" * 300)
    assert described(pipeline(table), table, label="fraud")["channel"].max_length == 600
    assert described(ESTIMATOR, TABLE, label="fraud")["channel"].max_length == 256


def test_columns_that_may_be_null_though_the_table_has_none():
    features = described(ESTIMATOR, TABLE, label="fraud", nullable=frozenset({"amount", "channel"}))
    assert features["amount"].nullable
    assert features["channel"].nullable


def test_dtypes_that_were_asked_for():
    features = described(ESTIMATOR, TABLE, label="fraud", dtypes={"amount": "float64", "age": "float32"})
    assert (features["amount"].dtype, features["age"].dtype) == ("float64", "float32")


def test_one_column_of_float64_makes_the_matrix_so():
    rows, labels = numbers(50)
    features = described(RandomForestClassifier(2).fit(rows, labels), rows, dtypes={"c": "float64"})
    assert {feature.dtype for feature in features.values()} == {"float64"}


def test_where_an_event_carries_them():
    features = described(ESTIMATOR, TABLE, label="fraud", paths={"age": "customer.age"})
    assert features["age"].path == ("customer", "age")
    assert features["amount"].path == ("amount",)


@pytest.mark.parametrize("written", ["age: customer.age\n", '{"age": "customer.age"}'])
def test_paths_from_a_file(written, tmp_path):
    path = tmp_path / "paths.yaml"
    path.write_text(written)
    assert read_paths(path) == {"age": "customer.age"}


@pytest.mark.parametrize("written", ["- age\n", "age: 3\n", "age:\n", "age: ''\n"])
def test_a_file_that_maps_nothing(written, tmp_path):
    path = tmp_path / "paths.yaml"
    path.write_text(written)
    with pytest.raises(ConfigurationError, match=r"expected a mapping such as {amount: payment\.amount}"):
        read_paths(path)


def test_paths_that_are_not_there_or_not_yaml(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no such file"):
        read_paths(tmp_path / "paths.yaml")
    (tmp_path / "paths.yaml").write_text("{")
    with pytest.raises(ConfigurationError, match="not YAML or JSON"):
        read_paths(tmp_path / "paths.yaml")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": "frauds"}, "column 'frauds': the table has no such column"),
        ({"paths": {"ages": "customer.age"}}, "column 'ages': the table has no such column"),
        ({"nullable": frozenset({"ages"})}, "column 'ages': the table has no such column"),
        ({"dtypes": {"age": "float16"}}, "column 'age': dtype 'float16'; expected one of ['bool', 'float32'"),
        ({"paths": {"age": "customer..age"}}, "path 'customer..age': expected keys joined by dots"),
    ],
)
def test_what_cannot_be_said_about_columns(columns, message):
    with pytest.raises(ConfigurationError) as caught:
        described(ESTIMATOR, TABLE, **({"label": "fraud"} | columns))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "columns", "message"),
    [
        ({"amount": np.inf}, {}, "column 'amount' holds infinity. JSON has no infinity"),
        ({"amount": pd.Timestamp(0)}, {}, "column 'amount' holds datetime64[ns]. Expected numbers"),
        ({"channel": b"web"}, {}, "column 'channel' holds bytes. Expected numbers, true and false, or strings."),
        ({"vip": [True, None] * 300}, {}, "column 'vip' holds true, false and nulls. A bool feature has no null"),
        ({}, {"dtypes": {"amount": "int64"}}, "column 'amount' is to be int64 and holds fractions"),
        ({}, {"dtypes": {"channel": "float32"}}, "column 'channel' is to be float32 and holds object"),
        (
            {},
            {"nullable": frozenset({"age"})},
            "column 'age' may be null and is int64, which has no null. Serve it as a",
        ),
    ],
)
def test_a_column_that_cannot_be_served(change, columns, message):
    with pytest.raises(ConversionError) as caught:
        described(ESTIMATOR, TABLE.assign(**change), label="fraud", **columns)
    assert message in str(caught.value)


def test_a_number_beyond_float32():
    table = TABLE.assign(amount=1e39)
    features = described(ESTIMATOR, table, label="fraud")
    with pytest.raises(ConversionError) as caught:
        serving_columns(tuple(features.values()), table)
    assert str(caught.value) == (
        "column 'amount' holds values beyond float32 (the first in row 0). "
        "Serve it as float64 (--dtype amount=float64), or scale it before the pipeline."
    )


def test_the_tables_values_as_serving_has_them():
    columns = serving_columns(tuple(described(ESTIMATOR, TABLE, label="fraud").values()), TABLE)
    assert {name: column.dtype.name for name, column in columns.items()} == {
        "amount": "float32", "age": "int64", "risk": "float32", "country": "object", "channel": "object", "vip": "bool",
    }  # fmt: skip
    np.testing.assert_array_equal(columns["amount"], TABLE["amount"].astype(np.float32))
    np.testing.assert_array_equal(columns["country"] == "", TABLE["country"].isna())
    np.testing.assert_array_equal(np.isnan(columns["risk"]), TABLE["risk"].isna())


def test_a_column_of_training_that_the_table_lacks():
    with pytest.raises(ConversionError) as caught:
        described(ESTIMATOR, TABLE.drop(columns=["age", "vip"]), label="fraud")
    assert str(caught.value) == (
        "the table lacks the column 'age' and 1 more. Expected the columns of training: amount, age, risk, country, "
        "channel, vip; found amount, risk, country, channel."
    )


def test_columns_beside_those_of_training_are_left_out():
    assert "note" not in described(ESTIMATOR, TABLE.assign(note="x"), label="fraud")


def test_an_estimator_without_names_takes_all_columns_but_label_and_id():
    rows, labels = numbers(50)
    estimator = RandomForestClassifier(2).fit(rows.to_numpy(), labels)
    table = rows.assign(id=range(50), label=labels)
    assert list(described(estimator, table, label="label", event_id="id")) == ["a", "b", "c", "d"]
    with pytest.raises(ConversionError, match="fitted on 4 unnamed columns, and the table has 5"):
        described(estimator, table, label="label")


def test_an_event_id_that_the_paths_lead_to():
    rows, labels = numbers(50)
    estimator = RandomForestClassifier(2).fit(rows.to_numpy(), labels)
    table = rows.assign(id=range(50))
    assert list(described(estimator, table, event_id="meta.id", paths={"id": "meta.id"})) == ["a", "b", "c", "d"]


def test_one_column_of_text():
    texts = pd.DataFrame({"question": ["where is it", "who is it", None], "answer": [0, 1, 1]})
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["where", "who", ""], [0, 1, 1])
    feature = described(estimator, texts, label="answer")["question"]
    assert (feature.dtype, feature.nullable, feature.categories, feature.max_length) == ("text", True, None, 16_384)
    with pytest.raises(ConversionError, match="takes one text, and the table has the columns"):
        described(estimator, texts)


def test_a_text_among_other_columns():
    table = pd.DataFrame({"question": ["where is it", "who is it"], "length": [11, 9]})
    columns = ColumnTransformer([("text", TfidfVectorizer(), "question"), ("plain", "passthrough", ["length"])])
    features = described(make_pipeline(columns, LogisticRegression()).fit(table, [0, 1]), table)
    assert {name: feature.dtype for name, feature in features.items()} == {"question": "text", "length": "int64"}


def test_the_schema_takes_a_manifest_with_such_features():
    feature = described(ESTIMATOR, TABLE, label="fraud")["risk"]
    assert json.loads(feature.model_dump_json())["nullable"] is True
