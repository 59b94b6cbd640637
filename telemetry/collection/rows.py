"""The chosen rows of a batch, copied into one piece of memory, so that nothing of the batch itself is held.

What outlives a batch and stands among its objects keeps the memory around it from being used again as it was: a
hundredth of the rows, held for a minute, makes all of scoring a tenth slower. So a copy is one object, and a large one
stands apart from all others, on pages of its own.
"""

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring import Manifest, Position, Prediction
from scoring.columns import Block, Columns
from telemetry.collection.layout import Layout
from telemetry.observer import RowFacts

__all__ = ["Kept", "Unpacked", "keep"]

_BATCH_BYTES = 1024  # about what is held beside the rows
_PAGE_BYTES = 4096


class _Array(NamedTuple):
    """Columns of one kind, of shape [names, rows, ...]."""

    names: tuple[str, ...]
    dtype: str
    shape: tuple[int, ...]
    data: Any  # bytes, or what can be read as such


class _Packed(NamedTuple):
    """What is kept of the rows."""

    predictions: list[Prediction]
    positions: list[Position] | None
    texts: dict[str, list[str]]
    arrays: list[_Array]


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Packed).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Rows of one batch that are to be written.

    Attributes:
        manifest: of the model that answered.
        layout: what is collected of it.
        time: when they were collected, in microseconds since 1970 UTC.
        rows: how many they are.
        packed: their predictions, positions and features.
        has_positions: whether each event said where it stood.
        hides_ids: whether the predictions' ids are to be hashed.
        size: about how many bytes they take.
    """

    manifest: Manifest
    layout: Layout
    time: int
    rows: int
    packed: bytes | mmap.mmap
    has_positions: bool
    hides_ids: bool
    size: int

    def unpack(self) -> "Unpacked":
        """Return the rows; what is returned is not held here."""
        found = _unpack(self.packed)
        columns: dict[str, NDArray[Any]] = {name: np.array(texts, object) for name, texts in found.texts.items()}
        for array in found.arrays:
            columns |= zip(array.names, np.frombuffer(array.data, array.dtype).reshape(array.shape), strict=True)
        return Unpacked(found.predictions, found.positions, columns)


class Unpacked(NamedTuple):
    """Rows of one batch.

    Attributes:
        predictions: one for each row.
        positions: where the events stood; None where one of them has none.
        columns: the collected features, one row each.
    """

    predictions: Sequence[Prediction]
    positions: Sequence[Position] | None
    columns: Mapping[str, NDArray[Any]]


def keep(facts: RowFacts, places: Sequence[int], layout: Layout, time: int) -> Kept:
    """Return a copy of rows, one at least.

    Args:
        facts: the batch.
        places: of the rows in `facts.rows`; each has a prediction.
        layout: what is collected of the model.
        time: now, in microseconds since 1970 UTC.
    """
    rows = [facts.rows[place] for place in places]
    where = np.array(places, np.intp)
    texts, arrays = _taken(facts.columns, where, [feature.name for feature in layout.features])
    predictions: list[Any] = [facts.outcomes[row] for row in rows]
    positions: list[Any] = [facts.events[row].position for row in rows]
    has_ids, has_positions = predictions[0].event_id is not None, None not in positions
    packed = _pack(_Packed(predictions, positions if has_positions else None, texts, arrays))
    return Kept(
        manifest=facts.manifest,
        layout=layout,
        time=time,
        rows=len(rows),
        packed=packed if len(packed) < _PAGE_BYTES else _apart(packed),
        has_positions=has_positions,
        hides_ids=layout.hides_ids if has_ids else layout.hides_bytes and not has_positions,
        size=_BATCH_BYTES + len(packed),
    )


def _taken(
    columns: Columns, where: NDArray[np.intp], names: Sequence[str]
) -> tuple[dict[str, list[str]], list[_Array]]:
    """Return the rows of the columns with these names: texts, and all others."""
    if isinstance(columns, Block):  # as usual: one call for all features
        matrix = np.ascontiguousarray(columns.matrix[where].T[columns.places(names)])
        return {}, [_Array(tuple(names), matrix.dtype.str, matrix.shape, matrix.data)]
    texts, arrays = {}, []
    for name in names:
        column = columns[name][where]
        if column.dtype == object:
            texts[name] = column.tolist()
        else:
            arrays.append(_Array((name,), column.dtype.str, (1, *column.shape), np.ascontiguousarray(column).data))
    return texts, arrays


def _apart(packed: bytes) -> mmap.mmap:
    """Return a copy on pages of its own."""
    pages = mmap.mmap(-1, len(packed))
    pages.write(packed)
    return pages
