"""What the parts of a replay hand to each other: groups of records, portions of a group, and what was wrong on the way.

Rules:
- A group is a chain of records with one order: the files of one partition of a Capture, a range of a JSON Lines file, a
  run of a Parquet file's row groups. Groups are independent of each other, so any process may read any of them.
- A reader cuts a group into portions in the same way whenever it reads it: each but the last has `PORTION` records.
  What is made of a portion is therefore the same in every run, wherever the run before was interrupted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from numpy.typing import NDArray

from scoring import Event

__all__ = ["PORTION", "ArchiveKind", "Cursor", "File", "Group", "Portion", "Problem"]

PORTION = 4096
"""Records in a portion: the largest batch that was certified."""

ArchiveKind = Literal["capture", "jsonl", "parquet"]

Cursor = Mapping[str, Any]
"""Where to go on in a group: JSON that only the group's reader understands."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an archive.

    Attributes:
        path: local, or with a scheme, such as `abfs://container/path`.
        size: in bytes.
        version: its modification time or etag, to tell a file that changed while it was read.
    """

    path: str
    size: int
    version: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A chain of records with one order.

    Attributes:
        number: among the groups of the archive, in their order.
        name: what its output is called, unique in the archive; letters, digits, '.', '_', '-' and '='.
        kind: of its files.
        files: in order.
        stream: the topic or hub that the events stood in; of files that do not say, the file's own name.
        partition: likewise; 0 where nobody says.
        start: of the only file, the first byte (JSON Lines) or row group (Parquet).
        stop: the one after the last; None is the end of the file.
        place: of a table, what its rows are numbered in where nothing in them tells them apart: its path below the
            archive's root, and before it the stream, where that is told.
    """

    number: int
    name: str
    kind: ArchiveKind
    files: tuple[File, ...]
    stream: str
    partition: int
    start: int = 0
    stop: int | None = None
    place: str = ""

    @property
    def size(self) -> int:
        """About how many bytes there are to read."""
        whole = sum(file.size for file in self.files)
        return whole if self.stop is None or self.kind == "parquet" else self.stop - self.start


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be read; it counts against the error threshold.

    Attributes:
        path: the file; or the folder, where only that is known.
        offset: the byte (Capture, JSON Lines) or row (Parquet) from which on it could not be read; of an event that
            was read, its own offset, where it has one.
        words: what was wrong, and what was expected.
        count: how many it stands for.
        whole: whether it is of the whole file: each part of it that tells so means the same.
    """

    path: str
    offset: int
    words: str
    count: int = 1
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Consecutive records of a group.

    Attributes:
        events: one for each record, with its position where the archive keeps one.
        columns: where the archive has features as columns: arrays by feature name, one row an event; the events have
            no values then. A null is masked, among floats it is NaN, among strings None.
        event_ids: with `columns`: the events' own ids, where the manifest names the field; None where a row has none.
        cursor: where to go on after this portion.
        problems: what could not be read since the portion before.
        bytes_read: of the group's files, up to here.
        duplicates: records passed over since the portion before, because they had come already.
    """

    events: Sequence[Event]
    columns: Mapping[str, NDArray[Any]] | None = None
    event_ids: Sequence[str | None] | None = None
    cursor: Cursor
    problems: Sequence[Problem] = ()
    bytes_read: int = 0
    duplicates: int = 0
