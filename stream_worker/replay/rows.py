"""Answers as the rows of a file. Everything in a row depends on the archive and the model alone.

Whole columns are built in one call; nothing is made for a single row.
"""

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Literal, Protocol

from scoring import Event, Manifest
from stream_worker.replay.answers import Answered, Refused
from stream_worker.replay.folders import Content

__all__ = ["KINDS", "RowFile", "RowFormat", "RowKind", "Rows", "place_of", "rows_in", "writer"]

RowFormat = Literal["parquet", "jsonl"]
RowKind = Literal["predictions", "dead_letters"]

KINDS: tuple[RowKind, ...] = ("predictions", "dead_letters")
"""What a row may be of; the names of their folders."""

_REPETITIVE = {"label", "stream", "partition", "error_code", "error_field", "model"}
_COMPARED = {"label", "score", "partition", "offset", "error_code"}  # what a reader may want to skip row groups by


class RowFile(Protocol):
    """A file while rows are added to it, in memory."""

    @property
    def size(self) -> int:
        """About how many bytes it holds; of none it holds none."""
        ...

    def add(self, piece: Any) -> None:
        """Add rows."""
        ...

    def finish(self) -> Content:
        """Return the file."""
        ...


class Rows(Protocol):
    """A form that rows take in a file.

    Attributes:
        suffix: of the file's name.
    """

    suffix: str

    def predictions(self, answered: Answered) -> Any:
        """Return the predictions of a portion as rows."""
        ...

    def letters(self, refused: Sequence[Refused], stream: str) -> Any:
        """Return dead letters as rows.

        Args:
            refused: the events, each with why it has no prediction.
            stream: where they stood, where they do not say it themselves.
        """
        ...

    def file(self, kind: RowKind) -> RowFile:
        """Return a file without rows."""
        ...

    def join(self, kind: RowKind, parts: Sequence[Callable[[], BinaryIO]], file: BinaryIO) -> None:
        """Write one file of the rows of several.

        Args:
            kind: of rows.
            parts: each opens one.
            file: the file to write.
        """
        ...


def rows_in(form: RowFormat, manifest: Manifest) -> Rows:
    """Return the rows of a format for the answers of a model."""
    if form == "jsonl":
        from stream_worker.replay.jsonl_rows import JsonLinesRows  # noqa: PLC0415 - it needs rows itself

        return JsonLinesRows(manifest.reference)
    from stream_worker.replay.parquet_rows import ParquetRows  # noqa: PLC0415 - it brings pyarrow

    return ParquetRows(manifest)


def writer(file: Any, schema: Any) -> Any:
    """Return a writer of Parquet with the settings that all files of a replay share: any other could change a file."""
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - who writes JSON Lines does without

    return ParquetWriter(
        file,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in schema.names if name in _REPETITIVE],
        write_statistics=[name for name in schema.names if name in _COMPARED],
    )


def place_of(event: Event, stream: str) -> str:
    """Return where an event stood; no more than the stream is known where its archive keeps no positions."""
    return stream if event.position is None else str(event.position)
