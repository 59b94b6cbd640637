"""From a portion of records to what they came to: predictions, refusals, and the numbers for the summary."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, cast

import msgspec
import numpy as np

from scoring import Event, Manifest, Outcome, Pipeline, Prediction, Prepared, Rejected
from stream_worker.messages import split
from stream_worker.replay.histogram import Spread
from stream_worker.replay.problems import number_of
from stream_worker.replay.records import Cursor, Group, Portion
from stream_worker.replay.selection import Selection, outside
from stream_worker.replay.tally import Tally

__all__ = ["Answered", "Refused", "answer", "outcomes_of", "spread_of"]

Refused = tuple[Event, Rejected]

_label_of = attrgetter("label")
_score_of = attrgetter("score")
_stream_of = attrgetter("stream")
_partition_of = attrgetter("partition")
_offset_of = attrgetter("offset")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a portion came to.

    Attributes:
        events: those that have predictions.
        predictions: one for each of them.
        refused: the other events, each with why; one whose archive has columns carries them as JSON.
        portion: as it was read, but for records that were not asked for.
        outside: how many those were.
        ends: the highest number that was read of each partition, by `stream/partition`.
        is_last: whether nothing that comes after it can be asked for.
    """

    events: Sequence[Event]
    predictions: Sequence[Prediction]
    refused: Sequence[Refused]
    portion: Portion
    outside: int = 0
    ends: Mapping[str, int] = field(default_factory=dict)
    is_last: bool = False

    @property
    def cursor(self) -> Cursor:
        """Where the group goes on after it."""
        return self.portion.cursor

    @cached_property
    def labels(self) -> list[Any]:
        """Of the predictions."""
        return list(map(_label_of, self.predictions))

    @cached_property
    def scores(self) -> list[float]:
        """Of the predictions."""
        return list(map(_score_of, self.predictions))

    def tally(self, spread: Spread) -> Tally:
        """Return it in numbers."""
        labels = {str(label): count for label, count in Counter(self.labels).items() if label is not None}
        return Tally(
            records=len(self.portion.events),
            predictions=len(self.predictions),
            dead_letters=dict(Counter(why.code for _, why in self.refused)),
            labels=labels,
            scores=spread.count(np.array(self.scores, np.float64)),
            duplicates=self.portion.duplicates,
            outside=self.outside,
            problems=number_of(self.portion.problems),
            shown=tuple(self.portion.problems),
            ends=dict(self.ends),
        )


def spread_of(manifest: Manifest) -> Spread:
    """Return how the scores of a model are sorted."""
    return Spread(bounded=manifest.task in {"binary", "multiclass"})


def answer(group: Group, portion: Portion, pipeline: Pipeline, selection: Selection) -> Answered:
    """Score the records of a group's portion that are asked for.

    Raises:
        ConfigurationError: the archive does not keep what the selection decides by.
    """
    asked = selection.of(portion, group)
    outcomes = outcomes_of(asked, pipeline)
    events, predictions, refused = _split(asked.events, outcomes)
    if asked.columns is not None and refused:
        refused = _with_values(asked, outcomes, pipeline.manifest)
    return Answered(
        events=events,
        predictions=predictions,
        refused=refused,
        portion=asked,
        outside=outside(portion, asked),
        ends=_ends(portion.events),
        is_last=selection.is_past(portion, group),
    )


def _ends(events: Sequence[Event]) -> dict[str, int]:
    positions = [event.position for event in events if event.position is not None]
    partitions, offsets = list(map(_partition_of, positions)), list(map(_offset_of, positions))
    streams = list(map(_stream_of, positions))
    if len(set(partitions)) == len(set(streams)) == 1:
        return {f"{streams[0]}/{partitions[0]}": max(offsets)}
    in_order = sorted(zip(offsets, partitions, streams, strict=True))
    return {f"{stream}/{number}": offset for offset, number, stream in in_order}


def _split(
    events: Sequence[Event], outcomes: Sequence[Outcome]
) -> tuple[Sequence[Event], Sequence[Prediction], Sequence[Refused]]:
    if Rejected in set(map(type, outcomes)):
        return split(events, outcomes)
    return events, cast("Sequence[Prediction]", outcomes), ()  # as usual: nobody has to look at each


def outcomes_of(portion: Portion, pipeline: Pipeline) -> list[Outcome]:
    """Return what each event of a portion came to, in order."""
    return [outcome for part in _parts(portion, pipeline.max_rows) for outcome in _outcomes(part, pipeline)]


def _parts(portion: Portion, most: int) -> Iterator[Portion]:
    """Cut a portion into parts that may be laid out at once; hardly ever is there more than one."""
    if 0 < len(portion.events) <= most:
        yield portion
        return
    for start in range(0, len(portion.events), most):
        rows = slice(start, start + most)
        columns, ids = portion.columns, portion.event_ids
        yield replace(
            portion,
            events=portion.events[rows],
            columns=None if columns is None else {name: column[rows] for name, column in columns.items()},
            event_ids=None if ids is None else ids[rows],
        )


def _outcomes(portion: Portion, pipeline: Pipeline) -> Sequence[Outcome]:
    return pipeline.finish(pipeline.run(_prepared(portion, pipeline)))


def _prepared(portion: Portion, pipeline: Pipeline) -> Prepared:
    if portion.columns is None:
        return pipeline.prepare(portion.events)
    return pipeline.prepare_columns(portion.events, portion.columns, portion.event_ids)


def _with_values(portion: Portion, outcomes: Sequence[Outcome], manifest: Manifest) -> list[Refused]:
    """Return the refusals of rows that were columns, each with an event that could be sent again."""
    return [
        (msgspec.structs.replace(event, value=_row_as_event(portion, row, manifest)), outcome)
        for row, (event, outcome) in enumerate(zip(portion.events, outcomes, strict=True))
        if isinstance(outcome, Rejected)
    ]


def _row_as_event(portion: Portion, row: int, manifest: Manifest) -> bytes:
    cells: list[tuple[Sequence[str], Any]] = [
        (feature.path, portion.columns[feature.name][row])
        for feature in manifest.features
        if portion.columns is not None and feature.name in portion.columns
    ]
    if portion.event_ids is not None and manifest.event_id is not None:
        cells.insert(0, (manifest.event_id, portion.event_ids[row]))
    event: dict[str, Any] = {}
    for (*above, name), cell in cells:
        inner = event
        for step in above:
            inner = inner.setdefault(step, {})
        inner[name] = cell.tolist() if isinstance(cell, np.generic | np.ndarray) else cell
    return msgspec.json.encode(event)
