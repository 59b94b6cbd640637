"""A store with a small model of every kind."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from onnx import helper
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from converters import Columns, Source, convert, sample_of
from models import LocalStore
from scoring import Feature, Graph, Manifest
from tests.converters.drafts import numbers, payments
from tests.models.graphs import CERTIFICATE, FLOAT, model_bytes, value

__all__ = ["KINDS", "fill"]

KINDS = ("payments", "margins", "flowers", "diabetes", "strange", "faq", "photos")


def fill(folder: Path) -> Path:
    store = LocalStore(folder)
    _payments(store)
    rows, labels = numbers()
    _convert(store, "margins", LinearSVC().fit(rows, labels), rows)
    flowers = load_iris(as_frame=True)
    species = flowers.target_names[flowers.target]
    _convert(store, "flowers", LogisticRegression(max_iter=1000).fit(flowers.data, species), flowers.data)
    patients = load_diabetes(as_frame=True)
    _convert(store, "diabetes", LinearRegression().fit(patients.data, patients.target), patients.data)
    _convert(store, "strange", IsolationForest(n_estimators=5, random_state=0).fit(rows), rows)
    texts = ["where is my card", 'who\'s "it"?'] * 20
    faq = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["a", "b"] * 20)
    _convert(store, "faq", faq, rows[["a"]].head(40).assign(a=texts))
    _photos(store)
    return folder


def _payments(store: LocalStore) -> None:
    """Mixed columns with nulls, below paths, beside an event id."""
    table = payments()
    features = table.drop(columns="fraud")
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["country", "channel"]), remainder="passthrough", sparse_threshold=0
    )
    estimator = make_pipeline(encode, HistGradientBoostingClassifier(max_iter=5)).fit(features, table["fraud"])
    paths = {"id": "meta.id", "country": "card.country", "risk": "card.risk", "vip": "customer.vip"}
    source = Source(
        estimator=estimator,
        sample=sample_of(features.assign(id=range(len(table))), name="rows"),
        columns=Columns(event_id="meta.id", paths=paths),
    )
    convert(source, name="payments", store=store, threshold=0.4, properties={"auc": 0.91}, tags={"team": "cards"})
    store.set_alias("payments", "champion", 1)


def _convert(store: LocalStore, name: str, estimator: object, rows: object) -> None:
    convert(Source(estimator=estimator, sample=sample_of(rows, name="rows")), name=name, store=store)


def _photos(store: LocalStore) -> None:
    """An image and a tensor, whose means are added."""
    nodes = [
        helper.make_node("ReduceMean", ["photo"], ["light"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["cells"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Add", ["light", "mean"], ["score"]),
    ]
    inputs = [value("photo", FLOAT, [None, 3, 2, 4]), value("cells", FLOAT, [None, 2, 3])]
    model = model_bytes(nodes, inputs, [value("score", FLOAT, [None])])
    manifest = Manifest.model_validate(
        {
            "name": "photos",
            "version": 1,
            "task": "regression",
            "features": (
                Feature(name="photo", path=("photo",), dtype="image", shape=(3, 2, 4)),
                Feature(name="cells", path=("cells",), dtype="tensor", shape=(2, 3)),
            ),
            "graph": Graph(form="columns", score="score"),
            "outputs": {},
            "opset": {"": 17},
            "digest": sha256(model).hexdigest(),
            "created": datetime(2024, 5, 1, tzinfo=UTC),
            "certificate": CERTIFICATE,
        }
    )
    store.add(manifest, model)
