"""A file of a known size whose pieces are fetched as they are read, so that nothing of it is open in between."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Seekable", "reopened"]


class Seekable(io.RawIOBase):
    """A file that can be read and sought."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        """Begin at its first byte.

        Args:
            size: of the file.
            read: returns bytes from a place on, so many at most; at least one where that is inside the file.
        """
        self._size = size
        self._read = read
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Let the next read begin elsewhere."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and return how many bytes; what fails in reading is raised as it is."""
        data = self._read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def reopened(path: str) -> Seekable:
    """Return a local file that is open only while it is read: there may be more than a process may keep open.

    Raises:
        OSError: it is not there; each read raises it too, once it has vanished.
    """

    def read(at: int, count: int) -> bytes:
        with Path(path).open("rb", buffering=0) as source:
            source.seek(at)
            return source.read(count)

    return Seekable(Path(path).stat().st_size, read)
