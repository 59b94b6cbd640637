"""Where the rows of a table stood, and which of them say it in a way that makes no sense."""

from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple, TypeGuard

import pyarrow as pa

from scoring import Position
from stream_worker.replay.cells import as_integers
from stream_worker.replay.records import Group

__all__ = ["Misfit", "PlaceColumns", "positions_of"]

_MOST_PARTITION, _MOST_OFFSET = (1 << 31) - 1, (1 << 63) - 1  # what the output has room for

_Cells = Sequence[int | None]


class Misfit(NamedTuple):
    """A row that cannot be read.

    Attributes:
        row: its number.
        words: what is wrong with it, and what was expected.
    """

    row: int
    words: str


class PlaceColumns(NamedTuple):
    """The columns that say where rows stood.

    Attributes:
        partition: None where all are of the group's.
        offset: the offset or sequence number.
    """

    partition: str | None
    offset: str


def positions_of(
    batch: pa.RecordBatch, start: int, columns: PlaceColumns | None, group: Group, *, numbered: bool
) -> tuple[Sequence[Position | None], Sequence[Misfit]]:
    """Return where each row stood, None where nobody knows, and the rows that are misfits.

    Args:
        batch: with the columns.
        start: the number of the first row in the file.
        columns: None where there are none.
        group: of the file.
        numbered: whether a row without a position stands where it does in the file: nothing else tells it apart.
    """
    rows = range(start, start + batch.num_rows)
    alone: Sequence[Position | None] = [None] * len(rows)
    if numbered:
        place = (group.place or group.stream) + "/rows" * (columns is not None)  # never a place that another row tells
        alone = list(map(Position, repeat(place), repeat(group.partition), rows))
    if columns is None:
        return alone, ()
    offsets = as_integers(batch.column(columns.offset))
    partitions = None if columns.partition is None else as_integers(batch.column(columns.partition))
    if _all_fit(offsets, _MOST_OFFSET):
        if partitions is None:
            return list(map(Position, repeat(group.stream), repeat(group.partition), offsets)), ()
        if _all_fit(partitions, _MOST_PARTITION):
            return list(map(Position, repeat(group.stream), partitions, offsets)), ()
    if partitions is None:
        partitions = [None if offset is None else group.partition for offset in offsets]
    misfits = [
        Misfit(row, wrong)
        for row, *cells in zip(rows, partitions, offsets, strict=True)
        if (wrong := _wrong(columns, *cells)) is not None
    ]
    known = [
        other if offset is None or partition is None else Position(group.stream, partition, offset)
        for partition, offset, other in zip(partitions, offsets, alone, strict=True)
    ]
    return known, misfits


def _all_fit(cells: _Cells, most: int) -> TypeGuard[Sequence[int]]:
    known = [cell for cell in cells if cell is not None]
    return len(known) == len(cells) and (not cells or (min(known) >= ~most and max(known) <= most))


def _wrong(columns: PlaceColumns, partition: int | None, offset: int | None) -> str | None:
    """Return what is wrong with a row's cells; that both are null is not."""
    if (offset is None) != (partition is None):
        names = (columns.offset, columns.partition)
        null, other = names if offset is None else reversed(names)
        return f"column {null} is null and {other} is not; expected both or neither"
    cells = ((columns.partition, partition, _MOST_PARTITION), (columns.offset, offset, _MOST_OFFSET))
    for name, cell, most in cells:
        if cell is not None and not ~most <= cell <= most:
            return f"column {name} is {cell}; expected {~most} to {most}"
    return None
