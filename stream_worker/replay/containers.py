"""Blob containers through fsspec and adlfs; importing it brings Azure's clients."""

import io
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from adlfs import AzureBlobFileSystem  # type: ignore[import-untyped]  # neither of the two ships types
from adlfs.utils import close_credential, close_service_client  # type: ignore[import-untyped]
from azure.core.exceptions import AzureError
from fsspec.asyn import sync
from pydantic import SecretStr

from scoring.errors import ConfigurationError
from stream_worker.replay.seekable import Seekable

__all__ = ["Container"]

_T = TypeVar("_T")


class Container:
    """One container, until it is closed.

    Attributes:
        root: what stands before a blob's name in a path: `abfs://container/`.
    """

    def __init__(self, root: str, account_url: str | None, connection_string: SecretStr | None) -> None:
        """Connect; nothing is asked yet.

        Args:
            root: as it is written; perhaps with the account, `abfs://container@account.dfs.core.windows.net/`.
            account_url: the account, signed in to with the machine's identity.
            connection_string: the account and its key instead.

        Raises:
            ConfigurationError: neither the root nor the others say which account, or the string is none.
        """
        self.root = root
        self._name = root.partition("://")[2].partition("@")[0].removesuffix("/")
        options = {"skip_instance_cache": True, "use_listings_cache": False, "anon": False}
        try:
            self._blobs = AzureBlobFileSystem(**options, **_account(root, account_url, connection_string))
        except ValueError as error:
            raise ConfigurationError(f"{root}: {_first(error)}") from error

    def look(self, blob: str) -> Mapping[str, Any]:
        """Return what the service says of a blob.

        Raises:
            OSError: there is none, or it may not be looked at.
        """
        found: Mapping[str, Any] = _tried(lambda: self._blobs.info(self._full(blob), refresh=True))
        if found["type"] != "file":
            raise FileNotFoundError(2, "No such file or directory")
        return found

    def find(self, prefix: str, *, is_pattern: bool) -> dict[str, Mapping[str, Any]]:
        """Return the blobs below a folder, or that match a pattern, by name.

        Raises:
            OSError: they cannot be listed.
        """
        look = self._blobs.glob if is_pattern else self._blobs.find
        found: Any = _tried(lambda: look(self._full(prefix), detail=True))
        if not isinstance(found, Mapping):  # of a single blob, adlfs only gives the name
            found = {name: _tried(partial(self._blobs.info, name)) for name in found}
        start = f"{self._name}/"
        return {name.removeprefix(start): found[name] for name in sorted(found) if found[name]["type"] == "file"}

    def open(self, blob: str, size: int, *, piece: int, kept: int) -> io.RawIOBase:
        """Return a blob as a file.

        Args:
            blob: its name.
            size: its size.
            piece: how many bytes to ask for at a time.
            kept: how many of these pieces to keep.
        """
        full = self._full(blob)

        def fetch(number: int) -> bytes:
            start = number * piece
            stop = min(start + piece, size)
            return bytes(_tried(lambda: self._blobs.cat_file(full, start=start, end=stop)))

        kept_pieces = lru_cache(kept)(fetch)

        def read(at: int, count: int) -> bytes:
            if at >= size:
                return b""
            number, start = divmod(at, piece)
            return kept_pieces(number)[start : start + count]

        return Seekable(size, read)

    def close(self) -> None:
        """Close the client."""
        sync(self._blobs.loop, close_service_client, self._blobs)
        sync(self._blobs.loop, close_credential, self._blobs)
        if self._blobs.sync_credential is not None:
            self._blobs.sync_credential.close()
        # adlfs keeps every filesystem until the process ends, to close it once more: it may as well be an empty one
        self._blobs.service_client, self._blobs.credential, self._blobs.sync_credential = _Closed(), None, None

    def _full(self, blob: str) -> str:
        return f"{self._name}/{blob}".rstrip("/")


class _Closed:
    """A client that has been closed."""

    async def close(self) -> None:
        """Do nothing."""


def _account(root: str, account_url: str | None, connection_string: SecretStr | None) -> dict[str, str]:
    if connection_string is not None:
        return {"connection_string": connection_string.get_secret_value()}
    if account_url is not None:
        host = urlsplit(account_url).netloc
        return {"account_name": host.partition(".")[0], "account_host": host}
    if "@" in root:
        return {"account_name": root.partition("@")[2].partition(".")[0]}
    raise ConfigurationError(
        f"{root}: which storage account? Set its connection string or its address, "
        "or write abfs://container@account.dfs.core.windows.net/path"
    )


def _tried(ask: Callable[[], _T]) -> _T:
    """Return what the service answers; its own errors become those of files."""
    try:
        return ask()
    except AzureError as error:
        raise OSError(_first(error)) from error


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].removesuffix(".")
