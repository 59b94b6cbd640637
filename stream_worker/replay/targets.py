"""The four kinds of target, and which of them a user names."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from scoring.errors import ConfigurationError
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.folders import Folder, LocalFolder, folder_at
from stream_worker.replay.output import (
    FINISHED,
    LOCK,
    PICTURE,
    PLAN,
    REPLAYED,
    SUMMARY,
    Finished,
    Target,
    Worked,
    clear,
    remove,
)
from stream_worker.replay.rows import KINDS, RowKind
from stream_worker.replay.summary import Summary

__all__ = ["BlobTarget", "FileTarget", "FolderTarget", "StreamTarget", "target_at"]

_SUCCESS: Final = "_SUCCESS"
_FILES: Final = (".parquet", ".jsonl")


def target_at(place: str, storage: StorageOptions) -> Target:
    """Return the target at a path, or at a URL of blob storage: a file where its name ends like one of rows.

    Raises:
        ConfigurationError: there can be none.
    """
    place = place.rstrip("/")
    name = place.rpartition("/")[2]
    if not name or name in {".", ".."}:
        raise ConfigurationError(f"--to {place!r}: expected the name of a folder or file that is to be made")
    if name.endswith(_FILES):
        return FileTarget(place, storage)
    if "://" in place:
        return BlobTarget(folder_at(place, storage), work=folder_at(f"{place}/_replay", storage))
    return FolderTarget(Path(place))


class FolderTarget(Worked):
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        """Touch nothing yet.

        Args:
            path: of the folder.
        """
        self._path = path
        self._folder = LocalFolder(path)
        self._work = LocalFolder(path.with_name(f"{path.name}.partial"))
        self.output = LocalFolder(self._work.root / "output")
        super().__init__(self._work)

    def __str__(self) -> str:
        return str(self._path)

    def is_there(self) -> bool:
        """Return whether a finished output stands there."""
        return _is_summary(self._folder.get(SUMMARY))

    def check(self) -> None:
        """See that the folder is empty or an earlier output, and that nobody else's is where it would be made.

        Raises:
            ConfigurationError: it is something else.
        """
        self.check_work()
        if self._path.exists() and not self._path.is_dir():
            raise ConfigurationError(
                f"--to {self._path} is a file; the name of an output file ends in .parquet or .jsonl"
            )
        if not self.is_there() and not self._folder.is_empty():
            raise ConfigurationError(
                f"--to {self._path} holds files that are not a replay's output: name another folder"
            )

    def appear(self, finished: Finished) -> None:
        """Rename the output's folder; an earlier output is moved out of its way, and removed with the rest."""
        if self._work.size(FINISHED) is None or self.output.root.exists():
            self.output.put(PICTURE, finished.picture)
            self.output.put(SUMMARY, finished.summary)
            self._work.sweep()
            self._work.put(FINISHED, b"")
            if self.is_there():
                self._work.remove("replaced")
                self._folder.rename(self._work.root / "replaced")
            self.output.rename(self._path)
        remove(self._work)


class FileTarget(Worked):
    """One file for all predictions; the dead letters, the summary and the picture stand beside it."""

    def __init__(self, place: str, storage: StorageOptions) -> None:
        """Touch nothing yet.

        Args:
            place: of the file.
            storage: how blob storage is reached.
        """
        self._place = place
        folder, slash, self._name = place.rpartition("/")
        self._stem, _, self._suffix = self._name.rpartition(".")
        self._letters = f"{self._stem}.dead_letters.{self._suffix}"
        self._folder = folder_at(folder or slash or ".", storage)
        self.output = folder_at(f"{place}.partial/output", storage)
        super().__init__(folder_at(f"{place}.partial", storage), self._folder, self.output)

    def __str__(self) -> str:
        return self._place

    def is_there(self) -> bool:
        """Return whether the file is there."""
        return self._folder.size(self._name) is not None

    def check(self) -> None:
        """See that nothing but a file has the file's name, and nobody else's those beside it.

        Raises:
            ConfigurationError: a folder has, or something that is not this output's.
        """
        if isinstance(self._folder, LocalFolder) and (self._folder.root / self._name).is_dir():
            raise ConfigurationError(f"--to {self} is a folder: name a file that is not there, or another folder")
        self.check_work()
        if self.is_there() or self.work.size(FINISHED) is not None:
            return
        for name in self._beside:
            if self._folder.size(name) is not None:
                raise ConfigurationError(
                    f"--to {self} would replace {name}, which stands beside it and is another output's: move that, or "
                    "name another file"
                )

    def appear(self, finished: Finished) -> None:
        """Join the parts to one file, the last to appear."""
        self.work.put(FINISHED, b"")
        self._sweep()
        self._folder.remove(self._letters)
        if finished.parts["dead_letters"]:
            self._join("dead_letters", finished, self._letters)
        self._folder.put(f"{self._stem}.{PICTURE}", finished.picture)
        self._folder.put(f"{self._stem}.{SUMMARY}", finished.summary)
        self._join("predictions", finished, self._name)
        remove(self.work)

    @property
    def _beside(self) -> tuple[str, ...]:
        return (self._letters, f"{self._stem}.{SUMMARY}", f"{self._stem}.{PICTURE}")

    def _sweep(self) -> None:
        if isinstance(self._folder, LocalFolder):  # it is the user's: only what was to become one of ours is removed
            for name in (self._name, *self._beside):
                self._folder.sweep(name)

    def _join(self, kind: RowKind, finished: Finished, name: str) -> None:
        parts = [_opener(self.output, part) for part in finished.parts[kind]]
        with self._folder.create(name) as file:
            finished.join(kind, parts, file)


