"""The loans example: simulated, written quickly, certified, and championed only by the better model."""

import json
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.tree import DecisionTreeClassifier

from converters import Columns, Source, convert, sample_of
from examples.loans.applications import APPROVED, DENIED, FEATURES, LABEL, applications, decided, write_applications
from examples.loans.release import challenge, release
from examples.loans.train import SAMPLE, held_back, train
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event
from scoring.errors import ScoringError


@pytest.fixture(scope="module")
def small():
    return train(1000)


@pytest.fixture(scope="module")
def large():
    return train()


@pytest.fixture(scope="module")
def store(tmp_path_factory, small, large):
    store = LocalStore(tmp_path_factory.mktemp("store"))
    challenge(store, small)
    challenge(store, large)
    return store


@pytest.fixture(scope="module")
def pipeline(store):
    return load_pipeline(store, parse_reference("loans@champion"))


def events(rows):
    return [Event(json.dumps(row).encode()) for row in rows]


def test_the_first_applications_are_the_same_whatever_the_count():
    pd.testing.assert_frame_equal(applications(1000, seed=5).head(10), applications(10, seed=5))
    assert not applications(10, seed=6)["income"].equals(applications(10, seed=5)["income"])


def test_applications_are_of_all_kinds():
    rows = decided(20_000, seed=3)

    assert 0.2 < (rows[LABEL] == DENIED).mean() < 0.35
    assert rows["application_id"].is_unique
    assert rows["income"].between(400, 40_000).all()
    assert rows["age"].between(18, 80).all()
    assert not applications(1000, seed=1)["income"].equals(held_back()["income"].head(1000))


def test_half_a_million_applications_are_written_in_seconds(tmp_path):
    began = time.monotonic()
    write_applications(tmp_path / "loans.parquet", 512_000)
    write_applications(tmp_path / "loans.jsonl", 512_000)

    assert time.monotonic() - began < 20
    assert pq.read_metadata(tmp_path / "loans.parquet").num_rows == 512_000
    with (tmp_path / "loans.jsonl").open("rb") as file:
        assert sum(1 for _ in file) == 512_000


def test_both_kinds_of_file_hold_the_same(tmp_path):
    write_applications(tmp_path / "loans.parquet", 70_000, seed=1)
    write_applications(tmp_path / "loans.jsonl", 70_000, seed=1)

    lines = [json.loads(line) for line in (tmp_path / "loans.jsonl").read_bytes().splitlines()]
    assert pq.read_table(tmp_path / "loans.parquet").to_pylist() == lines
    assert lines == applications(70_000, seed=1).to_dict("records")


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError) as error:
        write_applications(tmp_path / "loans.csv", 1)
    assert str(error.value) == "file 'loans.csv': expected a name that ends in .parquet or .jsonl"


def test_metrics_and_tags(large):
    assert large.properties["accuracy"] > 0.88
    assert large.properties["auc"] > 0.94
    assert large.tags["framework"] == "scikit-learn"
    assert large.tags["framework_version"].startswith("1.")


def test_training_again_gives_the_same(small):
    assert train(1000).properties == small.properties


def test_the_first_model_is_champion(tmp_path):
    manifest = release(LocalStore(tmp_path), rows=1000)

    assert LocalStore(tmp_path).aliases("loans") == {"champion": 1}
    assert manifest.certificate is not None
    assert manifest.certificate.passed
    assert manifest.certificate.padding == 1
    assert manifest.certificate.rows["held_back"] == 10_000
    assert manifest.outputs.labels == (APPROVED, DENIED)
    assert manifest.outputs.positive == APPROVED
    assert set(manifest.lineage.data_sets) == {"loans training", "loans held back"}
    assert manifest.lineage.parent_version is None


def test_a_better_model_replaces_the_champion(store, large):
    manifest = store.manifest("loans", store.aliases("loans")["champion"])

    assert (manifest.version, manifest.lineage.parent_version) == (2, 1)
    assert manifest.properties == large.properties
    assert manifest.tags == large.tags


def test_a_model_that_is_not_better_leaves_the_champion_in_its_place(store, small, large):
    for training in (small, large):
        decision = challenge(store, training)

        assert not decision.replaced
        assert decision.champion.reference == "loans:2"
        assert (decision.new_auc, decision.old_auc) == (training.properties["auc"], large.properties["auc"])
    assert store.versions("loans") == [1, 2]
    auc = large.properties["auc"]
    assert str(decision) == f"loans:2 stays champion: AUC {auc:.4f} of the new model against {auc:.4f}"


def test_a_champion_that_takes_other_features_is_told(tmp_path, small):
    store = LocalStore(tmp_path)
    _release_on_income_alone(store)

    with pytest.raises(ScoringError) as error:
        challenge(store, small)
    assert str(error.value).startswith("loans:1 cannot be compared: ")


def _release_on_income_alone(store):
    rows = decided(200)[["income", LABEL]]
    stump = DecisionTreeClassifier(max_depth=1).fit(rows[["income"]], rows[LABEL])
    convert(
        Source(estimator=stump, sample=sample_of(rows, name="incomes"), columns=Columns(label=LABEL)),
        name="loans",
        store=store,
    )
    store.set_alias("loans", "champion", 1)


def test_rows_are_answered_with_probabilities_as_scikit_learn_does(pipeline, large):
    outcomes = pipeline.score(events(SAMPLE["data"]), form="row")

    expected = large.model.predict_proba(np.array(SAMPLE["data"]))[:, 0]
    assert [each.score for each in outcomes] == pytest.approx(expected.tolist(), abs=1e-6)
    assert [each.label for each in outcomes] == [APPROVED, DENIED]
    assert outcomes[0].score > 0.9
    assert outcomes[1].score < 0.5


def test_records_are_answered_as_rows_are(pipeline):
    records = [dict(zip(FEATURES, row, strict=True)) for row in SAMPLE["data"]]

    as_records = pipeline.score(events(records), form="record")
    assert [each.score for each in as_records] == [
        each.score for each in pipeline.score(events(SAMPLE["data"]), form="row")
    ]


def test_events_carry_their_id_into_the_prediction(pipeline):
    rows = applications(100).to_dict("records")

    assert [each.event_id for each in pipeline.score(events(rows))] == [row["application_id"] for row in rows]


def test_more_income_never_counts_against_an_applicant(pipeline):
    incomes = range(500, 8000, 50)
    scores = [each.score for each in pipeline.score(events([[income, 7, 40] for income in incomes]), form="row")]

    assert scores == sorted(scores)
