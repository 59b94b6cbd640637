"""From a fitted estimator and a table to a store, and from the store to predictions that are scikit-learn's own."""

import json
import math
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
import onnx
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, IsolationForest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor

import converters
from converters import Columns, Source, convert, read_sample, sample_of
from converters.table import Sample
from models import LocalStore, Reference, load_pipeline
from scoring import Event, Prediction
from scoring.errors import (
    CertificateError,
    ConfigurationError,
    ConversionError,
    ManifestError,
    ModelRefusedError,
)
from tests.converters.drafts import exact, numbers, payments

ROWS, LABELS = numbers()


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store")


def made_of(estimator, rows, **columns):
    return Source(estimator=estimator, sample=sample_of(rows, name="rows"), columns=Columns(**columns))


def events(rows, paths=None):
    for record in rows.to_dict("records"):
        event = {}
        for name, value in record.items():
            *outer, last = (paths or {}).get(name, name).split(".")
            place = event
            for key in outer:
                place = place.setdefault(key, {})
            missing = value is None or (isinstance(value, float) and math.isnan(value))
            place[last] = None if missing else value.item() if isinstance(value, np.generic) else value
        yield Event(value=json.dumps(event).encode())


def predictions(store, manifest, rows, paths=None):
    pipeline = load_pipeline(store, Reference(name=manifest.name, version=manifest.version))
    outcomes = pipeline.score(list(events(rows, paths)))
    assert [outcome for outcome in outcomes if not isinstance(outcome, Prediction)] == []
    return outcomes


def mixed(encoder=None):
    encoder = encoder or OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [
            ("plain", "passthrough", ["amount", "age", "risk"]),
            ("flags", "passthrough", ["vip"]),
            ("named", encoder, ["country", "channel"]),
        ]
    )


def strangers(null, count=200):
    """Rows that no table had: other values and countries; absent ones as training had them."""
    rows = payments(count, seed=1).drop(columns="fraud")
    rows["country"] = [null if isinstance(country, float) else country for country in rows["country"]]
    rows.loc[::7, "country"] = "XX"
    return rows


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "last",
    [
        HistGradientBoostingClassifier(max_iter=20),
        LGBMClassifier(n_estimators=20, verbose=-1),
        XGBClassifier(n_estimators=20),
    ],
    ids=lambda last: type(last).__name__,
)
def test_a_table_with_nulls_and_categories_end_to_end(last, suffix, tmp_path, store):
    path = tmp_path / f"rows{suffix}"
    payments().to_csv(path, index=False) if suffix == ".csv" else payments().to_parquet(path)
    sample = read_sample(path)
    features = sample.rows.drop(columns="fraud")
    estimator = make_pipeline(mixed(), last).fit(features, sample.rows["fraud"])
    manifest = convert(
        Source(estimator=estimator, sample=sample, columns=Columns(label="fraud", paths={"age": "customer.age"})),
        name="fraud",
        store=store,
    )
    assert manifest.graph.form == "columns"
    assert manifest.certificate.passed
    assert manifest.certificate.rows["nulls"] > 0
    assert manifest.certificate.rows["unseen"] > 0
    for rows in (features, strangers(np.nan if suffix == ".csv" else None)):  # pandas reads them so
        found = predictions(store, manifest, rows, {"age": "customer.age"})
        expected = estimator.predict_proba(rows)[:, 1]
        np.testing.assert_allclose([each.score for each in found], expected, atol=1e-5)
        assert [each.label for each in found] == estimator.predict(rows).tolist()


