"""What the columns of a table are for, and how they become events or arrays of features."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, NamedTuple

import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types

from scoring import Event, Feature, Manifest, Position
from stream_worker.replay.cells import (
    as_bytes,
    as_feature,
    as_milliseconds,
    as_texts,
    is_bytes,
    is_text,
    sizes_of,
)
from stream_worker.replay.records import Group
from stream_worker.replay.row_positions import Misfit, PlaceColumns, positions_of

__all__ = ["MisfitError", "Piece", "Shape", "shape_of"]

_EVENT_COLUMNS = ("value", "body", "Body")
_NOTHING = Event(None)
_SHOWN = 10


class MisfitError(Exception):
    """A table's columns are not what is needed; the text says which, and what was expected."""


class Piece(NamedTuple):
    """Consecutive rows of a file.

    Attributes:
        start: the number of the first.
        events: one for each row.
        sizes: of the events' values, where they are in a column of their own.
        columns: of the features, where they are.
        event_ids: where the features are columns and the rows have ids.
    """

    start: int
    events: Sequence[Event]
    sizes: Sequence[int]
    columns: Mapping[str, NDArray[Any]] | None
    event_ids: Sequence[str | None] | None

    @property
    def stop(self) -> int:
        """The number of the row after the last."""
        return self.start + len(self.events)

    def between(self, start: int, stop: int) -> "Piece":
        """Return those of the rows that are in a range, counted from the first."""
        rows = slice(start, stop)
        return Piece(
            self.start + start,
            self.events[rows],
            self.sizes[rows],
            None if self.columns is None else {name: cells[rows] for name, cells in self.columns.items()},
            None if self.event_ids is None else self.event_ids[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the columns of a table are for; those that nothing is needed of are not named.

    Attributes:
        value: the one with the event; None where the features are columns.
        features: each feature and its column; without those that may be absent, and are.
        event_id: the one with the events' own ids.
        key: the partition key.
        partition: the partition's number.
        offset: the offset or sequence number.
        time: when it was appended.
    """

    value: str | None = None
    features: tuple[tuple[Feature, str], ...] = ()
    event_id: str | None = None
    key: str | None = None
    partition: str | None = None
    offset: str | None = None
    time: str | None = None

    @property
    def columns(self) -> Sequence[str]:
        """All columns to read."""
        named = (self.value, self.event_id, self.key, self.partition, self.offset, self.time)
        return list(dict.fromkeys([name for name in named if name] + [name for _, name in self.features]))

    def pieces(self, batch: pa.RecordBatch, start: int, group: Group) -> Iterator[Piece | Misfit]:
        """Yield what rows hold, and which of them cannot be read.

        Args:
            batch: the cells of these columns.
            start: the number of the first row in the file.
            group: of the file.

        Raises:
            ArrowException: cells are damaged.
            ValueError: likewise.
        """
        columns = None if self.offset is None else PlaceColumns(self.partition, self.offset)
        numbered = self.value is None and self.event_id is None
        positions, misfits = positions_of(batch, start, columns, group, numbered=numbered)
        whole, after = self._piece(batch, start, self._events(batch, positions)), 0
        for misfit in misfits:
            row = misfit.row - start
            if after < row:
                yield whole.between(after, row)
            yield misfit
            after = row + 1
        if after < batch.num_rows:
            yield whole.between(after, batch.num_rows) if after else whole

    def _piece(self, batch: pa.RecordBatch, start: int, events: Sequence[Event]) -> Piece:
        if self.value is not None:
            return Piece(start, events, sizes_of(batch.column(self.value)), None, None)
        columns = {feature.name: as_feature(batch.column(name), feature) for feature, name in self.features}
        ids = None if self.event_id is None else as_texts(batch.column(self.event_id))
        return Piece(start, events, (), columns, ids)

    def _events(self, batch: pa.RecordBatch, positions: Sequence[Position | None]) -> Sequence[Event]:
        if self.value is None and self.key is self.offset is self.time is None and self.event_id is not None:
            return [_NOTHING] * batch.num_rows
        values = repeat(None) if self.value is None else as_bytes(batch.column(self.value))
        keys = repeat(None) if self.key is None else as_bytes(batch.column(self.key))
        times = repeat(None) if self.time is None else as_milliseconds(batch.column(self.time))
        return list(map(Event, values, keys, repeat(()), positions, times))


def shape_of(schema: pa.Schema, manifest: Manifest, column: str | None) -> Shape:
    """Return what a table's columns are for.

    Args:
        schema: the table's.
        manifest: names the features and the event-id field.
        column: the one with the event; where None, `value`, `body` or `Body`, unless a feature is called so.

    Raises:
        MisfitError: a column is missing, or of a type that does not fit.
    """
    found = _event_column(schema, manifest, column)
    if found is not None:
        return _placed(Shape(value=found), schema)
    features = _features(schema, manifest)
    event_id = _event_id(schema, manifest)
    return _placed(Shape(features=features, event_id=event_id), schema)


def _event_column(schema: pa.Schema, manifest: Manifest, column: str | None) -> str | None:
    if column is not None:
        kind = _type_of(schema, column)
        if kind is None:
            raise MisfitError(f"there is no column {column} (there are {_listed(schema.names)})")
        if not is_bytes(kind):
            raise MisfitError(f"column {column} is {kind}; expected the event, as binary or string")
        return column
    features = {name for feature in manifest.features for name in (feature.name, feature.dotted)}
    for name in _EVENT_COLUMNS:
        if name not in features and _has_bytes(schema, name):
            return name
    return None


def _features(schema: pa.Schema, manifest: Manifest) -> tuple[tuple[Feature, str], ...]:
    found, missing = [], []
    for feature in manifest.features:
        name = feature.name if feature.name in schema.names else feature.dotted
        kind = _type_of(schema, name)
        if kind is None:
            missing += [] if feature.nullable else [name]
        elif types.is_null(kind) or _fits(kind, feature):
            found.append((feature, name))
        else:
            raise MisfitError(f"column {name} is {kind}; expected {_expected(feature)}")
    if missing or not found:
        names = _listed(missing or [feature.dotted for feature in manifest.features])
        events = ", ".join(_EVENT_COLUMNS)
        raise MisfitError(
            f"neither a column with the event ({events}: binary or string) nor the features {names} "
            f"(there are {_listed(schema.names)})"
        )
    return tuple(found)


def _event_id(schema: pa.Schema, manifest: Manifest) -> str | None:
    if manifest.event_id is None:
        return None
    name = ".".join(manifest.event_id)
    kind = _type_of(schema, name)
    if kind is None:
        raise MisfitError(f"there is no column {name} with the events' ids (there are {_listed(schema.names)})")
    if not (is_text(kind) or (types.is_integer(kind) and not types.is_uint64(kind))):
        raise MisfitError(f"column {name} is {kind}; expected the events' ids, as string or int64")
    return name


def _placed(shape: Shape, schema: pa.Schema) -> Shape:
    """Return a shape with the columns that say where an event stood, of those that are not something else already."""
    wanted: dict[str, tuple[Sequence[str], Callable[[pa.DataType], bool]]] = {
        "key": (["key"], is_bytes),
        "partition": (["partition"], types.is_integer),
        "offset": (["sequence_number", "offset"], types.is_integer),
        "time": (["timestamp"], types.is_timestamp),
    }
    places: dict[str, Any] = {}
    for place, (names, fits) in wanted.items():
        for name in names:
            kind = _type_of(schema, name)
            if name not in shape.columns and kind is not None and fits(kind):
                places.setdefault(place, name)
    return replace(shape, **places)


def _has_bytes(schema: pa.Schema, name: str) -> bool:
    kind = _type_of(schema, name)
    return kind is not None and is_bytes(kind)


def _type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    places = schema.get_all_field_indices(name)
    if len(places) > 1:
        raise MisfitError(f"there are {len(places)} columns {name}; expected one")
    return schema.field(places[0]).type if places else None


def _fits(kind: pa.DataType, feature: Feature) -> bool:
    if feature.dtype in ("string", "text", "image"):
        return is_text(kind)
    if feature.dtype == "bool":
        return bool(types.is_boolean(kind))
    if feature.dtype == "int64":
        return bool(types.is_integer(kind))
    return feature.dtype != "tensor" and bool(types.is_integer(kind) or types.is_floating(kind))


def _expected(feature: Feature) -> str:
    kinds = {"bool": "bool", "int64": "an integer", "tensor": "tensors in a column with the event"}
    if feature.dtype in ("string", "text", "image"):
        return "string"
    return kinds.get(feature.dtype, "a number")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) or "none"
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
