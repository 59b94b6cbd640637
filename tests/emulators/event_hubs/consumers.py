"""The links on which clients receive events, and which of them may have a partition."""

import itertools
from typing import TYPE_CHECKING, Any

from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._pyamqp.message import Message
from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes

from .encoding import TRANSFER_OVERHEAD, transfer_frame
from .errors import Refusal
from .links import Link
from .log import Partition
from .positions import first_index

if TYPE_CHECKING:
    from .sessions import Session

__all__ = ["ConsumerLink"]

_RUNTIME_METRIC = b"com.microsoft:enable-receiver-runtime-metric"
_MOST_READERS = 5
_DELIVERIES_A_WRITE = 500
_BYTES_A_WRITE = 512 * 1024


class ConsumerLink(Link):
    """A link from a partition.

    Args:
        session: the session that it belongs to.
        handle: its number there.
        path: the path that the client has attached to.
        partition: what it reads.
        group: the consumer group that it reads for.
        epoch: its epoch; None lets others read beside it.
        selector: where it starts, as the client says it.
        capabilities: what the client would like.

    Raises:
        Refusal: the partition belongs to somebody else, or the start is impossible.
    """

    def __init__(
        self,
        session: "Session",
        handle: int,
        path: str,
        partition: Partition,
        *,
        group: str,
        epoch: int | None,
        selector: str | None,
        capabilities: list[bytes],
    ) -> None:
        super().__init__(session, handle, path)
        self.epoch = epoch
        self._partition = partition
        self._next = first_index(partition, selector)
        self._readers = partition.readers.setdefault(group, [])
        self._waits = False
        if _RUNTIME_METRIC in capabilities:
            self.capabilities = [_RUNTIME_METRIC]
        self._take_partition()

    def _take_partition(self) -> None:
        readers: list[Any] = self._readers
        epochs = [reader.epoch for reader in readers if reader.epoch is not None]
        if self.epoch is None:
            if epochs:
                raise Refusal.no_epoch(max(epochs))
            if len(readers) >= _MOST_READERS:
                raise Refusal.too_many_receivers(_MOST_READERS)
        else:
            if epochs and self.epoch < max(epochs):
                raise Refusal.lower_epoch(self.epoch, max(epochs))
            for reader in list(readers):
                former = -1 if reader.epoch is None else reader.epoch
                reader.session.detach_link(reader, Refusal.stolen(self.epoch, former))
        readers.append(self)

    @property
    def available(self) -> int:  # type: ignore[override]
        """How many events wait to be sent."""
        return len(self._partition.stored) - self._next

    def close(self) -> None:
        """Leave the partition to others."""
        super().close()
        if self in self._readers:
            self._readers.remove(self)

    def on_flow(self, fields: list[Any]) -> None:
        """Take credit; a client that drains gets what there is, and its credit is used up."""
        received = fields[5] if fields[5] is not None else 0
        self.credit = received + (fields[6] or 0) - self.delivery_count
        self.deliver()
        if fields[8]:
            self.delivery_count += self.credit
            self.credit = 0
            self.session.send_flow(self, drain=True)
        elif fields[9]:
            self.session.send_flow(self)

    def deliver(self) -> None:
        """Send events as long as there are some, and the client takes them."""
        connection, faults = self.session.connection, self.namespace.faults
        while self._may_deliver() and not self._waits:
            if faults.delay:
                self._waits = True
                connection.later(faults.delay, self._deliver_late)
                return
            self._send(min(self.credit, _DELIVERIES_A_WRITE))

    def _may_deliver(self) -> bool:
        return not (
            self.closed
            or self.credit <= 0
            or self._next >= len(self._partition.stored)
            or self.session.connection.congested
            or self.namespace.faults.silent
            or self.session.peer_window <= 0
        )

    def _deliver_late(self) -> None:
        self._waits = False
        if self._may_deliver():
            self._send(1)
        self.deliver()

    def _send(self, most: int) -> None:
        session = self.session
        channel, handle, room = session.channel, self.handle, session.connection.max_frame_bytes - TRANSFER_OVERHEAD
        metric = self._metric() if self.capabilities else b""
        first = delivery = session.next_delivery
        chunks: list[bytes] = []
        frames = size = 0
        for event in itertools.islice(self._partition.stored, self._next, self._next + most):
            message = metric + event.message
            if len(message) <= room:
                chunks += (transfer_frame(channel, handle, delivery, len(message)), message)
                frames += 1
            else:
                frames += _split(chunks, message, channel=channel, handle=handle, delivery=delivery, room=room)
            delivery += 1
            size += len(message)
            if frames >= session.peer_window or size >= _BYTES_A_WRITE:
                break
        sent = delivery - first
        session.next_delivery = delivery
        self._next += sent
        self.credit -= sent
        self.delivery_count += sent
        session.send_transfers(chunks, frames)

    def _metric(self) -> bytes:
        """Encode what the partition's newest event is, as delivery annotations."""
        last = self._partition.stored[-1]
        output = bytearray()
        encode_payload(
            output,
            Message(
                delivery_annotations={
                    b"last_enqueued_sequence_number": {TYPE: AMQPTypes.long, VALUE: last.sequence_number},
                    b"last_enqueued_offset": {TYPE: AMQPTypes.string, VALUE: str(last.offset)},
                    b"last_enqueued_time_utc": {TYPE: AMQPTypes.timestamp, VALUE: last.enqueued_time},
                    b"runtime_info_retrieval_time_utc": {
                        TYPE: AMQPTypes.timestamp,
                        VALUE: int(self.namespace.now() * 1000),
                    },
                }
            ),
        )
        return bytes(output)


def _split(chunks: list[bytes], message: bytes, *, channel: int, handle: int, delivery: int, room: int) -> int:
    """Add a message in several frames, and return how many."""
    for start in range(0, len(message), room):
        part = message[start : start + room]
        more = start + room < len(message)
        chunks += (transfer_frame(channel, handle, delivery, len(part), more=more), part)
    return -(-len(message) // room)
