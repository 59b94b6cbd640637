"""Answers as Parquet; every setting of the writer that could change a file is fixed."""

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from scoring import Event, Manifest, encode
from stream_worker.replay.answers import Answered, Refused
from stream_worker.replay.folders import Content
from stream_worker.replay.records import PORTION
from stream_worker.replay.rows import RowKind, place_of, writer

__all__ = ["ParquetRows"]

_GROUP_ROWS = 4 * PORTION  # to a row group, before it is encoded: what waits takes memory
_GROUP_BYTES = 8 * 1024 * 1024
_PLACE = [("stream", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())]
_LETTERS = pa.schema(
    [
        ("error_code", pa.string()),
        ("error_reason", pa.string()),
        ("error_field", pa.string()),
        ("source", pa.string()),
        ("model", pa.string()),
        ("key", pa.binary()),
        ("headers", pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))),
        ("value", pa.binary()),
        *_PLACE,
    ]
)


class ParquetRows:
    """Rows as Arrow tables."""

    suffix = ".parquet"

    def __init__(self, manifest: Manifest) -> None:
        """Find out what the labels are.

        Args:
            manifest: the model's.
        """
        self._model = manifest.reference
        self._has_numbers = all(isinstance(label, int) for label in manifest.outputs.labels)
        self._predictions = pa.schema(
            [
                ("prediction_id", pa.string()),
                ("event_id", pa.string()),
                ("label", pa.int64() if self._has_numbers else pa.string()),
                ("score", pa.float64()),
                ("key", pa.binary()),
                *_PLACE,
                ("prediction", pa.string()),
            ]
        )

    def predictions(self, answered: Answered) -> pa.Table:
        """Return the predictions of a portion as a table."""
        predictions, events, labels = answered.predictions, answered.events, answered.labels
        if not self._has_numbers:
            labels = [None if label is None else str(label) for label in labels]
        columns = [
            [prediction.prediction_id for prediction in predictions],
            [prediction.event_id for prediction in predictions],
            labels,
            answered.scores,
            [event.key for event in events],
            *_places(events),
            # taken as bytes and called text: to take bytes as text is ten times slower
            pa.array(encode(predictions), pa.binary()).view(pa.string()),
        ]
        return _table(columns, self._predictions)

    def letters(self, refused: Sequence[Refused], stream: str) -> pa.Table:
        """Return dead letters as a table."""
        events, reasons = [event for event, _ in refused], [why for _, why in refused]
        columns = [
            [why.code for why in reasons],
            [why.reason for why in reasons],
            [why.field for why in reasons],
            [place_of(event, stream) for event in events],
            [self._model] * len(refused),
            [event.key for event in events],
            [[{"name": name, "value": value} for name, value in event.headers] for event in events],
            [event.value for event in events],
            *_places(events),
        ]
        return _table(columns, _LETTERS)

    def file(self, kind: RowKind) -> "_ParquetFile":
        """Return a file without rows."""
        return _ParquetFile(self._schema(kind))

    def join(self, kind: RowKind, parts: Sequence[Callable[[], BinaryIO]], file: BinaryIO) -> None:
        """Write one file with the row groups of several."""
        with writer(file, self._schema(kind)) as joined:
            for open_part in parts:
                with open_part() as source, pq.ParquetFile(source, pre_buffer=False) as part:
                    for number in range(part.num_row_groups):
                        joined.write_table(part.read_row_group(number, use_threads=False))

    def _schema(self, kind: RowKind) -> pa.Schema:
        return self._predictions if kind == "predictions" else _LETTERS


class _ParquetFile:
    """A file while tables are added to it; they are encoded, a row group at a time."""

    def __init__(self, schema: pa.Schema) -> None:
        self._buffer = pa.BufferOutputStream()
        self._writer = writer(self._buffer, schema)
        self._empty: int = self._buffer.tell()
        self._waiting: list[pa.Table] = []
        self._rows = self._bytes = 0

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        written: int = self._buffer.tell()
        return written - self._empty + self._bytes

    def add(self, piece: pa.Table) -> None:
        """Add rows."""
        self._waiting.append(piece)
        self._rows += len(piece)
        self._bytes += piece.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._encode()

    def finish(self) -> Content:
        """Return the file."""
        self._encode()
        self._writer.close()
        return memoryview(self._buffer.getvalue())

    def _encode(self) -> None:
        if self._rows:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=self._rows)
        self._waiting = []
        self._rows = self._bytes = 0


def _places(events: Sequence[Event]) -> list[Any]:
    positions = [event.position for event in events]
    if positions.count(None) == len(positions):
        return [pa.nulls(len(positions), kind) for _, kind in _PLACE]
    return [
        [None if at is None else at.stream for at in positions],
        [None if at is None else at.partition for at in positions],
        [None if at is None else at.offset for at in positions],
    ]


def _table(columns: Sequence[Any], schema: pa.Schema) -> pa.Table:
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