@pytest.mark.parametrize("filler", ["most_frequent", "constant"])
def test_strings_that_are_imputed(filler, store):
    table = payments()
    encoder = make_pipeline(
        SimpleImputer(strategy=filler, fill_value="none" if filler == "constant" else None),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    estimator = make_pipeline(mixed(encoder), HistGradientBoostingClassifier(max_iter=10))
    estimator.fit(table.drop(columns="fraud"), table["fraud"])
    manifest = convert(made_of(estimator, table, label="fraud"), name="fraud", store=store)
    rows = table.drop(columns="fraud")
    found = predictions(store, manifest, rows)
    np.testing.assert_allclose([each.score for each in found], estimator.predict_proba(rows)[:, 1], atol=1e-5)


def test_numbers_that_float32_moves_across_a_threshold_are_served_as_float64(store):
    table = payments(2000)[["amount", "fraud"]]
    estimator = HistGradientBoostingClassifier(max_iter=30).fit(table[["amount"]], table["fraud"])
    told = []
    manifest = convert(made_of(estimator, table, label="fraud"), name="fraud", store=store, report=told.append)
    assert [feature.dtype for feature in manifest.features] == ["float64"]
    assert "float32 is too coarse for amount: trying float64" in told
    found = predictions(store, manifest, table[["amount"]])
    np.testing.assert_allclose(
        [each.score for each in found], estimator.predict_proba(table[["amount"]])[:, 1], atol=1e-6
    )


def test_numbers_that_float32_holds_are_served_as_float32(store):
    estimator = HistGradientBoostingClassifier(max_iter=30).fit(ROWS, LABELS)
    manifest = convert(made_of(estimator, ROWS), name="fraud", store=store)
    assert {feature.dtype for feature in manifest.features} == {"float32"}
    assert manifest.graph.form == "matrix"


def test_a_dtype_that_was_asked_for_is_not_widened(store):
    table = payments(2000)[["amount", "fraud"]]
    estimator = HistGradientBoostingClassifier(max_iter=30).fit(table[["amount"]], table["fraud"])
    with pytest.raises(CertificateError, match=r"scores differ by up to .* held-back row \(amount="):
        convert(made_of(estimator, table, label="fraud", dtypes={"amount": "float32"}), name="fraud", store=store)
    assert store.versions("fraud") == []


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingRegressor(max_iter=20),
        LGBMRegressor(n_estimators=20, verbose=-1),
        XGBRegressor(n_estimators=20),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_regression(estimator, store):
    rows, values = ROWS, ROWS["a"] * 100 + ROWS["b"]
    estimator.fit(rows, values)
    manifest = convert(made_of(estimator, rows), name="value", store=store)
    assert (manifest.task, manifest.outputs.labels, manifest.graph.label) == ("regression", (), None)
    found = predictions(store, manifest, rows)
    np.testing.assert_allclose([each.score for each in found], estimator.predict(rows), rtol=1e-5, atol=1e-5)
    assert {each.label for each in found} == {None}


def test_three_classes_of_strings(store):
    classes = np.array(["low", "medium", "high"])[np.digitize(ROWS["a"], [-0.5, 0.5])]
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, classes)
    manifest = convert(made_of(estimator, ROWS), name="level", store=store, top_k=2)
    assert (manifest.task, manifest.outputs.labels) == ("multiclass", ("high", "low", "medium"))
    assert manifest.certificate.padding >= 1
    found = predictions(store, manifest, ROWS)
    probabilities = estimator.predict_proba(ROWS)
    assert [each.label for each in found] == estimator.predict(ROWS).tolist()
    np.testing.assert_allclose([each.score for each in found], probabilities.max(axis=1), atol=1e-5)
    assert all(len(each.scores) == 2 for each in found)


def test_outliers(store):
    estimator = IsolationForest(n_estimators=30, random_state=0).fit(ROWS)
    manifest = convert(made_of(estimator, ROWS), name="odd", store=store)
    assert (manifest.task, manifest.outputs.labels) == ("outlier", (-1, 1))
    found = predictions(store, manifest, ROWS)
    np.testing.assert_allclose([each.score for each in found], estimator.decision_function(ROWS), atol=1e-5)
    assert [each.label for each in found] == estimator.predict(ROWS).tolist()


@pytest.mark.parametrize(
    "estimator",
    [make_pipeline(TfidfVectorizer(), LogisticRegression()), make_pipeline(CountVectorizer(), MultinomialNB())],
    ids=["tfidf", "counts"],
)
def test_text(estimator, store):
    words = ["refund", "card", "Lost", "how", "do", "I", "a", "x-ray", "pin's", "blocked", "na\u00efve"]
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"question": [" ".join(rng.choice(words, 6)) for _ in range(300)], "answer": rng.choice(["q1", "q2"], 300)}
    )
    estimator.fit(table["question"], table["answer"])
    manifest = convert(made_of(estimator, table, label="answer"), name="faq", store=store)
    assert [(feature.dtype, feature.name) for feature in manifest.features] == [("text", "question")]
    asked = pd.DataFrame({"question": ["Where is my card? I lost it!", "\u00dcber", "a a a", "CARD-refund"]})
    found = predictions(store, manifest, asked)
    expected = estimator.predict_proba(asked["question"])[:, 1]
    np.testing.assert_allclose([each.score for each in found], expected, atol=1e-5)


