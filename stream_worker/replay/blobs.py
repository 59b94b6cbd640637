"""A prefix in blob storage as a folder to write to: what is uploaded becomes a blob when it is committed, or never."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from azure.core.exceptions import AzureError

from scoring.errors import SinkError
from stream_worker.replay.containers import Container
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.folders import Content

__all__ = ["BlobFolder"]

_BLOCK_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 4 * 1024 * 1024
_FAILURES = (OSError, AzureError, RuntimeError, ValueError)  # adlfs wraps some of Azure's errors, and not others


class BlobFolder:
    """A prefix in a container, which is connected to when it is first used."""

    def __init__(self, url: str, storage: StorageOptions) -> None:
        """Connect nothing yet.

        Args:
            url: `abfs://container/path`.
            storage: which account the container is in.
        """
        self._url = url.rstrip("/")
        self._storage = storage
        scheme, _, rest = self._url.partition("://")
        name, _, self._prefix = rest.partition("/")
        self._root = f"{scheme}://{name}/"
        self._container: _Container | None = None

    def __str__(self) -> str:
        return self._url

    def put(self, name: str, content: Content) -> None:
        """Write a blob.

        Raises:
            SinkError: it cannot be written; an older one is left as it was.
        """
        with self._connected(name) as (container, blob):
            container.put(blob, content)

    def append(self, name: str, content: bytes) -> None:
        """Add to the end of a blob, by writing it anew: only journals are appended to, and those are short.

        Raises:
            SinkError: it cannot be written; it is left as it was.
        """
        self.put(name, (self.get(name) or b"") + content)

    def get(self, name: str) -> bytes | None:
        """Return what a blob holds; None where there is none."""
        with self._connected(name, "read") as (container, blob):
            try:
                return container.get(blob)
            except FileNotFoundError:
                return None

    def size(self, name: str) -> int | None:
        """Return how many bytes a blob holds; None where there is none."""
        with self._connected(name, "read") as (container, blob):
            try:
                return int(container.look(blob)["size"])
            except FileNotFoundError:
                return None

    def open(self, name: str) -> BinaryIO:
        """Return a blob to be read."""
        with self._connected(name, "read") as (container, blob):
            raw = container.open(blob, int(container.look(blob)["size"]), piece=_PIECE_BYTES, kept=2)
            return io.BufferedReader(raw)

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Return a blob to be written; it appears when the block ends without an error.

        Raises:
            SinkError: it cannot be written; an older one is left as it was.
        """
        with self._connected(name) as (container, blob), container.create(blob) as file:
            yield file

    def is_empty(self) -> bool:
        """Return whether no blob is in it."""
        with self._connected("", "read") as (container, prefix):
            return container.is_empty(prefix)

    def remove(self, *names: str) -> None:
        """Remove these blobs and prefixes with all that is in them."""
        for name in names:
            with self._connected(name, "remove") as (container, prefix):
                container.remove(prefix)

    def close(self) -> None:
        """Disconnect."""
        if self._container is not None:
            self._container.close()
            self._container = None

    @contextmanager
    def _connected(self, name: str, what: str = "write") -> Iterator[tuple["_Container", str]]:
        """Yield the container and a blob's name there; what goes wrong is told in words."""
        if self._container is None:
            self._container = _Container(self._root, self._storage.account_url, self._storage.connection_string)
        try:
            yield self._container, f"{self._prefix}/{name}".strip("/")
        except _FAILURES as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise SinkError(f"cannot {what} {self._url}/{name}: {reason}") from error


class _Container(Container):
    """A container that is written to."""

    def put(self, blob: str, content: Content) -> None:
        """Write a blob in one piece, or as blocks that are committed together."""
        self._blobs.pipe_file(self._full(blob), io.BytesIO(content))

    def get(self, blob: str) -> bytes:
        """Return what a blob holds."""
        return cast("bytes", self._blobs.cat_file(self._full(blob)))

    @contextmanager
    def create(self, blob: str) -> Iterator[BinaryIO]:
        """Upload blocks, and commit them in the end."""
        file = self._blobs.open(self._full(blob), "wb", block_size=_BLOCK_BYTES)
        try:
            yield file
        except BaseException:
            file.closed = True  # closing it would commit what was uploaded so far
            raise
        file.close()

    def is_empty(self, prefix: str) -> bool:
        """Return whether nothing is below a prefix."""
        try:
            return not self._blobs.ls(self._full(prefix), detail=False)
        except FileNotFoundError:
            return True

    def remove(self, prefix: str) -> None:
        """Remove a blob, or all below a prefix."""
        found = self._blobs.find(self._full(prefix))
        if found:
            self._blobs.rm(found)
