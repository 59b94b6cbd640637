"""The hook that scoring facts go to, batch by batch. Facts are frozen; an observer must be quick and must not raise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BatchFacts", "NullObserver", "Observer", "Observers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """One batch, after its answers were acknowledged.

    Attributes:
        events: how many came in.
        predicted: how many predictions went out.
        positive: how many of them carry the positive label.
        rejected: dead letters by code.
        seconds: time spent by stage: `prepare`, `score`, `encode`, `publish`.
        latency_ms: from each event's own time to the acknowledgement, shape [N]; empty where no event carries a time.
    """

    events: int
    predicted: int
    positive: int
    rejected: Mapping[str, int]
    seconds: Mapping[str, float]
    latency_ms: NDArray[np.int64]


class Observer(Protocol):
    """Receives facts."""

    def batch(self, facts: BatchFacts) -> None:
        """A batch was acknowledged."""
        ...

    def dropped(self, events: int) -> None:
        """Events were fetched and let go unpublished, because their partitions moved."""
        ...

    def lag(self, events: int) -> None:
        """So many events wait in the source."""
        ...


class NullObserver:
    """Receives facts and forgets them."""

    def batch(self, facts: BatchFacts) -> None:
        """Forget a batch."""

    def dropped(self, events: int) -> None:
        """Forget dropped events."""

    def lag(self, events: int) -> None:
        """Forget the lag."""


@dataclass(frozen=True, slots=True)
class Observers:
    """Passes each fact on to several observers."""

    observers: Sequence[Observer]

    def batch(self, facts: BatchFacts) -> None:
        """Pass a batch on."""
        for observer in self.observers:
            observer.batch(facts)

    def dropped(self, events: int) -> None:
        """Pass dropped events on."""
        for observer in self.observers:
            observer.dropped(events)

    def lag(self, events: int) -> None:
        """Pass the lag on."""
        for observer in self.observers:
            observer.lag(events)
