"""Graph inputs, outputs, refusals and bytes of `to_onnx`."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from xgboost import XGBClassifier, XGBRegressor

from converters.export import OPSET, GraphInput, to_onnx
from scoring.errors import ConversionError
from tests.converters.running import answers, feed_of, run

rng = np.random.default_rng(0)
ROWS = 300
FRAME = pd.DataFrame(
    {
        "Amount (USD)": rng.lognormal(size=ROWS).astype(np.float32),
        "hour": rng.integers(0, 24, ROWS),
        "country": rng.choice(["NL", "DE", "FR"], ROWS),
        "online": rng.random(ROWS) > 0.5,
        "balance": rng.normal(size=ROWS),
    }
)
DTYPES = {"Amount (USD)": "float32", "hour": "int64", "country": "string", "online": "bool", "balance": "float64"}
FRAUD = ((FRAME["Amount (USD)"] > 1.5) ^ FRAME["online"]).astype(int).to_numpy()
X = rng.normal(size=(ROWS, 4)).astype(np.float32)
TWO = (X[:, 0] + X[:, 1] > 0).astype(int)
THREE = TWO + (X[:, 2] > 0)
TABLE = [GraphInput("table", "float32", 4)]


def inputs_of(*columns):
    return [GraphInput(name, DTYPES[name]) for name in columns]


def columns_agree(estimator, *columns, atol=1e-6):
    frame, inputs = FRAME[list(columns)], inputs_of(*columns)
    estimator.fit(frame, FRAUD)
    model = to_onnx(estimator, inputs)
    onnx.checker.check_model(model)
    assert [value.name for value in model.graph.input] == list(columns)
    labels, probabilities = run(model.SerializeToString(), feed_of(frame, inputs))
    np.testing.assert_allclose(probabilities, estimator.predict_proba(frame), atol=atol)
    np.testing.assert_array_equal(labels, estimator.predict(frame))
    return model


def preprocess(*, numbers, categories=()):
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), list(numbers)),
            ("categories", OneHotEncoder(handle_unknown="ignore"), list(categories)),
        ]
    )


@pytest.mark.parametrize(
    "classifier",
    [
        LogisticRegression(),
        LGBMClassifier(n_estimators=5, verbose=-1),
        XGBClassifier(n_estimators=5),
        HistGradientBoostingClassifier(max_iter=5),
        RandomForestClassifier(5, random_state=0),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")  # LightGBM, of its own names
def test_one_graph_input_for_each_column(classifier):
    steps = preprocess(numbers=["Amount (USD)", "hour"], categories=["country"])
    columns_agree(Pipeline([("preprocess", steps), ("model", classifier)]), "Amount (USD)", "hour", "country")


def test_booleans_float64_and_what_remains():
    steps = ColumnTransformer(
        [("scale", StandardScaler(), ["Amount (USD)", "online"]), ("code", OrdinalEncoder(), ["country"])],
        remainder="passthrough",
    )
    model = columns_agree(make_pipeline(steps, LogisticRegression()), *DTYPES)
    assert model.graph.output[1].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE


def test_boolean_categories():
    columns_agree(
        make_pipeline(preprocess(numbers=["hour"], categories=["online"]), LogisticRegression()), "hour", "online"
    )


def test_columns_are_joined_for_an_estimator_without_a_column_transformer():
    columns_agree(make_pipeline(StandardScaler(), LogisticRegression()), "Amount (USD)", "hour", "online")


def test_joined_columns_follow_the_order_of_the_fit():
    frame = FRAME[["hour", "balance"]]
    model = HistGradientBoostingClassifier(max_iter=5).fit(frame, FRAUD)
    inputs = inputs_of("balance", "hour")
    probabilities = run(to_onnx(model, inputs).SerializeToString(), feed_of(frame, inputs))[1]
    np.testing.assert_allclose(probabilities, model.predict_proba(frame), atol=1e-6)


@pytest.mark.parametrize("library", [XGBClassifier(n_estimators=5), LGBMClassifier(n_estimators=5, verbose=-1)])
def test_boosters_fitted_on_a_frame(library):
    columns_agree(library, "Amount (USD)", "hour")


def test_names_of_outputs_and_shapes():
    classifier = to_onnx(LogisticRegression().fit(X, THREE), TABLE)
    assert [output.name for output in classifier.graph.output] == ["label", "probabilities"]
    assert classifier.graph.output[1].type.tensor_type.shape.dim[1].dim_value == 3
    regressor = to_onnx(LinearRegression().fit(X, X[:, 0]), TABLE)
    assert [output.name for output in regressor.graph.output] == ["value"]
    detector = to_onnx(IsolationForest(n_estimators=5).fit(X), TABLE)
    assert [output.name for output in detector.graph.output] == ["label", "scores"]
    assert {one.domain: one.version for one in classifier.opset_import}[""] == OPSET


@pytest.mark.parametrize("batch", [0, 1, 7])
def test_any_batch_size(batch):
    model = Pipeline([("scale", StandardScaler()), ("vote", LogisticRegression())]).fit(X, TWO)
    label, probabilities = answers(model, X[:batch])
    assert label.shape == (batch,)
    assert probabilities.shape == (batch, 2)


@pytest.mark.parametrize(
    "classifier",
    [
        SVC(),
        LinearSVC(),
        RidgeClassifier(),
        SGDClassifier(),
        GridSearchCV(make_pipeline(SVC()), {"svc__C": [1.0, 2.0]}),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
@pytest.mark.parametrize("target", [TWO, THREE], ids=["two", "three"])
def test_scores_are_those_of_decision_function(classifier, target):
    classifier.fit(X, target)
    label, scores = answers(classifier, X)
    expected = classifier.decision_function(X)
    assert scores.shape == (ROWS, 1 if target is TWO else 3)
    np.testing.assert_allclose(scores.reshape(expected.shape), expected, atol=2e-5)
    np.testing.assert_array_equal(label, classifier.predict(X))


def test_a_search_is_what_it_found():
    search = RandomizedSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, n_iter=2, random_state=0).fit(X, THREE)
    np.testing.assert_allclose(answers(search, X)[1], search.predict_proba(X), atol=1e-6)


def test_labels_may_be_strings():
    names = np.where(TWO == 1, "fraud", "honest")
    model = LGBMClassifier(n_estimators=5, verbose=-1).fit(X, names)
    np.testing.assert_array_equal(answers(model, X)[0], model.predict(X))


WORDS = ["card", "a", "Été", "refund", "x", "É", "big_sum", "no1"]
TEXTS = pd.Series([" ".join(rng.choice(WORDS, 6)) for _ in range(ROWS)], name="text")


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), CountVectorizer(), TfidfVectorizer(ngram_range=(1, 2))])
def test_texts_are_cut_as_scikit_learn_cuts_them(vectorizer):
    model = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, TWO)
    feed = {"text": TEXTS.to_numpy().reshape(-1, 1).astype(object)}
    probabilities = run(to_onnx(model, [GraphInput("text", "string")]).SerializeToString(), feed)[1]
    np.testing.assert_allclose(probabilities, model.predict_proba(TEXTS), atol=1e-6)


def test_texts_beside_numbers():
    frame = pd.DataFrame({"text": TEXTS, "amount": X[:, 0]})
    steps = ColumnTransformer([("words", TfidfVectorizer(), "text"), ("numbers", StandardScaler(), ["amount"])])
    model = make_pipeline(steps, LogisticRegression()).fit(frame, TWO)
    inputs = [GraphInput("text", "string"), GraphInput("amount", "float32")]
    probabilities = run(to_onnx(model, inputs).SerializeToString(), feed_of(frame, inputs))[1]
    np.testing.assert_allclose(probabilities, model.predict_proba(frame), atol=1e-6)


class Doubler(FunctionTransformer):
    """A step that nobody wrote a converter for."""


def nested(step):
    return Pipeline([("preprocess", Pipeline([("odd", step)])), ("model", LogisticRegression())]).fit(X, TWO)


@pytest.mark.parametrize(
    ("estimator", "step", "words"),
    [
        (LogisticRegression, "LogisticRegression", "not a fitted"),
        (lambda: nested(Nystroem(n_components=5)), "preprocess.odd: Nystroem", "Use PolynomialFeatures"),
        (lambda: nested(Doubler()), "preprocess.odd: Doubler", "no converter"),
        (lambda: nested(FunctionTransformer(np.abs)), "preprocess.odd: FunctionTransformer", "Python code"),
        (
            lambda: VotingClassifier([("a", LogisticRegression())]).fit(X, TWO),
            "VotingClassifier",
            "names a class without a score",
        ),
        (
            lambda: MultiOutputClassifier(LogisticRegression()).fit(X, np.column_stack([TWO, THREE])),
            "MultiOutputClassifier",
            "one classifier for each label",
        ),
        (lambda: RFE(LogisticRegression()).fit(X, TWO), "RFE", "Put it before a classifier"),
        (
            lambda: GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()).fit(X, TWO),
            "GradientBoostingClassifier",
            "another estimator",
        ),
        (
            lambda: HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(np.abs(np.round(X)), TWO),
            "HistGradientBoostingClassifier",
            "OrdinalEncoder",
        ),
        (lambda: LGBMClassifier(n_estimators=2, sigmoid=2.0, verbose=-1).fit(X, TWO), "LGBMClassifier", "sigmoid:2"),
        (
            lambda: LGBMClassifier(n_estimators=2, objective="multiclassova", verbose=-1).fit(X, THREE),
            "LGBMClassifier",
            "multiclassova",
        ),
        (
            lambda: LGBMClassifier(
                n_estimators=2, boosting_type="rf", bagging_freq=1, bagging_fraction=0.5, verbose=-1
            ).fit(X, TWO),
            "LGBMClassifier",
            "100 trees",
        ),
        (
            lambda: LGBMRegressor(n_estimators=2, linear_tree=True, verbose=-1).fit(X, X[:, 0]),
            "LGBMRegressor",
            "linear",
        ),
        (
            lambda: LGBMRegressor(n_estimators=2, reg_sqrt=True, verbose=-1).fit(X, X[:, 0] ** 2),
            "LGBMRegressor",
            "sqrt",
        ),
        (
            lambda: LGBMRegressor(n_estimators=2, zero_as_missing=True, verbose=-1).fit(np.round(X), X[:, 0]),
            "LGBMRegressor",
            "zero",
        ),
        (lambda: XGBClassifier(n_estimators=2, booster="dart").fit(X, TWO), "XGBClassifier", "dart"),
        (
            lambda: XGBClassifier(n_estimators=2, num_parallel_tree=2).fit(X, TWO),
            "XGBClassifier",
            "num_parallel_tree=1",
        ),
        (lambda: XGBClassifier(n_estimators=2, missing=0.0).fit(X, TWO), "XGBClassifier", "missing=nan"),
        (
            lambda: XGBRegressor(n_estimators=2, objective="reg:logistic").fit(X, TWO),
            "XGBRegressor",
            "'reg:logistic' has no equal",
        ),
    ],
)
def test_a_refusal_names_the_step_the_reason_and_the_remedy(estimator, step, words):
    with pytest.raises(ConversionError) as refusal:
        to_onnx(estimator(), TABLE)
    assert refusal.value.step == step
    assert str(refusal.value).startswith(f"{step}: ")
    assert words in str(refusal.value)
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("vectorizer", "words"),
    [
        (TfidfVectorizer(analyzer="char"), "this analyzer"),
        (TfidfVectorizer(strip_accents="ascii"), "this strip_accents"),
        (TfidfVectorizer(stop_words=["card"], ngram_range=(1, 2)), "stop words"),
    ],
)
def test_texts_that_onnx_would_cut_otherwise(vectorizer, words):
    model = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, TWO)
    with pytest.raises(ConversionError, match=words) as refusal:
        to_onnx(model, [GraphInput("text", "string")])
    assert refusal.value.step == f"{type(vectorizer).__name__.lower()}: {type(vectorizer).__name__}"


def test_pandas_categories_are_refused():
    frame = FRAME[["hour"]].assign(country=FRAME["country"].astype("category"))
    model = LGBMClassifier(n_estimators=2, verbose=-1, min_child_samples=5).fit(frame, FRAUD)
    with pytest.raises(ConversionError, match=r"categories by their codes\. Encode the categories"):
        to_onnx(model, [GraphInput("hour", "float32"), GraphInput("country", "float32")])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([], "inputs with names of their own"),
        ([GraphInput("a", "float32"), GraphInput("a", "float32")], "inputs with names of their own"),
        ([GraphInput("label", "float32", 4)], "same name as its input 'label'"),
        ([GraphInput("hour", "float32"), GraphInput("amount", "float32")], "fitted on the columns"),
    ],
)
def test_inputs_that_cannot_be(inputs, words):
    fitted = LogisticRegression().fit(FRAME[["hour", "balance"]], FRAUD)
    with pytest.raises(ConversionError, match=words):
        to_onnx(fitted, inputs)


def test_a_graph_that_would_not_load_is_refused():
    model = AdaBoostClassifier(n_estimators=2).fit(X, TWO)
    with pytest.raises(ConversionError, match=r"would not load.*Ask for float32 inputs"):
        to_onnx(model, [GraphInput("table", "float64", 4)])


PROGRAM = """
import sys, numpy as np, joblib, hashlib
from converters.export import GraphInput, to_onnx
for path in sys.argv[1:]:
    model = to_onnx(joblib.load(path), [GraphInput("table", "float32", 4)])
    print(hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest())
"""


def test_the_same_estimator_gives_the_same_bytes_in_every_process(tmp_path):
    import joblib

    estimators = [
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, THREE),
        XGBClassifier(n_estimators=3).fit(X, TWO),
        LGBMClassifier(n_estimators=3, verbose=-1).fit(X, TWO),
        RandomForestClassifier(3, random_state=0).fit(X, THREE),
        IsolationForest(n_estimators=3).fit(X),
        SVC().fit(X, THREE),
    ]
    paths = []
    for number, estimator in enumerate(estimators):
        paths.append(str(tmp_path / f"{number}.joblib"))
        joblib.dump(estimator, paths[-1])
    here = [hashlib.sha256(to_onnx(one, TABLE).SerializeToString(deterministic=True)).hexdigest() for one in estimators]
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, *paths],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
        )
        assert there.stdout.split() == here
