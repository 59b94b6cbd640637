"""The figures of drift: how far two distributions over the same bins are apart. Pure functions of counts."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["SMOOTHING", "Counts", "kolmogorov_smirnov", "population_stability", "share", "smoothed"]

Counts = NDArray[np.int64]
"""Rows in each bin, shape [bins]."""

SMOOTHING: Final = 0.5
"""Rows that are added to each bin before shares are taken: an empty bin's share has no logarithm."""


def smoothed(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share of each bin after `SMOOTHING` was added to all: (n + 0.5) / (N + 0.5 bins).

    Half a row is the estimate of a share that H. Jeffreys's prior leads to (Theory of Probability, 1961); for a bin
    that is not empty it hardly matters.
    """
    raised = np.asarray(counts, np.float64) + SMOOTHING
    return np.asarray(raised / raised.sum())


def population_stability(expected: NDArray[Any], observed: NDArray[Any]) -> float:
    """Return the population stability index, in nats: the sum over bins of (q - p) ln(q / p).

    It is the Kullback-Leibler divergence of p from q plus that of q from p, for smoothed shares p and q (N. Siddiqi,
    Credit Risk Scorecards, 2006). By the usual rule of thumb a distribution below 0.1 is steady and from 0.25 on has
    shifted. Samples of one distribution give about (bins - 1) (1/N + 1/M) on average (B. Yurdakul, Statistical
    Properties of Population Stability Index, 2018): few rows in many bins look like drift.

    Args:
        expected: rows in each bin then, shape [bins].
        observed: rows in each bin now.
    """
    then, now = smoothed(expected), smoothed(observed)
    return float(np.sum((now - then) * np.log(now / then)))


def kolmogorov_smirnov(expected: NDArray[Any], observed: NDArray[Any]) -> float | None:
    """Return the greatest distance between two cumulative distributions at the edges of their bins, from 0 to 1.

    Between edges the samples themselves may be further apart: this is the two-sample statistic of Kolmogorov and
    Smirnov of what the bins keep, and never more than that of the samples.

    Args:
        expected: rows in each bin then, shape [bins], bins in ascending order.
        observed: rows in each bin now.

    Returns:
        None where one of them has no rows.
    """
    then, now = np.cumsum(expected), np.cumsum(observed)
    if not then[-1] or not now[-1]:
        return None
    return float(np.abs(then / then[-1] - now / now[-1]).max())


def share(part: int, whole: int) -> float:
    """Return a part as a share of the whole; 0 of nothing."""
    return part / whole if whole else 0.0
