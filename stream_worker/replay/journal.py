"""How far a group got: a line for each part of its answers that is finished.

Rules:
- A line is added after all that it tells of is durable, or acknowledged. Whatever is not in the journal is made again.
- A last line that a crash tore is no line.
- A line counts only where it goes on from those before it. Every writer makes the same of a part, so the first line of
  it is kept: one that was thought lost, and wakes late, adds nothing twice.
- Who only looks changes nothing. A torn line is taken away by who goes on with the group.
- Many lines are written as one, at once: a journal stays short however long its group is.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import msgspec

from scoring.errors import SinkError
from stream_worker.replay.folders import Folder
from stream_worker.replay.tally import Tally

__all__ = ["NOTHING", "Entry", "Journal"]

_MANY = 1000


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part that is finished, or several that follow each other.

    Attributes:
        cursor: where the group goes on after it.
        bytes_read: of the group's files, up to there.
        tally: of its records.
        files: the sizes of the files that it was written to, by name.
        is_last: whether the group ends with it.
        parts: how many it stands for.
        number: of the part in its group, or of the first of them.
    """

    cursor: dict[str, Any]
    bytes_read: int = 0
    tally: Tally
    files: dict[str, int] = {}
    is_last: bool = False
    parts: int = 1
    number: int = 0

    def __add__(self, after: "Entry") -> "Entry":
        return Entry(
            cursor=after.cursor,
            bytes_read=after.bytes_read,
            tally=self.tally + after.tally,
            files=self.files | after.files,
            is_last=after.is_last,
            parts=self.parts + after.parts,
            number=self.number,
        )


NOTHING = Entry(cursor={}, tally=Tally(), parts=0)
"""What a journal without lines tells."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Journal:
    """The journal of one group; a second process that writes it does no harm."""

    def __init__(self, folder: Folder, group: str) -> None:
        """Look at nothing yet.

        Args:
            folder: of all journals.
            group: the group's name.
        """
        self._folder = folder
        self._name = f"journal/{group}.jsonl"
        self._lines = 0

    def __str__(self) -> str:
        return f"{self._folder}/{self._name}"

    def entries(self, *, repair: bool = False) -> Sequence[Entry]:
        """Return what it tells, each entry going on from the one before.

        Args:
            repair: whether to take a torn last line away for good, which is for who writes next.

        Raises:
            SinkError: it cannot be read, or is damaged elsewhere than at its end.
        """
        lines, is_torn = self._lines_of_it()
        if is_torn and repair:
            self._folder.put(self._name, b"".join(_encode(line) + b"\n" for line in lines))
        self._lines = len(lines)
        return _chain(lines)

    def standing(self, *, repair: bool = False) -> Entry:
        """Return all that it tells as one entry; one of no parts where it tells nothing.

        Args:
            repair: as for `entries`.

        Raises:
            SinkError: as from `entries`.
        """
        return reduce(Entry.__add__, self.entries(repair=repair), NOTHING)

    def append(self, entry: Entry) -> None:
        """Add a part.

        Raises:
            SinkError: it cannot be written.
        """
        if self._lines < _MANY:
            self._folder.append(self._name, _encode(entry) + b"\n")
            self._lines += 1
        else:
            all_of_it = reduce(Entry.__add__, _chain([*self.entries(), entry]), NOTHING)
            self._folder.put(self._name, _encode(all_of_it) + b"\n")
            self._lines = 1

    def _lines_of_it(self) -> tuple[list[Entry], bool]:
        """Return every line, and whether one more is torn."""
        content = self._folder.get(self._name) or b""
        *lines, torn = content.split(b"\n")
        entries: list[Entry] = []
        for place, line in enumerate(lines):
            try:
                entries.append(_decode(line))
            except msgspec.DecodeError as error:
                if place < len(lines) - 1:
                    told = f"{self}: line {place + 1} is damaged; remove {self._folder} to begin anew"
                    raise SinkError(told) from error
                torn = line
        return entries, bool(torn)


def _chain(lines: Iterable[Entry]) -> list[Entry]:
    """Return the lines of which each goes on from the one before."""
    kept, parts = [], 0
    for line in lines:
        if line.number == parts:
            kept.append(line)
            parts += line.parts
    return kept
