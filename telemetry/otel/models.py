"""What is counted of each model's rows, in arrays and plain numbers: the figures are made of it when they are sent.

Rules:
- Rows are scored in several threads, and figures are read from another; whoever uses this holds its lock.
- Small batches wait until there are enough rows to be counted in a few calls, or until somebody reads.
- Counts are kept for the models used lately; those of a model that comes back go on from nothing.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring import Manifest
from scoring.columns import Columns
from telemetry.observer import RowFacts
from telemetry.otel.features import FeatureCounts
from telemetry.otel.spread import Spread

__all__ = ["ModelCounts", "Models"]

_MODELS: Final = 8
_ENOUGH: Final = 512  # rows
_RECENTLY_S: Final = 900.0
_TENTHS: Final = tuple(tenth / 10 for tenth in range(11))
_POWERS: Final = (-1e6, -1e5, -1e4, -1e3, -100, -10, -1, 0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6)
_code_of = attrgetter("code")


class ModelCounts:
    """What is counted of one model.

    Attributes:
        manifest: the model's.
        attributes: what its figures carry.
        received: events.
        predicted: events that got a prediction.
        positive: predictions of the positive label.
        rejected: events that got none, by code.
        features: nulls and values that training never saw.
        scores: of the predictions.
    """

    def __init__(self, manifest: Manifest, door: str) -> None:
        self.manifest = manifest
        self.attributes: Mapping[str, str | int] = {
            "weir.model.name": manifest.name,
            "weir.model.version": manifest.version,
            "weir.door": door,
        }
        self.received = self.predicted = self.positive = 0
        self.rejected: Counter[str] = Counter()
        self.features = FeatureCounts(manifest)
        self.scores = Spread(_TENTHS if manifest.task in {"binary", "multiclass"} else _POWERS)
        self._columns: list[Columns] = []
        self._scores: list[NDArray[np.float64]] = []
        self._waiting = 0

    def add(self, rows: RowFacts, late: Mapping[str, int]) -> None:
        """Count rows.

        Args:
            rows: what was scored.
            late: predictions among them that became dead letters after all, by code.
        """
        self.received += len(rows.events)
        self.predicted += len(rows.predictions) - sum(late.values())
        self.positive += rows.positive
        if rows.refused or late:
            self.rejected.update(map(_code_of, rows.refused))
            self.rejected.update(late)
        if rows.rows:
            self._columns.append(rows.columns)
        self._scores.append(rows.scores)
        self._waiting += len(rows.events)
        if self._waiting >= _ENOUGH:
            self.settle()

    def settle(self) -> None:
        """Count what waits."""
        if self._columns:
            self.features.add(self._columns)
        if self._scores:
            self.scores.add(np.concatenate(self._scores))
        self._columns, self._scores, self._waiting = [], [], 0


class Models:
    """The counts of the models that were used lately."""

    def __init__(self, door: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            door: `stream` or `http`.
            clock: monotonic, in seconds.
        """
        self._door = door
        self._clock = clock
        self._models: OrderedDict[tuple[str, str], ModelCounts] = OrderedDict()
        self._used: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def add(self, rows: RowFacts, late: Mapping[str, int]) -> None:
        """Count rows; see `ModelCounts.add`."""
        key = rows.manifest.reference, rows.manifest.digest
        with self._lock:
            if key not in self._models:
                self._models[key] = ModelCounts(rows.manifest, self._door)
                if len(self._models) > _MODELS:
                    oldest, _ = self._models.popitem(last=False)
                    del self._used[oldest]
            self._models.move_to_end(key)
            self._used[key] = self._clock()
            self._models[key].add(rows, late)

    def read(self, *, recent: bool = False) -> Iterator[ModelCounts]:
        """Yield the models with all that was counted of them; nothing is counted meanwhile.

        Args:
            recent: only those that scored within the last quarter of an hour.
        """
        with self._lock:
            since = self._clock() - _RECENTLY_S if recent else float("-inf")
            for key, model in self._models.items():
                if self._used[key] >= since:
                    model.settle()
                    yield model
