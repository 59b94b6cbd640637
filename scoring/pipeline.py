"""The core: events in, one outcome each out, in order.

Rules:
- One bad event makes one rejection; it never fails its neighbours nor changes their bytes.
- `prepare` and `finish` are pure and quick; `run` is the only step that calls the scorer, and belongs in a thread.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.answers import NOT_FINITE, Answers
from scoring.arrays import check_columns
from scoring.columns import EVENT_ID, Columns, build_columns, transpose
from scoring.decode import MAX_EVENT_BYTES, Decoder
from scoring.errors import ScoringError
from scoring.events import Event
from scoring.explain import without_long_numbers
from scoring.identity import prediction_ids
from scoring.manifest import Manifest
from scoring.outcomes import ModelIdentity, Outcome, Rejected
from scoring.ports import Scorer, Scores
from scoring.schema import event_schema, record_schema, row_schema
from scoring.tables import lay_out, row_as_event, wrong_ids

__all__ = ["Form", "Pipeline", "Prepared", "Scored", "Seen"]

Form = Literal["event", "record", "row"]

_value_of = attrgetter("value")
_MAX_CELLS = 16_777_216  # of the columns that are laid out at once: 64 MiB of float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A batch that is ready to be scored.

    Attributes:
        events: all events of the batch.
        rejected: outcomes that are settled already, by row.
        rows: the other rows, ascending.
        columns: their features, one row each.
        event_ids: their ids, where the manifest names the field.
    """

    events: Sequence[Event]
    rejected: dict[int, Rejected]
    rows: Sequence[int]
    columns: Columns
    event_ids: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A batch after the scorer: runs of consecutive rows with their scores, and the rows that it could not score."""

    prepared: Prepared
    runs: Sequence[tuple[slice, Scores]]
    failed: dict[int, Rejected]


Seen = Callable[[Prepared, Sequence[Outcome]], None]
"""Is shown what was scored, and what it came to."""


class Pipeline:
    """Scores events under one model.

    Attributes:
        manifest: the model's.
        model: what its predictions call it.
        max_rows: the most events to prepare at once: an image is small in an event and large in a column.
    """

    def __init__(
        self, manifest: Manifest, scorer: Scorer, *, certified: bool = True, max_event_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        """Build the decoder for the manifest's features.

        Raises:
            ManifestError: the manifest's paths contradict each other.
        """
        self.manifest = manifest
        self.model = (
            ModelIdentity(name=manifest.name, version=manifest.version, digest=manifest.digest)
            if certified
            else ModelIdentity(name=manifest.name, version=manifest.version, digest=manifest.digest, certified=False)
        )
        self._scorer = scorer
        names = [feature.name for feature in manifest.features]
        self._forms = {
            form: (group, Decoder(group.struct, max_bytes=max_event_bytes, names=names if form == "row" else ()))
            for form, group in (
                ("event", event_schema(manifest)),
                ("record", record_schema(manifest)),
                ("row", row_schema(manifest)),
            )
        }
        self._floats = tuple(feature.name for feature in manifest.features if feature.dtype == "float32")
        self._answers = Answers(manifest, self.model)
        cells = sum(math.prod(feature.shape or ()) for feature in manifest.features)
        self.max_rows = max(1, _MAX_CELLS // cells)

    def score(self, events: Sequence[Event], form: Form = "event", seen: Seen | None = None) -> list[Outcome]:
        """Return one outcome for each event, in order.

        Args:
            events: the batch; its length has no bound.
            form: how the bodies carry the features.
            seen: is shown each part that was laid out at once.
        """
        if len(events) > self.max_rows:
            parts = (events[start : start + self.max_rows] for start in range(0, len(events), self.max_rows))
            return [outcome for part in parts for outcome in self.score(part, form, seen)]
        prepared = self.prepare(events, form)
        outcomes = self.finish(self.run(prepared))
        if seen is not None:
            seen(prepared, outcomes)
        return outcomes

    def score_classes(
        self, events: Sequence[Event], form: Form = "event", seen: Seen | None = None
    ) -> list[list[float] | Rejected]:
        """Return for each event the session's score of every class, in the manifest's order, or why there is none."""
        if len(events) > self.max_rows:
            parts = (events[start : start + self.max_rows] for start in range(0, len(events), self.max_rows))
            return [values for part in parts for values in self.score_classes(part, form, seen)]
        scored = self.run(self.prepare(events, form))
        if seen is not None:
            seen(scored.prepared, self.finish(scored))
        rows = scored.prepared.rows
        refused = scored.prepared.rejected | {rows[index]: why for index, why in scored.failed.items()}
        outcomes: list[Any] = [refused.get(row) for row in range(len(events))]
        for part, scores in scored.runs:
            wide = scores.scores.astype(np.float64, copy=False).reshape(part.stop - part.start, -1)
            finite: list[bool] = np.asarray(np.isfinite(wide).all(axis=1)).tolist()
            for row, values, is_finite in zip(rows[part], wide.tolist(), finite, strict=True):
                outcomes[row] = values if is_finite else NOT_FINITE
        return outcomes

    def score_columns(self, columns: Columns) -> Scores | dict[int, Rejected]:
        """Return the model's answers for arrays of features; or, where any row cannot be scored, why, by row.

        What refuses an event's values refuses an array's cells too; the same values get the same bits as from `score`,
        and the labels that its predictions carry. Takes as long as the model does: call it in a thread.

        Args:
            columns: for each feature an array of one row or more, as `check_columns` takes them.
        """
        checked, refused = check_columns(self.manifest.features, columns)
        runs: list[tuple[slice, Scores]] = []
        if not refused:
            self._run_between(checked, 0, len(next(iter(checked.values()))), runs, refused)
        return refused or self._answers.decided(_joined([scores for _, scores in runs]))

    def prepare(self, events: Sequence[Event], form: Form = "event") -> Prepared:
        """Decode and check the events, and lay out the features of those that pass as columns.

        Args:
            events: the batch.
            form: how the bodies carry the features: `event` where the manifest's paths say, `record` flat and by name,
                `row` as an array in the manifest's order. Only an event has an id.
        """
        group, decoder = self._forms[form]
        decoded = decoder.decode(list(map(_value_of, events)))
        rejected = {row: item for row, item in enumerate(decoded) if isinstance(item, Rejected)}
        rows: Sequence[int] = range(len(events))
        if rejected:
            rows = [row for row in rows if row not in rejected]
            decoded = [decoded[row] for row in rows]
        if not rows:
            return Prepared(events=events, rejected=rejected, rows=(), columns={}, event_ids=None)
        values = transpose(group, decoded)
        columns, refused = build_columns(self.manifest.features, values, self._floats)
        ids = list(map(str, values[EVENT_ID])) if EVENT_ID in values else None
        if refused:
            rejected |= {rows[index]: why for index, why in refused.items()}
            kept = np.array([index for index in range(len(rows)) if index not in refused], np.intp)
            columns = {name: column[kept] for name, column in columns.items()}
            ids = None if ids is None else [ids[index] for index in kept]
            rows = [rows[index] for index in kept]
        return Prepared(events=events, rejected=rejected, rows=rows, columns=columns, event_ids=ids)

    def prepare_columns(
        self, events: Sequence[Event], columns: Columns, event_ids: Sequence[str | None] | None
    ) -> Prepared:
        """Check a table's columns as the values of events are checked, and lay them out likewise.

        Args:
            events: one for each row; their values are not looked at.
            columns: arrays by feature name, as the table has them; a null is masked, or NaN among floats, or None among
                strings. A nullable feature may be absent.
            event_ids: the rows' own ids, where the manifest names the field.
        """
        laid, wrong = lay_out(self.manifest.features, columns, len(events))
        ids = event_ids if self.manifest.event_id is not None else None
        if self.manifest.event_id is not None:
            wrong |= np.ones(len(events), np.bool_) if event_ids is None else wrong_ids(event_ids)
        rows: Sequence[int] = range(len(events))
        rejected: dict[int, Rejected] = {}
        if wrong.any():
            rejected = {row: self._why_not(columns, ids, row) for row in np.flatnonzero(wrong).tolist()}
            kept = np.flatnonzero(~wrong)
            laid = {name: column[kept] for name, column in laid.items()}
            rows = kept.tolist()
            ids = None if ids is None else [ids[row] for row in rows]
        named: Any = ids  # none is missing any more
        return Prepared(events=events, rejected=rejected, rows=rows, columns=laid, event_ids=named)

    def run(self, prepared: Prepared) -> Scored:
        """Score the prepared rows. Takes as long as the model does: call it in a thread."""
        runs: list[tuple[slice, Scores]] = []
        failed: dict[int, Rejected] = {}
        if prepared.rows:
            self._run_between(prepared.columns, 0, len(prepared.rows), runs, failed)
        return Scored(prepared=prepared, runs=runs, failed=failed)

    def values(self, scored: Scored) -> NDArray[np.float64]:
        """Return the scores that a batch's predictions carry, in their order, without asking each for it."""
        parts = [self._answers.values(scores) for _, scores in scored.runs]
        return np.concatenate(parts) if parts else np.zeros(0)

    def finish(self, scored: Scored) -> list[Outcome]:
        """Return the outcomes of a scored batch."""
        prepared = scored.prepared
        events, rows = prepared.events, prepared.rows
        outcomes: list[Any] = [None] * len(events)
        for row, rejected in prepared.rejected.items():
            outcomes[row] = rejected
        for index, rejected in scored.failed.items():
            outcomes[rows[index]] = rejected
        whole = len(rows) == len(events)
        ids = prepared.event_ids
        kept = events if whole else [events[row] for row in rows]
        named = prediction_ids(self.manifest.digest, kept, ids)
        for part, scores in scored.runs:
            shown = [None] * (part.stop - part.start) if ids is None else ids[part]
            answers = self._answers.predictions(scores, named[part], shown)
            if whole:
                outcomes[part] = answers
            else:
                for row, outcome in zip(rows[part], answers, strict=True):
                    outcomes[row] = outcome
        return outcomes

    def _why_not(self, columns: Columns, event_ids: Sequence[str | None] | None, row: int) -> Rejected:
        """Return why a row is refused: what its event would have been refused for."""
        event = row_as_event(self.manifest, columns, None if event_ids is None else event_ids[row], row)
        if isinstance(event, Rejected):
            return event
        refused = self.prepare([Event(event)]).rejected
        return refused.get(0, Rejected("wrong_type", "a column is of a type that no event's value has"))

    def _run_between(
        self, columns: Columns, start: int, stop: int, runs: list[tuple[slice, Scores]], failed: dict[int, Rejected]
    ) -> None:
        """Score rows [start, stop); where the scorer raises, halve until the guilty rows stand alone."""
        whole = stop - start == len(next(iter(columns.values())))
        part = columns if whole else {name: column[start:stop] for name, column in columns.items()}
        try:
            runs.append((slice(start, stop), self._scores(part, stop - start)))
        except ScoringError as error:
            if stop - start == 1:
                why = without_long_numbers(str(error))
                failed[start] = Rejected("scoring_failed", f"the model cannot score this event: {why}")
                return
            middle = (start + stop) // 2
            self._run_between(columns, start, middle, runs, failed)
            self._run_between(columns, middle, stop, runs, failed)

    def _scores(self, columns: Columns, rows: int) -> Scores:
        scores = self._scorer.run(columns)
        if len(scores.scores) != rows:
            raise ScoringError(f"the model gave {len(scores.scores)} answers for {rows} rows")
        return scores


def _joined(runs: Sequence[Scores]) -> Scores:
    if len(runs) == 1:
        return runs[0]
    labels = [run.labels for run in runs if run.labels is not None]
    return Scores(np.concatenate(labels) if labels else None, np.concatenate([run.scores for run in runs]))
