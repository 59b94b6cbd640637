"""`weir models`: a store looked at, verified, and its aliases moved, in a process of its own."""

import json

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from converters import Columns, Source, convert, sample_of
from models import LocalStore
from scoring import Feature, parse_manifest
from scoring.examples import example_event
from tests.cli.running import ROOT, weir
from tests.converters.drafts import numbers

ROWS, LABELS = numbers()


def fill(folder):
    store = LocalStore(folder)
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(ROWS, LABELS)
    table = ROWS.assign(id=range(len(ROWS)))
    source = Source(
        estimator=estimator,
        sample=sample_of(table, name="rows"),
        columns=Columns(event_id="meta.id", paths={"id": "meta.id", "a": "[red].a"}),
    )
    convert(source, name="fraud", store=store, tags={"team": "[bold]cards"}, properties={"auc": 0.9})
    convert(source, name="fraud", store=store, uncertified=True)
    store.set_alias("fraud", "champion", 1)
    texts = ["where is my card", "who is it"] * 20
    faq = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["a", "b"] * 20)
    convert(
        Source(estimator=faq, sample=sample_of(ROWS[["a"]].head(40).assign(a=texts), name="x")), name="faq", store=store
    )
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("models") / "store")


def test_a_list(store, tmp_path):
    done = weir("models", "list", "--store", store, cwd=tmp_path)
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["model", "aliases", "task", "features", "certificate", "created"]
    assert lines[1][:3] == ["faq:1", "binary", "1"]
    assert lines[2][:5] == ["fraud:1", "champion", "binary", "4", "passed,"]
    assert lines[3][:4] == ["fraud:2", "binary", "4", "none"]


def test_a_list_for_programs(store, tmp_path):
    listed = json.loads(weir("models", "list", "--store", store, "--json", cwd=tmp_path).stdout)
    assert [(each["name"], each["version"], each["aliases"], each["certified"]) for each in listed] == [
        ("faq", 1, [], True),
        ("fraud", 1, ["champion"], True),
        ("fraud", 2, [], False),
    ]


def test_an_empty_store(tmp_path):
    (tmp_path / "store").mkdir()
    assert weir("models", "list", cwd=tmp_path).stdout == "the store store is empty; weir convert adds to it\n"


def test_one_model(store, tmp_path):
    done = weir("models", "show", "fraud@champion", "--store", store, cwd=tmp_path)
    assert done.returncode == 0
    assert "fraud:1" in done.stdout
    assert "meta.id" in done.stdout
    assert "[red].a" in done.stdout
    assert "team=[bold]cards" in done.stdout
    assert "auc=0.9" in done.stdout


def test_one_model_for_programs(store, tmp_path):
    done = weir("models", "show", "fraud:1", "--store", store, "--json", cwd=tmp_path)
    assert parse_manifest(done.stdout.encode(), source="stdout") == LocalStore(store).manifest("fraud", 1)


def test_an_alias_is_moved(tmp_path):
    fill(tmp_path / "store")
    done = weir("models", "alias", "fraud", "champion", "2", cwd=tmp_path)
    assert done.stdout == "fraud@champion is now version 2 (was 1)\n"
    assert weir("models", "alias", "fraud", "next", "1", cwd=tmp_path).stdout == "fraud@next is now version 1\n"
    done = weir("models", "alias", "fraud", "champion", "9", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "error: model 'fraud' has no version 9; it has 1, 2\n")


@pytest.mark.parametrize("model", ["fraud@champion", "faq"])
def test_a_model_that_may_be_served(model, store, tmp_path):
    done = weir("models", "verify", model, "--store", store, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{model.split('@')[0]}:1 may be served"


def test_the_same_for_programs(store, tmp_path):
    verified = json.loads(weir("models", "verify", "fraud:1", "--store", store, "--json", cwd=tmp_path).stdout)
    assert verified["served"] is True
    assert verified["prediction"]["event_id"] == verified["event"]["meta"]["id"] == "example-1"
    assert verified["prediction"]["model"]["version"] == 1


def test_a_model_without_a_certificate(store, tmp_path):
    done = weir("models", "verify", "fraud:2", "--store", store, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: fraud:2 has no certificate: convert it again")


def test_a_model_that_was_tampered_with(tmp_path):
    fill(tmp_path / "store")
    path = tmp_path / "store" / "fraud" / "1" / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    done = weir("models", "verify", "fraud:1", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: fraud:1: model.onnx has the SHA-256 ")


def test_a_model_that_is_not_there(store, tmp_path):
    done = weir("models", "show", "loans", "--store", store, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: no model 'loans' in the store {store}; it holds faq, fraud\n"


def test_the_published_schema_is_current(tmp_path):
    done = weir("models", "schema", cwd=tmp_path)
    assert (ROOT / "docs" / "manifest.schema.json").read_text() == done.stdout, (
        "weir models schema > docs/manifest.schema.json"
    )


def test_an_example_of_every_dtype(store):
    manifest = LocalStore(store).manifest("fraud", 1)
    features = (
        Feature(name="f", path=("f",), dtype="float32", minimum=1, maximum=4),
        Feature(name="i", path=("deep", "i"), dtype="int64", minimum=1, maximum=4),
        Feature(name="b", path=("deep", "b"), dtype="bool"),
        Feature(name="s", path=("s",), dtype="string", categories=("x", "y")),
        Feature(name="t", path=("t",), dtype="text"),
        Feature(name="n", path=("n",), dtype="tensor", shape=(2, 1)),
        Feature(name="p", path=("p",), dtype="image", shape=(1, 2, 2)),
    )
    event = json.loads(example_event(manifest.model_copy(update={"features": features})))
    assert event.pop("p").startswith("iVBORw0KGgo")
    assert event == {
        "f": 2.5, "deep": {"i": 2, "b": False}, "s": "x", "t": "example", "n": [[0.0], [0.0]],
        "meta": {"id": "example-1"},
    }  # fmt: skip
