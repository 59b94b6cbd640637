"""Answers to files: a group's predictions and dead letters, in parts that hold about so many rows each.

Rules:
- A part ends with the portion that fills it, so it holds the same rows in every run, wherever an earlier run stopped.
- A part is kept in memory until it is full, and then written at once: nothing of it is on the disk before.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from scoring import Rejected
from stream_worker.replay.answers import Answered
from stream_worker.replay.folders import Folder
from stream_worker.replay.records import PORTION, Group
from stream_worker.replay.rows import RowFile, RowKind, Rows

__all__ = ["PART_RECORDS", "Destination", "FileParts", "NoParts"]

PART_RECORDS = 16 * PORTION
_PART_BYTES = 16 * 1024 * 1024  # encoded: a part is kept in memory


class Destination(Protocol):
    """Where answers go, group by group and part by part; opened and closed by `with`."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    @property
    def is_full(self) -> bool:
        """Whether a part ends here."""
        ...

    def keep(self, group: Group, answered: Answered) -> Sequence[Rejected]:
        """Add what a portion came to, and return why predictions became dead letters after all."""
        ...

    def finish_part(self, group: Group, number: int) -> Mapping[str, int]:
        """Make durable what was added since the part before; return the files' sizes by name."""
        ...

    def drop(self) -> None:
        """Forget what was added since the part before."""
        ...


class NoParts:
    """Keeps nothing: for who wants the summary alone. A part is only how often the journal is written."""

    def __init__(self, records: int = PART_RECORDS) -> None:
        self._records = records
        self._kept = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    @property
    def is_full(self) -> bool:
        """Whether a part ends here."""
        return self._kept >= self._records

    def keep(self, group: Group, answered: Answered) -> Sequence[Rejected]:  # noqa: ARG002 - they go nowhere
        """Count."""
        self._kept += len(answered.portion.events)
        return ()

    def finish_part(self, group: Group, number: int) -> Mapping[str, int]:  # noqa: ARG002 - the same
        """Begin the next part."""
        self.drop()
        return {}

    def drop(self) -> None:
        """Begin the part again."""
        self._kept = 0


class FileParts:
    """Writes each part to a file of predictions and a file of dead letters; one without rows is not written."""

    def __init__(self, output: Folder, rows: Rows, records: int = PART_RECORDS) -> None:
        """Write nothing yet.

        Args:
            output: the folder of all output.
            rows: the form of the rows.
            records: how many make a part full.
        """
        self._output = output
        self._rows = rows
        self._records = records
        self._files: dict[RowKind, RowFile] = {}
        self._kept = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._output.close()

    @property
    def is_full(self) -> bool:
        """Whether a part ends here: it has enough records, or bytes."""
        return self._kept >= self._records or sum(file.size for file in self._files.values()) >= _PART_BYTES

    def keep(self, group: Group, answered: Answered) -> Sequence[Rejected]:
        """Add the rows of a portion."""
        if answered.predictions:
            self._file("predictions").add(self._rows.predictions(answered))
        if answered.refused:
            self._file("dead_letters").add(self._rows.letters(answered.refused, group.stream))
        self._kept += len(answered.portion.events)
        return ()

    def finish_part(self, group: Group, number: int) -> Mapping[str, int]:
        """Write what was added.

        Raises:
            SinkError: it cannot be written.
        """
        sizes = {}
        for kind, file in sorted(self._files.items()):
            content, name = file.finish(), f"{kind}/{group.name}/part-{number:05}{self._rows.suffix}"
            self._output.put(name, content)
            sizes[name] = len(content)
        self.drop()
        return sizes

    def drop(self) -> None:
        """Forget what was added."""
        self._files = {}
        self._kept = 0

    def _file(self, kind: RowKind) -> RowFile:
        if kind not in self._files:
            self._files[kind] = self._rows.file(kind)
        return self._files[kind]
