"""Where files go: a port with a name and bytes, and the folder of this machine behind it."""

import os
from pathlib import Path
from typing import Protocol

from scoring.errors import ConfigurationError
from telemetry.collection.settings import CollectionSettings, blob_place

__all__ = ["LocalStorage", "Storage", "StorageError", "storage_of"]


class StorageError(Exception):
    """A file could not be written; the text says why, in words and without secrets."""


class Storage(Protocol):
    """Takes whole files. It is used by one thread."""

    def put(self, name: str, content: memoryview) -> None:
        """Write a file, which appears whole or not at all; the same one again replaces it.

        Args:
            name: its path below the place of all files, with slashes.
            content: its bytes.

        Raises:
            StorageError: it may not have been written.
        """
        ...

    def close(self) -> None:
        """Disconnect."""
        ...


def storage_of(settings: CollectionSettings) -> Storage:
    """Return the storage that the settings name; nothing is connected or made yet.

    Raises:
        ConfigurationError: its connection string is none.
    """
    place = blob_place(settings.to)
    if place is None:
        return LocalStorage(Path(settings.to))
    from telemetry.collection.blobs import BlobStorage  # noqa: PLC0415 - Azure's clients take a while

    try:
        return BlobStorage(place, settings.connection_string)
    except ValueError as error:
        variable = "WEIR__TELEMETRY__COLLECTION__CONNECTION_STRING"
        raise ConfigurationError(f"{variable} of the environment is no connection string of a storage account") from (
            None if settings.connection_string is not None else error
        )


class LocalStorage:
    """A folder on a disk."""

    def __init__(self, root: Path) -> None:
        """Make nothing yet.

        Args:
            root: the folder.
        """
        self._root = root

    def put(self, name: str, content: memoryview) -> None:
        """Write a file under a hidden name, and rename it.

        Raises:
            StorageError: it cannot be written; nothing is left of it.
        """
        path = self._root / name
        temporary = path.with_name(f".{path.name}.writing")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write(temporary, content)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError((error.strerror or type(error).__name__).lower()) from error

    def close(self) -> None:
        """There is no connection."""


def _write(path: Path, content: memoryview) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
