"""Two pipelines over the same events, and what they answer as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scoring import Label, Outcome, Pipeline, Prediction
from stream_worker.replay.answers import outcomes_of
from stream_worker.replay.backtest.arrays import Floats, Places
from stream_worker.replay.backtest.counting import NO_LABEL
from stream_worker.replay.backtest.terms import Terms
from stream_worker.replay.backtest.truth import Truth
from stream_worker.replay.comparison import Batch
from stream_worker.replay.records import Group, Portion

__all__ = ["Duel"]

_UNSCORED: Any = float("nan")


class Duel:
    """A champion and a challenger, who answer the same events."""

    def __init__(self, champion: Pipeline, challenger: Pipeline, terms: Terms, truth: Truth) -> None:
        self.terms = terms
        self._pipelines = champion, challenger
        self._truth = truth
        self._places: dict[Label | None, int] = {label: place for place, label in enumerate(terms.labels)}

    def answer(self, portion: Portion, group: Group) -> Batch:
        """Return what both answer to a portion of a group."""
        both = [outcomes_of(_for(portion, pipeline), pipeline) for pipeline in self._pipelines]
        ids = _ids(portion, *both)
        truth = self._truth.of(portion, ids)
        return Batch(
            scores=np.stack([_scores(outcomes) for outcomes in both]),
            labels=np.stack([_labels(outcomes, self._places) for outcomes in both]),
            ranks=self._ranks(both, truth.values) if self.terms.top_k else None,
            truth=truth.values,
            foreign=truth.foreign,
            codes=(_codes(both[0]), _codes(both[1])),
            events=portion.events,
            ids=ids,
            stream=group.stream,
        )

    def _ranks(self, both: Sequence[Sequence[Outcome]], truth: Floats) -> Places:
        labels = self.terms.labels
        true = [None if np.isnan(place) else labels[int(place)] for place in truth.tolist()]
        ranks = [[_rank(each, label) for each, label in zip(outcomes, true, strict=True)] for outcomes in both]
        return np.array(ranks, np.intp)


def _for(portion: Portion, pipeline: Pipeline) -> Portion:
    """Return the portion with only the columns that are a model's own."""
    if portion.columns is None:
        return portion
    own = {feature.name for feature in pipeline.manifest.features}
    return replace(portion, columns={name: column for name, column in portion.columns.items() if name in own})


def _scores(outcomes: Sequence[Outcome]) -> Floats:
    return np.array([each.score if isinstance(each, Prediction) else _UNSCORED for each in outcomes], np.float64)


def _labels(outcomes: Sequence[Outcome], places: Mapping[Label | None, int]) -> Places:
    return np.array(
        [places.get(each.label, NO_LABEL) if isinstance(each, Prediction) else NO_LABEL for each in outcomes], np.intp
    )


def _codes(outcomes: Sequence[Outcome]) -> list[str]:
    return ["" if isinstance(each, Prediction) else each.code for each in outcomes]


def _rank(outcome: Outcome, label: Label | None) -> int:
    """Return where a label stands among those that a prediction lists."""
    if label is None or not isinstance(outcome, Prediction) or not outcome.scores:
        return NO_LABEL
    return next((place for place, each in enumerate(outcome.scores) if each.label == label), NO_LABEL)


def _ids(portion: Portion, ones: Sequence[Outcome], others: Sequence[Outcome]) -> list[str]:
    """Return the events' own ids, as one of the models read them; else their positions, where the archive has any."""
    if portion.event_ids is not None:
        return [each if isinstance(each, str) else "" for each in portion.event_ids]
    return [
        getattr(one, "event_id", None)
        or getattr(other, "event_id", None)
        or ("" if event.position is None else str(event.position))
        for event, one, other in zip(portion.events, ones, others, strict=True)
    ]
