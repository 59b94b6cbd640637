"""The diabetes example: measured, certified, and answering records as scikit-learn does."""

import json

import pandas as pd
import pytest

from examples.diabetes import train
from examples.diabetes.release import release
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event

SAMPLE = train.SAMPLE["data"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = LocalStore(tmp_path_factory.mktemp("store"))
    release(store)
    return store


@pytest.fixture(scope="module")
def pipeline(store):
    return load_pipeline(store, parse_reference("diabetes@champion"))


def scores(pipeline, records):
    return [outcome.score for outcome in pipeline.score([Event(json.dumps(record).encode()) for record in records])]


def test_the_data_are_as_they_were_measured():
    rows = train.patients()

    assert rows.columns.tolist() == [*train.FEATURES, train.TARGET]
    assert len(rows) == 442
    assert set(rows["SEX"]) == {1, 2}
    assert (rows["AGE"].min(), rows["AGE"].max()) == (19, 79)


def test_metrics():
    measured = train.train().properties

    assert measured["r2"] > 0.3
    assert measured["cross_validated_r2"] > 0.45
    assert measured["rmse"] < 60
    assert measured["mae"] < measured["rmse"]
    assert (measured["training_rows"], measured["test_rows"]) == (331, 111)


def test_release_certifies_and_names_the_champion(store):
    manifest = store.manifest("diabetes", 1)

    assert store.aliases("diabetes") == {"champion": 1}
    assert manifest.task == "regression"
    assert [feature.name for feature in manifest.features] == list(train.FEATURES)
    assert manifest.certificate is not None
    assert manifest.certificate.passed
    assert manifest.certificate.rows["held_back"] == 111
    assert manifest.certificate.rows["thresholds"] > 1000
    assert manifest.properties == train.train().properties
    assert set(manifest.lineage.data_sets) == {"diabetes training", "diabetes held back"}


def test_the_request_is_answered_as_scikit_learn_does(pipeline):
    trained = train.train()
    expected = trained.model.predict(pd.DataFrame(SAMPLE)[list(train.FEATURES)])

    assert scores(pipeline, SAMPLE) == pytest.approx(expected.tolist(), rel=1e-5)


def test_the_order_of_a_records_fields_does_not_matter(pipeline):
    turned = [dict(reversed(list(record.items()))) for record in SAMPLE]

    assert scores(pipeline, turned) == scores(pipeline, SAMPLE)


def test_one_record_alone_scores_as_in_a_batch(pipeline):
    records = train.train().held_back_table[list(train.FEATURES)].to_dict("records")

    assert [scores(pipeline, [record])[0] for record in records] == scores(pipeline, records)
