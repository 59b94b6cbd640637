"""Two models' answers to a batch, counted: tables of decisions, bins of probabilities, sums of errors."""

from dataclasses import dataclass

import numpy as np

from stream_worker.replay.backtest.arrays import Counts, Floats, Places
from stream_worker.replay.backtest.bins import BINS, bin_of
from stream_worker.replay.backtest.plane import Plane
from stream_worker.replay.backtest.terms import Terms

__all__ = ["NO_LABEL", "Answers", "hits"]

NO_LABEL = -1
"""In the place of a label where there is none."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What two models answered to N events that both answered, the champion's answers first.

    Attributes:
        terms: of the comparison; K labels.
        scores: finite, shape [2, N].
        labels: places among the labels of the terms, or `NO_LABEL`, shape [2, N].
        truth: values, or places among the labels, shape [N]; NaN where nobody knows.
    """

    terms: Terms
    scores: Floats
    labels: Places
    truth: Floats

    def at(self, rows: Places) -> "Answers":
        """Return the answers to some of the events."""
        return Answers(self.terms, self.scores[:, rows], self.labels[:, rows], self.truth[rows])

    def pairs(self) -> Counts:
        """Return how often each two labels were given together, champion's by challenger's, shape [K, K]."""
        if not self.terms.decides:
            return np.zeros((0, 0), np.int64)
        return _table(len(self.terms.labels), *self.labels)

    def confusions(self) -> Counts:
        """Return truth by label for each model, shape [2, K, K]; all truths are known."""
        size = len(self.terms.labels)
        if not self.terms.decides:
            return np.zeros((2, 0, 0), np.int64)
        return np.stack([_table(size, self.truth.astype(np.intp), labels) for labels in self.labels])

    def right(self) -> Counts:
        """Return truth by champion by challenger, 1 is right, shape [K, 2, 2]; all truths are known."""
        size = len(self.terms.labels)
        if not self.terms.decides:
            return np.zeros((0, 2, 2), np.int64)
        true = self.truth.astype(np.intp)
        one, other = self.labels == true
        numbers = true * 4 + one * 2 + other
        return np.bincount(numbers, minlength=4 * size).astype(np.int64).reshape(size, 2, 2)

    def bins(self) -> Counts:
        """Return how many probabilities fell into each bin, by what came of them, shape [2, 3, BINS].

        The middle is for no truth, not so, and so. Where scores are no probabilities there are no bins.
        """
        if not self.terms.is_bounded:
            return np.zeros((2, 3, 0), np.int64)
        fates = np.where(np.isfinite(self.truth), 1 + self._outcomes(), 0)
        return np.stack(
            [_binned(scores, fate, 3) for scores, fate in zip(self.scores, fates, strict=True)],
        )

    def ends(self) -> Counts:
        """Return how many of the lower and of the higher probabilities fell into each bin, shape [2, BINS]."""
        if not self.terms.is_bounded:
            return np.zeros((2, 0), np.int64)
        ends = (self.scores.min(axis=0), self.scores.max(axis=0))
        return np.concatenate([_binned(end, np.zeros(len(end), np.intp), 1) for end in ends])

    def errors(self) -> Floats:
        """Return sums of score less truth, its absolute value and its square, shape [2, 3]; all truths are known.

        The truth of a probability is 1 where it came true and else 0. A score that is neither has no errors.
        """
        if self.terms.task == "outlier":
            return np.zeros((2, 3))
        errors = self.scores - (self.truth if self.terms.task == "regression" else self._outcomes())
        return np.stack([errors.sum(axis=1), np.abs(errors).sum(axis=1), np.square(errors).sum(axis=1)], axis=1)

    def against_truth(self) -> tuple[Plane, Plane]:
        """Return the true values against each model's, of a regression; all truths are known."""
        if self.terms.task != "regression":
            return Plane(), Plane()
        return Plane.of(self.truth, self.scores[0]), Plane.of(self.truth, self.scores[1])

    def _outcomes(self) -> Places:
        """What became of what each score is the probability of: 1 where it is so, else 0, shape [2, N]."""
        if self.terms.positive is not None:
            return np.stack([self.truth == self.terms.positive] * 2).astype(np.intp)
        return np.asarray(self.labels == self.truth).astype(np.intp)


def hits(top_k: int, ranks: Places | None) -> Counts:
    """Return how often the true label stood at each place of a prediction's list, shape [2, top_k].

    Args:
        top_k: how long a list is.
        ranks: the places, shape [2, N]; `NO_LABEL` where it is not listed.
    """
    if ranks is None:
        return np.zeros((2, top_k), np.int64)
    kept = (places[(places >= 0) & (places < top_k)] for places in ranks)
    return np.stack([np.bincount(places, minlength=top_k).astype(np.int64) for places in kept])


def _binned(scores: Floats, kinds: Places, count: int) -> Counts:
    """How many scores of each kind fell into each bin, shape [count, BINS]."""
    return np.bincount(kinds * BINS + bin_of(scores), minlength=count * BINS).astype(np.int64).reshape(count, BINS)


def _table(size: int, rows: Places, columns: Places) -> Counts:
    """How often each two places came together; a decision that a graph did not make is counted nowhere."""
    made = (rows >= 0) & (columns >= 0)
    counts = np.bincount(rows[made] * size + columns[made], minlength=size * size)
    return counts.astype(np.int64).reshape(size, size)
