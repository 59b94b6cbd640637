"""A table's columns in place of events: the same values become the same arrays, and the same rows are refused.

Rules:
- What is right is told by vectorised code. A row that is not is written as an event, and refused with an event's words.
- A null is masked, or NaN among floats, or None among strings.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring.columns import Columns, build_column, image_column, narrowed
from scoring.explain import describe
from scoring.manifest import Feature, Manifest
from scoring.outcomes import Rejected
from scoring.schema import EVENT_ID_LENGTH

__all__ = ["lay_out", "row_as_event", "wrong_ids"]

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_INT64_MAX = np.iinfo(np.int64).max


def lay_out(features: Sequence[Feature], columns: Columns, rows: int) -> tuple[Columns, NDArray[np.bool_]]:
    """Return the arrays of all features, by name, and which rows one of them cannot take; those hold harmless values.

    Args:
        features: in the manifest's order.
        columns: a table's, by feature name; a nullable feature may be absent.
        rows: how many each has.
    """
    wrong = np.zeros(rows, np.bool_)
    floats = tuple(feature for feature in features if feature.dtype == "float32")
    wide = np.empty((len(floats), rows))
    for place, feature in enumerate(floats):
        wide[place], refused = _numbers(feature, columns.get(feature.name), rows)
        wrong |= refused | (np.abs(wide[place]) > _FLOAT32_MAX)
    wide[:, wrong] = 0
    block = narrowed(tuple(feature.name for feature in floats), wide)
    if block is not None and len(floats) == len(features):
        return block, wrong
    laid: dict[str, NDArray[Any]] = dict(block or {})
    for feature in features:
        if feature.name not in laid:
            laid[feature.name], refused = _column(feature, columns.get(feature.name), rows)
            wrong |= refused
    return {feature.name: laid[feature.name] for feature in features}, wrong


def wrong_ids(event_ids: Sequence[str | None]) -> NDArray[np.bool_]:
    """Return which rows have no id, or one that is empty or too long."""
    if not event_ids or (set(map(type, event_ids)) == {str} and _all_short(event_ids)):
        return np.zeros(len(event_ids), np.bool_)
    return np.array([not isinstance(each, str) or not 0 < len(each) <= EVENT_ID_LENGTH for each in event_ids])


def row_as_event(manifest: Manifest, columns: Columns, event_id: Any, row: int) -> bytes | Rejected:
    """Return a row as the event that it would have been, or why no event can say what it holds."""
    event: dict[str, Any] = {}
    if manifest.event_id is not None:
        if isinstance(event_id, bytes):
            return _not_text(".".join(manifest.event_id))
        _plant(event, manifest.event_id, event_id)
    for feature in manifest.features:
        if feature.name not in columns:
            continue
        cell = _plain(columns[feature.name][row])
        if isinstance(cell, bytes):
            return _not_text(feature.dotted)
        if isinstance(cell, float) and np.isinf(cell):
            reason = f"{feature.dotted} is {describe(cell)}; expected a finite number"
            return Rejected("out_of_range", reason, feature.dotted)
        _plant(event, feature.path, cell)
    return msgspec.json.encode(event)


def _not_text(called: str) -> Rejected:
    return Rejected("wrong_type", f"{called} is not UTF-8; expected a string", called)


def _all_short(event_ids: Sequence[Any]) -> bool:
    return min(map(len, event_ids)) > 0 and max(map(len, event_ids)) <= EVENT_ID_LENGTH


def _plant(event: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        event = event.setdefault(key, {})
    event[path[-1]] = value


def _plain(cell: Any) -> Any:
    """Return a cell as JSON has it."""
    value = cell.tolist() if isinstance(cell, np.generic | np.ndarray) else cell
    return None if isinstance(value, float) and np.isnan(value) else value


def _column(feature: Feature, cells: NDArray[Any] | None, rows: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a feature's array in its dtype, and which rows it cannot take."""
    if feature.dtype == "float64":
        wide, wrong = _numbers(feature, cells, rows)
        return wide, wrong | np.isinf(wide)
    if cells is None:
        return _absent(feature, rows), np.full(rows, not feature.nullable)
    if feature.textual:
        return _texts(feature, cells)
    if feature.dtype == "image":
        return _images(feature, cells)
    if feature.dtype == "tensor":
        return _tensors(feature, cells)
    return _flags(cells) if feature.dtype == "bool" else _integers(cells)


def _flags(cells: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if cells.dtype.kind != "b":
        return np.zeros(len(cells), np.bool_), np.ones(len(cells), np.bool_)
    return np.ma.filled(cells, False), np.ma.getmaskarray(cells)  # noqa: FBT003 - the value, not a switch


def _integers(cells: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if cells.dtype.kind not in "iu":
        return np.zeros(len(cells), np.int64), np.ones(len(cells), np.bool_)
    values = np.ma.getdata(cells)
    wrong = np.ma.getmaskarray(cells) | (values > _INT64_MAX)
    return np.where(wrong, values.dtype.type(0), values).astype(np.int64), wrong


def _numbers(feature: Feature, cells: NDArray[Any] | None, rows: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers as doubles, nulls as NaN, and which rows lack one that they need."""
    if cells is None or cells.dtype.kind not in "iuf":
        wide = np.full(rows, np.nan)
        return wide, np.full(rows, cells is not None or not feature.nullable)
    wide = np.ma.getdata(cells).astype(np.float64)
    if np.ma.isMaskedArray(cells):
        wide[np.ma.getmaskarray(cells)] = np.nan
    return wide, np.zeros(rows, np.bool_) if feature.nullable else np.isnan(wide)


def _texts(feature: Feature, cells: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    values = cells.tolist()
    if set(map(type, values)) == {str} and max(map(len, values)) <= feature.max_length:
        return cells, np.zeros(len(values), np.bool_)
    wrong = np.array([not _is_text(each, feature) for each in values], np.bool_)
    kept = ["" if each is None or bad else each for each, bad in zip(values, wrong.tolist(), strict=True)]
    column, _ = build_column(feature, kept)
    return column, wrong


def _is_text(value: Any, feature: Feature) -> bool:
    if value is None:
        return feature.nullable
    return isinstance(value, str) and len(value) <= feature.max_length


def _images(feature: Feature, cells: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    texts = [each if isinstance(each, str) else "" for each in cells.tolist()]
    column, refused = image_column(feature.dotted, feature.shape or (), texts)
    wrong = np.zeros(len(texts), np.bool_)
    wrong[list(refused)] = True
    return column, wrong


def _tensors(feature: Feature, cells: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    shape = (len(cells), *(feature.shape or ()))
    if cells.dtype.kind not in "iuf" or cells.shape != shape:
        return np.zeros(shape, np.float32), np.ones(len(cells), np.bool_)
    wide = np.ma.filled(cells.astype(np.float64), np.nan)
    outside = ~(np.abs(wide) <= _FLOAT32_MAX)
    wrong: NDArray[np.bool_] = np.asarray(outside.reshape(len(cells), -1).any(axis=1))
    return np.where(outside, 0, wide).astype(np.float32), wrong


def _absent(feature: Feature, rows: int) -> NDArray[Any]:
    """Return a column of harmless values, which are those of a null where the feature may be null."""
    if feature.textual:
        return np.full(rows, "", object)
    dtype: Any = {"int64": np.int64, "bool": np.bool_}.get(feature.dtype, np.float32)
    return np.zeros((rows, *(feature.shape or ())), dtype)
