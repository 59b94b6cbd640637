"""The demonstration over Event Hubs: the tests' server on the real wire, and Azurite for the checkpoints.

Azure gives nobody an event hub without an account, so both stand-ins are the ones that the tests use.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from azure.eventhub import EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage

from examples.fraud.events import StreamEvent
from scoring.errors import StreamError
from tests.emulators.azurite import Azurite, missing_tools
from tests.emulators.event_hubs import EventHubsServer
from weir.demo.wires import DEAD_LETTERS, PARTITIONS, PREDICTIONS, TRANSACTIONS, Answer

__all__ = ["HubsWire"]

_POLL_S = 0.005


class HubsWire:
    """A server of event hubs, a producer of the library's, and a reader of what the server has stored."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._read: dict[tuple[str, int], int] = defaultdict(int)
        self._hubs: EventHubsServer
        self._azurite: Azurite
        self._container = ""

    def __enter__(self) -> Self:
        """Start both servers, and create the hubs and the container.

        Raises:
            StreamError: Node.js is missing, which Azurite runs on.
        """
        if missing := missing_tools():
            raise StreamError(f"the demonstration over Event Hubs keeps checkpoints in Azurite: {missing}")
        self._hubs = self._stack.enter_context(EventHubsServer())
        self._azurite = self._stack.enter_context(Azurite())
        self._container = self._azurite.create_container()
        for hub in (TRANSACTIONS, PREDICTIONS, DEAD_LETTERS):
            self._hubs.create_hub(hub, PARTITIONS)
        text = self._hubs.connection_string(TRANSACTIONS)
        self._producer = self._stack.enter_context(EventHubProducerClient.from_connection_string(text))
        return self

    def __exit__(self, *exception: object) -> None:
        """End both."""
        self._stack.close()

    @property
    def address(self) -> Mapping[str, Any]:
        """Where the namespace and the checkpoints are."""
        return {
            "kind": "event_hubs",
            "connection_string": self._hubs.connection_string(),
            "checkpoints": {"container": self._container, "connection_string": self._azurite.connection_string},
        }

    def send(self, partition: int, events: Sequence[StreamEvent]) -> None:
        """Send events of one partition, in order."""
        batch = self._producer.create_batch(partition_id=str(partition))
        for event in events:
            annotations = {b"x-opt-partition-key": event.key.decode()}
            message = AmqpAnnotatedMessage(data_body=event.value, annotations=annotations)
            try:
                batch.add(message)
            except ValueError:
                self._producer.send_batch(batch)
                batch = self._producer.create_batch(partition_id=str(partition))
                batch.add(message)
        self._producer.send_batch(batch)

    def flush(self) -> None:
        """Everything is stored: each batch was acknowledged."""

    def read(self, timeout: float) -> Iterator[Answer]:
        """Yield what came out since the last time."""
        deadline = time.monotonic() + timeout
        while not (found := list(self._stored())) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        yield from found

    def _stored(self) -> Iterator[Answer]:
        for hub in (PREDICTIONS, DEAD_LETTERS):
            for number in range(PARTITIONS):
                for event in self._hubs.events(hub, number, self._read[hub, number]):
                    self._read[hub, number] += 1
                    yield Answer(hub, event.body or b"", event.properties)
