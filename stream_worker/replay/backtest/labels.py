"""A file of event ids and labels, for events that do not carry the truth themselves.

Rules:
- Of an id a 64-bit hash is kept, so that a label takes 16 bytes in memory, whatever the ids look like. Of ten million
  ids, two share one with a chance of three in a million; their labels could be mistaken for each other.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, BinaryIO

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scoring.errors import ConfigurationError
from stream_worker.replay.backtest.arrays import Floats
from stream_worker.replay.backtest.columns import DAMAGES, schema_of
from stream_worker.replay.backtest.terms import Terms
from stream_worker.replay.backtest.truth import Reading, Truths, truths_of
from stream_worker.replay.files import Files, in_words
from stream_worker.replay.records import Portion

__all__ = ["FileTruth", "read_labels"]

_ROWS = 65_536
_NO_ID = (None, "")
_DAMAGES: tuple[type[Exception], ...] = (*DAMAGES, csv.Error)
_Keys = NDArray[np.uint64]
_Batch = tuple[Sequence[Any], Sequence[Any]]
_hash = partial(blake2b, digest_size=8)


class FileTruth:
    """Labels by event id."""

    def __init__(self, keys: _Keys, values: Floats) -> None:
        """Keep them.

        Args:
            keys: hashes of the ids, ascending, shape [N].
            values: the truths, shape [N].
        """
        self._keys = keys
        self._values = values

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, portion: Portion, ids: Sequence[str]) -> Truths:  # noqa: ARG002 - the ids say it all
        """Return the truths of the events with these ids."""
        if not len(self._keys):
            return Truths(np.full(len(ids), np.nan))
        keys = _keys(ids)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return truths_of(np.where(self._keys[places] == keys, self._values[places], np.nan))


def read_labels(path: str, files: Files, *, terms: Terms, id_columns: Sequence[str], label: str) -> FileTruth:
    """Return the labels in a file with a row for each event.

    Args:
        path: ends in .csv or .parquet.
        files: where it is.
        terms: of the comparison.
        id_columns: what the column with the ids may be called; the first that is there is taken.
        label: the column with the labels.

    Raises:
        ConfigurationError: it cannot be read, has no such columns, or gives one id two labels.
    """
    keys: list[_Keys] = []
    values: list[Floats] = []
    read = Reading(terms).read
    try:
        for ids, written in _batches(path, files, id_columns, label):
            keys.append(_keys(list(map(str, ids))))
            told = [math.nan if name in _NO_ID else read(text) for name, text in zip(ids, written, strict=True)]
            values.append(np.array(told, np.float64))
    except _DAMAGES as error:
        raise ConfigurationError(f"--labels {path} cannot be read: {in_words(error)}") from error
    if not keys:
        return FileTruth(np.empty(0, np.uint64), np.empty(0))
    return _indexed(path, np.concatenate(keys), np.concatenate(values))


def _indexed(path: str, keys: _Keys, values: Floats) -> FileTruth:
    """Sort what has a truth by its key, and see that no id has two."""
    known = np.flatnonzero(~np.isnan(values))
    rows = known[np.argsort(keys[known], kind="stable")]
    keys, values = keys[rows], values[rows]
    again = np.flatnonzero((keys[1:] == keys[:-1]) & (values[1:] != values[:-1]))
    if len(again):
        one, other = (rows[again[0] : again[0] + 2] + 1).tolist()
        raise ConfigurationError(f"--labels {path}: rows {one:,} and {other:,} give one event id different labels")
    return FileTruth(keys, values)


def _batches(path: str, files: Files, id_columns: Sequence[str], label: str) -> Iterator[_Batch]:
    suffix = path.lower().rpartition(".")[2]
    if suffix not in {"csv", "parquet"}:
        raise ConfigurationError(f"--labels {path}: expected a file that ends in .csv or .parquet")
    with files.open(files.look(path)) as source:
        yield from (_of_csv if suffix == "csv" else _of_parquet)(path, source, id_columns, label)


def _of_csv(path: str, source: BinaryIO, id_columns: Sequence[str], label: str) -> Iterator[_Batch]:
    with io.TextIOWrapper(source, encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        header = next(rows, [])
        ids, labels = (header.index(name) for name in _named(path, header, id_columns, label))
        batch: list[tuple[str, str]] = []
        for row in filter(None, rows):
            if len(row) != len(header):
                raise ConfigurationError(
                    f"--labels {path}: line {rows.line_num:,} has {len(row)} cells; expected {len(header)}"
                )
            batch.append((row[ids], row[labels]))
            if len(batch) == _ROWS:
                yield [name for name, _ in batch], [text for _, text in batch]
                batch = []
        yield [name for name, _ in batch], [text for _, text in batch]


def _of_parquet(path: str, source: BinaryIO, id_columns: Sequence[str], label: str) -> Iterator[_Batch]:
    columns = _named(path, schema_of(source).names, id_columns, label)
    with pq.ParquetFile(source, pre_buffer=False) as parquet:
        for batch in parquet.iter_batches(batch_size=_ROWS, columns=list(columns), use_threads=False):
            yield batch.column(columns[0]).to_pylist(), batch.column(columns[1]).to_pylist()


def _named(path: str, names: Sequence[str], id_columns: Sequence[str], label: str) -> tuple[str, str]:
    found = next((name for name in id_columns if name in names), None)
    if found is None or label not in names:
        missing = " or ".join(id_columns) if found is None else f"{label}, which --label may name otherwise"
        raise ConfigurationError(f"--labels {path}: there is no column {missing} (there are {', '.join(names)})")
    return found, label


def _keys(ids: Sequence[str]) -> _Keys:
    return np.frombuffer(b"".join(map(blake2b.digest, map(_hash, map(str.encode, ids)))), np.uint64)
