"""Folders that a replay writes to: a file in one appears whole or not at all.

Rules:
- Names are relative, with slashes.
- On a disk a file is written under another name in its folder, made durable, and renamed; each writer has a name of its
  own, for two may write the same file. In blob storage an upload becomes a blob when it is committed, as its last step.
"""

import fcntl
import os
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO, Protocol

from scoring.errors import ConfigurationError, SinkError
from stream_worker.replay.files import StorageOptions

__all__ = ["Content", "Folder", "LocalFolder", "folder_at"]

Content = bytes | bytearray | memoryview
_HOST = socket.gethostname()


class Folder(Protocol):
    """A folder on a disk, or a prefix in blob storage."""

    def __str__(self) -> str:
        """Return where it is."""
        ...

    def put(self, name: str, content: Content) -> None:
        """Write a file, in place of any that has its name."""
        ...

    def append(self, name: str, content: bytes) -> None:
        """Add to the end of a file, which may be new. Of what is added a crash may leave the beginning alone."""
        ...

    def get(self, name: str) -> bytes | None:
        """Return what a file holds; None where there is none."""
        ...

    def size(self, name: str) -> int | None:
        """Return how many bytes a file holds; None where there is none."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Return a file to be read."""
        ...

    def create(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Return a file to be written bit by bit; it appears when the block ends without an error."""
        ...

    def is_empty(self) -> bool:
        """Return whether nothing is in it, or it does not exist."""
        ...

    def remove(self, *names: str) -> None:
        """Remove these files and folders with all that is in them; those that are not there are passed over."""
        ...

    def sweep(self) -> None:
        """Remove what killed writers have left of files that never appeared, here and below."""
        ...

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Keep others who ask for the same lock away while the block lasts.

        Raises:
            ConfigurationError: somebody else holds it.
        """
        ...

    def close(self) -> None:
        """Let go of any connection; the next use makes another."""
        ...


def folder_at(url: str, storage: StorageOptions) -> Folder:
    """Return a folder of this machine, or one in blob storage."""
    if "://" not in url:
        return LocalFolder(Path(url))
    from stream_worker.replay.blobs import BlobFolder  # noqa: PLC0415 - Azure's clients take a while

    return BlobFolder(url, storage)


class LocalFolder:
    """A folder on a disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def put(self, name: str, content: Content) -> None:
        """Write a file.

        Raises:
            SinkError: it cannot be written; nothing is left of it.
        """
        with self.create(name) as file:
            file.write(content)

    def append(self, name: str, content: bytes) -> None:
        """Add to the end of a file.

        Raises:
            SinkError: it cannot be written.
        """
        path = self.root / name
        with _in_words(path):
            is_new = not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                _sync(path.parent)

    def get(self, name: str) -> bytes | None:
        """Return what a file holds; None where there is none."""
        with _in_words(self.root / name, "read"):
            try:
                return (self.root / name).read_bytes()
            except FileNotFoundError:
                return None

    def size(self, name: str) -> int | None:
        """Return how many bytes a file holds; None where there is none."""
        with _in_words(self.root / name, "read"):
            try:
                return (self.root / name).stat().st_size
            except FileNotFoundError:
                return None

    def open(self, name: str) -> BinaryIO:
        """Return a file to be read."""
        with _in_words(self.root / name, "read"):
            return (self.root / name).open("rb")

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Return a file to be written; it appears when the block ends without an error.

        Raises:
            SinkError: it cannot be written; nothing is left of it.
        """
        path = self.root / name
        temporary = path.with_name(f".{path.name}.{_HOST}.{os.getpid()}.{threading.get_ident()}.writing")
        with _in_words(path):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with temporary.open("wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
                _sync(path.parent)
            finally:
                temporary.unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Return whether nothing is in it, or it does not exist."""
        with _in_words(self.root, "read"):
            return not self.root.exists() or next(self.root.iterdir(), None) is None

    def remove(self, *names: str) -> None:
        """Remove these files and folders with all that is in them."""
        for name in names:
            path = self.root / name
            with _in_words(path, "remove"):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)

    def sweep(self, name: str | None = None) -> None:
        """Remove what killed writers have left of files that never appeared.

        Args:
            name: of the file; None is all that is here and below.
        """
        with _in_words(self.root, "remove"):
            for path in self.root.rglob(".*.writing") if name is None else self.root.glob(f".{escape(name)}.*.writing"):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """There is no connection."""

    def rename(self, path: Path) -> None:
        """Rename the folder itself.

        Raises:
            SinkError: that cannot be done.
        """
        with _in_words(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                path.rmdir()  # an empty one; anything else is not ours to remove
            self.root.rename(path)
            _sync(path.parent)

    @contextmanager
    def locked(self, name: str, *, shared: bool = False) -> Iterator[None]:
        """Hold a lock on the folder, which ends with the process that holds it.

        Args:
            name: of the lock's file, in which those who share it are named.
            shared: whether others may hold it too, who share it as well.

        Raises:
            ConfigurationError: another process holds it.
            SinkError: the folder cannot be written.
        """
        with _in_words(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / name).open("ab")
        with file:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigurationError(f"{self.root}: another replay is at work on it") from error
            if shared:
                file.write(f"{os.getpid()} {_HOST}\n".encode())
                file.flush()
            yield

    def holders(self, name: str) -> Sequence[str]:
        """Return which processes share a lock, as far as they are known; none where nobody does.

        Raises:
            SinkError: the folder cannot be read.
        """
        with _in_words(self.root, "read"):
            try:
                file = (self.root / name).open("r+b")
            except FileNotFoundError:
                return ()
            with file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    signed = (line.split() for line in file.read().decode().splitlines())
                    return [f"{pid} on {host}" for pid, host in signed if _may_live(pid, host)] or ["an unknown one"]
                file.truncate(0)
        return ()


def _may_live(pid: str, host: str) -> bool:
    return host != _HOST or Path(f"/proc/{pid}").exists()


@contextmanager
def _in_words(path: Path, what: str = "write") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SinkError(f"cannot {what} {path}: {error.strerror or error}") from error


def _sync(folder: Path) -> None:
    """Make the folder's own entries durable: a rename is not, until its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
