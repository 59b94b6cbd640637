"""One model that is watched: rows that wait to be counted, and the window of those that were.

Rules:
- Rows wait until there are `_WAITING` of them, or somebody asks, or their slice of time is over: to count a few costs
  as much as to count many, and over HTTP a batch may be a single row.
- One thread at a time; the observer sees to it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring import Manifest
from scoring.columns import Block, Columns
from telemetry.drift.figures import Counts
from telemetry.drift.model import ModelBins
from telemetry.drift.settings import DriftSettings
from telemetry.drift.windows import Window

__all__ = ["Watched"]

_WAITING: Final = 512


class Watched:
    """What came in under one model lately.

    Attributes:
        bins: of the model.
    """

    def __init__(self, manifest: Manifest, settings: DriftSettings) -> None:
        """Begin without rows."""
        self.bins = ModelBins(manifest)
        self._window = Window(self.bins.width, settings)
        self._columns: list[Columns] = []
        self._scores: list[float] = []
        self._rows = self._slice = 0

    def take(self, columns: Columns, places: NDArray[np.intp] | slice, rows: int, scores: Sequence[float]) -> None:
        """Let rows wait.

        Args:
            columns: the batch's features.
            places: which of its rows to take.
            rows: how many those are.
            scores: those of the rows that have predictions.
        """
        self._columns.append(_taken(columns, places, self.bins.features))
        self._scores += scores
        self._rows += rows

    def settle(self, now: float) -> None:
        """Count what waits where it is much, or of an earlier slice of time than the rows about to come."""
        number = self._window.slice_at(now)
        if self._rows >= _WAITING or number != self._slice:
            self._count()
        self._slice = number

    def total(self, now: float) -> Counts:
        """Return the counts of the window that ends now."""
        self._count()
        return self._window.total(now)

    def _count(self) -> None:
        if self._rows:
            counts = self.bins.count(_joined(self._columns, self.bins.features), self._scores)
            self._window.add(self._slice, counts)
        self._columns, self._scores, self._rows = [], [], 0


def _taken(columns: Columns, places: NDArray[np.intp] | slice, names: Sequence[str]) -> Columns:
    if isinstance(columns, Block):  # as usual: one call for all features
        return Block(columns.names, columns.matrix[places])
    return {name: columns[name][places] for name in names if name in columns}


def _joined(parts: Sequence[Columns], names: Sequence[str]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    blocks = [part for part in parts if isinstance(part, Block)]
    if len(blocks) == len(parts):
        return Block(blocks[0].names, np.concatenate([block.matrix for block in blocks]))
    return {name: np.concatenate([part[name] for part in parts]) for name in names if name in parts[0]}
