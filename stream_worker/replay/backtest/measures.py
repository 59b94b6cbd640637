"""From counts to measures: precision and recall, areas under curves, calibration, quantiles. Pure; NaN is no answer."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from stream_worker.replay.backtest.arrays import Counts, Floats
from stream_worker.replay.backtest.bins import MIDDLES, gathered, reached
from stream_worker.replay.histogram import Spread

__all__ = [
    "Binned",
    "Calibration",
    "Decided",
    "average_precision",
    "calibration",
    "chance",
    "decided",
    "quantiles",
    "ratio",
    "roc_auc",
]

_MANY = 10_000


class Decided(NamedTuple):
    """What came of a label's decisions.

    Attributes:
        found: events of the label that were given it.
        missed: events of the label that were given another.
        false: events of other labels that were given it.
    """

    found: int
    missed: int
    false: int

    @property
    def precision(self) -> float:
        """The share of what was given the label that is of it."""
        return ratio(self.found, self.found + self.false)

    @property
    def recall(self) -> float:
        """The share of what is of the label that was given it."""
        return ratio(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall (C. J. van Rijsbergen, "Information Retrieval", 1979)."""
        return ratio(2 * self.found, 2 * self.found + self.false + self.missed)


class Binned(NamedTuple):
    """A measure of scores in bins, and between which values that of the scores themselves is."""

    value: float
    low: float
    high: float


class Calibration(NamedTuple):
    """Bars of equal width from 0 to 1: what was foretold and what came true. Empty bars are left out.

    Attributes:
        foretold: the mean probability of each bar, to within half a bin.
        true: the share of each that came true.
        counts: the events in each.
    """

    foretold: Floats
    true: Floats
    counts: Counts


def ratio(part: float, whole: float) -> float:
    """Return a share; NaN of nothing."""
    return part / whole if whole else math.nan


def decided(confusion: Counts, label: int) -> Decided:
    """Return what came of a label's decisions.

    Args:
        confusion: truth by label, shape [K, K].
        label: its place.
    """
    found = int(confusion[label, label])
    return Decided(found, int(confusion[label].sum()) - found, int(confusion[:, label].sum()) - found)


def roc_auc(negatives: Counts, positives: Counts) -> Binned:
    """Return the area under the ROC curve, of scores in bins.

    It is the chance that a positive has a higher score than a negative, a tie counting as half (J. A. Hanley and B. J.
    McNeil, "The Meaning and Use of the Area under a ROC Curve", Radiology 143, 1982). The scores of a bin count as
    tied; were they told apart, each pair could count as none or as one. So the area of the scores themselves differs by
    half of the share of pairs that are in one bin, at most.

    Args:
        negatives: how many are in each bin, ascending.
        positives: likewise.
    """
    pairs = int(negatives.sum()) * int(positives.sum())
    if not pairs:
        return Binned(math.nan, math.nan, math.nan)
    below = np.cumsum(negatives) - negatives
    tied = float(positives @ negatives) / 2
    value, apart = (float(positives @ below) + tied) / pairs, tied / pairs
    return Binned(value, value - apart, value + apart)


def average_precision(negatives: Counts, positives: Counts) -> Binned:
    """Return the average precision, of scores in bins.

    It is the mean of the precision at each positive, going down the scores (C. Buckley and E. M. Voorhees, "Evaluating
    Evaluation Measure Stability", 2000), as scikit-learn's `average_precision_score` has it: those that are tied have
    the precision after all of them. The scores of a bin count as tied. Were they told apart, the precision at each
    would be at most that after the bin's positives alone, and together at least what they have when the bin's
    negatives come first. The latter is a sum of k / (k + c), which is bounded from below by its integral.

    Args:
        negatives: how many are in each bin, ascending.
        positives: likewise.
    """
    total = int(positives.sum())
    if not total:
        return Binned(math.nan, math.nan, math.nan)
    filled = positives > 0
    true, false = reached(positives)[filled], reached(negatives)[filled]
    here, beside = positives[filled], negatives[filled]
    value = float(here @ (true / (true + false)))
    high = float(here @ (true / (true + false - beside)))
    above = true - here + false
    shrunk = np.log1p(here / np.maximum(above, 1)) * false
    low = float((here - np.where(above > 0, shrunk, 0)).sum())
    return Binned(value / total, low / total, high / total)


def calibration(misses: Counts, hits: Counts, bars: int = 10) -> Calibration:
    """Return how often what was foretold came true: a reliability diagram.

    After A. Niculescu-Mizil and R. Caruana, "Predicting Good Probabilities with Supervised Learning", ICML 2005. A
    bar's mean probability is taken of the middles of its bins.

    Args:
        misses: how many did not come true, of the probabilities in each bin.
        hits: how many did.
        bars: how many; a divisor of a thousand.
    """
    counts = gathered(misses + hits, bars)
    filled = counts > 0
    sums, true = gathered((misses + hits) * MIDDLES, bars), gathered(hits, bars)
    return Calibration(sums[filled] / counts[filled], true[filled] / counts[filled], counts[filled].astype(np.int64))


def chance(one: int, other: int) -> float:
    """Return how probable a split at least as uneven is where either side is as likely: 1 where there is nothing.

    This is McNemar's test (Q. McNemar, Psychometrika 12, 1947) of the events on which one of two models is right and
    the other wrong: exact, from the binomial distribution, or where there are very many, its normal approximation.
    """
    total, less = one + other, min(one, other)
    if one == other:
        return 1.0
    if total > _MANY:
        return math.erfc((abs(one - other) - 1) / math.sqrt(2 * total))
    ways = (math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) for k in range(less + 1))
    return min(1.0, 2 * math.fsum(math.exp(logarithm - total * math.log(2)) for logarithm in ways))


def quantiles(buckets: Mapping[int, int], spread: Spread, shares: tuple[float, ...]) -> list[float]:
    """Return quantiles of what is in buckets: the middle of the bucket that each falls into.

    So each is told to within the bucket's width, which is about a hundredth of it.
    """
    if not buckets:
        return [math.nan] * len(shares)
    numbers = np.array(sorted(buckets))
    reached = np.cumsum([buckets[number] for number in numbers.tolist()])
    places = np.searchsorted(reached, np.array(shares) * reached[-1])
    return [spread.middle(int(numbers[min(place, len(numbers) - 1)])) for place in places.tolist()]
