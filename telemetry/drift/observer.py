"""The observer that watches drift: scored rows in, figures of the last while out.

Rules:
- `scored` is called from several threads, `figures` from another; a lock lets one in at a time.
- The cost is bounded: rows are sampled, and counted by calls that take hundreds of them.
- Memory is bounded: the `MAX_MODELS` models that were used last are watched, each with a fixed number of counts.
- A model is told by its digest and reference: a new version starts afresh.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring import Manifest, Prediction
from telemetry.drift.sampling import Sampler, spread
from telemetry.drift.settings import DriftSettings
from telemetry.drift.summary import DriftFigures, figures_of
from telemetry.drift.watched import Watched
from telemetry.observer import NullObserver, RowFacts

__all__ = ["MAX_MODELS", "Drift"]

MAX_MODELS: Final = 8


class Drift(NullObserver):
    """Compares what models see and say with what they saw in training."""

    def __init__(self, settings: DriftSettings | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without rows.

        Args:
            settings: the window, and how many rows are looked at.
            clock: monotonic, in seconds.
        """
        self._settings = settings or DriftSettings()
        self._clock = clock
        self._lock = Lock()
        self._sampler = Sampler(self._settings.rows_per_second)
        self._models: OrderedDict[tuple[str, str], Watched] = OrderedDict()

    def scored(self, rows: RowFacts) -> None:
        """Count a sample of the rows."""
        if not rows.rows:
            return
        now = self._clock()
        with self._lock:
            watched = self._watched(rows.manifest)
            if not watched.bins.places:
                return
            count = self._sampler.allow(len(rows.rows), now)
            if count:
                places = spread(len(rows.rows), count)
                watched.settle(now)
                watched.take(rows.columns, places, count, _scores(rows, places))

    def figures(self) -> list[DriftFigures]:
        """Return the figures of all columns, of all models, that had rows enough in the window."""
        now = self._clock()
        with self._lock:
            counted = [(watched.bins, watched.total(now)) for watched in self._models.values()]
        return [
            each
            for bins, counts in counted
            for each in figures_of(bins, counts, min_rows=self._settings.min_rows)
            if each.psi is not None
        ]

    def _watched(self, manifest: Manifest) -> Watched:
        key = (manifest.digest, manifest.reference)
        watched = self._models.get(key)
        if watched is None:
            watched = self._models[key] = Watched(manifest, self._settings)
            if len(self._models) > MAX_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return watched


def _scores(rows: RowFacts, places: NDArray[np.intp] | slice) -> list[float]:
    """The scores of those of the rows that have predictions."""
    numbers = rows.rows[places] if isinstance(places, slice) else [rows.rows[place] for place in places.tolist()]
    outcomes = rows.outcomes
    return [found.score for number in numbers if isinstance(found := outcomes[number], Prediction)]
