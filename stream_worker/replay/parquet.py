"""Parquet: a column with the event, or features as columns; a group is a run of whole row groups.

Rules:
- Only the columns that are needed are read, a few thousand rows at a time.
- A cursor is the number of the next row in the file.
- A row group in which something cannot be decoded is passed over from there on; the next one is read. A row that says
  where its event stood in a way that makes no sense is passed over alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scoring import Manifest
from stream_worker.replay.cells import joined
from stream_worker.replay.files import FAILURES, Files, in_words
from stream_worker.replay.footers import FooterError, RowGroup, largest_page, read_footer
from stream_worker.replay.limits import Limits
from stream_worker.replay.problems import Problems
from stream_worker.replay.records import PORTION, Cursor, Group, Portion, Problem
from stream_worker.replay.row_positions import Misfit
from stream_worker.replay.spare import Spare
from stream_worker.replay.tables import MisfitError, Piece, Shape, shape_of

__all__ = ["Wanted", "read_parquet"]

_DAMAGES: tuple[type[Exception], ...] = (*FAILURES, pa.ArrowException, FooterError, MisfitError)
_BUFFER_BYTES = 262_144
_MERGED_BYTES = 16_777_216
_KEPT = 16  # pieces of a blob: a row group is read twice, for its pages' sizes and for its cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a table.

    Attributes:
        manifest: names the features.
        limits: no page is decompressed beyond them.
        column: the one that holds the event; where None, `value`, `body` or `Body`, if there is one.
    """

    manifest: Manifest
    limits: Limits
    column: str | None


def read_parquet(group: Group, files: Files, cursor: Cursor | None, wanted: Wanted) -> Iterator[Portion]:
    """Yield the rows of a group's row groups as events, or as columns of features."""
    rows = _Rows(group, files, wanted)
    for found in rows.parts(0 if cursor is None else int(cursor["row"])):
        if isinstance(found, Problem):
            rows.problems.append(found)
            continue
        rest = found
        while rest.events:
            rest = rows.take(rest)
            if rows.held == PORTION:
                yield rows.portion(rest.start)
    if rows.held or rows.problems:
        yield rows.portion(rows.next_row)


