"""The auditor of event hubs: it looks into the server's own storage, and into the blobs that hold the checkpoints."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from azure.storage.blob import ContainerClient

from examples.fraud.events import StreamEvent
from tests.chaos.auditor import Auditor, Message, Topics
from tests.emulators.event_hubs import EventHubsServer

__all__ = ["HubsAuditor"]

_PARTITIONS = 4


class HubsAuditor(Auditor):
    """Reads two event hubs, and a consumer group's checkpoints."""

    def __init__(
        self,
        hubs: EventHubsServer,
        container: ContainerClient,
        topics: Topics,
        sent: Sequence[StreamEvent],
        bytes_of: dict[str, bytes],
    ) -> None:
        super().__init__(topics, sent, bytes_of)
        self._hubs = hubs
        self._container = container
        self._read: dict[tuple[str, int], int] = defaultdict(int)

    @property
    def container_name(self) -> str:
        """The container of the checkpoints."""
        return str(self._container.container_name)

    def close(self) -> None:
        self._container.close()

    def owners(self) -> Mapping[int, str]:
        """Return who owns each partition that is owned."""
        blobs = self._blobs("ownership")
        return {number: metadata["ownerid"] for number, metadata in blobs.items() if metadata.get("ownerid")}

    def _committed_now(self) -> Mapping[int, int]:
        return {number: int(data["sequencenumber"]) + 1 for number, data in self._blobs("checkpoint").items()}

    def _published(self) -> Iterator[Message]:
        for hub in (self.topics.sink, self.topics.dead_letters):
            for number in range(_PARTITIONS):
                stored = self._hubs.events(hub, number, self._read[hub, number])
                self._read[hub, number] += len(stored)
                for event in stored:
                    key = None if event.partition_key is None else str(event.partition_key).encode()
                    headers = {str(name): str(value).encode() for name, value in event.properties.items()}
                    yield Message(hub, key, event.body, headers)

    def _blobs(self, kind: str) -> dict[int, dict[str, str]]:
        prefix = f"{self._hubs.namespace}/{self.topics.source}/{self.topics.group}/{kind}/".lower()
        found = self._container.list_blobs(name_starts_with=prefix, include=["metadata"])
        return {int(blob.name.rpartition("/")[2]): dict(blob.metadata or {}) for blob in found}
