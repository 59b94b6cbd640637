"""A local file that is open only while it is read: there may be more of them than the system lets a process open."""

import io
from pathlib import Path
from typing import Any

__all__ = ["Reopened"]


class Reopened(io.RawIOBase):
    """A file that can be read and sought, and is not open in between."""

    def __init__(self, path: str) -> None:
        """Look at it.

        Args:
            path: of the file.

        Raises:
            OSError: it is not there.
        """
        self._path = Path(path)
        self._size = self._path.stat().st_size
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
        """Read into a buffer, and return how many bytes.

        Raises:
            OSError: it has vanished, or may not be read.
        """
        with self._path.open("rb", buffering=0) as source:
            source.seek(self._at)
            count = source.readinto(buffer) or 0
        self._at += count
        return count
