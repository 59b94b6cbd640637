"""How far a group got: a line for each part of its answers that is finished.

Rules:
- A line is added after all that it tells of is durable, or acknowledged. Whatever is not in the journal is made again.
- A last line that a crash tore is no line.
- Many lines are written as one, at once: a journal stays short however long its group is.
"""

from collections.abc import Sequence
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
    """

    cursor: dict[str, Any]
    bytes_read: int = 0
    tally: Tally
    files: dict[str, int] = {}
    is_last: bool = False
    parts: int = 1

    def __add__(self, after: "Entry") -> "Entry":
        return Entry(
            cursor=after.cursor,
            bytes_read=after.bytes_read,
            tally=self.tally + after.tally,
            files=self.files | after.files,
            is_last=after.is_last,
            parts=self.parts + after.parts,
        )


NOTHING = Entry(cursor={}, tally=Tally(), parts=0)
"""What a journal without lines tells."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Journal:
    """The journal of one group, which only one process writes at a time."""

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

    def entries(self) -> Sequence[Entry]:
        """Return what it tells; a torn last line is taken away for good.

        Raises:
            SinkError: it cannot be read, or is damaged elsewhere than at its end.
        """
        content = self._folder.get(self._name) or b""
        *lines, torn = content.split(b"\n")
        entries = []
        for place, line in enumerate(lines):
            try:
                entries.append(_decode(line))
            except msgspec.DecodeError as error:
                if place < len(lines) - 1:
                    told = f"{self}: line {place + 1} is damaged; remove {self._folder} to begin anew"
                    raise SinkError(told) from error
                torn = line
        if torn:
            self._folder.put(self._name, b"".join(line + b"\n" for line in lines[: len(entries)]))
        self._lines = len(entries)
        return entries

    def standing(self) -> Entry:
        """Return all that it tells as one entry; one of no parts where it tells nothing.

        Raises:
            SinkError: as from `entries`.
        """
        return reduce(Entry.__add__, self.entries(), NOTHING)

    def append(self, entry: Entry) -> None:
        """Add a part.

        Raises:
            SinkError: it cannot be written.
        """
        if self._lines < _MANY:
            self._folder.append(self._name, _encode(entry) + b"\n")
            self._lines += 1
        else:
            self._folder.put(self._name, _encode(self.standing() + entry) + b"\n")
            self._lines = 1
