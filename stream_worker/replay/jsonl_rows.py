"""Answers as JSON Lines: a prediction's line is what the live service publishes, a dead letter's is what one holds."""

import base64
import shutil
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import msgspec

from stream_worker.replay.answers import Answered, Refused
from stream_worker.replay.folders import Content
from stream_worker.replay.rows import RowKind, place_of

__all__ = ["JsonLinesRows"]

_COPIED_BYTES = 1024 * 1024
_encode_lines = msgspec.json.Encoder().encode_lines


class _Letter(msgspec.Struct, frozen=True):
    """The fields of a dead letter's line, in their order."""

    error_code: str
    error_reason: str
    error_field: str
    source: str
    model: str
    key: Any
    headers: Any
    value: Any


class JsonLinesRows:
    """A row a line."""

    suffix = ".jsonl"

    def __init__(self, model: str) -> None:
        """Remember the model.

        Args:
            model: its reference, for the dead letters.
        """
        self._model = model

    def predictions(self, answered: Answered) -> bytes:
        """Return the predictions of a portion as lines."""
        return _encode_lines(answered.predictions)

    def letters(self, refused: Sequence[Refused], stream: str) -> bytes:
        """Return dead letters as lines."""
        letters = [
            _Letter(
                why.code,
                why.reason,
                why.field,
                place_of(event, stream),
                self._model,
                _text(event.key),
                [[name, _text(value)] for name, value in event.headers],
                _text(event.value),
            )
            for event, why in refused
        ]
        return _encode_lines(letters)

    def file(self, kind: RowKind) -> "_Lines":  # noqa: ARG002 - every line is a line
        """Return a file without lines."""
        return _Lines()

    def join(
        self,
        kind: RowKind,  # noqa: ARG002 - the same
        parts: Sequence[Callable[[], BinaryIO]],
        file: BinaryIO,
    ) -> None:
        """Write one file of the lines of several."""
        for open_part in parts:
            with open_part() as part:
                shutil.copyfileobj(part, file, _COPIED_BYTES)


class _Lines:
    """A file while lines are added to it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Add lines."""
        self._pieces.append(piece)
        self.size += len(piece)

    def finish(self) -> Content:
        """Return the file."""
        return b"".join(self._pieces)


def _text(value: bytes | None) -> str | dict[str, str] | None:
    """Return bytes as text, where that is what they are; else in base64, inside an object."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
