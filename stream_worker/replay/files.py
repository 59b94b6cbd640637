"""Opens and lists the files of an archive: local ones, and blobs through fsspec and adlfs."""

import glob
import io
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Self, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, model_validator

from models.strict import StrictSettings
from scoring.errors import ConfigurationError
from stream_worker.replay.records import File, Problem
from stream_worker.replay.seekable import reopened

if TYPE_CHECKING:
    from stream_worker.replay.containers import Container

__all__ = ["FAILURES", "Files", "StorageOptions", "in_words"]

_T = TypeVar("_T")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://([^/]*)/?")
_BLOBS = frozenset({"abfs", "abfss", "az"})
_MAGIC = re.compile(r"[*?\[]")
_LOCAL_BUFFER = 262_144
_REMOTE_BUFFER = 4_194_304
_ASKED_AT_ONCE = 16
_ASKED_AHEAD = 1024

FAILURES: tuple[type[Exception], ...] = (OSError, ValueError)
"""What reading a file raises, wherever it is."""

_Told = Callable[[str, Exception], None]


def _account(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError("expected an address such as https://contoso.blob.core.windows.net")
    return url


class StorageOptions(StrictSettings):
    """The storage account of paths that begin with `abfs://`.

    Without either, the path must name the account, `abfs://container@account.dfs.core.windows.net/path`, and this
    machine's identity signs in.

    Attributes:
        account_url: the account, signed in to with the machine's identity.
        connection_string: the account and its key instead; comes from the environment only.
    """

    account_url: Annotated[str, AfterValidator(_account)] | None = None
    connection_string: SecretStr | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.account_url is not None and self.connection_string is not None:
            raise ValueError("expected account_url, to sign in with an identity, or connection_string, and not both")
        return self


class Files:
    """The files of one storage account and of this machine, while the context lasts."""

    def __init__(self, storage: StorageOptions) -> None:
        self._storage = storage
        self._containers: dict[str, Container] = {}
        self._connecting = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._containers:
            self._containers.popitem()[1].close()

    def find(self, path: str, on_error: _Told) -> Iterator[tuple[str, File]]:
        """Yield the files that a path means, each with its place below the path.

        Args:
            path: of a file, of a folder, or with `*`, `?`, `[...]` and `**`.
            on_error: is told what cannot be listed, and why.

        Raises:
            ConfigurationError: nothing says how to reach it.
        """
        root, inside = _split(path)
        if root:
            yield from _find_blobs(self._at(root), inside, on_error)
        else:
            yield from _find_local(inside, on_error)

    def look(self, path: str) -> File:
        """Return a file as it is now.

        Raises:
            OSError: there is none, or it may not be looked at.
        """
        root, inside = _split(path)
        return _blob(path, self._at(root).look(inside)) if root else _local_file(inside, Path(inside).stat())

    def open(self, file: File, *, buffer: int | None = None, kept: int = 1, lasting: bool = True) -> BinaryIO:
        """Return the file's bytes, seekable and buffered.

        Args:
            file: one that was listed.
            buffer: how many bytes to read at a time; where None, as many as suits reading all of it.
            kept: how many pieces of a blob to keep, for reading there again.
            lasting: whether a local file stays open; the system bounds how many may. If not, each read opens it.

        Raises:
            OSError: it has vanished, or may not be read.
        """
        root, inside = _split(file.path)
        if not root and lasting:
            return Path(inside).open("rb", buffering=buffer or _LOCAL_BUFFER)
        if not root:
            return cast("BinaryIO", io.BufferedReader(reopened(inside), buffer or _LOCAL_BUFFER))
        blob = self._at(root).open(inside, file.size, piece=buffer or _REMOTE_BUFFER, kept=kept)
        return cast("BinaryIO", io.BufferedReader(blob, min(buffer or _LOCAL_BUFFER, _LOCAL_BUFFER)))

    def changed(self, file: File) -> str | None:
        """Return in words how a file differs from what was listed; None where it does not."""
        try:
            now = self.look(file.path)
        except FileNotFoundError as error:
            return f"vanished while it was read: {in_words(error)}"
        except FAILURES as error:
            return f"cannot be looked at any more: {in_words(error)}"
        if now.size != file.size:
            return f"changed while it was read: it had {file.size} bytes when it was listed, and has {now.size} now"
        return None if now.version == file.version else "changed while it was read: it was written again"

    def ending(self, file: File, offset: int, why: str | None) -> Problem | None:
        """Return the one problem that reading a file ended with, None where it ended well.

        Args:
            file: as it was listed; that it is another now is the problem, whatever else was wrong.
            offset: how far it was read.
            why: it could be read no further; None where it could.
        """
        changed = self.changed(file)
        if changed is not None:
            return Problem(path=file.path, offset=offset, words=changed, whole=True)
        return None if why is None else Problem(path=file.path, offset=offset, words=why)

    def each(self, ask: Callable[[File], _T], files: Sequence[File]) -> Iterator[_T]:
        """Yield what `ask` returns for each file, in order; of blobs several are asked about at a time."""
        if not any("://" in file.path for file in files):
            yield from map(ask, files)
            return
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
            for start in range(0, len(files), _ASKED_AHEAD):
                yield from pool.map(ask, files[start : start + _ASKED_AHEAD])

    def _at(self, root: str) -> "Container":
        with self._connecting:
            if root not in self._containers:
                # Azure's clients take a while, and local archives do without
                from stream_worker.replay.containers import Container  # noqa: PLC0415

                options = self._storage
                self._containers[root] = Container(root, options.account_url, options.connection_string)
            return self._containers[root]


def in_words(error: BaseException) -> str:
    """Return what went wrong with a file, on one line."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    text = str(error).strip()
    return text.splitlines()[0].removesuffix(".") if text else type(error).__name__


def _split(path: str) -> tuple[str, str]:
    """Return what stands before the place in a container, nothing where the path is local, and the place."""
    match = _SCHEME.match(path)
    if match is None:
        return "", path
    if match[1] == "file":
        return "", path.removeprefix("file://")
    if match[1] not in _BLOBS:
        raise ConfigurationError(f"{path}: expected a local path, or one that begins with abfs://container/")
    if not match[2]:
        raise ConfigurationError(f"{path}: expected the container's name after {match[1]}://")
    return f"{match[1]}://{match[2]}/", path[match.end() :]


def _find_blobs(container: "Container", inside: str, on_error: _Told) -> Iterator[tuple[str, File]]:
    is_pattern = _MAGIC.search(inside) is not None
    folder = _before_pattern(inside) if is_pattern else f"{inside.rstrip('/')}/" if inside else ""
    try:
        found = container.find(inside, is_pattern=is_pattern)
    except FAILURES as error:
        on_error(container.root + inside, error)
        return
    if not found:
        on_error(container.root + inside, FileNotFoundError(2, "No such file or directory"))
    for name, described in found.items():
        below = name.rpartition("/")[2] if name == inside else name.removeprefix(folder)
        yield below, _blob(container.root + name, described)


def _before_pattern(path: str) -> str:
    """Return the folder, with its slash, below which a pattern begins."""
    return path[: path.rfind("/", 0, _start_of_magic(path)) + 1]


def _start_of_magic(path: str) -> int:
    match = _MAGIC.search(path)
    return len(path) if match is None else match.start()


def _find_local(path: str, on_error: _Told) -> Iterator[tuple[str, File]]:
    if _MAGIC.search(path) and not Path(path).exists():
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - keeps the path as it was written
        if not matches:
            on_error(path, FileNotFoundError(2, "No such file or directory"))
        for match in matches:
            if not Path(match).is_dir():
                for _, file in _one_local(match, on_error):
                    yield match.removeprefix(_before_pattern(path)), file
    elif Path(path).is_dir():
        yield from _below(path, on_error)
    else:
        yield from _one_local(path, on_error)


def _below(folder: str, on_error: _Told) -> Iterator[tuple[str, File]]:
    """Yield the files below a folder, and behind links to folders that are not below it: each folder is read once."""
    seen: set[tuple[int, int]] = set()
    waiting = deque([folder])
    while waiting:
        for where, folders, names in _walk(waiting.popleft(), seen, on_error):
            waiting.extend(
                path for path in (f"{where.rstrip('/')}/{name}" for name in folders) if Path(path).is_symlink()
            )
            for name in sorted(names):
                path = os.path.join(where, name)  # noqa: PTH118 - keeps the folder as it was written
                for _, file in _one_local(path, on_error):
                    yield os.path.relpath(path, folder), file


def _walk(folder: str, seen: set[tuple[int, int]], on_error: _Told) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the folders below one, without those that have been seen and what is hidden; links are not followed."""

    def failed(error: OSError) -> None:
        on_error(str(error.filename), error)

    for where, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        try:
            found = Path(where).stat()
        except OSError as error:
            failed(error)
            folders.clear()
            continue
        if (identity := (found.st_dev, found.st_ino)) in seen:
            folders.clear()
            continue
        seen.add(identity)
        yield where, folders, names


def _one_local(path: str, on_error: _Told) -> Iterator[tuple[str, File]]:
    try:
        found = Path(path).stat()
    except OSError as error:
        on_error(path, error)
        return
    if stat.S_ISREG(found.st_mode):  # to open a pipe would wait for its writer
        yield Path(path).name, _local_file(path, found)
    else:
        on_error(path, OSError(22, "not a file"))


def _local_file(path: str, found: os.stat_result) -> File:
    return File(path=path, size=found.st_size, version=str(found.st_mtime_ns))


def _blob(path: str, found: Mapping[str, Any]) -> File:
    return File(path=path, size=int(found["size"]), version=str(found.get("etag") or found.get("last_modified")))
