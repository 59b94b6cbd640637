import numpy as np

from scoring import Baseline, Feature
from telemetry.drift.model import MAX_FEATURES, SCORE, ModelBins
from tests.observing.drift.models import manifest, number

TEXT = Feature(name="t", path=("t",), dtype="text")


def test_counts_stand_one_after_the_other():
    bins = ModelBins(manifest(number("a"), TEXT, number("b", baseline=Baseline(edges=(5.0,), counts=(1, 1)))))
    assert bins.reference == "payments:1"
    assert [(place.name, place.is_score, place.start) for place in bins.places] == [
        ("a", False, 0),
        ("b", False, 12),
        (SCORE, True, 16),
    ]
    assert (bins.features, bins.width) == (("a", "b"), 20)
    counts = bins.count({"a": np.array([0.5, 9.5], np.float32), "b": np.array([7.0, np.nan], np.float32)}, [0.7])
    a, b, score = (place.of(counts).tolist() for place in bins.places)
    assert a == [1, *[0] * 8, 1, 0, 0]
    assert b == [0, 1, 1, 0]
    assert score == [0, 1, 0, 0]


def test_a_column_that_is_not_there_is_not_counted():
    bins = ModelBins(manifest())
    a, b, score = (place.of(bins.count({"b": np.zeros(3, np.float32)}, [])).sum() for place in bins.places)
    assert (a, b, score) == (0, 3, 0)


def test_a_model_without_baselines_has_no_counts():
    bins = ModelBins(manifest(TEXT, score=None))
    assert (bins.places, bins.width, bins.count({}, []).tolist()) == ((), 0, [])


def test_counts_of_very_many_features_are_not_kept():
    bins = ModelBins(manifest(*(number(f"f{place}") for place in range(MAX_FEATURES + 5))))
    assert len(bins.features) == MAX_FEATURES
    assert bins.places[-1].is_score
