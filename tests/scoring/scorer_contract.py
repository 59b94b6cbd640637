"""What every `Scorer` must keep: inherit from `ScorerContract` and say how one is made."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scoring import Scorer, Scores
from scoring.errors import ScoringError

BATCH_SIZES = (1, 2, 7, 64)


def same_bits(one: Scores, other: Scores) -> bool:
    return (
        one.scores.dtype == other.scores.dtype
        and one.scores.shape == other.scores.shape
        and one.scores.tobytes() == other.scores.tobytes()
        and (one.labels is None) == (other.labels is None)
        and (one.labels is None or other.labels is None or one.labels.tolist() == other.labels.tolist())
    )


def joined(parts: list[Scores]) -> Scores:
    labels = [part.labels for part in parts if part.labels is not None]
    return Scores(np.concatenate(labels) if labels else None, np.concatenate([part.scores for part in parts]))


class ScorerContract:
    """The promises of the port. A subclass gives three fixtures."""

    @pytest.fixture
    def scorer(self) -> Scorer:
        """A scorer that is ready."""
        raise NotImplementedError

    @pytest.fixture
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """Some 200 different rows that it can score."""
        raise NotImplementedError

    @pytest.fixture
    def guilty(self) -> Mapping[str, NDArray[Any]]:
        """A few rows on which it raises."""
        raise NotImplementedError

    def test_each_row_has_its_answer(self, scorer, columns):
        scores = scorer.run(columns)
        rows = len(next(iter(columns.values())))
        assert scores.scores.shape[0] == rows
        assert scores.scores.dtype.kind == "f"
        assert scores.labels is None or scores.labels.shape == (rows,)
        assert len(np.unique(scores.scores.reshape(rows, -1), axis=0)) > 1  # else the rest of this proves nothing

    @pytest.mark.parametrize("size", BATCH_SIZES)
    def test_a_rows_bits_do_not_depend_on_the_batch(self, scorer, columns, size):
        rows = len(next(iter(columns.values())))
        parts = [
            scorer.run({name: column[start : start + size] for name, column in columns.items()})
            for start in range(0, rows, size)
        ]
        assert same_bits(joined(parts), scorer.run(columns))

    def test_a_rows_bits_do_not_depend_on_its_place(self, scorer, columns):
        order = np.random.default_rng(1).permutation(len(next(iter(columns.values()))))
        whole = scorer.run(columns)
        expected = Scores(None if whole.labels is None else whole.labels[order], whole.scores[order])
        assert same_bits(scorer.run({name: column[order] for name, column in columns.items()}), expected)

    def test_eight_threads_get_the_same_bits(self, scorer, columns):
        expected = scorer.run(columns)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: scorer.run(columns), range(64)))
        assert all(same_bits(answer, expected) for answer in answers)

    def test_columns_are_left_as_they_were(self, scorer, columns):
        before = {name: column.copy() for name, column in columns.items()}
        scorer.run(columns)
        for name, column in columns.items():
            np.testing.assert_array_equal(column, before[name])

    def test_rows_that_it_cannot_score_raise_and_leave_it_usable(self, scorer, columns, guilty):
        expected = scorer.run(columns)
        with pytest.raises(ScoringError) as caught:
            scorer.run(guilty)
        assert str(caught.value)
        assert same_bits(scorer.run(columns), expected)
