"""`weir drift` reads: an archive or a collection, portion by portion, to counts by the bins of a model's baselines.

Rules:
- One portion is held while the next is read: memory does not grow with the archive.
- A table with all features is scored again, by the model asked for. A table that lacks some is taken as far as it goes,
  with the scores that it keeps.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scoring import Feature, Manifest, Pipeline, Prediction, Rejected
from scoring.tables import lay_out
from stream_worker.replay import archive
from stream_worker.replay.ahead import ahead
from stream_worker.replay.files import FAILURES, Files, StorageOptions
from stream_worker.replay.limits import Limits
from stream_worker.replay.problems import number_of
from stream_worker.replay.records import Group, Portion, Problem
from stream_worker.replay.tables import MisfitError, Shape, shape_of
from telemetry.drift import Counts, ModelBins

__all__ = ["Reader", "Tally"]

_SHOWN: Final = 10
_SCORE: Final = Feature(name="score", path=("score",), dtype="float64", nullable=True)
_MODEL: Final = Feature(name="model", path=("model",), dtype="string", nullable=True)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been read so far.

    Attributes:
        counts: by the bins of the model.
        records: how many.
        scores: how many of them have one.
        rejected: records that the model does not take, by error code.
        unread: how many problems there were.
        problems: the first of them.
        partial: how many groups lacked features, by the names of those.
    """

    counts: Counts
    records: int = 0
    scores: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unread: int = 0
    problems: list[Problem] = field(default_factory=list)
    partial: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def note(self, problems: Sequence[Problem]) -> None:
        """Add problems."""
        self.unread += number_of(problems)
        self.problems = [*self.problems, *problems][:_SHOWN]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What reading needs.

    Attributes:
        pipeline: over the model.
        bins: of its baselines.
        storage: how blob storage is reached.
        limits: what is held at once.
        column: of a Parquet file, the one that holds the event, where it is none of the usual.
    """

    pipeline: Pipeline
    bins: ModelBins
    storage: StorageOptions
    limits: Limits
    column: str | None

    def count(self, groups: Sequence[Group], problems: Sequence[Problem], watch: Callable[[int], None]) -> Tally:
        """Return what groups come to.

        Args:
            groups: of the archive.
            problems: of its plan.
            watch: told how many records were read.
        """
        tally = Tally(counts=np.zeros(self.bins.width, np.int64))
        tally.note(problems)
        for group in groups:
            self._count_group(group, tally, watch)
        return tally

    def _count_group(self, group: Group, tally: Tally, watch: Callable[[int], None]) -> None:
        table = self._table(group)
        if table.missing:
            tally.partial[table.missing] += 1
        read = archive.read(
            group, manifest=table.manifest, storage=self.storage, limits=self.limits, column=self.column
        )
        with closing(ahead(cast("Generator[Portion]", read), "reading")) as portions:
            for portion in portions:
                tally.note(portion.problems)
                tally.records += len(portion.events)
                for part in _parts(portion, self.pipeline.max_rows):
                    self._count_part(part, table, tally)
                watch(tally.records)

    def _count_part(self, part: Portion, table: "_Table", tally: Tally) -> None:
        columns: Any
        scores: NDArray[np.float64] | list[float]
        if table.missing and part.columns is not None:
            columns, scores = _as_kept(part, table, self.pipeline.manifest)
        else:
            columns, scores = self._as_scored(part, tally)
        tally.counts += self.bins.count(columns, scores)
        tally.scores += len(scores)

    def _as_scored(self, part: Portion, tally: Tally) -> tuple[Any, list[float]]:
        if part.columns is None:
            prepared = self.pipeline.prepare(part.events)
        else:  # ids say nothing of drift, and a collection may lack them
            prepared = self.pipeline.prepare_columns(part.events, part.columns, ["-"] * len(part.events))
        outcomes = self.pipeline.finish(self.pipeline.run(prepared))
        tally.rejected.update(outcome.code for outcome in outcomes if isinstance(outcome, Rejected))
        return prepared.columns, [outcome.score for outcome in outcomes if isinstance(outcome, Prediction)]

    def _table(self, group: Group) -> "_Table":
        """Return what to read of a group's files."""
        whole = self.pipeline.manifest.model_copy(update={"event_id": None})
        if group.kind != "parquet":
            return _Table(self.pipeline.manifest, ())
        schema = _schema(group, self.storage)
        if schema is None or _shape(schema, whole, self.column) is not None:
            return _Table(whole, ())
        there = [each for each in whole.features if _has(schema, each, whole)]
        if not there:
            return _Table(whole, ())  # the reader says in words what is wrong with it
        names = {each.name for each in there}
        missing = tuple(each.name for each in whole.features if each.name not in names)
        kept = [each for each in (_SCORE, _MODEL) if each.name not in {*names, *missing} and _has(schema, each, whole)]
        return _Table(whole.model_copy(update={"features": (*there, *kept)}), missing)


@dataclass(frozen=True, slots=True)
class _Table:
    """What is read of files: the manifest to read them by, and the features of the model that they lack."""

    manifest: Manifest
    missing: tuple[str, ...]


def _schema(group: Group, storage: StorageOptions) -> pa.Schema | None:
    """The columns of a Parquet file; None where it cannot be read, of which its reader tells."""
    try:
        with Files(storage) as files, files.open(group.files[0]) as source:
            return pq.read_schema(source)
    except (*FAILURES, pa.ArrowException):
        return None


def _shape(schema: pa.Schema, manifest: Manifest, column: str | None) -> Shape | None:
    try:
        return shape_of(schema, manifest, column)
    except MisfitError:
        return None


def _has(schema: pa.Schema, feature: Feature, manifest: Manifest) -> bool:
    """Whether a table has a column of a feature, with its values and not with hashes of them."""
    alone = manifest.model_copy(update={"features": (feature,)})
    shape = _shape(schema, alone, None)
    return shape is not None and bool(shape.features)


def _parts(portion: Portion, most: int) -> Iterator[Portion]:
    """Cut a portion into parts that may be laid out at once."""
    for start in range(0, len(portion.events), most):
        rows = slice(start, start + most)
        columns = portion.columns
        yield replace(
            portion,
            events=portion.events[rows],
            columns=None if columns is None else {name: column[rows] for name, column in columns.items()},
        )


def _as_kept(part: Portion, table: _Table, manifest: Manifest) -> tuple[Any, NDArray[np.float64]]:
    """Return the columns of a table that lacks features, and the scores that this model gave its rows then."""
    laid, wrong = lay_out(table.manifest.features, part.columns or {}, len(part.events))
    columns = {name: column[~wrong] for name, column in laid.items()}
    features = {feature.name for feature in manifest.features}
    if _SCORE.name in features or _SCORE.name not in columns:
        return columns, np.empty(0)
    scores = columns.pop(_SCORE.name)
    given = np.isfinite(scores)
    if _MODEL.name in columns and _MODEL.name not in features:
        given &= columns.pop(_MODEL.name) == manifest.reference
    return columns, scores[given]
