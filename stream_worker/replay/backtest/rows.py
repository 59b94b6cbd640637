"""Both answers to each event as the rows of a file: Parquet through Arrow, or JSON Lines."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoring import Label
from stream_worker.replay.backtest.arrays import Floats, Places
from stream_worker.replay.backtest.counting import NO_LABEL
from stream_worker.replay.backtest.terms import Terms
from stream_worker.replay.comparison import Batch, flips
from stream_worker.replay.folders import Folder
from stream_worker.replay.records import Group
from stream_worker.replay.rows import RowFormat, writer

__all__ = ["NAMES", "EventRows", "NoRows", "Rows", "rows_to"]

_ROW_GROUP = 65_536
_encode_lines = msgspec.json.Encoder().encode_lines


class _Row(msgspec.Struct, frozen=True, gc=False):
    """Both answers to an event."""

    event_id: str | None
    stream: str
    partition: int
    offset: int | None
    champion_score: float | None
    challenger_score: float | None
    champion_label: Label | None
    challenger_label: Label | None
    label: Label | float | None
    flipped: bool | None
    champion_error: str | None
    challenger_error: str | None


NAMES = _Row.__struct_fields__
"""The columns, in order."""


class Rows(Protocol):
    """Where the rows of a group go."""

    def add(self, batch: Batch) -> None:
        """Write the rows of a batch."""
        ...


class NoRows:
    """Nowhere."""

    def add(self, batch: Batch) -> None:
        """Do nothing."""


class EventRows:
    """A file that is written a batch, or a row group, at a time."""

    def __init__(self, write: Any, group: Group, terms: Terms) -> None:
        self._write = write
        self._group = group
        self._terms = terms

    def add(self, batch: Batch) -> None:
        """Write the rows of a batch."""
        self._write(_columns(batch, self._group, self._terms))


@contextmanager
def rows_to(output: Folder, group: Group, terms: Terms, form: RowFormat) -> Iterator[Rows]:
    """Yield what writes the rows of a group to a file, which appears when the block ends without an error."""
    with output.create(f"events/{group.name}.{form}") as file:
        if form == "jsonl":
            yield EventRows(lambda columns: file.write(_lines(columns)), group, terms)
            return
        with _tables(file, terms) as write:
            yield EventRows(write, group, terms)


def _lines(columns: Sequence[Sequence[Any]]) -> bytes:
    return _encode_lines(list(map(_Row, *columns)))


@contextmanager
def _tables(file: BinaryIO, terms: Terms) -> Iterator[Any]:
    """Yield what adds columns to a Parquet file; its row groups hold the same rows however these come."""
    schema = _schema(terms)
    with writer(file, schema) as parquet:
        waiting: list[pa.Table] = []

        def add(columns: Sequence[Sequence[Any]]) -> None:
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            waiting.append(pa.Table.from_arrays(arrays, schema=schema))
            if sum(map(len, waiting)) >= _ROW_GROUP:
                _flush(parquet, waiting)

        yield add
        _flush(parquet, waiting)


def _flush(parquet: pq.ParquetWriter, waiting: list[pa.Table]) -> None:
    if waiting:
        table = pa.concat_tables(waiting)
        parquet.write_table(table, row_group_size=max(1, len(table)))
        waiting.clear()


def _schema(terms: Terms) -> pa.Schema:
    label = pa.int64() if all(isinstance(each, int) for each in terms.labels) else pa.string()
    kinds = {
        "partition": pa.int32(),
        "offset": pa.int64(),
        "champion_score": pa.float64(),
        "challenger_score": pa.float64(),
        "champion_label": label,
        "challenger_label": label,
        "label": label if terms.decides else pa.float64(),
        "flipped": pa.bool_(),
    }
    return pa.schema([(name, kinds.get(name, pa.string())) for name in NAMES])


def _columns(batch: Batch, group: Group, terms: Terms) -> list[Sequence[Any]]:
    positions = [event.position for event in batch.events]
    scores = [_or_none(each, np.isfinite(each)) for each in batch.scores]
    both = np.isfinite(batch.scores).all(axis=0)
    return [
        [each or None for each in batch.ids],
        [group.stream if at is None else at.stream for at in positions],
        [group.partition if at is None else at.partition for at in positions],
        [None if at is None else at.offset for at in positions],
        *scores,
        *(_named(places, terms) for places in batch.labels),
        _truth(batch.truth, terms),
        _or_none(flips(batch.scores, batch.labels), both & terms.decides),
        *([code or None for code in codes] for codes in batch.codes),
    ]


def _or_none(values: Any, known: Any) -> list[Any]:
    if known.all():
        return list(values.tolist())
    return [value if is_known else None for value, is_known in zip(values.tolist(), known.tolist(), strict=True)]


def _named(places: Places, terms: Terms) -> list[Label | None]:
    """Return the labels at these places; what stands at the last place, which -1 leads to, is none."""
    names: list[Any] = [*_same_kind(terms.labels), None]
    return [names[place] for place in places.tolist()]


def _truth(truth: Floats, terms: Terms) -> Sequence[Any]:
    known = np.isfinite(truth)
    if not terms.decides:
        return _or_none(truth, known)
    return _named(np.where(known, truth, NO_LABEL).astype(np.intp), terms)


def _same_kind(labels: Sequence[Label]) -> Sequence[Label]:
    """Return labels as integers, or else all as text: a column has one type."""
    return labels if all(isinstance(label, int) for label in labels) else list(map(str, labels))
