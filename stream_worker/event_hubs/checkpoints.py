"""Checkpoints and ownership in a blob container, in the form that every Event Hubs client understands.

Rules:
- A checkpoint never goes back, whoever writes it: each write names the version of the blob that it replaces.
- Ownership is the library's own; it compares the storage service's clock with ours, so the two must agree.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob.aio import BlobClient, ContainerClient, LinearRetry

from stream_worker.event_hubs.settings import CheckpointSettings

__all__ = ["Checkpoints", "open_container"]

_WRITES = 5  # tries to write a checkpoint while others write it too


def open_container(settings: CheckpointSettings, credential: DefaultAzureCredential | None) -> ContainerClient:
    """Return a client of the container, with bounds; nothing is sent yet.

    Raises:
        ValueError: the connection string is not one.
    """
    bounds: dict[str, Any] = {
        "retry_policy": LinearRetry(backoff=1, retry_total=2),
        "connection_timeout": 5,
        "read_timeout": 10,
    }
    if settings.connection_string is not None:
        text = settings.connection_string.get_secret_value()
        return ContainerClient.from_connection_string(text, settings.container, **bounds)
    return ContainerClient(str(settings.account_url), settings.container, credential=credential, **bounds)


@dataclass(frozen=True, slots=True)
class _Written:
    etag: str | None  # None: there is no blob yet
    sequence: int


class Checkpoints(BlobCheckpointStore):
    """The library's store, with writes that never go back.

    Attributes:
        known: for each partition, by its number, the checkpoint that was last read.
    """

    def __init__(self, container: ContainerClient) -> None:
        """Take a container's client; whoever opened it closes it."""
        super().__init__("", "", container_client=container)
        self._container = container
        self._written: dict[str, _Written] = {}
        self.known: dict[int, dict[str, Any]] = {}

    async def clock_skew(self) -> float:
        """Return by how many seconds this machine's clock is ahead of the storage service's.

        Raises:
            AzureError: the container is not there, or the service does not answer.
        """
        dates: list[str] = []
        await self._container.get_container_properties(
            raw_response_hook=lambda answer: dates.append(answer.http_response.headers["Date"])
        )
        return time.time() - parsedate_to_datetime(dates[-1]).timestamp()

    async def list_checkpoints(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str, **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        """Return the checkpoints that there are, and remember them."""
        found = list(await super().list_checkpoints(fully_qualified_namespace, eventhub_name, consumer_group, **kwargs))
        self.known |= {int(each["partition_id"]): each for each in found}
        return found

    async def update_checkpoint(self, checkpoint: dict[str, Any], **kwargs: Any) -> None:
        """Write a checkpoint, unless there is one as high.

        Raises:
            AzureError: the service did not take it.
        """
        parts = (checkpoint[key] for key in ("fully_qualified_namespace", "eventhub_name", "consumer_group"))
        name = "/".join((*parts, "checkpoint", checkpoint["partition_id"])).lower()
        blob = self._container.get_blob_client(name)
        for _ in range(_WRITES):
            known = self._written.get(name) or await _read(blob)
            if known.sequence >= checkpoint["sequence_number"]:
                self._written[name] = known
                return
            try:
                self._written[name] = await _write(blob, checkpoint, known.etag, **kwargs)
            except (ResourceModifiedError, ResourceExistsError, ResourceNotFoundError):
                self._written.pop(name, None)  # somebody else wrote it: look again
            else:
                return
        raise ResourceModifiedError(f"checkpoint {name} was changed by others {_WRITES} times in a row")


async def _read(blob: BlobClient) -> _Written:
    try:
        properties = await blob.get_blob_properties()
    except ResourceNotFoundError:
        return _Written(None, -1)
    return _Written(properties.etag, int(properties.metadata.get("sequencenumber", -1)))


async def _write(blob: BlobClient, checkpoint: dict[str, Any], etag: str | None, **kwargs: Any) -> _Written:
    sequence = int(checkpoint["sequence_number"])
    metadata = {"offset": str(checkpoint["offset"]), "sequencenumber": str(sequence)}
    if etag is None:
        written = await blob.upload_blob(
            b"", metadata=metadata, overwrite=True, match_condition=MatchConditions.IfMissing, **kwargs
        )
    else:
        written = await blob.set_blob_metadata(
            metadata, etag=etag, match_condition=MatchConditions.IfNotModified, **kwargs
        )
    return _Written(written["etag"], sequence)
