"""The network's fixed filters: edges in eight directions, and light and dark lines in four.

They are derivatives of a Gaussian on a 3 x 3 grid, as in W. T. Freeman and E. H. Adelson, *The Design and Use of
Steerable Filters*, IEEE Transactions on Pattern Analysis and Machine Intelligence 13, 1991. Nothing of them is learnt.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FILTERS", "SIZE", "filters"]

Floats: TypeAlias = npt.NDArray[np.float64]

SIZE: Final = 3
FILTERS: Final = 16
_DIRECTIONS: Final = 8


def filters() -> Floats:
    """Returns the filters, shape ``[FILTERS, 1, SIZE, SIZE]``: each sums to 0, and its magnitudes to 1."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    edges = [_edge(angle) for angle in angles]
    lines = [sign * _line(angle) for angle in angles[: _DIRECTIONS // 2] for sign in (1, -1)]
    return np.stack([*edges, *lines])[:, np.newaxis]


def _edge(angle: float) -> Floats:
    """The first derivative in a direction: answers to dark on one side and light on the other."""
    along, window = _grid(angle)
    return _scaled(along * window)


def _line(angle: float) -> Floats:
    """The second derivative across a direction: answers to a stroke between two sides that are alike."""
    along, window = _grid(angle)
    raw = along**2 * window
    return _scaled(raw - raw.sum() * window / window.sum())


def _grid(angle: float) -> tuple[Floats, Floats]:
    rows, columns = np.mgrid[-1:2, -1:2].astype(np.float64)
    return np.cos(angle) * columns + np.sin(angle) * rows, np.exp(-(rows**2) - columns**2)


def _scaled(raw: Floats) -> Floats:
    scaled: Floats = raw / np.abs(raw).sum()
    return scaled
