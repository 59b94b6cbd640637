"""The fake scorer keeps the port's promises."""

import numpy as np
import pytest

from scoring import FakeScorer
from scoring.errors import ScoringError
from tests.scoring.scorer_contract import ScorerContract


def halved(columns):
    if (columns["x"] < 0).any():
        raise ScoringError("x is negative")
    return columns["x"] / 2


class TestFakeScorer(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return FakeScorer(halved)

    @pytest.fixture
    def columns(self):
        return {"x": np.arange(200, dtype=np.float32)}

    @pytest.fixture
    def guilty(self):
        return {"x": np.array([1, -1], np.float32)}


def test_it_answers_what_its_function_says_and_decides_nothing():
    scores = FakeScorer(lambda columns: [3.5]).run({"x": np.zeros(1)})
    assert scores.labels is None
    assert scores.scores.tolist() == [3.5]
