import threading

import numpy as np
import pytest

import telemetry.drift
from scoring import Feature
from telemetry.drift import Drift, DriftSettings
from telemetry.drift.observer import MAX_MODELS
from tests.observing.drift.models import block, facts, manifest, number

MODEL = manifest()
STEADY = np.repeat(np.arange(10) + 0.5, 40)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def drift(clock, **settings):
    return Drift(DriftSettings(**settings), clock=clock)


def by_name(observer):
    return {each.feature: each for each in observer.figures()}


def test_a_shifted_feature_is_told_and_only_that(clock):
    observer = drift(clock)
    observer.scored(facts(MODEL, block(a=STEADY, b=STEADY + 4), np.tile([0.25, 0.75], 200)))
    found = by_name(observer)
    assert set(found) == {"a", "b", "score"}
    assert all(each.model == "payments:1" and each.rows == 400 for each in found.values())
    assert found["a"].psi < 0.001
    assert found["score"].psi < 0.001
    assert found["b"].psi > 1
    assert found["b"].out_of_range == pytest.approx(0.4)


def test_below_the_least_number_of_rows_there_are_no_figures(clock):
    observer = drift(clock)
    observer.scored(facts(MODEL, block(a=STEADY[:199], b=STEADY[:199])))
    assert observer.figures() == []
    observer.scored(facts(MODEL, block(a=[1.0], b=[1.0])))
    assert len(observer.figures()) == 3


def test_what_has_left_the_window_is_forgotten(clock):
    observer = drift(clock, window_s=60, slices=6)
    observer.scored(facts(MODEL, block(a=STEADY, b=STEADY)))
    clock.now += 59
    assert by_name(observer)["a"].rows == 400
    clock.now += 10
    assert observer.figures() == []


def test_rows_are_counted_to_the_slice_that_they_came_in(clock):
    observer = drift(clock, window_s=60, slices=6, min_rows=1)
    observer.scored(facts(MODEL, block(a=[0.5] * 3, b=[0.5] * 3)))  # they wait
    clock.now += 30
    observer.scored(facts(MODEL, block(a=[0.5], b=[0.5])))
    clock.now += 35
    assert by_name(observer)["a"].rows == 1


def test_single_rows_wait_to_be_counted_together(clock):
    observer = drift(clock, min_rows=1)
    for place in range(1500):
        observer.scored(facts(MODEL, block(a=[place % 10], b=[place % 10])))
    (watched,) = observer._models.values()
    assert len(watched._columns) <= 512
    assert by_name(observer)["a"].rows == 1500


def test_columns_of_several_types_and_batches_are_joined(clock):
    model = manifest(number("a"), number("n", "int64"), Feature(name="t", path=("t",), dtype="text"))
    observer = drift(clock, min_rows=1)
    for size in (3, 1, 5):
        columns = {
            "a": np.ones(size, np.float32),
            "n": np.ones(size, np.int64),
            "t": np.full(size, "words", object),
        }
        observer.scored(facts(model, columns))
    assert {name: each.rows for name, each in by_name(observer).items()} == {"a": 9, "n": 9, "score": 9}


def test_a_block_and_single_columns_are_joined(clock):
    observer = drift(clock, min_rows=1)
    observer.scored(facts(MODEL, block(a=[1.0, 2.0], b=[1.0, 2.0])))
    observer.scored(facts(MODEL, {"a": np.ones(1, np.float32), "b": np.ones(1, np.float32)}))
    assert {each.rows for each in observer.figures()} == {3}


def test_rows_without_a_prediction_have_features_and_no_score(clock):
    told = facts(MODEL, block(a=[1.0, 2.0, 3.0], b=[1.0, 2.0, 3.0]), refused=(1,))
    outcomes = [*told.outcomes]
    outcomes[2] = outcomes[1]  # it passed the checks, and the model failed on it
    observer = drift(clock, min_rows=1)
    observer.scored(
        type(told)(manifest=MODEL, events=told.events, outcomes=outcomes, rows=[0, 2, 3], columns=told.columns)
    )
    assert {name: each.rows for name, each in by_name(observer).items()} == {"a": 3, "b": 3, "score": 2}


def test_a_large_batch_is_sampled_evenly(clock):
    observer = drift(clock, rows_per_second=500)
    values = np.linspace(0, 10, 4096)
    observer.scored(facts(MODEL, block(a=values, b=values), values / 10))
    found = by_name(observer)
    assert {each.rows for each in found.values()} == {500}
    assert max(each.psi for each in found.values()) < 0.01
    observer.scored(facts(MODEL, block(a=values, b=values)))  # nothing is allowed until time passes
    assert by_name(observer)["a"].rows == 500


def test_a_new_version_starts_afresh_and_few_models_are_kept(clock):
    observer = drift(clock, min_rows=1)
    models = [manifest(version=version, digest=f"{version:064x}") for version in range(1, MAX_MODELS + 2)]
    for model in models[:-1]:
        observer.scored(facts(model, block(a=[1.0], b=[1.0])))
    observer.scored(facts(models[0], block(a=[1.0], b=[1.0])))  # used again: now the second is the oldest
    observer.scored(facts(models[-1], block(a=[1.0], b=[1.0])))
    rows = {each.model: each.rows for each in observer.figures()}
    assert len(rows) == MAX_MODELS
    assert (rows["payments:1"], rows[f"payments:{MAX_MODELS + 1}"]) == (2, 1)
    assert "payments:2" not in rows


def test_a_model_without_baselines_costs_nothing(clock):
    observer = drift(clock)
    model = manifest(number("a", baseline=None), score=None, version=2)
    observer.scored(facts(model, block(a=STEADY)))
    observer.scored(facts(MODEL, block(a=STEADY, b=STEADY)))
    assert {each.model for each in observer.figures()} == {"payments:1"}
    assert by_name(observer)["a"].rows == 400


def test_no_rows_are_no_news(clock):
    observer = drift(clock)
    observer.scored(facts(MODEL, block(a=[], b=[]), refused=(0,)))
    assert observer.figures() == []


def test_threads_lose_no_row():
    observer = Drift(DriftSettings(rows_per_second=1_000_000, min_rows=1))
    told = facts(MODEL, block(a=STEADY[:50], b=STEADY[:50]))

    def score():
        for _ in range(100):
            observer.scored(told)

    threads = [threading.Thread(target=score) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        observer.figures()
    for thread in threads:
        thread.join()
    assert by_name(observer)["a"].rows == 20_000


def test_what_the_package_offers():
    assert all(hasattr(telemetry.drift, name) for name in telemetry.drift.__all__)
