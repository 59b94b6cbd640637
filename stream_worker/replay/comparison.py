"""The figures of a back-test: what two models answered to the same events, in counts that add up.

Rules:
- Pure, on arrays, batch by batch. What is kept does not grow with the number of events.
- Counts add up exactly, in any order. Means and sums of floats are added in the order of the archive, so that the same
  archive gives the same figures on any number of processes.
- Where two values stand together, the champion's is the first. Only events that both models answered are compared.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring import Event
from stream_worker.replay.backtest.arrays import Counts, Floats, Places
from stream_worker.replay.backtest.counting import NO_LABEL, Answers, hits
from stream_worker.replay.backtest.moments import Moments
from stream_worker.replay.backtest.plane import Plane
from stream_worker.replay.backtest.terms import Terms
from stream_worker.replay.histogram import Spread

__all__ = ["DIFFERENCES", "EXTREMES", "Batch", "Case", "Comparison", "compare", "flips", "nothing"]

EXTREMES = 20
"""Events that are told by name."""

DIFFERENCES = Spread(bounded=False)
"""How differences of score are sorted: each bucket is about a hundredth of its differences wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Two models' answers to the same N events.

    Attributes:
        scores: shape [2, N]; NaN where the model refused the event.
        labels: the decisions as places among the labels of the terms, shape [2, N]; `NO_LABEL` where there is none.
        ranks: where the true label stands among those that each prediction lists, shape [2, N]; `NO_LABEL` where it
            does not (multiclass only).
        truth: what should have been answered, shape [N]: a value, or a place among the labels; NaN where nobody knows.
        foreign: how many events carry a truth that is no label of either model, or no number.
        codes: why each model refused each event; empty where it answered.
        events: the events.
        ids: of the events; empty where one has none.
        stream: where the events stood that do not say so themselves.
    """

    scores: Floats
    labels: Places
    ranks: Places | None = None
    truth: Floats
    foreign: int = 0
    codes: tuple[Sequence[str], Sequence[str]]
    events: Sequence[Event]
    ids: Sequence[str]
    stream: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One event on which the models differ much; its content is not kept.

    Attributes:
        distance: between the scores; for several classes, the lower of the two probabilities: how sure both were.
        event: its id.
        source: where it stood.
        scores: of both models.
        labels: of both, as places among the labels of the terms.
        truth: as in a batch; None where nobody knows.
    """

    distance: float
    event: str
    source: str
    scores: tuple[float, float]
    labels: tuple[int, int]
    truth: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is known of a number of events.

    Attributes:
        terms: of the comparison; K labels.
        records: events that were read.
        compared: those that both models answered.
        labelled: those among them whose truth is known.
        foreign: events that carry a truth that is no label of either model, or no number.
        refused: how many were refused, by the codes of both; the code of the one that answered is empty.
        pairs: how often each two labels were given together, champion's by challenger's, shape [K, K].
        confusions: how often each label was given where each was true, model by truth by label, shape [2, K, K].
        right: how often each was right, truth by champion by challenger, 1 is right, shape [K, 2, 2].
        hits: how often the true label stood at each place of a prediction's list, shape [2, top_k].
        bins: how many probabilities fell into each bin, shape [2, 3, BINS]. The middle is for no truth, wrong and
            right: negative and positive for two classes, for more whether the label given is the true one.
        ends: how many of the lower and of the higher of an event's two probabilities fell into each, shape [2, BINS].
        differences: challenger's score less champion's, by bucket of `DIFFERENCES`.
        errors: sums of each model's score less the truth, of its absolute value and of its square, shape [2, 3]; the
            truth of a probability is 0 or 1.
        scores: moments of champion's and challenger's scores.
        truths: moments of the true values (regression).
        plane: champion's score against challenger's.
        against_truth: the truth against each model's score (regression).
        furthest: events on which the models differ most; those that decide differently, where they decide.
    """

    terms: Terms
    records: int
    compared: int
    labelled: int
    foreign: int
    refused: Mapping[tuple[str, str], int]
    pairs: Counts
    confusions: Counts
    right: Counts
    hits: Counts
    bins: Counts
    ends: Counts
    differences: Mapping[int, int]
    errors: Floats
    scores: Moments
    truths: Moments
    plane: Plane
    against_truth: tuple[Plane, Plane]
    furthest: tuple[Case, ...]

    def __add__(self, other: "Comparison") -> "Comparison":
        """Return what is known of both; `other` comes later in the archive."""
        return Comparison(
            terms=self.terms,
            records=self.records + other.records,
            compared=self.compared + other.compared,
            labelled=self.labelled + other.labelled,
            foreign=self.foreign + other.foreign,
            refused=Counter(self.refused) + Counter(other.refused),
            pairs=self.pairs + other.pairs,
            confusions=self.confusions + other.confusions,
            right=self.right + other.right,
            hits=self.hits + other.hits,
            bins=self.bins + other.bins,
            ends=self.ends + other.ends,
            differences=Counter(self.differences) + Counter(other.differences),
            errors=self.errors + other.errors,
            scores=self.scores + other.scores,
            truths=self.truths + other.truths,
            plane=self.plane + other.plane,
            against_truth=(
                self.against_truth[0] + other.against_truth[0],
                self.against_truth[1] + other.against_truth[1],
            ),
            furthest=_furthest((*self.furthest, *other.furthest)),
        )


def nothing(terms: Terms) -> Comparison:
    """Return what is known of no events."""
    none = np.empty((2, 0))
    places = none.astype(np.intp)
    return compare(
        terms, Batch(scores=none, labels=places, ranks=places, truth=none[0], codes=((), ()), events=(), ids=())
    )


def compare(terms: Terms, batch: Batch) -> Comparison:
    """Return what a batch says."""
    kept = np.flatnonzero(np.isfinite(batch.scores).all(axis=0))
    scores, labels, truth = batch.scores[:, kept], batch.labels[:, kept], batch.truth[kept]
    known = np.flatnonzero(np.isfinite(truth))
    answers = Answers(terms, scores, labels, truth)
    told = answers.at(known)
    ranks = None if batch.ranks is None else batch.ranks[:, kept[known]]
    return Comparison(
        terms=terms,
        records=batch.scores.shape[1],
        compared=len(kept),
        labelled=len(known),
        foreign=batch.foreign,
        refused=Counter(pair for pair in zip(*batch.codes, strict=True) if any(pair)),
        pairs=answers.pairs(),
        confusions=told.confusions(),
        right=told.right(),
        hits=hits(terms.top_k, ranks),
        bins=answers.bins(),
        ends=answers.ends(),
        differences=DIFFERENCES.count(scores[1] - scores[0]),
        errors=told.errors(),
        scores=Moments.of(scores),
        truths=Moments.of(told.truth[None, :] if terms.task == "regression" else np.empty((1, 0))),
        plane=Plane.of(*scores),
        against_truth=told.against_truth(),
        furthest=_cases(terms, batch, kept),
    )


def flips(scores: Floats, labels: Places) -> NDArray[np.bool_]:
    """Return which events the two models decide differently, shape [N]; none where one refused, or does not decide."""
    decided = (labels != NO_LABEL).all(axis=0) & np.isfinite(scores).all(axis=0)
    return np.asarray((labels[0] != labels[1]) & decided)


def _cases(terms: Terms, batch: Batch, kept: Places) -> tuple[Case, ...]:
    rows = np.flatnonzero(flips(batch.scores, batch.labels)) if terms.decides else kept
    if not len(rows):
        return ()
    scores = batch.scores[:, rows]
    distances = scores.min(axis=0) if terms.task == "multiclass" else np.abs(scores[1] - scores[0])
    least = np.partition(distances, -EXTREMES)[-EXTREMES] if len(rows) > EXTREMES else -np.inf
    far = np.flatnonzero(distances >= least)
    return _furthest([_case(batch, row, distance) for row, distance in zip(rows[far], distances[far], strict=True)])


def _case(batch: Batch, row: int, distance: float) -> Case:
    truth = float(batch.truth[row])
    position = batch.events[row].position
    ones, others = batch.scores[:, row].tolist(), batch.labels[:, row].tolist()
    return Case(
        distance=float(distance),
        event=batch.ids[row],
        source=batch.stream if position is None else str(position),
        scores=(ones[0], ones[1]),
        labels=(others[0], others[1]),
        truth=truth if np.isfinite(truth) else None,
    )


def _furthest(cases: Sequence[Case]) -> tuple[Case, ...]:
    return tuple(sorted(cases, key=lambda case: (-case.distance, case.event, case.source))[:EXTREMES])