def test_a_positive_class_and_a_threshold(store):
    classes = np.where(LABELS, "fraud", "fine")
    estimator = HistGradientBoostingClassifier(max_iter=10).fit(ROWS, classes)
    manifest = convert(made_of(estimator, ROWS), name="fraud", store=store, positive="fine", threshold=0.9)
    found = predictions(store, manifest, ROWS)
    fine = estimator.predict_proba(ROWS)[:, 0]
    np.testing.assert_allclose([each.score for each in found], fine, atol=1e-6)
    assert [each.label for each in found] == np.where(fine >= 0.9, "fine", "fraud").tolist()
    assert {each.threshold for each in found} == {0.9}


def test_truths_are_shown_as_integers(store):
    estimator = HistGradientBoostingClassifier(max_iter=5).fit(ROWS, LABELS.astype(bool))
    manifest = convert(made_of(estimator, ROWS), name="fraud", store=store, positive="True")
    assert (manifest.outputs.labels, manifest.outputs.positive) == ((0, 1), 1)
    assert {each.label for each in predictions(store, manifest, ROWS)} == {0, 1}


def test_what_the_manifest_remembers(store):
    estimator = LGBMClassifier(n_estimators=5, verbose=-1).fit(ROWS, LABELS)
    held_back = sample_of(exact(ROWS * 1.5), name="later rows")
    source = Source(estimator=estimator, sample=sample_of(ROWS, name="rows"), held_back=held_back)
    manifest = convert(
        source,
        name="fraud",
        store=store,
        tags={"team": "cards"},
        properties={"auc": 0.9, "rows": 600, "note": "x"},
        run_id="run-7",
    )
    assert manifest.reference == "fraud:1"
    assert manifest == store.manifest("fraud", 1)
    assert manifest.digest == sha256(store.model("fraud", 1)).hexdigest()
    assert manifest.opset["ai.onnx"] >= 18
    assert set(manifest.opset) == {"ai.onnx", "ai.onnx.ml"}
    assert manifest.libraries["scikit-learn"].startswith("1.9")
    assert {"lightgbm", "skl2onnx", "onnxmltools", "onnxruntime"} <= set(manifest.libraries)
    assert manifest.tags == {"team": "cards"}
    assert manifest.properties == {"auc": 0.9, "rows": 600, "note": "x"}
    assert set(manifest.lineage.data_sets) == {"rows", "later rows"}
    assert manifest.lineage.run_id == "run-7"
    assert manifest.lineage.parent_version is None
    assert timedelta() <= datetime.now(UTC) - manifest.created < timedelta(minutes=5)
    assert manifest.features[0].maximum == ROWS["a"].max()


def test_the_version_that_is_replaced(store):
    source = made_of(HistGradientBoostingClassifier(max_iter=3).fit(ROWS, LABELS), ROWS)
    convert(source, name="fraud", store=store)
    assert convert(source, name="fraud", store=store).lineage.parent_version == 1
    store.set_alias("fraud", "champion", 1)
    assert convert(source, name="fraud", store=store).lineage.parent_version == 1


def test_the_same_estimator_has_the_same_digest(store):
    source = made_of(HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(ROWS, LABELS), ROWS)
    assert convert(source, name="one", store=store).digest == convert(source, name="two", store=store).digest


def test_what_answers_differently_is_not_stored(store, monkeypatch):
    def wrong(estimator, inputs):
        model = converters.export.to_onnx(estimator, inputs)
        node = next(node for node in model.graph.node if node.op_type.startswith("TreeEnsemble"))
        (leaves,) = [attribute for attribute in node.attribute if attribute.name == "target_weights"]
        leaves.floats[0] += 0.5
        return model

    estimator = HistGradientBoostingRegressor(max_iter=3).fit(ROWS, ROWS["a"])
    monkeypatch.setattr("converters.draft.to_onnx", wrong)
    with pytest.raises(CertificateError) as caught:
        convert(made_of(estimator, ROWS), name="value", store=store)
    assert str(caught.value).startswith("the graph does not answer like the estimator: scores differ by up to 0.5")
    assert "row (a=" in str(caught.value)
    assert "Nothing was stored." in str(caught.value)
    assert store.versions("value") == []