class _Table(NamedTuple):
    """An open file: its bytes, what its footer says, and what reads its cells."""

    source: BinaryIO
    row_groups: Sequence[RowGroup]
    parquet: pq.ParquetFile

    def batches(self, number: int, columns: Sequence[str], limits: Limits) -> Iterator[pa.RecordBatch]:
        """Yield a row group's cells of some columns, so few rows at a time that no encoding can make them too large.

        A cell holds no more than a whole page does: that of a dictionary, or the text that the next one only continues.

        Raises:
            FooterError: a page is too large to be read, or there are fewer rows than there should be.
            OSError: it cannot be read.
            ValueError: likewise.
        """
        row_group, wide, rows = self.row_groups[number], 0, 0
        for name in columns:
            chunk = row_group.chunks.get(name)
            if chunk is None:
                raise FooterError(f"it has no column {name}, which the file's schema has")
            largest = largest_page(self.source, chunk, limits.max_block_bytes)
            wide += largest if chunk.varies else 0
        most = max(1, min(PORTION, limits.max_block_bytes // max(1, wide)))
        read = self.parquet.iter_batches(most, row_groups=[number], columns=list(columns), use_threads=False)
        for batch in read if most == PORTION else _merged(read):
            rows += batch.num_rows
            yield batch
        if rows != row_group.rows:
            raise FooterError(f"it claims {row_group.rows} rows, and has {rows}")


def _open(source: BinaryIO) -> pq.ParquetFile:
    return pq.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True)


def _merged(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches with more rows, up to a portion's, as long as they are not too large for it.

    Raises:
        Exception: what reading raises; the rows that were read before are yielded first.
    """
    held: list[pa.RecordBatch] = []
    rows = size = 0
    damage: Exception | None = None
    try:
        for batch in batches:
            held.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows >= PORTION or size >= _MERGED_BYTES:
                yield _one(held)
                held, rows, size = [], 0, 0
    except _DAMAGES as error:
        damage = error
    if held:
        yield _one(held)
    if damage is not None:
        raise damage


def _one(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


class _Rows:
    """The rows of one group, read once, and those that have been taken for the next portion.

    Attributes:
        held: how many have been taken.
        next_row: the number of the first that has not been read.
        problems: since the portion before.
    """

    def __init__(self, group: Group, files: Files, wanted: Wanted) -> None:
        self._group = group
        self._file = group.files[0]
        self._files = files
        self._wanted = wanted
        self._shape = Shape()
        self._first, self._last = 0, 1
        self._pieces: list[Piece] = []
        self._spare = Spare(wanted.limits)
        self.held = 0
        self.next_row = 0
        self.problems = Problems()

    def parts(self, cursor: int) -> Iterator[Piece | Problem]:
        """Yield the rows from the cursor on, and what is wrong between them."""
        why = None
        try:
            with self._files.open(self._file, kept=_KEPT) as source:
                row_groups, parquet = read_footer(source), _open(source)
                self._shape = shape_of(parquet.schema_arrow, self._wanted.manifest, self._wanted.column)
                yield from self._row_groups(_Table(source, row_groups, parquet), cursor)
        except MisfitError as error:
            if not self._group.start:  # the same is wrong for all groups of the file
                yield self._problem(str(error))
            return
        except _DAMAGES as error:
            why = f"cannot be read from here on: {in_words(error)}"
        ending = self._files.ending(self._file, self.next_row, why)
        if ending is not None:
            yield ending

    def take(self, piece: Piece) -> Piece:
        """Take rows for the next portion; return those that are left for later ones."""
        stop = after = min(PORTION - self.held, len(piece.events))
        place = self._spare.first_without(piece.sizes[:stop])
        if place is not None:
            stop, after = place, place + 1
            words = self._spare.words(piece.sizes[place])
            self.problems.append(Problem(path=self._file.path, offset=piece.start + place, words=words))
        if stop:
            self._pieces.append(piece.between(0, stop))
            self.held += stop
        return piece.between(after, len(piece.events))

    def portion(self, row: int) -> Portion:
        """Return what has been taken, and what was wrong before it or between.

        Args:
            row: the number of the first that comes after it.
        """
        pieces, self._pieces, self.held = self._pieces, [], 0
        self._spare.renew()
        share = (row - self._first) / max(1, self._last - self._first)
        return Portion(
            events=list(chain.from_iterable(piece.events for piece in pieces)),
            columns=_joined_columns(pieces),
            event_ids=_joined_ids(pieces),
            cursor={"row": row},
            problems=self.problems.take(),
            bytes_read=round(share * self._group.size),
        )

    def _row_groups(self, table: _Table, cursor: int) -> Iterator[Piece | Problem]:
        starts = [0, *accumulate(row_group.rows for row_group in table.row_groups)]
        stop = len(table.row_groups) if self._group.stop is None else min(self._group.stop, len(table.row_groups))
        start = min(self._group.start, stop)
        self._first, self._last = starts[start], starts[stop]
        for number in range(start, stop):
            if max(starts[number], cursor) < starts[number + 1]:
                yield from self._row_group(table, number, starts[number], cursor)

    def _row_group(self, table: _Table, number: int, start: int, cursor: int) -> Iterator[Piece | Problem]:
        self.next_row = start
        try:
            for batch in table.batches(number, self._shape.columns, self._wanted.limits):
                done = max(0, cursor - self.next_row)
                if done < batch.num_rows:
                    for found in self._shape.pieces(batch.slice(done), self.next_row + done, self._group):
                        yield self._step(found)
                else:
                    self.next_row += batch.num_rows
        except _DAMAGES as error:
            yield self._problem(f"row group {number} cannot be read from here on: {in_words(error)}")

    def _step(self, found: Piece | Misfit) -> Piece | Problem:
        """Return rows, or why one cannot be read, as read."""
        if isinstance(found, Piece):
            self.next_row = found.stop
            return found
        self.next_row = found.row + 1
        words = f"{found.words}; the row was passed over"
        return Problem(path=self._file.path, offset=found.row, words=words)

    def _problem(self, words: str) -> Problem:
        return Problem(path=self._file.path, offset=self.next_row, words=words)


def _joined_columns(pieces: Sequence[Piece]) -> Mapping[str, NDArray[Any]] | None:
    parts = [piece.columns for piece in pieces if piece.columns is not None]
    return {name: joined([part[name] for part in parts]) for name in parts[0]} if parts else None


def _joined_ids(pieces: Sequence[Piece]) -> Sequence[str | None] | None:
    parts = [piece.event_ids for piece in pieces if piece.event_ids is not None]
    return list(chain.from_iterable(parts)) if parts else None
