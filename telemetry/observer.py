"""The hook that scoring facts go to, batch by batch. Facts are frozen; an observer must be quick and must not raise."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple, ParamSpec, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from scoring import Event, Manifest, Outcome, Prediction, Rejected
from scoring.columns import Columns

__all__ = ["BatchFacts", "NullObserver", "Observer", "Observers", "RowFacts", "Stage", "Traced"]

_LOG = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
_label_of = attrgetter("label")
_score_of = attrgetter("score")

Traced = tuple[tuple[str, bytes], ...]
"""Headers that outgoing messages carry, so that who reads them can tell which batch made them."""


class Stage(NamedTuple):
    """A step that a batch went through, from one moment to another, in nanoseconds since 1970 UTC."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class RowFacts:
    """What the model saw and said, row by row, whichever door it came by.

    What several observers need is worked out once, by the first that asks; in whichever thread, to the same result.

    Attributes:
        manifest: the model's.
        events: all events of a batch.
        outcomes: one for each event.
        rows: the places, ascending, of the events that passed the checks.
        columns: their features, one row each, as the model was fed them.
        known: the predictions, and why the others got none, each in their order, where they were told apart already.
        values: the predictions' scores, in their order, where they are known already, shape [predictions].
    """

    manifest: Manifest
    events: Sequence[Event]
    outcomes: Sequence[Outcome]
    rows: Sequence[int]
    columns: Columns
    known: tuple[Sequence[Prediction], Sequence[Rejected]] | None = None
    values: NDArray[np.float64] | None = None

    @cached_property
    def refused(self) -> Sequence[Rejected]:
        """Why events got no prediction, in their order."""
        if self.known is not None:
            return self.known[1]
        return [outcome for outcome in self.outcomes if isinstance(outcome, Rejected)]

    @cached_property
    def predictions(self) -> Sequence[Prediction]:
        """The answers, in the order of their events."""
        if self.known is not None:
            return self.known[0]
        if self.refused:
            return [outcome for outcome in self.outcomes if isinstance(outcome, Prediction)]
        return cast("Sequence[Prediction]", self.outcomes)

    @cached_property
    def positive(self) -> int:
        """How many predictions carry the positive label."""
        label = self.manifest.outputs.positive
        return 0 if label is None else list(map(_label_of, self.predictions)).count(label)

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """The predictions' scores, in their order."""
        if self.values is not None:
            return self.values
        return np.fromiter(map(_score_of, self.predictions), np.float64, len(self.predictions))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """One batch of a stream, after its answers were acknowledged.

    Attributes:
        events: how many came in.
        predicted: how many predictions went out.
        positive: how many of them carry the positive label.
        rejected: dead letters by code.
        stages: what it went through, in order: `decode`, `score`, `encode`, `publish`.
        latency_ms: from each event's own time to the acknowledgement, shape [N]; empty where no event carries a time.
        rows: what it holds.
    """

    events: int
    predicted: int
    positive: int
    rejected: Mapping[str, int]
    stages: Sequence[Stage]
    latency_ms: NDArray[np.int64]
    rows: RowFacts


class Observer(Protocol):
    """Receives facts. `scored` is called from scoring threads too; all else from the event loop."""

    def fetched(self, events: int) -> None:
        """A batch was fetched, and is under way until it is acknowledged, failed or dropped."""
        ...

    def publishing(self, events: Sequence[Event], stages: Sequence[Stage]) -> Traced:
        """Return what a batch's messages are to carry; they are about to be published."""
        ...

    def batch(self, facts: BatchFacts) -> None:
        """The batch that was about to be published is acknowledged."""
        ...

    def failed(self, error: BaseException) -> None:
        """The batch that was about to be published was not acknowledged."""
        ...

    def scored(self, rows: RowFacts) -> None:
        """Rows were scored, and their answers given."""
        ...

    def committed(self, stage: Stage) -> None:
        """Positions were committed: those of all batches that were acknowledged before."""
        ...

    def dropped(self, events: int) -> None:
        """A batch was let go unpublished, because its partitions moved."""
        ...

    def lag(self, events: Mapping[int, int]) -> None:
        """So many events wait in the source, by partition."""
        ...


class NullObserver:
    """Receives facts and forgets them; an observer that cares for a few of them starts from here."""

    def fetched(self, events: int) -> None:
        """Forget that a batch was fetched."""

    def publishing(self, events: Sequence[Event], stages: Sequence[Stage]) -> Traced:
        """Let messages carry nothing."""
        del events, stages
        return ()

    def batch(self, facts: BatchFacts) -> None:
        """Forget a batch."""

    def failed(self, error: BaseException) -> None:
        """Forget a failure."""

    def scored(self, rows: RowFacts) -> None:
        """Forget rows."""

    def committed(self, stage: Stage) -> None:
        """Forget a commit."""

    def dropped(self, events: int) -> None:
        """Forget dropped events."""

    def lag(self, events: Mapping[int, int]) -> None:
        """Forget the lag."""


class Observers:
    """Passes each fact on to several observers; one that fails is told in the log, and nobody else hears of it."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def fetched(self, events: int) -> None:
        """Pass on that a batch was fetched."""
        for observer in self._observers:
            _told(observer.fetched, events)

    def publishing(self, events: Sequence[Event], stages: Sequence[Stage]) -> Traced:
        """Let messages carry what all observers ask for."""
        asked = [_told(observer.publishing, events, stages) or () for observer in self._observers]
        return tuple(header for headers in asked for header in headers)

    def batch(self, facts: BatchFacts) -> None:
        """Pass a batch on."""
        for observer in self._observers:
            _told(observer.batch, facts)

    def failed(self, error: BaseException) -> None:
        """Pass a failure on."""
        for observer in self._observers:
            _told(observer.failed, error)

    def scored(self, rows: RowFacts) -> None:
        """Pass rows on."""
        for observer in self._observers:
            _told(observer.scored, rows)

    def committed(self, stage: Stage) -> None:
        """Pass a commit on."""
        for observer in self._observers:
            _told(observer.committed, stage)

    def dropped(self, events: int) -> None:
        """Pass dropped events on."""
        for observer in self._observers:
            _told(observer.dropped, events)

    def lag(self, events: Mapping[int, int]) -> None:
        """Pass the lag on."""
        for observer in self._observers:
            _told(observer.lag, events)


def _told(method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Return what an observer answers; None where it fails: what is watched must not suffer from who watches."""
    try:
        return method(*args, **kwargs)
    except Exception:  # noqa: BLE001 - whatever it is
        _LOG.exception("an observer failed")
        return None
