"""Totals of what was scored, and a latency histogram, kept in the process."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from telemetry.observer import BatchFacts, NullObserver

__all__ = ["Counters"]

_LARGEST_MS = 60_000


def _histogram() -> NDArray[np.int64]:
    return np.zeros(_LARGEST_MS + 1, np.int64)


@dataclass(slots=True)
class Counters(NullObserver):
    """An observer that adds up.

    Attributes:
        seconds: spent in each stage.
        waiting: events that waited in the source when last asked.
        latencies: events by latency in whole milliseconds; the last bin holds all that took a minute or longer.
    """

    events: int = 0
    predicted: int = 0
    positive: int = 0
    batches: int = 0
    dropped_events: int = 0
    waiting: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    latencies: NDArray[np.int64] = field(default_factory=_histogram)

    def batch(self, facts: BatchFacts) -> None:
        """Add a batch."""
        self.batches += 1
        self.events += facts.events
        self.predicted += facts.predicted
        self.positive += facts.positive
        self.rejected.update(facts.rejected)
        for stage in facts.stages:
            self.seconds[stage.name] += (stage.end - stage.start) / 1e9
        if facts.latency_ms.size:
            self.latencies += np.bincount(np.clip(facts.latency_ms, 0, _LARGEST_MS), minlength=_LARGEST_MS + 1)

    def dropped(self, events: int) -> None:
        """Add events that were let go."""
        self.dropped_events += events

    def lag(self, events: Mapping[int, int]) -> None:
        """Remember the lag."""
        self.waiting = sum(events.values())

    def latency_ms(self, quantile: float) -> float:
        """Return the latency, in milliseconds, that a share `quantile` of the events did not exceed; NaN before any."""
        total = int(self.latencies.sum())
        if not total:
            return float("nan")
        return float(np.searchsorted(np.cumsum(self.latencies), max(quantile * total, 1)))