class BlobTarget(Worked):
    """A prefix in blob storage, where nothing can be renamed: readers wait for `_SUCCESS`."""

    def __init__(self, output: Folder, *, work: Folder) -> None:
        self.output = output
        super().__init__(work, output)

    def __str__(self) -> str:
        return str(self.output)

    def is_there(self) -> bool:
        """Return whether a finished output stands there."""
        return self.output.size(_SUCCESS) is not None and _is_summary(self.output.get(SUMMARY))

    def check(self) -> None:
        """See that the prefix is empty, a replay's under way, or an earlier output.

        Raises:
            ConfigurationError: it is something else.
        """
        if not (self.is_there() or self.output.is_empty() or not self.work.is_empty()):
            raise ConfigurationError(f"--to {self} holds blobs that are not a replay's output: name another folder")

    def clear(self) -> None:
        """Remove an earlier output, and what an unfinished replay has left."""
        self.work.put("clearing", b"")  # from here on it is ours, whatever is still there
        self.output.remove(_SUCCESS, SUMMARY, PICTURE, *KINDS)
        clear(self.work)

    def appear(self, finished: Finished) -> None:
        """Write `_SUCCESS`."""
        self.work.put(FINISHED, b"")
        self.output.put(PICTURE, finished.picture)
        self.output.put(SUMMARY, finished.summary)
        self.output.put(_SUCCESS, b"")
        remove(self.work)

    def abandon(self) -> None:
        """Remove the parts, which without a work folder would be nobody's, and then that."""
        self.output.remove(*KINDS)
        super().abandon()


class StreamTarget(Worked):
    """A stream; what remains on this machine is a folder with the journal."""

    def __init__(self, path: Path, name: str) -> None:
        """Touch nothing yet.

        Args:
            path: the journal's folder.
            name: the stream's.
        """
        self._name = name
        self.output = LocalFolder(path)
        super().__init__(self.output)

    def __str__(self) -> str:
        return f"{self._name}, with its journal in {self.work}"

    def is_there(self) -> bool:
        """Return whether everything was published."""
        return self.work.size(SUMMARY) is not None

    def check(self) -> None:
        """See that the folder is empty or a journal.

        Raises:
            ConfigurationError: it is something else.
        """
        if not self.work.is_empty() and all(self.work.size(name) is None for name in (LOCK, PLAN)):
            raise ConfigurationError(f"--journal {self.work} holds files that are not a replay's: name another folder")

    def appear(self, finished: Finished) -> None:
        """Keep the summary and what it is of, and nothing that another run would go on with."""
        self.work.put(FINISHED, b"")
        self.work.put(REPLAYED, self.work.get(PLAN) or b"")
        self.work.put(PICTURE, finished.picture)
        self.work.put(SUMMARY, finished.summary)
        self.work.remove(PLAN, "journal", FINISHED)


def _is_summary(content: bytes | None) -> bool:
    try:
        return content is not None and msgspec.json.decode(content, type=Summary) is not None
    except msgspec.DecodeError:
        return False


def _opener(folder: Folder, name: str) -> Callable[[], BinaryIO]:
    return lambda: folder.open(name)
