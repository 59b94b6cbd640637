"""Rows as a Parquet file in memory; the one module of telemetry that needs pyarrow."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET
from numpy.typing import NDArray

from scoring import Feature, Manifest, Prediction
from telemetry.collection.hashing import Hasher
from telemetry.collection.layout import Own
from telemetry.collection.rows import Kept, Unpacked

__all__ = ["encode_parquet"]

_HASH = pa.binary()  # the digits as bytes and not as text: no reader takes them for the value
_TYPES = {
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "string": pa.string(),
    "text": pa.string(),
    "bool": pa.bool_(),
}
_REPETITIVE: tuple[Own, ...] = ("model", "digest", "label", "time", "stream", "partition")


def encode_parquet(batches: Sequence[Kept], hasher: Hasher) -> memoryview:
    """Return a file.

    Args:
        batches: rows of one model; either all have positions, or none has, and all hide their ids, or none does.
        hasher: hashes what is sensitive.

    Raises:
        ArrowException: a value cannot be written.
    """
    table = pa.concat_tables([_table(batch, hasher) for batch in batches])
    own = batches[0].layout.own
    buffer = pa.BufferOutputStream()
    pq.write_table(
        table,
        buffer,
        compression="zstd",
        compression_level=1,
        use_dictionary=[own[name] for name in _REPETITIVE if own[name] in table.column_names],
        row_group_size=max(1, len(table)),
        write_page_checksum=True,
    )
    return memoryview(buffer.getvalue())


def _table(batch: Kept, hasher: Hasher) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    own, rows = batch.layout.own, batch.unpack()
    for name, cells in _own_columns(batch, rows, hasher).items():
        columns[own[name]] = cells
    if batch.layout.event_id is not None:
        ids = [prediction.event_id for prediction in rows.predictions]
        columns[batch.layout.event_id] = _shown(ids, batch.layout.event_id in batch.layout.hashed, hasher)
    for feature in batch.layout.features:
        cells = rows.columns[feature.name]
        if feature.name in batch.layout.hashed:
            columns[feature.name] = pa.array(hasher(_values(feature, cells)), _HASH)
        else:
            columns[feature.name] = _cells(feature, cells)
    return pa.table(columns)


def _own_columns(batch: Kept, rows: Unpacked, hasher: Hasher) -> dict[Own, pa.Array]:
    predictions, manifest = rows.predictions, batch.manifest
    ids = [prediction.prediction_id for prediction in predictions]
    label = _label_type(manifest)
    columns: dict[Own, pa.Array] = {
        "prediction_id": _shown(ids, batch.hides_ids, hasher),
        "model": pa.repeat(manifest.reference, len(ids)),
        "digest": pa.repeat(manifest.digest, len(ids)),
        "label": pa.array([label.cast(prediction.label) for prediction in predictions], label.kind),
        "score": pa.array([prediction.score for prediction in predictions], pa.float64()),
        "time": pa.repeat(pa.scalar(batch.time, pa.timestamp("us", "UTC")), len(ids)),
    }
    if manifest.task == "multiclass":
        columns["scores"] = _scores(predictions, label)
    if rows.positions is not None:
        columns["stream"] = pa.array([position.stream for position in rows.positions], pa.string())
        columns["partition"] = pa.array([position.partition for position in rows.positions], pa.int32())
        columns["offset"] = pa.array([position.offset for position in rows.positions], pa.int64())
    return columns


class _Labels:
    """How a model's labels are written: as integers where all of them are, else as text."""

    def __init__(self, *, has_numbers: bool) -> None:
        self.kind = pa.int64() if has_numbers else pa.string()
        self._has_numbers = has_numbers

    def cast(self, label: Any) -> Any:
        return label if label is None or self._has_numbers else str(label)


def _label_type(manifest: Manifest) -> _Labels:
    return _Labels(has_numbers=all(isinstance(label, int) for label in manifest.outputs.labels))


def _scores(predictions: Sequence[Prediction], label: _Labels) -> pa.Array:
    rows = [
        None
        if prediction.scores is UNSET
        else [{"label": label.cast(each.label), "score": each.score} for each in prediction.scores]
        for prediction in predictions
    ]
    return pa.array(rows, pa.list_(pa.struct([("label", label.kind), ("score", pa.float64())])))


def _shown(ids: Sequence[str | None], is_hashed: bool, hasher: Hasher) -> pa.Array:
    return pa.array(hasher(ids), _HASH) if is_hashed else pa.array(ids, pa.string())


def _cells(feature: Feature, cells: NDArray[Any]) -> pa.Array:
    """Return a feature's cells; NaN, and the empty string of a nullable feature, are nulls."""
    if feature.dtype in _TYPES:
        values: Any = _values(feature, cells) if feature.textual and feature.nullable else cells
        return pa.array(values, _TYPES[feature.dtype], from_pandas=True)
    flat = pa.array(np.ascontiguousarray(cells).reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, cells[0].size)


def _values(feature: Feature, cells: NDArray[Any]) -> list[Any]:
    """Return a feature's cells as JSON has them; a null is None."""
    is_null: Callable[[Any], bool] = (lambda value: value == "") if feature.textual else (lambda value: value != value)  # noqa: PLR0124 - NaN
    values = cells.tolist()
    return [None if is_null(value) else value for value in values] if feature.nullable else values
