"""A prefix in blob storage as a folder to write to: what is uploaded becomes a blob when it is committed, or never.

Rules:
- A lock is a lease on a blob, renewed in a thread. It ends some time after whoever holds it was killed.
- Whoever has lost a lease writes nothing more: somebody else holds it.
- What is appended is appended to what is there now, whoever wrote it.
"""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, BinaryIO, cast

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob.aio import BlobClient, BlobLeaseClient
from fsspec.asyn import sync

from scoring.errors import ConfigurationError, SinkError
from stream_worker.replay.containers import Container
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.folders import Content

__all__ = ["BlobFolder"]

_BLOCK_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 4 * 1024 * 1024
_LEASE_S = 60
_RENEWED_EACH_S = 15.0
_TRIES = 100  # to append, while others do
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
        self._lease: _Lease | None = None

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
        with self._connected(name) as (container, blob):
            for _ in range(_TRIES):
                if container.append(blob, content):
                    return
        raise SinkError(f"cannot write {self._url}/{name}: others write to it all the time")

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
                container.remove(prefix, but=None if self._lease is None else self._lease.blob)

    def sweep(self) -> None:
        """There is nothing to sweep: the service forgets blocks that nobody commits."""

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lease on a blob while the block lasts; the blob is removed in the end.

        Raises:
            ConfigurationError: somebody else holds it.
            SinkError: it cannot be had.
        """
        with self._connected(name) as (container, blob):
            lease = container.lease(blob)
        if lease is None:
            raise ConfigurationError(
                f"{self._url}: another replay is at work on it, or was killed less than a minute ago"
            )
        self._lease = lease
        try:
            yield
        finally:
            lease.end()
            self._lease = None

    def close(self) -> None:
        """Disconnect."""
        if self._container is not None:
            self._container.close()
            self._container = None

    @contextmanager
    def _connected(self, name: str, what: str = "write") -> Iterator[tuple["_Container", str]]:
        """Yield the container and a blob's name there; what goes wrong is told in words."""
        if self._lease is not None and self._lease.is_lost and what != "read":
            raise SinkError(f"cannot {what} {self._url}/{name}: another replay has taken over")
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

    def append(self, blob: str, content: bytes) -> bool:
        """Add to a blob, and return whether nobody wrote it meanwhile."""
        try:
            etag = self._blobs.info(self._full(blob), refresh=True)["etag"]
            condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
            before = self.get(blob)
        except FileNotFoundError:
            condition, before = {"overwrite": False}, b""
        try:
            self._blobs.pipe_file(self._full(blob), io.BytesIO(before + content), **condition)
        except (FileExistsError, ResourceModifiedError, ResourceNotFoundError):
            return False
        return True

    def lease(self, blob: str) -> "_Lease | None":
        """Return a lease on a blob, which may be new; None where somebody else has one."""
        client = self._blobs.service_client.get_blob_client(self._name, blob)
        with suppress(ResourceExistsError, ResourceModifiedError):  # the latter where it is leased
            sync(self._blobs.loop, partial(client.upload_blob, b"", overwrite=False))
        try:
            lease = sync(self._blobs.loop, partial(client.acquire_lease, _LEASE_S))
        except ResourceExistsError:
            return None
        return _Lease(blob, client, lease, self._blobs.loop)

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

    def remove(self, prefix: str, *, but: str | None = None) -> None:
        """Remove a blob, or all below a prefix but for one."""
        found = [name for name in self._blobs.find(self._full(prefix)) if but is None or name != self._full(but)]
        if found:
            self._blobs.rm(found)


class _Lease:
    """A lease on a blob, renewed until it is ended.

    Attributes:
        blob: the blob's name.
    """

    def __init__(self, blob: str, client: BlobClient, lease: BlobLeaseClient, loop: Any) -> None:
        """Begin to renew it.

        Args:
            blob: its name.
            client: of the blob.
            lease: that has been acquired.
            loop: in which the client lives.
        """
        self.blob = blob
        self._is_lost = False
        self._renewed = time.monotonic()
        self._client = client
        self._lease = lease
        self._loop = loop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    @property
    def is_lost(self) -> bool:
        """Whether somebody else may have one by now."""
        return self._is_lost or time.monotonic() - self._renewed > _LEASE_S

    def end(self) -> None:
        """Let go of it, and remove the blob; what fails of that ends by itself."""
        self._ended.set()
        self._thread.join()
        with suppress(AzureError):
            sync(self._loop, partial(self._client.delete_blob, lease=self._lease))

    def _renew(self) -> None:
        while not self._is_lost and not self._ended.wait(_RENEWED_EACH_S):
            asked = time.monotonic()
            try:
                sync(self._loop, self._lease.renew)
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
                self._is_lost = True
            except (AzureError, OSError, RuntimeError):
                continue  # the service does not answer: the lease may outlast that
            else:
                self._renewed = asked