def test_skipping_the_certificate_is_possible_and_seen(store):
    source = made_of(HistGradientBoostingClassifier(max_iter=3).fit(ROWS, LABELS), ROWS)
    manifest = convert(source, name="fraud", store=store, uncertified=True)
    assert manifest.certificate is None
    with pytest.raises(ModelRefusedError, match="has no certificate"):
        load_pipeline(store, Reference(name="fraud"))
    pipeline = load_pipeline(store, Reference(name="fraud"), allow_uncertified=True)
    assert pipeline.model.certified is False


@pytest.mark.parametrize(
    ("estimator", "options", "message"),
    [
        (
            HistGradientBoostingRegressor(max_iter=2),
            {"threshold": 0.5},
            "are for two classes; this is a regression model",
        ),
        (HistGradientBoostingClassifier(max_iter=2), {"positive": "x"}, "positive label 'x': expected one of [0, 1]"),
    ],
)
def test_options_that_contradict_the_estimator(estimator, options, message, store):
    with pytest.raises(ConfigurationError) as caught:
        convert(made_of(estimator.fit(ROWS, LABELS), ROWS), name="fraud", store=store, **options)
    assert message in str(caught.value)


def test_names_and_paths_that_a_manifest_does_not_take(store):
    source = made_of(HistGradientBoostingClassifier(max_iter=2).fit(ROWS, LABELS), ROWS)
    with pytest.raises(ManifestError, match="name: String should match pattern"):
        convert(source, name="Fraud!", store=store)
    clash = made_of(source.estimator, ROWS, paths={"a": "x", "b": "x.y"})
    with pytest.raises(ManifestError, match="path"):
        convert(clash, name="fraud", store=store)


def test_what_makes_no_predictions(store):
    with pytest.raises(ConversionError, match=r"a StandardScaler makes no predictions\. Expected a classifier"):
        convert(made_of(StandardScaler().fit(ROWS), ROWS), name="scale", store=store)


def test_an_estimator_that_was_fitted_on_an_array(store):
    estimator = LGBMClassifier(n_estimators=5, verbose=-1).fit(ROWS.to_numpy(), LABELS)
    manifest = convert(made_of(estimator, ROWS.assign(label=LABELS), label="label"), name="fraud", store=store)
    found = predictions(store, manifest, ROWS)
    expected = estimator.predict_proba(ROWS.to_numpy(), validate_features=False)[:, 1]
    np.testing.assert_allclose([each.score for each in found], expected, atol=1e-6)


def test_columns_in_another_order_than_in_training(store):
    estimator = HistGradientBoostingClassifier(max_iter=5).fit(ROWS[["c", "a", "b"]], LABELS)
    manifest = convert(made_of(estimator, ROWS), name="fraud", store=store)
    assert [feature.name for feature in manifest.features] == ["c", "a", "b"]
    found = predictions(store, manifest, ROWS[["a", "b", "c"]])
    expected = estimator.predict_proba(ROWS[["c", "a", "b"]])[:, 1]
    np.testing.assert_allclose([each.score for each in found], expected, atol=1e-6)


def test_the_event_id_is_in_the_predictions(store):
    estimator = HistGradientBoostingClassifier(max_iter=5).fit(ROWS, LABELS)
    table = ROWS.assign(id=[f"t-{index}" for index in range(len(ROWS))])
    manifest = convert(made_of(estimator, table, event_id="id"), name="fraud", store=store)
    assert manifest.event_id == ("id",)
    assert predictions(store, manifest, table)[3].event_id == "t-3"


def test_the_graph_is_whole(store):
    estimator = HistGradientBoostingClassifier(max_iter=2).fit(ROWS, LABELS)
    convert(made_of(estimator, ROWS), name="fraud", store=store)
    onnx.checker.check_model(onnx.load_model_from_string(store.model("fraud", 1)))


def test_what_the_package_offers():
    assert converters.__all__ == [
        "Columns", "GraphInput", "GraphSource", "Sample", "Source", "convert", "convert_graph", "load_estimator",
        "read_paths", "read_sample", "sample_of", "to_onnx",
    ]  # fmt: skip
    assert converters.Sample is Sample
