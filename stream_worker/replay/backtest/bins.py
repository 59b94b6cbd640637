"""The bins that probabilities are counted in: thousandths, cut finer the nearer they are to 0 or to 1.

A model of rare events gives nearly everything less than a hundredth. In ten bins nothing could be said of the order in
there; so towards both ends bins are as narrow as a ninetieth of what they are away from it.
"""

import numpy as np
from numpy.typing import NDArray

from stream_worker.replay.backtest.arrays import Counts, Floats, Places

__all__ = ["BINS", "EDGES", "MIDDLES", "THOUSAND", "bin_of", "first_bin", "gathered", "reached"]

THOUSAND = 1000
_TO_A_HALF = 64  # bins in which the distance to 0, or to 1, becomes half of what it was
_HALVES = 21  # of an eighth, until it is about as small as a float32 next to 1 can tell
_ENDS = 2.0 ** (-np.arange(_HALVES * _TO_A_HALF + 1) / _TO_A_HALF) / 8

EDGES: Floats = np.unique(np.concatenate([np.arange(THOUSAND) / THOUSAND, _ENDS, 1 - _ENDS]))
"""Where each bin begins; a probability is in the last bin that begins at or below it."""

BINS = len(EDGES)

MIDDLES: Floats = (EDGES + np.append(EDGES[1:], 1.0)) / 2
"""The middle of each bin."""


def bin_of(probabilities: Floats) -> Places:
    """Return the bin of each probability: the last that begins at or below it."""
    return np.maximum(np.searchsorted(EDGES, probabilities, side="right") - 1, 0)


def first_bin(thousandths: int) -> int:
    """Return the bin that begins at so many thousandths."""
    return int(np.searchsorted(EDGES, thousandths / THOUSAND))


def gathered(counts: NDArray[np.float64] | Counts, parts: int) -> NDArray[np.float64]:
    """Return bins, on the last axis, added up to so many parts of equal width; a divisor of a thousand."""
    starts = [first_bin(part * THOUSAND // parts) for part in range(parts)]
    return np.add.reduceat(np.asarray(counts, np.float64), starts, axis=-1)


def reached(counts: Counts) -> Counts:
    """Return how many are at or above the beginning of each bin, of the bins on the last axis."""
    return np.flip(np.cumsum(np.flip(counts, -1), axis=-1), -1)
