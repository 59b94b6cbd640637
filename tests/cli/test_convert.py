"""`weir convert`, from files to a store, in a process of its own."""

import json

import joblib
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from models import LocalStore, Reference, load_pipeline
from scoring import Event
from tests.cli.running import weir
from tests.converters.drafts import payments


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    table = payments()
    columns = ColumnTransformer(
        [
            ("plain", "passthrough", ["amount", "age", "risk", "vip"]),
            ("named", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["country", "channel"]),
        ]
    )
    estimator = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=10))
    estimator.fit(table.drop(columns="fraud"), table["fraud"])
    skops.io.dump(estimator, folder / "model.skops")
    joblib.dump(estimator, folder / "model.joblib")
    table.assign(id=[f"t-{index}" for index in range(len(table))]).to_csv(folder / "rows.csv", index=False)
    table.head(100).to_csv(folder / "later.csv", index=False)
    (folder / "paths.yaml").write_text("age: customer.age\n")
    (folder / "train.py").write_text("import joblib\ndef model(): return joblib.load('model.joblib')\n")
    return folder


def convert(files, store, *options, estimator="model.skops", table="rows.csv"):
    return weir(
        "convert", estimator, table, "--name", "fraud", "--store", store, "--label", "fraud", *options, cwd=files
    )


def test_everything_at_once(files, tmp_path):
    done = convert(
        files, tmp_path / "store", "--event-id", "id", "--paths", "paths.yaml", "--held-back", "later.csv",
        "--threshold", "0.4", "--positive", "1", "--nullable", "channel", "--tag", "team=cards",
        "--property", "auc=0.9", "--property", "rows=600", "--run-id", "run-7",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(":", maxsplit=1) for line in done.stdout.splitlines())
    where = tmp_path / "store" / "fraud" / "1"
    assert lines["model"].strip() == f"fraud:1 in {where}"
    assert lines["certificate"].strip().startswith("passed; compared 100 held back, ")
    assert lines["difference"].strip().endswith("at most (allowed: 1e-05)")
    assert lines["decisions"].strip() == "0 differ"
    assert lines["padding"].strip() == "1, equal bits in batches of 1, 2, 7, 64, 257, 1021, 4096"
    assert lines["next"].strip() == f"weir models alias fraud champion 1 --store {tmp_path / 'store'}"
    manifest = json.loads((where / "manifest.json").read_text())
    assert manifest["tags"] == {"team": "cards"}
    assert manifest["properties"] == {"auc": 0.9, "rows": 600}
    assert manifest["outputs"]["threshold"] == 0.4
    assert manifest["event_id"] == ["id"]
    assert set(manifest["lineage"]["data_sets"]) == {"rows.csv", "later.csv"}
    assert {feature["name"]: feature["path"] for feature in manifest["features"]}["age"] == ["customer", "age"]
    event = {"id": "t", "amount": 3.5, "customer": {"age": 30}, "risk": None, "vip": False, "country": "XX"}
    pipeline = load_pipeline(LocalStore(tmp_path / "store"), Reference(name="fraud"))
    (outcome,) = pipeline.score([Event(value=json.dumps(event).encode())])
    assert outcome.event_id == "t"


def test_a_second_run_makes_a_second_version(files, tmp_path):
    assert convert(files, tmp_path, "--event-id", "id").returncode == 0
    done = convert(files, tmp_path, "--event-id", "id", "--trust-pickle", estimator="model.joblib")
    assert "fraud:2 in " in done.stdout


def test_a_function_of_the_current_directory(files, tmp_path):
    assert convert(files, tmp_path, "--event-id", "id", estimator="train:model").returncode == 0


def test_a_pickle_that_is_not_trusted(files, tmp_path):
    done = convert(files, tmp_path / "store", estimator="model.joblib")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: model.joblib is a pickle, and loading one runs the code inside it: pass --trust-"
    )
    assert not (tmp_path / "store").exists()


def test_what_does_not_agree_is_refused_by_how_much_and_where(files, tmp_path):
    done = convert(files, tmp_path / "store", "--dtype", "amount=float32", "--dtype", "risk=float32")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: the graph does not answer like the estimator: scores differ by up to 0.")
    assert "(allowed: 1e-05)" in done.stderr
    assert "held-back row (amount=" in done.stderr
    assert not (tmp_path / "store").exists()


def test_without_a_certificate_only_when_asked(files, tmp_path):
    done = convert(files, tmp_path, "--uncertified")
    assert done.returncode == 0
    assert "certificate: none: serving refuses this model unless it is told to allow uncertified ones" in done.stdout
    assert "next:        convert it again without --uncertified" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tag", "cards"), "error: --tag 'cards': expected NAME=VALUE\n"),
        (("--dtype", "amount=float16"), "error: column 'amount': dtype 'float16'; expected one of ["),
        (("--paths", "nowhere.yaml"), "error: paths 'nowhere.yaml': there is no such file\n"),
        (("--held-back", "nowhere.csv"), "error: sample 'nowhere.csv': there is no such file; expected a .csv or"),
    ],
)
def test_options_that_are_wrong(options, message, files, tmp_path):
    done = convert(files, tmp_path, *options)
    assert done.returncode == 2
    assert done.stderr.startswith(message)


def test_strings_that_look_like_numbers(tmp_path):
    table = payments()[["country", "amount", "fraud"]].assign(country=["01067", "80331"] * 300)
    columns = ColumnTransformer(
        [("named", OneHotEncoder(sparse_output=False), ["country"]), ("n", "passthrough", ["amount"])]
    )
    estimator = make_pipeline(columns, LogisticRegression()).fit(table.drop(columns="fraud"), table["fraud"])
    skops.io.dump(estimator, tmp_path / "model.skops")
    table.to_csv(tmp_path / "rows.csv", index=False)
    done = convert(tmp_path, "store", "--dtype", "country=string")
    assert done.returncode == 0, done.stderr
    assert LocalStore(tmp_path / "store").manifest("fraud", 1).features[0].categories == ("01067", "80331")
